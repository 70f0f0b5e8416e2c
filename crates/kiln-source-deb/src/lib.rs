//! Debian packages as a base: indexes, resolver, unpacking, fix-ups.
//!
//! # Never
//! Runs a maintainer script.
