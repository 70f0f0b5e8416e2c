//! Templates of projects, and a new element in the texts of one.
//!
//! # Purpose
//! [`templates`] are whole projects as files; [`add`] says which file of a project gets a new element, and what is in it then.
//!
//! # Never
//! Reads or writes files; changes what else stands in a text.
//!
//! # Example
//! ```
//! use kiln_start::{Addition, add};
//! let addition = Addition { kind: "Stack".to_owned(), name: "all".to_owned(), ..Addition::default() };
//! let edit = add(&[], &[], &addition).unwrap();
//! assert_eq!(edit.path, "all.kiln");
//! assert_eq!(edit.text, "Stack {}\n");
//! ```

mod add;
mod defined;
mod error;
mod place;
mod source;
mod template;

pub use add::{Addition, TextEdit, add};
pub use error::StartError;
pub use template::{Template, files, template, templates};
