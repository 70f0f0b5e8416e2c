//! The `SourceKind` trait, mirrors, fetching with retries.
//!
//! # Never
//! Names a host, knows one kind.
