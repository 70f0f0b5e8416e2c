//! Walks the graph: slots, order, cancellation.
//!
//! # Never
//! Names a runner, a store or a source kind.
