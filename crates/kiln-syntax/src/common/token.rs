//! Strings, paths, numbers and names among the common forms.
//!
//! Never: reads what stands between two of them.

use super::Reader;
use crate::kind::SyntaxKind as K;

impl Reader<'_> {
    /// `"…"` on one line.
    pub(super) fn string(&mut self) -> Option<()> {
        self.start(K::String);
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\n' => return None,
                b'\\' => {
                    matches!(self.peek_at(1)?, b'n' | b't' | b'r' | b'"' | b'\\').then_some(())?;
                    self.token(K::Escape, 2);
                }
                _ => self.characters(|rest| matches!(rest[0], b'"' | b'\\' | b'\n'))?,
            }
        }
        self.at += 1;
        self.end(K::String);
        Some(())
    }

    /// `"""…"""`
    pub(super) fn block(&mut self) -> Option<()> {
        self.start(K::Block);
        self.at += BLOCK_QUOTE.len();
        while !self.text[self.at..].starts_with(BLOCK_QUOTE) {
            self.characters(|rest| rest.starts_with(BLOCK_QUOTE))?;
        }
        self.at += BLOCK_QUOTE.len();
        self.end(K::Block);
        Some(())
    }

    /// Characters up to an end, or `%%{`, or `%{value}`.
    pub(super) fn characters(&mut self, is_end: impl Fn(&[u8]) -> bool) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        if rest.starts_with(b"%{") {
            self.start(K::Interpolation);
            self.at += 2;
            self.value()?;
            self.trivia();
            (self.peek()? == b'}').then_some(())?;
            self.at += 1;
            self.end(K::Interpolation);
            return Some(());
        }
        if rest.starts_with(b"%%{") {
            self.token(K::Escape, 3);
            return Some(());
        }
        let is_special = |rest: &[u8]| {
            is_end(rest) || rest[0] == b'%' && (rest.starts_with(b"%{") || rest.starts_with(b"%%{"))
        };
        let length = (0..rest.len()).find(|at| is_special(&rest[*at..]))?;
        self.token(K::TextChars, length);
        Some(())
    }

    /// `./x`
    pub(super) fn path(&mut self) -> Option<()> {
        (self.peek_at(1)? == b'/').then_some(())?;
        let is_of_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/+@~:=".contains(byte);
        let length = self.text[self.at..].iter().take_while(|byte| is_of_path(byte)).count();
        self.token(K::Path, length);
        Some(())
    }

    pub(super) fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_more = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        if rest.get(length).is_some_and(is_more) {
            return None;
        }
        self.token(K::Number, length);
        Some(())
    }

    pub(super) fn ident(&mut self) -> Option<()> {
        let length = self.word_len(self.at);
        if length == 0 || KEYWORDS.contains(&&self.text[self.at..self.at + length]) {
            return None;
        }
        self.token(K::Ident, length);
        Some(())
    }

    /// Returns the length of the word at a place.
    pub(super) fn word_len(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        if !rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
            return 0;
        }
        let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let goes_on = |at: usize| {
            let byte = &rest[at];
            is_rest(byte) || *byte == b'-' && rest.get(at + 1).is_some_and(is_rest)
        };
        (1..rest.len()).find(|at| !goes_on(*at)).unwrap_or(rest.len())
    }
}

pub(super) const BLOCK_QUOTE: &[u8] = b"\"\"\"";

/// What is no name.
const KEYWORDS: [&[u8]; 12] = [
    b"if", b"then", b"else", b"let", b"in", b"for", b"type", b"assert", b"mixin", b"true",
    b"false", b"null",
];
