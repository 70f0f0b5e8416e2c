//! Plan minus what exists: the jobs and their needs.
//!
//! # Never
//! Runs a job.
