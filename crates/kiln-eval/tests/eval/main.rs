//! The evaluator, by cases: single files, projects of several files, the first project.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "the tool that rewrites snapshots adds them"
)]

mod bombs;
mod book;
mod fixture;
mod fuzz;
mod hello;
mod instances;
mod lang;
mod operators;
mod projects;
mod regions;
mod show;
mod stdlib;
