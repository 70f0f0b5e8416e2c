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
            values.push(Value { id, node, doc, whole: true });
        });
        self.ast.doc = self.file_doc();
        self.ast.entries = items;
        let broken = self.broken();
        for value in &mut values {
            // What is not whole may have lost its name, or the rest of itself, to an error.
            let is_word = || {
                let (text, span) = (self.text_of(value.node), self.span(value.node));
                broken.is_read(self.starts, value.node)
                    && self.begins_next(text, text, span).is_some()
            };
            value.whole = !broken.is_in_chunk(self.starts, value.node) || is_word();
        }
        self.ast.broken = broken.items;
        self.judge(values);
    }

    /// Takes the one expression of the file, and reports expressions that do not fit.
    fn judge(&mut self, values: Vec<Value>) {
        // The rest of a broken item is the one expression only where nothing else can be.
        let is_first = values.iter().position(|value| value.whole).unwrap_or(0);
        let mut values = values.into_iter().skip(is_first);
        let Some(first) = values.next() else {
            return;
        };
        let binds =
            |entry: &&Entry| !matches!(entry, Entry::Let(_) | Entry::Type(_) | Entry::Assert(_));
        // A word before the name of an item is no value, however little else is sound.
        let is_word = self.begins_next(
            self.text_of(first.node),
            self.text_of(first.node),
            self.span(first.node),
        );
        let any = self.ast.entries.iter().find(binds).map(Entry::span);
        let item =
            self.sound_spans(binds).next().or(any.filter(|_| first.whole && is_word.is_some()));
        if let Some(item) = item {
            for value in std::iter::once(first).chain(values).filter(|value| value.whole) {
                self.among_items(&value, item);
                self.doubt_rest_of(&value);
            }
            return;
        }
        if !first.whole && self.ast.entries.iter().any(|entry| binds(&entry)) {
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
        let late = self.sound_spans(|_| true).find(|span| span.start > first_span.start);
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

    /// A value behind an item of its chunk may be the rest of that of the item.
    fn doubt_rest_of(&mut self, value: &Value) {
        let chunk = |at: u32| self.starts.partition_point(|start| *start <= at as usize);
        let here = chunk(value.node.start);
        let spans = self.ast.entries.iter().map(Entry::span);
        let same: Vec<Span> = spans.filter(|span| chunk(span.start) == here).collect();
        self.ast.broken.extend(same);
    }

    /// Returns the places of items that are no rests of broken ones.
    fn sound_spans(&self, wanted: impl Fn(&&Entry) -> bool) -> impl Iterator<Item = Span> {
        let spans = self.ast.entries.iter().filter(wanted).map(Entry::span);
        spans.filter(|span| !self.ast.broken.contains(span))
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
        let found =
            Diagnostic::error(code::TWO_VALUES, "an expression stands among the items of its file")
                .at(span, "this has no name")
                .also(item, "the file has items");
        if let Some(next) = self.begins_next(text, &name, span) {
            let before = Span { end: next, ..span };
            let help = match name.as_str() {
                "kind" | "class" => format!("remove `{name}`: a kind is a name with a capital"),
                "def" | "fn" | "function" | "func" => {
                    format!("remove `{name}`: a function is written `name(x) = …`")
                }
                _ => format!("remove `{name}`: an item begins with its name"),
            };
            let message = format!("`{name}` stands before the name of an item");
            let found = Diagnostic::error(code::TWO_VALUES, message).at(span, "no word of kiln");
            self.diagnostics.push(found.help(help).edit(before, ""));
            return;
        }
        let amended = self.before_braces(text, span);
        self.diagnostics.push(match amended {
            Some(between) => {
                found.help("`{` stands on the line of what it amends").edit(between, " ")
            }
            None if name == "Project" && block => self.beside_project(found, span),
            None => found.help(help),
        });
    }

    /// Returns where the item begins that a lone name stands before, on one line.
    fn begins_next(&self, text: &str, name: &str, span: Span) -> Option<u32> {
        let mut starts = self.ast.entries.iter().map(|entry| entry.span().start);
        let next = starts.find(|start| *start > span.start).filter(|_| text == name)?;
        let between = self.text.get(span.end as usize..next as usize)?;
        (!between.is_empty() && between.bytes().all(|byte| byte == b' ')).then_some(next)
    }

    /// Returns the blanks between an item and braces on the line below it.
    fn before_braces(&self, text: &str, span: Span) -> Option<Span> {
        let ends = self.ast.entries.iter().map(|entry| entry.span().end);
        let end = ends.filter(|end| *end <= span.start).max()?;
        let between = self.text.get(end as usize..span.start as usize)?;
        let is_next = text.starts_with('{') && between.trim() == "" && between.contains('\n');
        is_next.then_some(Span { start: end, end: span.start, ..span })
    }

    /// Items beside `Project { … }` are members that belong into it.
    fn beside_project(&self, found: Diagnostic, project: Span) -> Diagnostic {
        let text = |span: Span| self.text.get(span.start as usize..span.end as usize);
        let binds =
            |entry: &&Entry| !matches!(entry, Entry::Let(_) | Entry::Type(_) | Entry::Assert(_));
        let items: Vec<Span> = self.ast.entries.iter().filter(binds).map(Entry::span).collect();
        let first = items.first().and_then(|span| text(*span)).unwrap_or_default();
        let name = first.split([' ', '=', '{', ':', '.']).next().unwrap_or_default();
        let mut found = found.help(format!(
            "put `{name} = …` inside of `Project {{ … }}`, or into a file of its own, `{name}.kiln`"
        ));
        let Some(inner) = text(project).and_then(|text| text.strip_suffix('}')) else {
            return found;
        };
        let end = inner.trim_end().len();
        let is_line = !inner.contains('\n');
        let is_empty = inner.trim_end().ends_with('{');
        let at = project.start + u32::try_from(end).unwrap_or(0);
        for span in items {
            let item = text(span).unwrap_or_default();
            let comma = if is_line && !is_empty { "," } else { "" };
            let lead = if is_line { " ".to_owned() } else { "\n  ".to_owned() };
            let item = if is_line { item.to_owned() } else { item.replace('\n', "\n  ") };
            let put = format!("{comma}{lead}{item}");
            let rest = self.text.get(span.end as usize..).unwrap_or_default();
            let line_end = u32::from(rest.starts_with('\n'));
            found = found
                .edit(Span { start: at, end: at, ..project }, put)
                .edit(Span { end: span.end + line_end, ..span }, "");
        }
        found
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
