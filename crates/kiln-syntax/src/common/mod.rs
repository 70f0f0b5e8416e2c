//! The commonest forms of items, read by hand: most texts are `name = Kind { key = value }` and little else.
//!
//! The grammar is the reference. What is read here is a subset of it that needs no look back, and gives the very nodes
//! that the generated parser would give; where anything else is met, nothing is said, and that parser reads the chunk.
//!
//! Never: reports, guesses, reads on behind what it does not know.

mod token;

use crate::kind::SyntaxKind as K;
use token::BLOCK_QUOTE;

/// The start or end of a node or token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) kind: K,
    pub(crate) begins: bool,
    /// From the begin of what was read.
    pub(crate) at: usize,
}

/// Levels of nesting that are read here.
const MOST_LEVELS: usize = 24;

/// Reads a chunk and writes down where nodes and tokens start and end; returns whether all of it was read.
pub(crate) fn read(text: &str, marks: &mut Vec<Mark>) -> bool {
    marks.clear();
    let mut reader = Reader { text: text.as_bytes(), at: 0, level: 0, marks };
    reader.file().is_some()
}

/// A place in a text; every step answers with nothing where the grammar has to be asked.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    level: usize,
    marks: &'a mut Vec<Mark>,
}

impl Reader<'_> {
    fn file(&mut self) -> Option<()> {
        self.trivia();
        while self.at < self.text.len() {
            self.top_item()?;
            self.trivia();
        }
        Some(())
    }

    /// `key = value`, or `Kind { … }` as the one expression of a file.
    fn top_item(&mut self) -> Option<()> {
        let (begin, n_marks) = (self.at, self.marks.len());
        self.start(K::Field);
        self.key()?;
        self.blanks();
        if self.peek() == Some(b'{') {
            self.marks.truncate(n_marks);
            self.at = begin;
            return self.expr();
        }
        self.assign()?;
        self.value()?;
        self.end(K::Field);
        Some(())
    }

    /// `key = value`, `key += value` or `key { … }`.
    fn field(&mut self) -> Option<()> {
        self.start(K::Field);
        self.key()?;
        self.blanks();
        if self.peek() == Some(b'{') {
            self.start(K::Body);
            self.record()?;
            self.end(K::Body);
        } else {
            self.assign()?;
            self.value()?;
        }
        self.end(K::Field);
        Some(())
    }

    /// A dotted key of plain names, with a blank or `=` behind it.
    fn key(&mut self) -> Option<()> {
        self.start(K::Key);
        self.ident()?;
        while self.peek() == Some(b'.') {
            self.at += 1;
            self.ident()?;
        }
        self.end(K::Key);
        matches!(self.peek(), Some(b' ' | b'=')).then_some(())
    }

    fn assign(&mut self) -> Option<()> {
        self.start(K::Assign);
        match (self.peek()?, self.peek_at(1)) {
            (b'=', next) if !matches!(next, Some(b'=' | b'>')) => self.at += 1,
            (b'+', Some(b'=')) => self.at += 2,
            _ => return None,
        }
        self.end(K::Assign);
        Some(())
    }

    fn value(&mut self) -> Option<()> {
        self.trivia();
        self.expr()
    }

    /// One term: what has an operator is for the grammar.
    fn expr(&mut self) -> Option<()> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return None;
        }
        self.start(K::Expr);
        self.start(K::Term);
        self.primary()?;
        while self.postfix()? {}
        self.end(K::Term);
        self.end(K::Expr);
        self.level -= 1;
        match self.behind_trivia() {
            None | Some(b',' | b'}' | b']' | b')' | b'"' | b'_') => Some(()),
            Some(next) => next.is_ascii_alphanumeric().then_some(()),
        }
    }

    fn primary(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' if self.text[self.at..].starts_with(BLOCK_QUOTE) => self.block(),
            b'"' => self.string(),
            b'[' => self.list(),
            b'{' => self.record(),
            b'.' => self.path(),
            b'0'..=b'9' => self.number(),
            _ => self.name(),
        }
    }

    /// A name that is not the key of the next item, or `true`, `false`, `null`.
    fn name(&mut self) -> Option<()> {
        let word = self.text[self.at..].get(..self.word_len(self.at))?;
        let constant = match word {
            b"true" | b"false" => Some(K::Bool),
            b"null" => Some(K::Null),
            _ => None,
        };
        if let Some(kind) = constant {
            self.start(kind);
            self.at += word.len();
            self.end(kind);
        } else {
            self.ident()?;
        }
        let mut behind = self.at;
        while self.text.get(behind) == Some(&b'.') && self.word_len(behind + 1) > 0 {
            behind += 1 + self.word_len(behind + 1);
        }
        let next = self.text.get(self.end_of_trivia(behind));
        (!matches!(next, Some(b'=' | b'+' | b':'))).then_some(())
    }

    /// Reads one of what may follow a primary expression; false if there is none.
    fn postfix(&mut self) -> Option<bool> {
        match self.peek() {
            Some(b'(') => self.call()?,
            Some(b'[') => return None,
            Some(b'.') if self.word_len(self.at + 1) > 0 => {
                self.start(K::Select);
                self.start(K::SelectDot);
                self.at += 1;
                self.end(K::SelectDot);
                self.start(K::Word);
                self.at += self.word_len(self.at);
                self.end(K::Word);
                self.end(K::Select);
            }
            _ => {
                let begin = self.at;
                self.blanks();
                if self.peek() != Some(b'{') {
                    self.at = begin;
                    let is_select = matches!(self.behind_trivia(), Some(b'.' | b'?'));
                    return (!is_select).then_some(false);
                }
                // The blanks in front of the braces are inside of the node.
                self.marks.push(Mark { kind: K::Amend, begins: true, at: begin });
                self.record()?;
                self.end(K::Amend);
            }
        }
        Some(true)
    }

    /// `(value, name = value)`
    fn call(&mut self) -> Option<()> {
        self.start(K::Call);
        self.at += 1;
        self.trivia();
        while self.peek()? != b')' {
            self.arg()?;
            self.trivia();
            match self.peek()? {
                b',' => self.at += 1,
                b')' => break,
                _ => return None,
            }
            self.trivia();
        }
        self.at += 1;
        self.end(K::Call);
        Some(())
    }

    fn arg(&mut self) -> Option<()> {
        self.start(K::Arg);
        let n_word = self.word_len(self.at);
        let behind = self.end_of_trivia(self.at + n_word);
        let is_named = n_word > 0 && self.text.get(behind) == Some(&b'=');
        if is_named {
            self.ident()?;
            self.at = behind;
            self.assign()?;
            self.value()?;
        } else {
            self.expr()?;
        }
        self.end(K::Arg);
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        self.start(K::List);
        self.at += 1;
        self.trivia();
        while self.peek()? != b']' {
            if self.peek() == Some(b'.') {
                return None;
            }
            self.start(K::ListItem);
            self.expr()?;
            self.end(K::ListItem);
            self.trivia();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                // `for` and `if` belong to the item.
                b'f' | b'i' => return None,
                _ => {}
            }
            self.trivia();
        }
        self.at += 1;
        self.end(K::List);
        Some(())
    }

    fn record(&mut self) -> Option<()> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return None;
        }
        self.start(K::Record);
        self.at += 1;
        self.trivia();
        while self.peek()? != b'}' {
            self.field()?;
            self.trivia();
            if self.peek()? == b',' {
                self.at += 1;
                self.trivia();
            }
        }
        self.at += 1;
        self.end(K::Record);
        self.level -= 1;
        Some(())
    }

    fn trivia(&mut self) {
        self.at = self.end_of_trivia(self.at);
    }

    fn end_of_trivia(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(byte) = self.text.get(at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => {
                    let comment = self.text[at..].iter().position(|byte| *byte == b'\n');
                    at = comment.map_or(self.text.len(), |length| at + length);
                }
                _ => break,
            }
        }
        at
    }

    /// Passes blanks on the same line.
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn behind_trivia(&self) -> Option<u8> {
        self.text.get(self.end_of_trivia(self.at)).copied()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn token(&mut self, kind: K, length: usize) {
        self.start(kind);
        self.at += length;
        self.end(kind);
    }

    fn start(&mut self, kind: K) {
        self.marks.push(Mark { kind, begins: true, at: self.at });
    }

    fn end(&mut self, kind: K) {
        self.marks.push(Mark { kind, begins: false, at: self.at });
    }
}
