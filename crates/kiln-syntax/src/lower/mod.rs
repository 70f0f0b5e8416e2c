//! Lossless tree to typed syntax.
//!
//! What the grammar tolerates on purpose is judged here: separators, the one expression of a file, numbers.
//!
//! Never: reports an error node of the tree (`report` does), resolves a name.

mod broken;
mod entry;
mod expr;
mod file;
mod text;
mod ty;

use crate::ast::{Ast, Expr, ExprId, Name, is_capital};
use crate::code;
use crate::kind::SyntaxKind;
use crate::report::neighbours;
use crate::tree::{Node, NodeIx, Tree};
use kiln_diag::{Code, Diagnostic, Edit, FileId, Span};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Lowers the tree of a text; also returns the capital names in it.
pub(crate) fn lower(
    file: FileId,
    text: &str,
    tree: &Tree,
    starts: &[usize],
) -> (Ast, Vec<Diagnostic>, Vec<Arc<str>>) {
    let mut lower = Lower {
        text,
        tree,
        starts,
        ast: Ast::empty(file),
        diagnostics: Vec::new(),
        names: BTreeSet::new(),
    };
    lower.file();
    let capitals = lower.names.into_iter().filter(|name| is_capital(name)).collect();
    (lower.ast, lower.diagnostics, capitals)
}

struct Lower<'a> {
    text: &'a str,
    tree: &'a Tree,
    /// Where the chunks begin.
    starts: &'a [usize],
    ast: Ast,
    diagnostics: Vec<Diagnostic>,
    names: BTreeSet<Arc<str>>,
}

/// What may stand between two neighbours.
#[derive(Clone, Copy)]
enum Separator {
    Comma,
    CommaOrNewline,
}

impl<'a> Lower<'a> {
    /// Returns what is directly below a node, without trivia.
    fn parts(&self, ix: NodeIx) -> impl Iterator<Item = (NodeIx, Node)> + use<'a> {
        self.tree.children(ix).filter(|(_, node)| !node.kind.is_trivia())
    }

    /// Returns the first part of a kind.
    fn part(&self, ix: NodeIx, kind: SyntaxKind) -> Option<(NodeIx, Node)> {
        self.parts(ix).find(|(_, node)| node.kind == kind)
    }

    fn text_of(&self, node: Node) -> &'a str {
        node.text(self.text)
    }

    fn span(&self, node: Node) -> Span {
        Span::new(self.ast.file, node.start, node.end)
    }

    fn push(&mut self, expr: Expr, node: Node) -> ExprId {
        let span = self.span(node);
        self.ast.push(expr, span)
    }

    fn error(&mut self, code: Code, message: impl Into<String>, span: Span, label: &str) {
        self.diagnostics.push(Diagnostic::error(code, message).at(span, label));
    }

    /// Adds a help to the error reported last.
    fn help(&mut self, text: impl Into<String>) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.help = Some(text.into());
        }
    }

    /// Adds an edit to the error reported last.
    fn edit(&mut self, span: Span, text: impl Into<String>) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.edits.push(Edit { span, text: text.into() });
        }
    }

    /// Returns a name; equal names share their text.
    fn name(&mut self, text: &str, node: Node, quoted: bool) -> Name {
        let span = self.span(node);
        if let Some(known) = self.names.get(text) {
            return Name { text: Arc::clone(known), span, quoted };
        }
        let text: Arc<str> = Arc::from(text);
        self.names.insert(Arc::clone(&text));
        Name { text, span, quoted }
    }

    /// Returns the name that a token spells, the empty name for a missing one.
    fn word(&mut self, node: Node) -> Name {
        let text = self.text_of(node);
        self.name(text, node, false)
    }

    /// Reports neighbours that nothing separates.
    fn separate(&mut self, before: Option<Node>, node: Node, separator: Separator) {
        let Some(before) = before else {
            return;
        };
        let between = self.text.get(before.end as usize..node.start as usize).unwrap_or_default();
        let line = self.text.get(..node.start as usize).unwrap_or_default();
        let on_new_line = line.trim_end_matches([' ', '\t', '\r']).ends_with('\n');
        let new_line_is_enough = matches!(separator, Separator::CommaOrNewline);
        if (on_new_line && new_line_is_enough) || has_comma(between) {
            return;
        }
        let span = self.span(node);
        let spaced = matches!(self.text.as_bytes().get(node.start as usize), Some(b'(' | b'['));
        if spaced {
            self.error(
                code::SPACED_CALL,
                "a space stands before the bracket",
                span,
                "this does not belong to what stands before it",
            );
            self.help("write `f(x)` and `xs[i]` without a space; two items need a comma");
            self.edit(Span { start: before.end, end: node.start, ..span }, "");
            return;
        }
        let first = self.text_of(node).split(char::is_whitespace).next().unwrap_or_default();
        if let Some(found) = self.foreign(before, node, first) {
            self.diagnostics.push(found);
            return;
        }
        if first == "if" {
            self.late_condition(before, node);
            return;
        }
        let message = match separator {
            Separator::Comma => format!("expected a comma before `{first}`"),
            Separator::CommaOrNewline => format!("expected a comma or a new line before `{first}`"),
        };
        let label = "nothing separates this from what stands before";
        self.error(code::NO_SEPARATOR, message, span, label);
        let is_item = matches!(node.kind, SyntaxKind::Field) && self.text_of(node).contains('=');
        let is_place = |kind| {
            use SyntaxKind as K;
            matches!(kind, K::ListItem | K::Arg | K::TypeField | K::Param | K::Binding)
        };
        if is_item || is_place(node.kind) {
            self.edit(Span { start: before.end, end: before.end, ..span }, ",");
        }
        self.help(match node.kind {
            SyntaxKind::Field if is_item => {
                "items on one line are separated by commas: `a = 1, b = 2`"
            }
            SyntaxKind::ListItem => {
                "the items of a list are separated by commas; a call is written `f(x)`"
            }
            SyntaxKind::Field | SyntaxKind::Expr | SyntaxKind::Arg => {
                "a function is called as `f(x)`; strings are joined by `+` or by `%{…}` in a string"
            }
            _ => "write a comma between two of them",
        });
    }

    /// Says that a condition stands behind what it is to hold for.
    fn late_condition(&mut self, before: Node, node: Node) {
        let span = self.span(node);
        self.error(code::CONDITION, "a condition cannot follow an item", span, "not here");
        self.help("write `if c then { … }` around the item, or `[… if c]` inside of a list");
        if let Some(condition) = self.lone_condition(node) {
            let start = Span { end: before.start, ..self.span(before) };
            self.edit(start, format!("if {condition} then {{ "));
            self.edit(Span { start: before.end, ..span }, " }");
        }
    }

    /// Returns what to say about neighbours one of which is a word of another language.
    fn foreign(&self, before: Node, node: Node, first: &str) -> Option<Diagnostic> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let left = self.text_of(before);
        let left = &left[left.trim_end_matches(is_word).len()..];
        let n_left = u32::try_from(left.len()).unwrap_or(0);
        let right = &first[..first.len() - first.trim_start_matches(is_word).len()];
        let n_right = u32::try_from(right.len()).unwrap_or(0);
        let left_span = Span { start: before.end - n_left, ..self.span(before) };
        let right_span = Span { end: node.start + n_right, ..self.span(node) };
        neighbours(before.end < node.start, left, left_span, right, right_span)
    }

    /// Returns the condition of an `if` that has nothing else.
    fn lone_condition(&self, node: Node) -> Option<&'a str> {
        let text = self.text_of(node);
        let condition = text.strip_prefix("if")?.trim();
        (!condition.contains(['{', '\n', '#'])).then_some(condition)
    }
}

/// Returns whether a comma, or what people write for one, stands outside of the comments of a text.
fn has_comma(between: &str) -> bool {
    let code = between.split('\n').map(|line| line.split('#').next().unwrap_or_default());
    code.into_iter().any(|code| code.contains([',', ';']))
}
