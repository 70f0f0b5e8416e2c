//! Pieces of a text with marks below them, drawn by miette.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};

use crate::sanitise::{escape, mask};
use crate::style::Style;

/// A place over more lines than this is shown by its first one.
const MOST_LINES: usize = 4;

/// In a line that is longer the place is only named.
const MOST_COLUMNS: usize = 400;

/// A marked range of bytes.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: String,
    pub(super) primary: bool,
}

/// Renders the marked lines, with `name:line:column` above each piece; the piece of the primary mark comes first.
pub(super) fn render(name: &str, text: &str, marks: Vec<Mark>, style: Style) -> String {
    let source = Source::new(name, text);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut marks = marks;
    marks.sort_by_key(|mark| mark.start);
    for mark in marks {
        let primary = mark.primary;
        let label = source.label(&mark);
        let (first, _) = source.position(label.offset());
        let (last, _) = source.position(label.offset() + label.len().saturating_sub(1));
        match pieces.last_mut() {
            Some(piece) if first <= piece.last_line + 1 => {
                piece.last_line = piece.last_line.max(last);
                piece.primary |= primary;
                piece.labels.push(label);
            }
            _ => pieces.push(Piece { labels: vec![label], last_line: last, primary }),
        }
    }
    pieces.sort_by_key(|piece| !piece.primary);
    let handler = handler(style);
    let draw = |piece: Piece| draw(&handler, &Snippet { source: &source, labels: piece.labels });
    pieces.into_iter().map(draw).collect()
}

/// Marks whose lines touch.
struct Piece {
    labels: Vec<LabeledSpan>,
    last_line: usize,
    primary: bool,
}

fn handler(style: Style) -> GraphicalReportHandler {
    let theme = match (style.unicode, style.color) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => GraphicalTheme::ascii(),
        (false, false) => GraphicalTheme::none(),
    };
    GraphicalReportHandler::new_themed(theme)
        .with_width(style.width.clamp(40, 300))
        .with_context_lines(0)
        .with_urls(false)
        .with_wrap_lines(false)
        .without_syntax_highlighting()
}

fn draw(handler: &GraphicalReportHandler, snippet: &Snippet<'_>) -> String {
    let mut drawn = String::new();
    if snippet.is_wide() || handler.render_report(&mut drawn, snippet).is_err() {
        return snippet.places();
    }
    // The first line holds the message, which is said already.
    let body = drawn.split_once('\n').map_or("", |(_, body)| body);
    let mut trimmed = String::with_capacity(body.len());
    for line in body.lines() {
        trimmed.push_str(line.trim_end());
        trimmed.push('\n');
    }
    trimmed
}

/// Returns a text with stars for the logins in its URLs, each byte in its place: a report may be read by others than the
/// project is.
fn without_logins(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(ix) = rest.find("://") {
        let (before, after) = rest.split_at(ix + "://".len());
        shown.push_str(before);
        let is_end = |c: char| c.is_whitespace() || "/\"'?#".contains(c);
        let (authority, more) = after.split_at(after.find(is_end).unwrap_or(after.len()));
        let login = authority.rfind('@').map_or("", |ix| &authority[..ix]);
        // To say who one is to ssh is no secret.
        let is_plain = rest[..ix].ends_with("ssh") && !login.contains(':');
        let n_hidden = if is_plain { 0 } else { login.len() };
        shown.push_str(&"*".repeat(n_hidden));
        shown.push_str(&authority[n_hidden..]);
        rest = more;
    }
    shown + rest
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|ix| text.is_char_boundary(*ix)).unwrap_or(0)
}

fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|ix| text.is_char_boundary(*ix)).unwrap_or(text.len())
}

/// What is given to miette: places only, no message of its own.
#[derive(Debug)]
struct Snippet<'a> {
    source: &'a Source,
    labels: Vec<LabeledSpan>,
}

impl Snippet<'_> {
    /// Returns whether a line is too long to be looked at.
    fn is_wide(&self) -> bool {
        let line_of = |label: &LabeledSpan| {
            let text = &self.source.text;
            let start = text[..label.offset()].rfind('\n').map_or(0, |ix| ix + 1);
            text[label.offset()..].find('\n').unwrap_or(0) + label.offset() - start
        };
        self.labels.iter().any(|label| line_of(label) > MOST_COLUMNS)
    }

    /// Returns the places as lines, for when they cannot be drawn.
    fn places(&self) -> String {
        let place = |label: &LabeledSpan| {
            let (line, column) = self.source.position(label.offset());
            let said = label.label().unwrap_or_default();
            format!("  at {}:{line}:{column}: {said}\n", self.source.name)
        };
        self.labels.iter().map(place).collect()
    }
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Snippet<'_> {}

impl Diagnostic for Snippet<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// A named text that counts columns in characters.
#[derive(Debug)]
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn new(name: &str, text: &str) -> Self {
        // The end of the text is a place, too, on a line of its own.
        let text = format!("{}\n", without_logins(&mask(text)));
        Self { name: escape(name), text }
    }

    /// Returns a mark as miette takes it: within the text, at the borders of characters.
    fn label(&self, mark: &Mark) -> LabeledSpan {
        let text = &self.text[..self.text.len() - 1];
        let start = floor(text, mark.start);
        let mut end = ceil(text, mark.end.max(start));
        if text[start..end].matches('\n').count() >= MOST_LINES {
            end = start + text[start..].find('\n').unwrap_or(0);
        }
        let said = Some(escape(&mark.text).replace('\n', " ")).filter(|said| !said.is_empty());
        let span = SourceSpan::new(start.into(), end - start);
        if mark.primary {
            LabeledSpan::new_primary_with_span(said, span)
        } else {
            LabeledSpan::new_with_span(said, span)
        }
    }

    /// Returns the one-based line and column of an offset.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |ix| ix + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Whole lines with their ends, nothing around them; every line ends, also the last ([`Source::new`]).
        let first =
            self.text[..floor(&self.text, span.offset())].rfind('\n').map_or(0, |ix| ix + 1);
        let last = floor(&self.text, span.offset() + span.len().saturating_sub(1)).max(first);
        let end = self.text[last..].find('\n').map_or(self.text.len(), |ix| last + ix + 1);
        let (line, column) = self.position(span.offset());
        let contents = SourceSpan::new(first.into(), end - first);
        let line_count = self.text[first..end].matches('\n').count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[first..end],
            contents,
            line - 1,
            column - 1,
            line_count,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_text_is_not_shown() {
        let check = |text: &str, expected: &str| assert_eq!(without_logins(text), expected);
        check(
            "Tar(\"https://me:secret@a.example.org/b@c\") # http://x/ä",
            "Tar(\"https://*********@a.example.org/b@c\") # http://x/ä",
        );
        check("https://t0k3n@a https://ä:b@c", "https://*****@a https://****@c");
        check("ssh://git@a ssh://git:x@a ://@ ://", "ssh://git@a ssh://*****@a ://@ ://");
        let marks = vec![Mark { start: 0, end: 3, text: "here".to_owned(), primary: true }];
        let style = Style { unicode: false, color: false, width: 80 };
        let shown = render("app.kiln", "Tar(\"https://me:secret@a/b\")", marks, style);
        assert!(shown.contains("https://*********@a/b") && !shown.contains("secret"), "{shown}");
    }
}
