//! What a reference holds.

use kiln_diag::FileId;
use kiln_syntax::{Parse, parse};

use crate::{kinds, members};

/// Everything that can be named in a project, in order of origin and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    pub(crate) entries: Vec<Entry>,
}

/// Something with a name and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it is written: `Make`, `libs.zinc`, `option.debug`.
    pub name: String,
    pub what: What,
    pub origin: Origin,
    /// The `##` lines, without their marks; empty if there are none.
    pub doc: String,
    /// The kind that it amends, as written.
    pub parent: Option<String>,
    /// Mixins that it applies, as written.
    pub mixins: Vec<String>,
    /// Fields that it declares, in order.
    pub fields: Vec<Field>,
    /// Inherited fields that it sets, in order.
    pub settings: Vec<Setting>,
    /// Parameters and type of a function; type and default of an option; the type of a type.
    pub signature: Option<String>,
    pub place: Place,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Kind,
    Mixin,
    Type,
    Function,
    Option,
    Defaults,
    Element,
}

impl What {
    /// Returns the word for one.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Mixin => "mixin",
            Self::Type => "type",
            Self::Function => "function",
            Self::Option => "option",
            Self::Defaults => "defaults",
            Self::Element => "element",
        }
    }
}

/// Where an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The standard library.
    Stdlib,
    /// The project at hand.
    Project,
}

/// A typed field of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// As written.
    pub ty: String,
    /// As written; without one the field is required.
    pub default: Option<String>,
    pub doc: String,
    pub place: Place,
}

/// An inherited field that a kind sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    /// What follows the name, as written: `= null`, `+= backends`, `{ … }`.
    pub value: String,
    pub doc: String,
    pub place: Place,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A path relative to the root of the project, or `stdlib/Make.kiln`.
    pub file: String,
    pub line: usize,
}

/// A file of the project at hand.
#[derive(Clone, Copy, Debug)]
pub struct ProjectText<'a> {
    /// Relative to the root.
    pub path: &'a str,
    /// Folders and stem that name what the file holds; none for `project.kiln`.
    pub parts: &'a [String],
    pub text: &'a str,
}

/// What suits a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// A file with its syntax.
pub(crate) struct Source<'a> {
    pub(crate) path: String,
    pub(crate) text: &'a str,
    pub(crate) parse: Parse,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: String, text: &'a str) -> Self {
        Self { path, text, parse: parse(FileId(0), text) }
    }

    /// Returns where a byte stands.
    pub(crate) fn place(&self, byte: u32) -> Place {
        let before = self.text.get(..byte as usize).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Place { file: self.path.clone(), line }
    }
}

impl Reference {
    /// Reads the standard library and the files of a project, `project.kiln` first; none where there is no project.
    pub fn read(project: &[ProjectText<'_>]) -> Self {
        let mut entries: Vec<Entry> = kiln_stdlib::files()
            .iter()
            .map(|(stem, text)| Source::new(format!("stdlib/{stem}.kiln"), text))
            .zip(kiln_stdlib::files())
            .map(|(source, (stem, _))| kinds::of_file(&source, stem, Origin::Stdlib))
            .collect();
        entries.extend(members::of_project(project, &entries));
        entries.sort_by(|a, b| (a.origin, &a.name).cmp(&(b.origin, &b.name)));
        Self { entries }
    }

    /// Returns everything, in order of origin and name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
