//! The reference of the standard library and of a project, read from the `##` texts in their files.
//!
//! # Purpose
//! [`Reference`] holds what can be named: kinds, mixins, functions, types, options and elements, each with its text, its fields
//! and its place; [`Reference::all`] and [`Reference::about`] choose from it, and a [`Page`] is printed for a terminal, as
//! markdown or as HTML.
//!
//! # Never
//! Evaluates: a project with mistakes has a reference, too. Reads files; prints.
//!
//! # Example
//! ```
//! use kiln_docs::{Look, Reference};
//! let reference = Reference::read(&[]);
//! let page = reference.about("Make.make-args").unwrap();
//! assert!(page.text(Look { color: false, width: 80 }).contains("Make.make-args: [String] = []"));
//! ```

mod find;
mod html;
mod kinds;
mod markdown;
mod members;
mod model;
mod page;
mod prose;
mod text;
mod written;

pub use find::Unknown;
pub use model::{Entry, Field, Look, Origin, Place, ProjectText, Reference, Setting, What};
pub use page::Page;
pub use prose::examples;
