//! Text to lossless tree to typed syntax; owns the grammar.
//!
//! # Purpose
//! [`parse`] reads any text: it answers with the typed syntax ([`ast::Ast`]), with every token of the text
//! and with findings, never with a failure.
//!
//! # Never
//! Evaluates, reads files, fails.

pub mod ast;

use ast::Ast;
use kiln_diag::{Diagnostic, FileId};

/// What a text says.
#[derive(Clone, Debug)]
pub struct Parse {
    pub ast: Ast,
    /// Syntax errors in order of place, at most 20.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parse {
    /// Returns whether the text has a syntax error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads a text. Never fails: what cannot be read is [`ast::Expr::Error`] and a diagnostic.
pub fn parse(file: FileId, _text: &str) -> Parse {
    Parse { ast: Ast::empty(file), diagnostics: Vec::new() }
}
