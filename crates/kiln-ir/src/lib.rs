//! Elements, sources and steps: what is to be built, as data.
//!
//! # Purpose
//! The border between the language and everything after it. The JSON form is public and versioned
//! (`docs/spec/ir.md`): another front end may write it.
//!
//! # Never
//! Knows the language, the disk, the network, or a key.
//!
//! # Example
//! ```
//! let text = r#"{ "version": 1, "project": "demo", "elements": [ { "name": "a" } ] }"#;
//! let ir = kiln_ir::Ir::from_json(text).unwrap();
//! assert_eq!(ir.elements[0].name.as_str(), "a");
//! ```

mod element;
mod name;
mod pins;
mod source;
mod url;

pub use element::{
    Advice, Compose, Element, Filter, ImagePlatform, Oci, Patch, Phase, Place, PlacedSource, Step,
    User,
};
pub use name::{BadName, ElementName};
pub use pins::{BadObjectId, BasePin, Commit, Content, Fingerprint, ObjectId, PatchPin, Pins};
pub use source::{Base, Source, Vendored};
pub use url::without_password;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const VERSION: u32 = 1;

/// A project as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ir {
    pub version: u32,
    pub project: String,
    /// Base URLs of the project's own aliases, such as `gnome:`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// In byte order of their names, each name once.
    pub elements: Vec<Element>,
}

/// A text that is no IR of this version.
#[derive(Debug, thiserror::Error)]
pub enum BadIr {
    #[error("the JSON is not of the form of an IR")]
    Json(#[from] serde_json::Error),
    #[error("the IR has version {0}, this kiln reads version {VERSION}")]
    Version(u32),
    #[error("two elements are named `{0}`")]
    Twice(ElementName),
}

impl Ir {
    /// Makes an IR of elements in any order.
    pub fn new(project: impl Into<String>, mut elements: Vec<Element>) -> Self {
        elements.sort_by(|a, b| a.name.cmp(&b.name));
        Self { version: VERSION, project: project.into(), aliases: BTreeMap::new(), elements }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// When the text is not of this form and version, or names an element twice.
    pub fn from_json(text: &str) -> Result<Self, BadIr> {
        let ir: Self = serde_json::from_str(text)?;
        if ir.version != VERSION {
            return Err(BadIr::Version(ir.version));
        }
        let ir = Self { aliases: ir.aliases, ..Self::new(ir.project, ir.elements) };
        let twice = ir.elements.windows(2).find(|pair| pair[0].name == pair[1].name);
        match twice {
            Some(pair) => Err(BadIr::Twice(pair[0].name.clone())),
            None => Ok(ir),
        }
    }

    /// Writes the JSON form, indented, with a final newline.
    pub fn to_json(&self) -> String {
        // All keys are texts and there are no floats, so nothing here can fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Returns the element of a name.
    pub fn element(&self, name: &ElementName) -> Option<&Element> {
        let found = self.elements.binary_search_by(|element| element.name.cmp(name)).ok()?;
        self.elements.get(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_reads_back() {
        let text = r#"{ "version": 1, "project": "p", "elements": [
            { "name": "b", "deps": ["a"], "env": { "X": "1" },
              "sources": [ { "at": "sub", "source": { "kind": "local", "path": "src" } } ],
              "steps": [ { "run": { "phases": [ { "name": "build", "script": "true" } ] } } ] },
            { "name": "a", "steps": [ { "import": { "target": "/" } } ] } ] }"#;
        let ir = Ir::from_json(text).unwrap();
        assert_eq!(ir.elements[0].name.as_str(), "a");
        assert_eq!(Ir::from_json(&ir.to_json()).unwrap(), ir);
    }

    #[test]
    fn what_is_unknown_or_double_is_refused() {
        let check = |text: &str, message: &str| {
            assert_eq!(Ir::from_json(text).unwrap_err().to_string(), message);
        };
        check(
            r#"{ "version": 2, "project": "p", "elements": [] }"#,
            "the IR has version 2, this kiln reads version 1",
        );
        check(
            r#"{ "version": 1, "project": "p", "elements": [ { "name": "a" }, { "name": "a" } ] }"#,
            "two elements are named `a`",
        );
        assert!(
            Ir::from_json(
                r#"{ "version": 1, "project": "p", "elements": [ { "name": "a", "x": 1 } ] }"#
            )
            .is_err()
        );
    }
}
