//! Parts of a text as they are written.
//!
//! Never: shows control characters as they are, wherever the text came from.

use kiln_diag::Span;
use kiln_syntax::ast::{Ast, Expr, ExprId, Right};

use crate::model::Source;

/// Makes a text harmless to a terminal and to readers: control characters and marks that turn its direction are spelt out.
pub(crate) fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c {
            '\n' => clean.push(c),
            '\t' => clean.push_str("    "),
            '\r' => {}
            c if c.is_control() || turns => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean
}

impl Source<'_> {
    /// Returns what stands in a span on one line: runs of blanks are one.
    pub(crate) fn line_of(&self, span: Span) -> String {
        let words: Vec<&str> = self.slice(span).split_whitespace().collect();
        harmless(&words.join(" "))
    }

    /// Returns what stands in a span; further lines lose the indentation of the line that it begins on.
    pub(crate) fn lines_of(&self, span: Span) -> String {
        let before = self.text.get(..span.start as usize).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut lines = self.slice(span).lines();
        let mut out = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            let blanks = line.len() - line.trim_start_matches(' ').len();
            out.push('\n');
            out.push_str(&line[blanks.min(indent)..]);
        }
        harmless(&out)
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Returns the right side of a field as written, with its operator; empty for a mere declaration.
    pub(crate) fn right(&self, right: &Right) -> String {
        let ast = &self.parse.ast;
        match right {
            Right::Set(value) => format!("= {}", self.lines_of(ast.span(*value))),
            Right::Add(value) => format!("+= {}", self.lines_of(ast.span(*value))),
            Right::Amend(body) => self.lines_of(body.span),
            Right::Declared => String::new(),
        }
    }
}

/// Returns the dotted name that an expression amends, calls or is: `Make` of `Make { … }` and of `Make(x) { … }`.
pub(crate) fn root_name(ast: &Ast, id: ExprId) -> Option<String> {
    match ast.expr(id) {
        Expr::Name(name) => Some(harmless(&name.text)),
        Expr::Amend { base: inner, .. } | Expr::Call { callee: inner, .. } => {
            root_name(ast, *inner)
        }
        Expr::Select { base, name, .. } => {
            Some(format!("{}.{}", root_name(ast, *base)?, harmless(&name.text)))
        }
        Expr::If { then, otherwise, .. } => {
            root_name(ast, *then).or_else(|| root_name(ast, *otherwise))
        }
        Expr::Let { body, .. } => root_name(ast, *body),
        _ => None,
    }
}
