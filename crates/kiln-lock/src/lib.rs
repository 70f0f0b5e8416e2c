//! Pins of sources and bases: parse, print, merge.
//!
//! # Never
//! Reads the file or the network.
