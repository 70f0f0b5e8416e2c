//! Questions to a project and their answers: expressions, types, layers, completion.
//!
//! # Purpose
//! [`Dialogue`] holds a project, evaluates what is asked in the scope of its root, one text after the other, and keeps
//! what a `let` names. Answers become text of the language or JSON.
//!
//! # Never
//! Reads a file or a terminal; builds; prints.
//!
//! # Example
//! ```
//! assert!(kiln_repl::is_whole("f(1, 2)"));
//! assert!(!kiln_repl::is_whole("f(1,"));
//! ```

mod complete;
mod dialogue;
mod json;
mod line;
mod origin;
mod place;
mod shown;
mod why;

pub use dialogue::{Dialogue, Ground, Trouble};
pub use line::{Line, is_whole, joined};
pub use why::Why;

pub use kiln_eval::on_deep_stack;
