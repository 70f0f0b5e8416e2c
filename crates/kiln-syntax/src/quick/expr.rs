//! Expressions: operators, terms and what follows them.

use super::token::{is_keyword, is_word_start};
use super::{Rare, Read, Reader};
use crate::kind::SyntaxKind as K;

impl Reader<'_, '_, '_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Read {
        self.enter()?;
        self.open(K::Expr);
        if is_word_start(self.peek()) && self.word() == b"if" {
            self.if_expr()?;
        } else {
            self.operand()?;
            while let Some((kind, length)) = self.operator() {
                self.trivia();
                self.token(kind, length);
                self.trivia();
                if is_word_start(self.peek()) && self.word() == b"if" {
                    self.if_expr()?;
                } else {
                    self.operand()?;
                }
            }
        }
        self.close(K::Expr);
        self.depth -= 1;
        Ok(())
    }

    /// `if c then a else b`
    fn if_expr(&mut self) -> Read {
        self.open(K::IfExpr);
        self.keyword(b"if", K::IfWord)?;
        self.trivia();
        self.expr()?;
        self.trivia();
        self.keyword(b"then", K::ThenWord)?;
        self.trivia();
        self.expr()?;
        self.trivia();
        self.keyword(b"else", K::ElseWord)?;
        self.trivia();
        self.expr()?;
        self.close(K::IfExpr);
        Ok(())
    }

    /// Looks for a binary operator behind an operand.
    fn operator(&self) -> Option<(K, usize)> {
        let same_line = self.skip_blanks(self.at);
        if self.byte(same_line) == b'-' && self.byte(same_line + 1) != b'=' {
            return Some((K::Subtract, 1));
        }
        let at = self.skip_trivia(self.at);
        let next = self.byte(at + 1);
        Some(match self.byte(at) {
            b'?' if next == b'?' => (K::Coalesce, 2),
            b'|' if next == b'|' => (K::Or, 2),
            b'&' if next == b'&' => (K::And, 2),
            b'=' if next == b'=' => (K::Equal, 2),
            b'!' if next == b'=' => (K::NotEqual, 2),
            b'<' if next == b'=' => (K::LessEqual, 2),
            b'>' if next == b'=' => (K::GreaterEqual, 2),
            b'<' => (K::Less, 1),
            b'>' => (K::Greater, 1),
            b'+' if next == b'+' && self.byte(at + 2) != b'=' => (K::Concat, 2),
            b'+' if !matches!(next, b'=' | b'+') => (K::Add, 1),
            b'*' => (K::Multiply, 1),
            b'/' => (K::Divide, 1),
            b'-' if matches!(next, b' ' | b'\n' | b'\t' | b'\r') => (K::Subtract, 1),
            _ => return None,
        })
    }

    /// A term behind any number of prefix operators.
    fn operand(&mut self) -> Read {
        loop {
            let kind = match (self.peek(), self.byte(self.at + 1)) {
                (b'-' | b'!', b'=') => return Err(Rare),
                (b'-', _) => K::Negate,
                (b'!', _) => K::Not,
                _ => break,
            };
            self.token(kind, 1);
            self.trivia();
        }
        self.open(K::Term);
        self.primary()?;
        while self.postfix()? {}
        self.close(K::Term);
        Ok(())
    }

    fn primary(&mut self) -> Read {
        match self.peek() {
            b'"' if self.starts_with(self.at, b"\"\"\"") => self.block(),
            b'"' => self.string(),
            b'[' => self.list(),
            b'{' => self.record(),
            b'.' => self.path(),
            byte if byte.is_ascii_digit() => self.number(),
            byte if is_word_start(byte) => self.name(),
            _ => Err(Rare),
        }
    }

    /// A name, `true`, `false` or `null`.
    fn name(&mut self) -> Read {
        let word = self.word();
        let (kind, length) = match word {
            b"true" | b"false" => (K::Bool, word.len()),
            b"null" => (K::Null, word.len()),
            word if is_keyword(word) => return Err(Rare),
            word => (K::Ident, word.len()),
        };
        if kind == K::Ident {
            self.no_key_ahead(self.at + length)?;
        } else {
            self.alone(self.at + length)?;
        }
        self.token(kind, length);
        Ok(())
    }

    /// Makes sure that a name is not the key of the next item.
    fn no_key_ahead(&self, mut at: usize) -> Read {
        while self.byte(at) == b'.' && is_word_start(self.byte(at + 1)) {
            at = self.word_end(at + 1);
        }
        let at = self.skip_trivia(at);
        match (self.byte(at), self.byte(at + 1)) {
            (b'=', b'=' | b'>') | (b':', b'=') => Ok(()),
            (b'=' | b':', _) | (b'+', b'=') => Err(Rare),
            _ => Ok(()),
        }
    }

    /// Reads what follows a primary expression, if anything does.
    fn postfix(&mut self) -> Read<bool> {
        match self.peek() {
            b'(' => self.call()?,
            b'[' => self.index()?,
            _ if self.is_select(self.at) => self.select()?,
            _ if self.is_select_without_name() => return Err(Rare),
            _ if self.byte(self.skip_blanks(self.at)) == b'{' => {
                self.open(K::Amend);
                self.at = self.skip_blanks(self.at);
                self.record()?;
                self.close(K::Amend);
            }
            _ if self.is_select(self.skip_trivia(self.at)) => self.select()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns whether `.name` or `?.name` stands at a place.
    fn is_select(&self, at: usize) -> bool {
        let at = if self.byte(at) == b'?' { at + 1 } else { at };
        let next = self.byte(at + 1);
        self.byte(at) == b'.' && (is_word_start(next) || next == b'"')
    }

    /// Returns whether a `.` stands here that is neither a path nor `..`.
    fn is_select_without_name(&self) -> bool {
        let at = if self.peek() == b'?' { self.at + 1 } else { self.at };
        self.byte(at) == b'.' && !matches!(self.byte(at + 1), b'.' | b'/')
    }

    /// `.name` or `?.name`, on this line or a later one.
    fn select(&mut self) -> Read {
        self.open(K::Select);
        self.trivia();
        let length = if self.peek() == b'?' { 2 } else { 1 };
        self.token(K::SelectDot, length);
        if self.peek() == b'"' {
            self.string()?;
        } else {
            self.token(K::Word, self.word().len());
        }
        self.close(K::Select);
        Ok(())
    }

    /// `(args)`
    fn call(&mut self) -> Read {
        self.open(K::Call);
        self.at += 1;
        self.trivia();
        while self.peek() != b')' {
            self.argument()?;
            self.trivia();
            match self.peek() {
                b',' => self.at += 1,
                b')' => break,
                _ => return Err(Rare),
            }
            self.trivia();
        }
        self.at += 1;
        self.close(K::Call);
        Ok(())
    }

    /// `name = value`, `..value` or `value`
    fn argument(&mut self) -> Read {
        self.open(K::Arg);
        if is_word_start(self.peek()) {
            let end = self.word_end(self.at);
            let ahead = self.skip_trivia(end);
            match (self.byte(ahead), self.byte(ahead + 1)) {
                (b'=', b'=' | b'>') | (b':', b'=') => {}
                (b':', _) => return Err(Rare),
                (b'=', _) => {
                    self.name_token()?;
                    self.trivia();
                    self.token(K::Assign, 1);
                    self.trivia();
                }
                _ => {}
            }
            self.expr()?;
        } else if self.starts_with(self.at, b"..") && self.byte(self.at + 2) != b'/' {
            self.spread()?;
        } else {
            self.expr()?;
        }
        self.close(K::Arg);
        Ok(())
    }

    /// `[index]`
    fn index(&mut self) -> Read {
        self.open(K::Index);
        self.at += 1;
        self.trivia();
        self.expr()?;
        self.trivia();
        if self.peek() != b']' {
            return Err(Rare);
        }
        self.at += 1;
        self.close(K::Index);
        Ok(())
    }

    /// `[items]`
    fn list(&mut self) -> Read {
        self.open(K::List);
        self.at += 1;
        self.trivia();
        while self.peek() != b']' {
            self.list_item()?;
            self.trivia();
            match self.peek() {
                b',' => self.at += 1,
                b';' => return Err(Rare),
                _ => {}
            }
            self.trivia();
        }
        self.at += 1;
        self.close(K::List);
        Ok(())
    }

    /// `value`, `..value`, `value if condition`
    fn list_item(&mut self) -> Read {
        self.open(K::ListItem);
        if self.starts_with(self.at, b"..") && self.byte(self.at + 2) != b'/' {
            self.spread()?;
        } else {
            self.expr()?;
        }
        let ahead = self.skip_trivia(self.at);
        if is_word_start(self.byte(ahead)) {
            let word = &self.bytes[ahead..self.word_end(ahead)];
            if word == b"if" {
                self.trivia();
                self.open(K::Guard);
                self.keyword(b"if", K::IfWord)?;
                self.trivia();
                self.expr()?;
                self.close(K::Guard);
            } else if is_keyword(word) && !matches!(word, b"true" | b"false" | b"null") {
                return Err(Rare);
            }
        }
        self.close(K::ListItem);
        Ok(())
    }
}
