//! Syntax to value, lazily, within limits.
//!
//! # Purpose
//! [`eval`] takes the parsed files of a project and answers with an [`Evaluated`]: its elements as handles
//! and their fields on demand. Names are resolved to places in the texts first; objects are layers of
//! bindings with late binding; a field is evaluated once for each final object.
//!
//! # Never
//! Reads a file, builds, knows the time or the machine; recurses along chains of elements.
//!
//! # Example
//! ```
//! use kiln_eval::{Folder, Limits, Program, Settings, SourceFile, eval, on_deep_stack};
//! use kiln_syntax::parse;
//! use std::{collections::BTreeMap, sync::Arc};
//!
//! let mut texts = kiln_diag::Texts::default();
//! let mut read = |name: &str, text: &str| Arc::new(parse(texts.add(name, text), text));
//! let stdlib: BTreeMap<_, _> =
//!     kiln_stdlib::files().iter().map(|(stem, text)| (stem.to_string(), read(stem, text))).collect();
//! let text = "Project { name = \"demo\", all = Stack { summary = \"nothing yet\" } }\n";
//! let project = SourceFile { folder: String::new(), parse: read("project.kiln", text).into() };
//! let program = Program { stdlib, project, root: Folder::default() };
//! let settings = Settings { build: "x86_64-linux-gnu".to_owned(), options: Vec::new(), lock_for: None };
//! let names = on_deep_stack(|| {
//!     let mut project = eval(&program, &settings, Limits::default()).value.expect("a project");
//!     let elements = project.elements();
//!     elements.into_iter().map(|id| project.name(id)).collect::<Vec<_>>()
//! });
//! assert_eq!(names, ["all"]);
//! ```

mod ask;
mod code;
mod compile;
mod evaluated;
mod habit;
mod input;
mod machine;
mod mend;
mod methods;
mod program;
mod stack;
mod statics;
mod symbol;
mod value;
mod why;

pub use ask::Answer;
pub use evaluated::{
    ElementId, Evaluated, Failed, Limits, OptionSetting, ProjectOption, Settings, eval, eval_owned,
    eval_with_inputs,
};
pub use input::{InputKey, InputProject, Inputs, Versions, VersionsRead, WantedInput};
pub use machine::git_key;
pub use program::{Folder, Program, SourceFile};
pub use stack::on_deep_stack;
pub use statics::inspect;
pub use value::{Source, Step, Value};
pub use why::{AtPlace, Explained, Meaning, NameMeaning, Operator, Origin, SetBy};
