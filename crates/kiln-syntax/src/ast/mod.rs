//! The typed syntax of one file as plain data: an arena of expressions and the items that use them.
//!
//! Never: says what a name means, keeps trivia (the lossless tree does).

mod dump;
mod entry;
mod expr;
mod packed;
mod sound;
mod ty;

pub use entry::{
    AssertEntry, Binder, Body, Entry, Field, ForEntry, IfEntry, KeyPart, LetEntry, Otherwise,
    Right, SpreadEntry, TypeEntry,
};
pub use expr::{Arg, BinaryOp, Expr, ForClause, LetBinding, ListEntry, Param, Part, UnaryOp};
pub use ty::{Type, TypeField, TypeKind};

pub(crate) use packed::{pack, unpack, unpack_names};

use kiln_diag::{FileId, Span};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The typed syntax of one file.
///
/// A file is either items (`entries`, and `value` is none) or, after any `let`, `type` and `assert`
/// items, one expression (`value`). Both may be empty: an empty file is an empty module.
#[derive(Clone, Debug, PartialEq)]
pub struct Ast {
    /// The text this was read from; every span names it.
    pub file: FileId,
    /// The `##!` lines, without their marks.
    pub doc: Option<String>,
    /// The items of the file, in order.
    pub entries: Vec<Entry>,
    /// The one expression, if the file is one.
    pub value: Option<ExprId>,
    /// The `##` lines before the one expression.
    pub value_doc: Option<String>,
    /// The innermost items with an error in them.
    pub(crate) broken: BTreeSet<Span>,
    exprs: Vec<Expr>,
    spans: Vec<Span>,
}

/// An expression of one [`Ast`]; an index into its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExprId(u32);

impl ExprId {
    /// Returns the position in the arena, for tables beside it.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A name as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Without quotes; equal names of a file share one allocation.
    pub text: Arc<str>,
    pub span: Span,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

impl Name {
    /// Returns whether the name is that of a kind, a type or a constructor.
    pub fn is_capital(&self) -> bool {
        is_capital(&self.text)
    }
}

/// Returns whether a name is capitalised: the name of a kind, a type or a constructor.
pub fn is_capital(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase())
}

/// Returns whether a text can be written as a name without quotes (a keyword can be, as a key).
pub fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts = bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let ends = bytes.last().is_some_and(|byte| word(*byte));
    let dashes_are_inner = !text.contains("--");
    starts && ends && dashes_are_inner && bytes.iter().all(|byte| word(*byte) || *byte == b'-')
}

impl Ast {
    /// Makes the syntax of an empty file.
    pub fn empty(file: FileId) -> Self {
        Self {
            file,
            doc: None,
            entries: Vec::new(),
            value: None,
            value_doc: None,
            broken: BTreeSet::new(),
            exprs: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Returns an expression of this file.
    ///
    /// # Panics
    /// If the id is of another file.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()]
    }

    /// Returns where an expression stands.
    ///
    /// # Panics
    /// If the id is of another file.
    pub fn span(&self, id: ExprId) -> Span {
        self.spans[id.index()]
    }

    /// Returns all expressions of the file, in the order in which they were read.
    pub fn exprs(&self) -> impl Iterator<Item = (ExprId, &Expr)> {
        (0u32..).map(ExprId).zip(&self.exprs)
    }

    /// Returns how many expressions the file has: ids are below it.
    pub fn len(&self) -> usize {
        self.exprs.len()
    }

    /// Returns whether the file has no expression.
    pub fn is_empty(&self) -> bool {
        self.exprs.is_empty()
    }

    /// Returns the stable text form: like kiln, with every bracket written.
    pub fn debug(&self) -> String {
        dump::dump(self)
    }

    /// Adds an expression to the arena.
    ///
    /// # Panics
    /// After 2^32 expressions; texts are at most 4 GiB, so there are fewer.
    pub fn push(&mut self, expr: Expr, span: Span) -> ExprId {
        let id = ExprId(u32::try_from(self.exprs.len()).expect("fewer than 2^32 expressions"));
        self.exprs.push(expr);
        self.spans.push(span);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capital_is_seen_behind_underscores() {
        assert!(is_capital("Autotools"));
        assert!(is_capital("_Private"));
        assert!(!is_capital("zinc"));
        assert!(!is_capital(""));
    }

    #[test]
    fn an_identifier_has_inner_dashes_only() {
        assert!(is_identifier("configure-args"));
        assert!(is_identifier("_x1"));
        for odd in ["", "gtk+-3", "1x", "a-", "-a", "a--b", "a b"] {
            assert!(!is_identifier(odd), "{odd}");
        }
    }
}
