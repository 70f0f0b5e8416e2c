//! Graphs of a few elements on a store in memory, with a runner that follows a tiny script.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![expect(clippy::disallowed_methods, reason = "the runner of these tests writes logs")]

mod integrate;
mod limits;
mod patched;
mod rebuild;
mod slots;
mod supply;
mod world;
