//! Texts, spans and coded diagnostics: what every stage says about a text, as data.
//!
//! # Purpose
//! A pure stage never fails: it answers with a value and with findings ([`Diagnosed`]). A finding has a
//! stable code, one sentence, a primary place, further places and a concrete next step.
//!
//! # Never
//! Knows a stage of the pipeline, a colour or a terminal; reads a file.
//!
//! # Example
//! ```
//! use kiln_diag::{Code, Diagnostic, FileId, Span};
//! let span = Span::new(FileId(0), 4, 9);
//! let finding = Diagnostic::error(Code(101), "`zincb` is not defined")
//!     .at(span, "unknown name")
//!     .help("did you mean `zinc`?");
//! assert_eq!(finding.code.to_string(), "K0101");
//! ```

mod edit;
mod order;
mod suggest;
mod text;

pub use edit::{Edit, edited};
pub use order::in_order;
pub use suggest::{nearest, suggestion};
pub use text::{FileId, LineColumn, Span, Text, Texts};

use std::fmt;

/// A value and what was found wrong on the way to it, in order of place.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Diagnosed<T> {
    pub value: T,
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Diagnosed<T> {
    /// Wraps a value that nothing was found against.
    pub fn clean(value: T) -> Self {
        Self { value, diagnostics: Vec::new() }
    }

    /// Returns whether any finding is an error (lints are not).
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Maps the value and keeps the findings.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Diagnosed<U> {
        Diagnosed { value: f(self.value), diagnostics: self.diagnostics }
    }
}

/// A stable number, printed as `K` and four digits; the first digit is the area (`docs/errors/`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "K{:04}", self.0)
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// A place and a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One finding about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// One sentence, lower case, no full stop, the user's names in backticks.
    pub message: String,
    /// Where it is, if it has a place in a text.
    pub primary: Option<Label>,
    /// The declaration, the opener, the other end of a cycle.
    pub secondary: Vec<Label>,
    /// A concrete edit or command.
    pub help: Option<String>,
    /// What the help proposes, where it is an edit that needs no decision; applied together.
    pub edits: Vec<Edit>,
}

impl Diagnostic {
    /// Starts an error without a place.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Starts a warning (a lint) without a place.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            severity,
            message,
            primary: None,
            secondary: Vec::new(),
            help: None,
            edits: Vec::new(),
        }
    }

    /// Sets the primary place.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds a further place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Sets the next step.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds an edit that the help proposes: these bytes become this text.
    #[must_use]
    pub fn edit(mut self, span: Span, text: impl Into<String>) -> Self {
        self.edits.push(Edit { span, text: text.into() });
        self
    }

    /// Returns whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// Writes the stable text form that tests compare: code, message, places as byte ranges, help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error() { "error" } else { "warning" };
        write!(f, "{word}[{}]: {}", self.code, self.message)?;
        for label in self.primary.iter().chain(&self.secondary) {
            write!(f, "\n  at {}: {}", label.span, label.text)?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}
