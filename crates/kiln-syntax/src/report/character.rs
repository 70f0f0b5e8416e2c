//! Characters that no file may hold, strings and comments included.

use super::{Finding, MOST};
use crate::code;
use kiln_diag::{Diagnostic, FileId, Span};

/// Returns a finding for each control character and each character that turns the direction of writing.
pub(super) fn characters(file: FileId, text: &str) -> Vec<Finding> {
    let suspicious =
        |byte: u8| (byte < b' ' && !b"\t\n\r".contains(&byte)) || matches!(byte, 0x7f | 0xe2);
    if !text.bytes().any(suspicious) {
        return Vec::new();
    }
    let bad = text.char_indices().filter(|(_, c)| is_control(*c) || is_direction(*c));
    bad.take(MOST).map(|(at, c)| Finding::new(finding(file, at, c))).collect()
}

fn finding(file: FileId, at: usize, c: char) -> Diagnostic {
    let start = u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span::new(file, start, start + u32::try_from(c.len_utf8()).unwrap_or(0));
    let message = format!("a file cannot hold the character U+{:04X}", u32::from(c));
    let why =
        if is_direction(c) { "it turns the direction of the text" } else { "a control character" };
    Diagnostic::error(code::CHARACTER, message)
        .at(span, why)
        .help(format!("remove it, or write `\\u{{{:x}}}` in a string", u32::from(c)))
        .edit(span, "")
}

fn is_control(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
