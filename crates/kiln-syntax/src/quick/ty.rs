//! Types: names, lists, dicts, literals and unions of them.

use super::token::is_word_start;
use super::{Rare, Read, Reader};
use crate::kind::SyntaxKind as K;

impl Reader<'_, '_, '_> {
    /// `: Type`
    pub(super) fn annotation(&mut self) -> Read {
        self.open(K::Annotation);
        self.token(K::Colon, 1);
        self.trivia();
        self.ty()?;
        self.close(K::Annotation);
        Ok(())
    }

    /// `A | B`
    fn ty(&mut self) -> Read {
        self.enter()?;
        self.open(K::Type);
        self.ty_one()?;
        loop {
            let ahead = self.skip_trivia(self.at);
            if self.byte(ahead) != b'|' {
                break;
            }
            self.trivia();
            self.at += 1;
            self.trivia();
            self.ty_one()?;
        }
        self.close(K::Type);
        self.depth -= 1;
        Ok(())
    }

    /// One type, perhaps with `?`.
    fn ty_one(&mut self) -> Read {
        self.open(K::TypeOne);
        match self.peek() {
            b'[' => self.bracketed(K::TypeList, b']')?,
            b'{' => self.bracketed(K::TypeDict, b'}')?,
            b'"' => self.string()?,
            byte if is_word_start(byte) => self.ty_name()?,
            _ => return Err(Rare),
        }
        if self.peek() == b'?' {
            self.at += 1;
        }
        self.close(K::TypeOne);
        Ok(())
    }

    /// A dotted name or `null`.
    fn ty_name(&mut self) -> Read {
        if self.word() == b"null" {
            self.alone(self.at + 4)?;
            self.token(K::Null, 4);
            return Ok(());
        }
        self.open(K::TypeName);
        self.name_token()?;
        while self.peek() == b'.' && is_word_start(self.byte(self.at + 1)) {
            self.at += 1;
            self.name_token()?;
        }
        self.close(K::TypeName);
        Ok(())
    }

    /// `[T]` or `{T}`; the fields of a record type are left to the grammar.
    fn bracketed(&mut self, kind: K, close: u8) -> Read {
        self.open(kind);
        self.at += 1;
        self.trivia();
        if close == b'}' {
            let end = self.word_end(self.at);
            let ahead = self.skip_trivia(end);
            let is_field = matches!(self.byte(ahead), b':' | b'?');
            if is_field || matches!(self.peek(), b'"') {
                return Err(Rare);
            }
        }
        self.ty()?;
        self.trivia();
        if self.peek() != close {
            return Err(Rare);
        }
        self.at += 1;
        self.close(kind);
        Ok(())
    }
}
