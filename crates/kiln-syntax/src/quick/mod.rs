//! The frequent part of the grammar, read by hand; everything else is left to the parser of the grammar.
//!
//! `grammar/kiln.pest` alone says what a text is. A chunk that is read here gets the tree that the grammar
//! gives it, twenty times faster; a chunk with anything rare in it, each mistake first of all, is given up
//! and read again by the grammar. `tests/robust.rs` compares both on all cases and on mutants of them.
//!
//! Never: reads what the grammar refuses, goes back over what it has read.

mod expr;
mod token;
mod ty;

use crate::kind::SyntaxKind as K;
use crate::tree::Builder;
use token::{is_key_char, is_word_start};

/// Nesting that is read here; deeper texts are rare, and the grammar knows the limit.
const DEPTH: u32 = 24;

/// A construct that is left to the grammar.
struct Rare;

/// The answer of a reader: it was read, or the chunk is given up.
type Read<T = ()> = Result<T, Rare>;

/// Reads a chunk into a tree; if it is given up, the tree is as before.
pub(crate) fn read_chunk(builder: &mut Builder<'_>, start: u32, chunk: &str) -> bool {
    let mark = builder.mark();
    let mut reader = Reader { bytes: chunk.as_bytes(), start, at: 0, depth: 0, builder };
    let read = reader.file().is_ok();
    if !read {
        builder.reset(mark);
    }
    read
}

/// One chunk while it is read.
struct Reader<'a, 'b, 't> {
    bytes: &'a [u8],
    /// Where the chunk begins in its text.
    start: u32,
    /// The next byte of the chunk.
    at: usize,
    depth: u32,
    builder: &'b mut Builder<'t>,
}

impl Reader<'_, '_, '_> {
    /// `(top_item | expr)*`
    fn file(&mut self) -> Read {
        self.trivia();
        while self.at < self.bytes.len() {
            match self.peek() {
                b'{' => self.expr()?,
                byte if is_word_start(byte) && self.is_top_field()? => {
                    self.field()?;
                    self.separator()?;
                }
                byte if is_word_start(byte) => self.expr()?,
                _ => return Err(Rare),
            }
            self.trivia();
        }
        Ok(())
    }

    /// Looks whether a name at the top is a key.
    fn is_top_field(&self) -> Read<bool> {
        let mut at = self.at;
        loop {
            let end = self.word_end(at);
            if token::is_keyword(&self.bytes[at..end]) {
                return Err(Rare);
            }
            at = end;
            if self.byte(at) != b'.' {
                break;
            }
            if !is_word_start(self.byte(at + 1)) {
                return Err(Rare);
            }
            at += 1;
        }
        if is_key_char(self.byte(at)) && !self.starts_with(at, b"+=") {
            return Err(Rare);
        }
        let at = self.skip_trivia(at);
        match (self.byte(at), self.byte(at + 1)) {
            (b'=', b'=' | b'>') | (b':', b'=') | (b'(' | b'-' | b'?', _) => Err(Rare),
            (b'=' | b':', _) | (b'+', b'=') => Ok(true),
            (b'+', _) => Err(Rare),
            _ => Ok(false),
        }
    }

    /// What stands between two items: `sep?`
    fn separator(&mut self) -> Read {
        self.trivia();
        match self.peek() {
            b',' => self.at += 1,
            b';' => return Err(Rare),
            _ => {}
        }
        Ok(())
    }

    /// `key = value`, `key += value`, `key { … }`, `key: Type`, `key: Type = value`
    fn field(&mut self) -> Read {
        self.open(K::Field);
        self.key()?;
        self.trivia();
        match self.peek() {
            b'{' => self.body()?,
            b':' if self.byte(self.at + 1) != b'=' => {
                self.annotation()?;
                let ahead = self.skip_trivia(self.at);
                match (self.byte(ahead), self.byte(ahead + 1)) {
                    (b'=', b'=' | b'>') | (b'-' | b':' | b'?', b'=') | (b'+', b'+') => {
                        return Err(Rare);
                    }
                    (b'=', _) | (b'+', b'=') => {
                        self.trivia();
                        self.assign()?;
                    }
                    _ => {}
                }
            }
            _ => self.assign()?,
        }
        self.close(K::Field);
        Ok(())
    }

    /// `= value` or `+= value`
    fn assign(&mut self) -> Read {
        match (self.peek(), self.byte(self.at + 1)) {
            (b'=', b'=' | b'>') => return Err(Rare),
            (b'=', _) => self.token(K::Assign, 1),
            (b'+', b'=') => self.token(K::Assign, 2),
            _ => return Err(Rare),
        }
        self.trivia();
        self.expr()
    }

    /// A dotted key of names and plain strings.
    fn key(&mut self) -> Read {
        self.open(K::Key);
        loop {
            match self.peek() {
                b'"' => self.string()?,
                byte if is_word_start(byte) => self.name_token()?,
                _ => return Err(Rare),
            }
            if self.peek() != b'.' {
                break;
            }
            self.at += 1;
        }
        if is_key_char(self.peek()) && !self.starts_with(self.at, b"+=") {
            return Err(Rare);
        }
        self.close(K::Key);
        Ok(())
    }

    /// `{ … }` of a key.
    fn body(&mut self) -> Read {
        self.open(K::Body);
        self.enter()?;
        self.record()?;
        self.depth -= 1;
        self.close(K::Body);
        Ok(())
    }

    /// `{ items }`
    fn record(&mut self) -> Read {
        self.open(K::Record);
        self.at += 1;
        loop {
            self.trivia();
            match self.peek() {
                b'}' => break,
                b'.' => self.spread()?,
                b'"' => self.field()?,
                byte if is_word_start(byte) => self.field()?,
                _ => return Err(Rare),
            }
            self.separator()?;
        }
        self.at += 1;
        self.close(K::Record);
        Ok(())
    }

    /// `..value`, not a path.
    fn spread(&mut self) -> Read {
        let is_path = matches!(
            self.byte(self.at + 2),
            b' ' | b'\n' | b'\t' | b'\r' | b'.' | b'/' | b')' | b']' | b'}' | b',' | b'#' | 0
        );
        if is_path || self.byte(self.at + 1) != b'.' {
            return Err(Rare);
        }
        self.open(K::Spread);
        self.token(K::Dots, 2);
        self.trivia();
        self.expr()?;
        self.close(K::Spread);
        Ok(())
    }

    /// Counts a level of nesting.
    fn enter(&mut self) -> Read {
        self.depth += 1;
        if self.depth > DEPTH { Err(Rare) } else { Ok(()) }
    }
}
