//! Fully forced values, as lowering reads them.

use crate::ElementId;
use kiln_diag::Span;
use std::fmt;

/// A value with nothing lazy left in it; elements are handles.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    /// Relative to the project root, clean; the root itself is `.`.
    Path(String),
    List(Vec<Value>),
    /// Sorted by key.
    Record(Vec<(String, Value)>),
    Element(ElementId),
    Source(Source),
    Platform(String),
    Step(Step),
    /// The name of a kind.
    Kind(String),
    Mixin,
    Function,
    Project,
}

/// A source with all fields of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub kind: String,
    /// Sorted by name.
    pub fields: Vec<(String, Value)>,
    pub span: Span,
}

impl Source {
    /// Returns a field, if the kind has it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        find(&self.fields, name)
    }

    /// Returns what tells it from other sources: all but its version.
    pub fn key(&self) -> String {
        let fields = self.fields.iter().filter(|(name, _)| name != VERSION).cloned().collect();
        Value::Source(Self { fields, ..self.clone() }).to_string()
    }
}

/// The field of a source that says nothing about where it is from.
const VERSION: &str = "version";

/// What an element does, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Commands of a phase.
    Run { phase: String, script: Vec<String> },
    /// What kiln does itself.
    Intrinsic { name: String, fields: Vec<(String, Value)> },
}

impl Value {
    /// Returns the text of a String.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the items of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the fields of a record.
    pub fn as_record(&self) -> Option<&[(String, Value)]> {
        match self {
            Self::Record(fields) => Some(fields),
            _ => None,
        }
    }
}

/// Finds a field by name.
pub(crate) fn find<'a>(fields: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

impl fmt::Display for Value {
    /// Writes the stable text form that tests compare: one line, keys sorted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Path(path) => write!(f, "path({path:?})"),
            Self::List(items) => {
                f.write_str("[")?;
                for (ix, value) in items.iter().enumerate() {
                    let comma = if ix == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str("]")
            }
            Self::Record(fields) => write_fields(f, fields),
            Self::Element(id) => write!(f, "<element {}>", id.0),
            Self::Source(source) => {
                write!(f, "{} ", source.kind)?;
                write_fields(f, &source.fields)
            }
            Self::Platform(triple) => write!(f, "Platform({triple:?})"),
            Self::Step(Step::Run { phase, script }) => write!(f, "Run({phase:?}, {script:?})"),
            Self::Step(Step::Intrinsic { name, fields }) => {
                write!(f, "{name} ")?;
                write_fields(f, fields)
            }
            Self::Kind(name) => write!(f, "<kind {name}>"),
            Self::Mixin => f.write_str("<mixin>"),
            Self::Function => f.write_str("<function>"),
            Self::Project => f.write_str("<project>"),
        }
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[(String, Value)]) -> fmt::Result {
    f.write_str("{")?;
    for (ix, (name, value)) in fields.iter().enumerate() {
        let comma = if ix == 0 { " " } else { ", " };
        let plain = kiln_syntax::ast::is_identifier(name);
        if plain {
            write!(f, "{comma}{name} = {value}")?;
        } else {
            write!(f, "{comma}{name:?} = {value}")?;
        }
    }
    f.write_str(if fields.is_empty() { "}" } else { " }" })
}
