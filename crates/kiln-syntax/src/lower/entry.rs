//! Items of records and files.

use super::file::doc_line;
use super::{Lower, Separator};
use crate::ast::{
    AssertEntry, Binder, Body, Entry, Expr, ExprId, Field, ForEntry, IfEntry, KeyPart, LetEntry,
    Name, Otherwise, Param, Part, Right, SpreadEntry, Type, TypeEntry, TypeKind,
};
use crate::code;
use crate::kind::{Bad, Missing, SyntaxKind as K};
use crate::tree::{Node, NodeIx};
use kiln_diag::Span;

/// What stands right of a name in items and bindings.
#[derive(Default)]
pub(super) struct Bound {
    pub(super) key: Vec<KeyPart>,
    pub(super) params: Option<Vec<Param>>,
    pub(super) annotation: Option<Type>,
    pub(super) adds: bool,
    pub(super) value: Option<ExprId>,
    body: Option<Body>,
}

/// The longest chain of `else if` and of prefix operators.
pub(super) const LONGEST_CHAIN: usize = 256;

impl<'a> Lower<'a> {
    /// Lowers the items below a node; expressions among them go to `value`.
    pub(super) fn items(
        &mut self,
        ix: NodeIx,
        mut value: impl FnMut(&mut Self, NodeIx, Node, Option<String>),
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut doc: Vec<&str> = Vec::new();
        let mut before = None;
        for (ix, node) in self.tree.children(ix) {
            if node.kind == K::Comment {
                doc.extend(self.doc_comment(node));
                continue;
            }
            let is_value = matches!(node.kind, K::Expr | K::LetIn);
            if !is_value && !is_item(node.kind) {
                continue;
            }
            self.separate(before, node, Separator::CommaOrNewline);
            before = Some(node);
            let doc = std::mem::take(&mut doc);
            let doc = (!doc.is_empty()).then(|| doc.join("\n"));
            if is_value {
                value(self, ix, node, doc);
            } else {
                entries.push(self.entry(ix, node, doc));
            }
        }
        entries
    }

    /// Lowers `{ … }`.
    pub(super) fn record(&mut self, ix: NodeIx, node: Node) -> Body {
        let entries = self.items(ix, |_, _, _, _| {});
        Body { entries, span: self.span(node) }
    }

    /// Lowers the block below a body, or an empty one in its place.
    fn block_of(&mut self, ix: NodeIx, node: Node) -> Body {
        match self.part(ix, K::Record) {
            Some((record, node)) => self.record(record, node),
            None => Body { entries: Vec::new(), span: self.span(node) },
        }
    }

    fn doc_comment(&self, node: Node) -> Option<&'a str> {
        let rest = self.text_of(node).strip_prefix("##")?;
        let line = self.text.get(..node.start as usize)?.rsplit('\n').next()?;
        let own_line = line.trim_matches([' ', '\t', '\u{feff}']).is_empty();
        (own_line && !rest.starts_with(['#', '!'])).then(|| doc_line(rest))
    }

    fn entry(&mut self, ix: NodeIx, node: Node, doc: Option<String>) -> Entry {
        let span = self.span(node);
        match node.kind {
            K::LetItem => self.let_entry(ix, doc, span),
            K::TypeItem => self.type_entry(ix, doc, span),
            K::IfItem => Entry::If(self.if_entry(ix, span)),
            K::ForItem => self.for_entry(ix, span),
            K::AssertItem => self.assert_entry(ix, node),
            K::Spread => Entry::Spread(SpreadEntry { value: self.spread(ix, node), span }),
            _ => self.field(ix, node, doc),
        }
    }

    fn field(&mut self, ix: NodeIx, node: Node, doc: Option<String>) -> Entry {
        let mut bound = self.bound(ix);
        if bound.value.is_none() && bound.body.is_none() {
            self.colon_for_equals(ix, node, &mut bound);
        }
        let right = match (bound.body, bound.value) {
            (Some(body), _) => Right::Amend(body),
            (None, Some(value)) if bound.adds => Right::Add(value),
            (None, Some(value)) => Right::Set(value),
            (None, None) if bound.annotation.is_some() => Right::Declared,
            (None, None) => Right::Set(self.push(Expr::Error, node)),
        };
        let (params, annotation) = (bound.params, bound.annotation);
        Entry::Field(Field {
            doc,
            key: bound.key,
            params,
            annotation,
            right,
            span: self.span(node),
        })
    }

    /// `key: "text"`: a field that could have no other value; the value of a key is meant.
    fn colon_for_equals(&mut self, ix: NodeIx, node: Node, bound: &mut Bound) {
        let Some(Type { kind, span }) = &bound.annotation else { return };
        let span = *span;
        let value = match kind {
            TypeKind::TextLiteral(text) => Expr::Text(vec![Part::Text(text.clone())]),
            TypeKind::IntLiteral(number) => Expr::Int(*number),
            _ => return,
        };
        let Some((annotation, _)) = self.part(ix, K::Annotation) else { return };
        let Some((_, colon)) = self.part(annotation, K::Colon) else { return };
        let text = self.text_of(node);
        let key = text.split(':').next().unwrap_or_default().trim_end();
        let shown = text.rsplit(':').next().unwrap_or_default().trim();
        self.error(
            code::ASSIGNMENT,
            format!("`:` gives `{key}` a type, not a value"),
            self.span(colon),
            "write `=`",
        );
        self.help(format!("write `{key} = {shown}`"));
        let before = self.text.get(..colon.start as usize).unwrap_or_default();
        let equals = if before.ends_with(' ') { "=" } else { " =" };
        self.edit(self.span(colon), equals);
        bound.annotation = None;
        bound.value = Some(self.ast.push(value, span));
    }

    /// Lowers a key or name and what stands right of it.
    pub(super) fn bound(&mut self, ix: NodeIx) -> Bound {
        let mut bound = Bound::default();
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Key => bound.key = self.key(ix, node),
                K::Ident | K::Missing(Missing::Name) => {
                    bound.key = vec![KeyPart::Name(self.word(node))];
                }
                K::Params => bound.params = Some(self.params(ix)),
                K::Annotation => bound.annotation = Some(self.annotation(ix, node)),
                K::Assign => bound.adds = self.text_of(node) == "+=",
                K::Expr | K::Missing(Missing::Value) => bound.value = Some(self.value(ix, node)),
                K::Body => bound.body = Some(self.block_of(ix, node)),
                _ => {}
            }
        }
        bound
    }

    fn key(&mut self, ix: NodeIx, node: Node) -> Vec<KeyPart> {
        if self.part(ix, K::Bad(Bad::Key)).is_some() {
            let text = self.text_of(node);
            return vec![KeyPart::Name(self.name(text, node, true))];
        }
        let mut key = Vec::new();
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Ident | K::Word => key.push(KeyPart::Name(self.word(node))),
                K::String => match self.plain_string(ix) {
                    Some(text) => key.push(KeyPart::Name(self.name(&text, node, true))),
                    None => key.push(KeyPart::Dynamic(self.string(ix, node))),
                },
                K::DynamicKey => key.push(KeyPart::Dynamic(self.first_value(ix, node))),
                _ => {}
            }
        }
        key
    }

    fn let_entry(&mut self, ix: NodeIx, doc: Option<String>, span: Span) -> Entry {
        let bound = self.bound(ix);
        let name = self.single_name(bound.key, span);
        if bound.adds {
            self.error(
                code::ASSIGNMENT,
                format!("`{}` has no earlier value", name.text),
                span,
                "here",
            );
            self.help(format!("write `let {} = …`", name.text));
            if let Some(assign) = self.part(ix, K::Assign) {
                let span = self.span(assign.1);
                self.edit(span, "=");
            }
        }
        let (params, annotation) = (bound.params, bound.annotation);
        let value = bound.value.unwrap_or_else(|| self.ast.push(Expr::Error, span));
        Entry::Let(LetEntry { doc, name, params, annotation, value, span })
    }

    /// Returns the one name that a `let` binds.
    fn single_name(&mut self, key: Vec<KeyPart>, span: Span) -> Name {
        let mut key = key.into_iter();
        match (key.next(), key.next()) {
            (Some(KeyPart::Name(name)), None) => return name,
            (Some(KeyPart::Name(name)), Some(_)) => {
                self.error(code::NO_NAME, "a `let` binds one name, not a path", name.span, "here");
                self.help(format!("write `let {} = {{ … }}`", name.text));
                return name;
            }
            _ => {
                self.error(code::NO_NAME, "a `let` binds a plain name", span, "here");
                self.help("write `let name = …`");
            }
        }
        Name { text: "".into(), span, quoted: false }
    }

    fn type_entry(&mut self, ix: NodeIx, doc: Option<String>, span: Span) -> Entry {
        let mut name = None;
        let mut ty = None;
        let mut condition = None;
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Ident | K::Missing(Missing::Name) => name = Some(self.word(node)),
                K::Type | K::Missing(Missing::Type) => ty = Some(self.ty(ix, node)),
                K::TypeWhere => condition = Some(self.first_value(ix, node)),
                _ => {}
            }
        }
        let name = name.unwrap_or_else(|| Name { text: "".into(), span, quoted: false });
        if !name.is_capital() && !name.text.is_empty() {
            let message = format!("the type `{}` needs a capital letter", name.text);
            self.error(code::NO_NAME, message, name.span, "names of types begin with a capital");
            let mut capital = name.text.to_string();
            capital[..1].make_ascii_uppercase();
            self.help(format!("write `type {capital} = …`, and `{capital}` where it is used"));
        }
        let ty = ty.unwrap_or_else(|| super::ty::unread(span));
        Entry::Type(TypeEntry { doc, name, ty, condition, span })
    }

    /// Lowers a flat chain of `if … then { … } else if …`.
    fn if_entry(&mut self, ix: NodeIx, span: Span) -> IfEntry {
        let mut branches: Vec<(Span, Option<ExprId>, Option<Body>)> = Vec::new();
        let mut last = None;
        let mut after_else = false;
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::IfWord => branches.push((self.span(node), None, None)),
                K::ElseWord => after_else = true,
                K::ThenWord | K::Missing(Missing::Then) => after_else = false,
                K::Expr | K::Missing(Missing::Value) => {
                    let condition = self.value(ix, node);
                    if let Some(branch) = branches.last_mut() {
                        branch.1 = Some(condition);
                    }
                }
                K::Body | K::Missing(Missing::Block) => {
                    let body = self.block_of(ix, node);
                    match branches.last_mut() {
                        Some(branch) if !after_else => branch.2 = Some(body),
                        _ => last = Some(body),
                    }
                }
                _ => {}
            }
        }
        if branches.len() > LONGEST_CHAIN {
            self.error(code::DEPTH, "more than 256 branches of one `if`", span, "here");
            self.help("a table is shorter: `{ a = 1, b = 2 }[key]`");
            branches.truncate(LONGEST_CHAIN);
        }
        let mut otherwise = last.map(Otherwise::Body);
        let first = branches.remove(0);
        for (word, condition, then) in branches.into_iter().rev() {
            let entry = self.branch(word.to(span), condition, then, otherwise);
            otherwise = Some(Otherwise::If(Box::new(entry)));
        }
        self.branch(span, first.1, first.2, otherwise)
    }

    fn branch(
        &mut self,
        span: Span,
        condition: Option<ExprId>,
        then: Option<Body>,
        otherwise: Option<Otherwise>,
    ) -> IfEntry {
        let span = Span { start: span.start, ..span };
        let condition = condition.unwrap_or_else(|| self.ast.push(Expr::Error, span));
        let then = then.unwrap_or(Body { entries: Vec::new(), span });
        IfEntry { condition, then, otherwise, span }
    }

    fn for_entry(&mut self, ix: NodeIx, span: Span) -> Entry {
        let (binder, over) = self.binder_and_over(ix, span);
        let body = match self.parts(ix).find(|(_, node)| matches!(node.kind, K::Body)) {
            Some((ix, node)) => self.block_of(ix, node),
            None => Body { entries: Vec::new(), span },
        };
        Entry::For(ForEntry { binder, over, body, span })
    }

    /// Lowers `for x in over` of items and list items.
    pub(super) fn binder_and_over(&mut self, ix: NodeIx, span: Span) -> (Binder, ExprId) {
        let mut names = Vec::new();
        let mut over = None;
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Binder => {
                    let words = self.parts(ix).filter(|(_, node)| node.kind == K::Ident);
                    names.extend(words.map(|(_, node)| self.word(node)));
                }
                K::Expr | K::Missing(Missing::Value) => over = Some(self.value(ix, node)),
                _ => {}
            }
        }
        let mut names = names.into_iter();
        let first = names.next().unwrap_or_else(|| Name { text: "".into(), span, quoted: false });
        let over = over.unwrap_or_else(|| self.ast.push(Expr::Error, span));
        (Binder { first, second: names.next() }, over)
    }

    fn assert_entry(&mut self, ix: NodeIx, node: Node) -> Entry {
        let values: Vec<ExprId> = self
            .parts(ix)
            .filter(|(_, node)| matches!(node.kind, K::Expr | K::Missing(Missing::Value)))
            .map(|(ix, node)| self.value(ix, node))
            .collect();
        let condition = match values.first() {
            Some(condition) => *condition,
            None => self.push(Expr::Error, node),
        };
        let message = values.get(1).copied();
        Entry::Assert(AssertEntry { condition, message, span: self.span(node) })
    }
}

fn is_item(kind: K) -> bool {
    matches!(
        kind,
        K::Field | K::LetItem | K::TypeItem | K::IfItem | K::ForItem | K::AssertItem | K::Spread
    )
}
