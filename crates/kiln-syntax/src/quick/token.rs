//! Words, blanks, comments and strings.

use super::{Rare, Read, Reader};
use crate::kind::SyntaxKind as K;

pub(super) fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What people put into names.
pub(super) fn is_key_char(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'-' | b'+' | b'.' | b'@' | b'/' | b'~')
}

/// What a path may hold.
fn is_path_char(byte: u8) -> bool {
    is_key_char(byte) || matches!(byte, b':' | b'=')
}

pub(super) fn is_keyword(word: &[u8]) -> bool {
    matches!(
        word,
        b"if"
            | b"then"
            | b"else"
            | b"let"
            | b"in"
            | b"for"
            | b"type"
            | b"assert"
            | b"mixin"
            | b"true"
            | b"false"
            | b"null"
    )
}

impl Reader<'_, '_, '_> {
    /// Returns a byte of the chunk; zero behind its end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(super) fn peek(&self) -> u8 {
        self.byte(self.at)
    }

    pub(super) fn starts_with(&self, at: usize, text: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(text))
    }

    /// Returns a place of the chunk as one of the text; texts are shorter than 4 GiB.
    fn offset(&self, at: usize) -> u32 {
        self.start + u32::try_from(at).unwrap_or(u32::MAX - self.start)
    }

    /// Begins a node here.
    pub(super) fn open(&mut self, kind: K) {
        let at = self.offset(self.at);
        self.builder.start(kind, at);
    }

    /// Ends the node that was begun last.
    pub(super) fn close(&mut self, kind: K) {
        let at = self.offset(self.at);
        self.builder.end(kind, at);
    }

    /// Adds a token of a length.
    pub(super) fn token(&mut self, kind: K, length: usize) {
        self.open(kind);
        self.at += length;
        self.close(kind);
    }

    /// Goes over blanks and comments.
    pub(super) fn trivia(&mut self) {
        loop {
            while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
                self.at += 1;
            }
            if self.peek() != b'#' {
                return;
            }
            self.token(K::Comment, self.comment_length(self.at));
        }
    }

    /// Returns the place behind blanks and comments.
    pub(super) fn skip_trivia(&self, mut at: usize) -> usize {
        loop {
            while matches!(self.byte(at), b' ' | b'\n' | b'\t' | b'\r') {
                at += 1;
            }
            if self.byte(at) != b'#' {
                return at;
            }
            at += self.comment_length(at);
        }
    }

    fn comment_length(&self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }

    /// Returns the place behind blanks of this line.
    pub(super) fn skip_blanks(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\t') {
            at += 1;
        }
        at
    }

    /// Returns the end of a word; a dash is inside only.
    pub(super) fn word_end(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                byte if is_word(byte) => at += 1,
                b'-' if is_word(self.byte(at + 1)) => at += 1,
                _ => return at,
            }
        }
    }

    /// Returns the word here.
    pub(super) fn word(&self) -> &[u8] {
        &self.bytes[self.at..self.word_end(self.at)]
    }

    /// Adds a name that is no keyword.
    pub(super) fn name_token(&mut self) -> Read {
        let word = self.word();
        if is_keyword(word) || !is_word_start(self.peek()) {
            return Err(Rare);
        }
        self.token(K::Ident, word.len());
        Ok(())
    }

    /// Makes sure that a keyword, which ends here, is no key.
    pub(super) fn alone(&self, end: usize) -> Read {
        let ahead = self.skip_blanks(end);
        let is_key = self.byte(ahead) == b'=' && !matches!(self.byte(ahead + 1), b'=' | b'>')
            || self.starts_with(ahead, b"+=");
        if is_key { Err(Rare) } else { Ok(()) }
    }

    /// Adds a keyword that has to stand here.
    pub(super) fn keyword(&mut self, word: &[u8], kind: K) -> Read {
        if self.word() != word {
            return Err(Rare);
        }
        self.alone(self.at + word.len())?;
        self.token(kind, word.len());
        Ok(())
    }

    /// A whole number in decimal digits.
    pub(super) fn number(&mut self) -> Read {
        let mut end = self.at;
        while self.byte(end).is_ascii_digit() || self.byte(end) == b'_' {
            end += 1;
        }
        let is_fraction = self.byte(end) == b'.' && self.byte(end + 1).is_ascii_digit();
        if is_fraction || is_word(self.byte(end)) {
            return Err(Rare);
        }
        self.token(K::Number, end - self.at);
        Ok(())
    }

    /// `./x`, `../x`, `.` or `..`
    pub(super) fn path(&mut self) -> Read {
        let dots = if self.byte(self.at + 1) == b'.' { 2 } else { 1 };
        let mut end = self.at + dots;
        if self.byte(end) == b'/' {
            while is_path_char(self.byte(end)) {
                end += 1;
            }
        } else {
            let at_end = end == self.bytes.len();
            let ends = matches!(
                self.byte(end),
                b' ' | b'\n' | b'\t' | b'\r' | b')' | b']' | b'}' | b',' | b'#'
            );
            if !at_end && !ends {
                return Err(Rare);
            }
        }
        self.token(K::Path, end - self.at);
        Ok(())
    }

    /// `"…"`
    pub(super) fn string(&mut self) -> Read {
        if self.starts_with(self.at, b"\"\"\"") {
            return Err(Rare);
        }
        self.open(K::String);
        self.at += 1;
        loop {
            let end = self.text_end(b"\"\\%\n");
            if end > self.at {
                self.token(K::TextChars, end - self.at);
            }
            match (self.peek(), self.byte(self.at + 1)) {
                (b'"', _) => break,
                (b'%', b'{') => self.interpolation()?,
                (b'%', _) => self.token(K::Escape, 3),
                (b'\\', b'n' | b't' | b'r' | b'"' | b'\\') => self.token(K::Escape, 2),
                _ => return Err(Rare),
            }
        }
        self.at += 1;
        self.close(K::String);
        Ok(())
    }

    /// `"""…"""`
    pub(super) fn block(&mut self) -> Read {
        self.open(K::Block);
        self.at += 3;
        loop {
            let end = self.text_end(b"\"%");
            if end > self.at {
                self.token(K::TextChars, end - self.at);
            }
            match (self.peek(), self.byte(self.at + 1)) {
                (b'"', _) => break,
                (b'%', b'{') => self.interpolation()?,
                (b'%', _) => self.token(K::Escape, 3),
                _ => return Err(Rare),
            }
        }
        self.at += 3;
        self.close(K::Block);
        Ok(())
    }

    /// Returns where characters end that stand for themselves; in a block one quote is such a character.
    fn text_end(&self, stops: &[u8]) -> usize {
        let is_block = stops.len() == 2;
        let mut at = self.at;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            let ends = stops.contains(&byte)
                && match byte {
                    b'%' => self.starts_with(at, b"%{") || self.starts_with(at, b"%%{"),
                    b'"' => !is_block || self.starts_with(at, b"\"\"\""),
                    _ => true,
                };
            if ends {
                break;
            }
            at += 1;
        }
        at
    }

    /// `%{value}`
    fn interpolation(&mut self) -> Read {
        self.open(K::Interpolation);
        self.at += 2;
        self.trivia();
        self.expr()?;
        self.trivia();
        if self.peek() != b'}' {
            return Err(Rare);
        }
        self.at += 1;
        self.close(K::Interpolation);
        Ok(())
    }
}
