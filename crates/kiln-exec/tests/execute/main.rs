//! Graphs of a few elements on a store in memory, with a runner that follows a tiny script.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod integrate;
mod limits;
mod rebuild;
mod slots;
mod world;
