//! Text to lossless tree to typed syntax; owns the grammar.
//!
//! # Purpose
//! [`parse`] reads any text: it answers with the typed syntax ([`ast::Ast`]), with every token of the text
//! ([`Tree`]) and with findings, never with a failure.
//!
//! # Never
//! Evaluates, reads files, fails.
//!
//! # Example
//! ```
//! use kiln_diag::FileId;
//! let parse = kiln_syntax::parse(FileId(0), "version = 1.2\n");
//! assert_eq!(parse.ast.entries.len(), 1);
//! assert_eq!(parse.diagnostics[0].message, "`1.2` is no value: there are no fractions");
//! ```

pub mod ast;
mod chunk;
mod code;
mod common;
mod kind;
mod lost;
mod lower;
mod packed;
mod parser;
mod read;
mod report;
mod tree;

// What tests of the crate from outside read is read by those inside, too.
#[cfg(test)]
extern crate self as kiln_syntax;
#[cfg(test)]
#[path = "../tests/texts/mutants.rs"]
mod mutants;

pub use kind::{Bad, Missing, SyntaxKind};
pub use lost::{is_called, is_written, may_be};
pub use packed::{Packed, Syntax};
pub use tree::{Children, Node, NodeIx, Tree};

use ast::Ast;
use kiln_diag::{Diagnostic, FileId};
use std::sync::Arc;

/// Version of the grammar and of what is made of it: a text that was packed under another one is read again.
///
/// It is raised with every change of the grammar, of the typed syntax or of what lowering accepts.
pub const GRAMMAR_VERSION: u32 = 1;

/// What a text says.
#[derive(Clone, Debug)]
pub struct Parse {
    pub ast: Ast,
    /// Every token of the text.
    pub tree: Tree,
    /// Syntax errors in order of place, at most 20.
    pub diagnostics: Vec<Diagnostic>,
    /// Where the chunks begin, and the end of the text.
    bounds: Vec<usize>,
    capitals: Vec<Arc<str>>,
    lost: Vec<Arc<str>>,
}

impl Parse {
    /// Returns the bytes of each chunk: an item at column 0 with what belongs to it.
    pub fn chunks(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.bounds.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// Returns the capital names in the text, each once: the only ones that can mean something of the standard library.
    pub fn capitals(&self) -> impl Iterator<Item = &str> {
        self.capitals.iter().map(AsRef::as_ref)
    }

    /// Returns what items that could not be read in full may have been called, to be asked by [`may_be`]: that such a
    /// name seems to be missing elsewhere is no mistake of its own.
    pub fn lost(&self) -> impl Iterator<Item = &str> {
        self.lost.iter().map(AsRef::as_ref)
    }

    /// Frees what only tools for texts need: the lossless tree.
    #[must_use]
    pub fn without_tree(self) -> Self {
        Self { tree: Tree::default(), bounds: Vec::new(), ..self }
    }

    /// Returns every token, trivia included; their texts, one after the other, are the text.
    pub fn tokens(&self) -> impl Iterator<Item = Node> {
        self.tree.tokens()
    }

    /// Returns the stable text form of the lossless tree: kinds and bytes.
    pub fn debug_tree(&self) -> String {
        self.tree.debug(None)
    }

    /// Returns whether the text has a syntax error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads a text. Never fails: what cannot be read is [`ast::Expr::Error`] and a diagnostic.
pub fn parse(file: FileId, text: &str) -> Parse {
    if u32::try_from(text.len()).is_err() {
        let long = Diagnostic::error(code::UNEXPECTED, "a file has at most 4 GiB");
        return Parse { diagnostics: vec![long], ..parse(file, "") };
    }
    let starts = chunk::chunk_starts(text);
    read::on_deep_stack(text, &starts, || {
        let tree = read::read_tree(text, &starts, read::n_parts(text));
        let (ast, lowered, capitals) = lower::lower(file, text, &tree, &starts);
        let diagnostics = report::report(file, text, &tree, &starts, lowered);
        let bounds: Vec<usize> = starts.iter().copied().chain([text.len()]).collect();
        let lost = lost::words(text, &bounds, &diagnostics);
        Parse { ast, tree, diagnostics, bounds, capitals, lost }
    })
}
