//! A file as a whole: items, or one expression.

use super::Lower;
use crate::ast::{Entry, ExprId};
use crate::code;
use crate::kind::SyntaxKind as K;
use crate::tree::Node;
use kiln_diag::{Diagnostic, Span};

impl Lower<'_> {
    /// Lowers the root.
    pub(super) fn file(&mut self) {
        let root = self.tree.root();
        let mut values: Vec<Value> = Vec::new();
        let items = self.items(root, |lower, ix, node, doc| {
            let id = match node.kind {
                K::LetIn => lower.let_in(ix, node),
                _ => lower.expr(ix, node),
            };
            // What is not whole may have lost its name, or the rest of itself, to its own error.
            let whole = !lower.tree.below(ix).any(|node| node.kind.is_error());
            values.push(Value { id, node, doc, whole });
        });
        self.ast.doc = self.file_doc();
        self.ast.entries = items;
        self.judge(values);
    }

    /// Takes the one expression of the file, and reports expressions that do not fit.
    fn judge(&mut self, values: Vec<Value>) {
        let mut values = values.into_iter();
        let Some(first) = values.next() else {
            return;
        };
        let binds =
            |entry: &&Entry| !matches!(entry, Entry::Let(_) | Entry::Type(_) | Entry::Assert(_));
        if let Some(item) = self.ast.entries.iter().find(binds).map(Entry::span) {
            for value in std::iter::once(first).chain(values).filter(|value| value.whole) {
                self.among_items(&value, item);
            }
            return;
        }
        let first_span = self.span(first.node);
        if let Some(second) = values.find(|value| value.whole && first.whole) {
            let span = self.span(second.node);
            self.diagnostics.push(
                Diagnostic::error(
                    code::TWO_VALUES,
                    "a file has one expression, this is a second one",
                )
                .at(span, "the second expression")
                .also(first_span, "the first expression")
                .help("give both a name, `a = …`, or move one into a file of its own"),
            );
        }
        let late =
            self.ast.entries.iter().map(Entry::span).find(|span| span.start > first_span.start);
        if let Some(late) = late.filter(|_| first.whole) {
            self.diagnostics.push(
                Diagnostic::error(
                    code::TWO_VALUES,
                    "an item stands after the expression of its file",
                )
                .at(late, "move this up")
                .also(first_span, "the expression is the last of its file")
                .help("move it before the expression, or give that a name: `name = …`"),
            );
        }
        self.ast.value = Some(first.id);
        self.ast.value_doc = first.doc;
    }

    fn among_items(&mut self, value: &Value, item: Span) {
        let span = self.span(value.node);
        let text = self.text_of(value.node);
        let name: String =
            text.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        let block = text.get(name.len()..).is_some_and(|rest| rest.trim_start().starts_with('{'));
        let help = match name.as_str() {
            _ if text.starts_with("- ") => {
                "a list is written `name = [a, b]`; a file is either items or one expression"
                    .to_owned()
            }
            name if name.is_empty() || name.starts_with('-') => {
                "write `name = …`: a file is either items or one expression".to_owned()
            }
            name if block => {
                format!("at the top of a file write `{name} = {{ … }}`, or `name = {name} {{ … }}`")
            }
            name => format!("write `{name} = …`: a file is either items or one expression"),
        };
        self.diagnostics.push(
            Diagnostic::error(code::TWO_VALUES, "an expression stands among the items of its file")
                .at(span, "this has no name")
                .also(item, "the file has items")
                .help(help),
        );
    }

    /// Returns the `##!` lines of the file.
    fn file_doc(&self) -> Option<String> {
        let comments = self.tree.children(self.tree.root()).map(|(_, node)| self.text_of(node));
        let lines: Vec<&str> =
            comments.filter_map(|text| text.strip_prefix("##!")).map(doc_line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// An expression at the top of a file.
struct Value {
    id: ExprId,
    node: Node,
    doc: Option<String>,
    /// Has no error inside.
    whole: bool,
}

/// Returns the text of a line of documentation without its mark and the blank after it.
pub(super) fn doc_line(rest: &str) -> &str {
    rest.strip_prefix(' ').unwrap_or(rest).trim_end()
}
