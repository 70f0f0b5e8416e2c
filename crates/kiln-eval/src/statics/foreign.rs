//! `%{…}` in a text that another program is to read.

use super::Statics;
use crate::code::{CodeRef, Form, Piece};
use crate::habit;
use kiln_diag::{Code, Diagnostic, Span};

/// Options of programs whose argument has a `%{…}` of its own.
const FORMATS: [&str; 3] = ["--queryformat", "--qf", "--write-out"];

impl Statics<'_> {
    /// Looks at the values in a string for those that are meant for another program.
    pub(super) fn foreign_pieces(&mut self, pieces: &[Piece]) {
        let mut before = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => before.push_str(text),
                Piece::Value { code, .. } => self.foreign_piece(code, &before),
            }
        }
    }

    fn foreign_piece(&mut self, code: &CodeRef, before: &str) {
        let Some(opener) = self.opener(code.span) else { return };
        let name = self.text_at(code.span).to_owned();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return;
        }
        if matches!(code.form, Form::Broken) {
            // What it is is told already; this says what to do.
            let message = format!("`{name}` is not defined");
            let finding = Diagnostic::error(Code(101), message).at(code.span, "no such name here");
            let names = self.names_here();
            let names = || names.iter().map(String::as_str);
            let finding = habit::name(finding, &name, code.span, names());
            return self.report(undefined(finding, &name, opener));
        }
        let line = before.rsplit('\n').next().unwrap_or_default();
        let is_format = |word: &str| match word {
            // Other programs have an option of this letter: the name has to look foreign, too.
            "-w" => name.contains('_'),
            word => FORMATS.contains(&word),
        };
        if line.split([' ', '\t', '=', '\'', '"']).any(is_format) {
            let message = format!("`%{{{name}}}` is a value of kiln, not one of the program");
            let finding = Diagnostic::warning(Code(907), message)
                .at(code.span, "put in before the program sees it");
            let help = format!("write `%%{{{name}}}` if the program is to see `%{{{name}}}`");
            self.report(finding.help(help).edit(opener, "%"));
        }
    }

    /// Returns the place before the `%{` of a value.
    pub(super) fn opener(&self, value: Span) -> Option<Span> {
        let start = value.start.checked_sub(2)?;
        let is_opener = self.text_at(Span { start, end: value.start, ..value }) == "%{";
        is_opener.then_some(Span { start, end: start, ..value })
    }

    /// Returns a piece of a text.
    pub(super) fn text_at(&self, span: Span) -> &str {
        let text = self.texts.get(span.file).map_or("", |text| &text.text);
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

/// Adds to a finding about a name in a string that means nothing what to write, if that is not said already.
pub(super) fn undefined(finding: Diagnostic, name: &str, opener: Span) -> Diagnostic {
    if finding.help.is_some() {
        return finding;
    }
    let help = format!(
        "give it a value, or write `%%{{{name}}}` if another program is to see `%{{{name}}}`"
    );
    // Names of kiln have hyphens.
    let is_foreign = name.contains('_');
    if is_foreign { finding.help(help).edit(opener, "%") } else { finding.help(help) }
}
