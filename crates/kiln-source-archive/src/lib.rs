//! Sources that are tar archives; the strict extractor.
//!
//! # Never
//! Writes outside its staging folder.
