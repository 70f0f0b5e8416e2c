//! Texts of a run and places in them.

use std::fmt;
use std::sync::Arc;

/// A text of this run; an index into [`Texts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Makes a span of the bytes `start..end`.
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// Returns the smallest span that covers both; they are of one file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.file.0, self.start, self.end)
    }
}

/// One text with the name that people see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// A path relative to the project root, or `<stdlib>/Autotools.kiln`.
    pub name: String,
    pub text: Arc<str>,
}

/// A one-based line and column (in characters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

/// The texts of a run, in order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    texts: Vec<Text>,
}

impl Texts {
    /// Adds a text and returns its identity.
    ///
    /// # Panics
    /// After 2^32 texts.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.texts.len()).expect("fewer than 2^32 texts"));
        self.texts.push(Text { name: name.into(), text: text.into() });
        id
    }

    /// Returns a text, if there is one of this identity.
    pub fn get(&self, file: FileId) -> Option<&Text> {
        self.texts.get(file.0 as usize)
    }

    /// Returns all texts with their identities.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Text)> {
        (0u32..).map(FileId).zip(&self.texts)
    }

    /// Returns the line and column of the start of a span.
    pub fn position(&self, span: Span) -> Option<LineColumn> {
        let text = self.get(span.file)?;
        let before = text.text.get(..span.start as usize)?;
        let line_start = before.rfind('\n').map_or(0, |ix| ix + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Some(LineColumn { line, column: before[line_start..].chars().count() + 1 })
    }

    /// Returns `name:line:column` of a span, for one-line messages.
    pub fn place(&self, span: Span) -> String {
        match (self.get(span.file), self.position(span)) {
            (Some(text), Some(at)) => format!("{}:{}:{}", text.name, at.line, at.column),
            _ => "<unknown>".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_not_bytes() {
        let mut texts = Texts::default();
        let file = texts.add("a.kiln", "one\n\u{e9}\u{e9} x");
        assert_eq!(texts.place(Span::new(file, 9, 10)), "a.kiln:2:4");
        assert_eq!(texts.place(Span::new(FileId(7), 0, 0)), "<unknown>");
    }
}
