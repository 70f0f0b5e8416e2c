//! Elements, sources and steps: what is to be built, as data.
//!
//! # Never
//! Knows the language, the disk or the network.
