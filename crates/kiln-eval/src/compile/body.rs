//! Bodies: written keys first, then right sides, each skipping its own key.

use super::Compiler;
use super::name::RESERVED;
use super::scope::{Meaning, Scope};
use crate::code::{
    Assertion, Binding, Body, Code, Condition, Entry, EntryForm, Form, LetSlot, Loop,
    TypeDefinition,
};
use crate::symbol::Symbol;
use kiln_diag::{Code as Number, Diagnostic, Span};
use kiln_syntax::ast;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How a pair of braces relates to what encloses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// It amends a value that may have a kind.
    pub(super) amends: bool,
    /// It was not written, it stands for a dotted key.
    pub(super) transparent: bool,
}

/// A body whose scope is open.
pub(super) struct OpenBody {
    scope: crate::code::ScopeId,
    style: Style,
}

/// A body under construction.
#[derive(Default)]
struct Draft {
    entries: Vec<Entry>,
    lets: Vec<LetSlot>,
    types: Vec<TypeDefinition>,
    conditions: Vec<crate::code::CodeRef>,
    assertions: Vec<Assertion>,
    late: bool,
    /// Paths that were set, with their conditions, to find a second `=`.
    set: Vec<(Vec<Symbol>, Rc<[Condition]>, Span)>,
}

impl Compiler<'_> {
    /// Compiles a pair of braces.
    pub(super) fn body(&mut self, body: &ast::Body, style: Style) -> Rc<Body> {
        let open = self.open_body(&body.entries, style);
        let filled = self.fill_body(&open, &body.entries, body.span);
        self.scopes.pop();
        Rc::new(filled)
    }

    /// Opens the scope of some items: all keys, `let`s and types written in them.
    pub(super) fn open_body(&mut self, entries: &[ast::Entry], style: Style) -> OpenBody {
        let id = self.shared.fresh_scope();
        let mut scope = Scope::new(id, style.amends);
        let mut counts = (0, 0);
        self.collect(entries, &mut scope, &mut counts);
        self.scopes.push(scope);
        OpenBody { scope: id, style }
    }

    fn collect(&mut self, entries: &[ast::Entry], scope: &mut Scope, counts: &mut (usize, usize)) {
        for entry in entries {
            match entry {
                ast::Entry::Field(field) => {
                    if let Some(ast::KeyPart::Name(name)) = field.key.first() {
                        let usable = !name.quoted || ast::is_identifier(&name.text);
                        let symbol = self.symbol(&name.text);
                        if usable && !scope.names.contains_key(&symbol) {
                            scope.names.insert(symbol, Meaning::Key);
                        }
                    }
                }
                ast::Entry::Let(entry) => {
                    self.define(scope, &entry.name, Meaning::Let(counts.0));
                    counts.0 += 1;
                }
                ast::Entry::Type(entry) => {
                    self.define(scope, &entry.name, Meaning::Type(counts.1));
                    counts.1 += 1;
                }
                ast::Entry::If(entry) => self.collect_if(entry, scope, counts),
                ast::Entry::For(_) | ast::Entry::Assert(_) | ast::Entry::Spread(_) => {}
            }
        }
    }

    fn collect_if(&mut self, entry: &ast::IfEntry, scope: &mut Scope, counts: &mut (usize, usize)) {
        self.collect(&entry.then.entries, scope, counts);
        match &entry.otherwise {
            Some(ast::Otherwise::Body(body)) => self.collect(&body.entries, scope, counts),
            Some(ast::Otherwise::If(next)) => self.collect_if(next, scope, counts),
            None => {}
        }
    }

    fn define(&mut self, scope: &mut Scope, name: &ast::Name, meaning: Meaning) {
        let symbol = self.symbol(&name.text);
        self.refuse_reserved(name);
        if scope.names.insert(symbol, meaning).is_some() {
            let message = format!("`{}` is defined twice in these braces", name.text);
            self.report(
                Diagnostic::error(Number(301), message)
                    .at(name.span, "the second definition")
                    .help("rename one of them"),
            );
        }
    }

    fn refuse_reserved(&mut self, name: &ast::Name) {
        if !name.quoted && RESERVED.contains(&name.text.as_ref()) {
            let message = format!("`{}` is reserved", name.text);
            self.report(
                Diagnostic::error(Number(102), message).at(name.span, "cannot be bound").help(
                    format!("choose another name, or quote it as a key: `\"{}\"`", name.text),
                ),
            );
        }
    }

    /// Compiles the items of an open body; the scope stays open.
    pub(super) fn fill_body(
        &mut self,
        open: &OpenBody,
        entries: &[ast::Entry],
        span: Span,
    ) -> Body {
        let mut draft = Draft::default();
        self.entries(entries, &Rc::from([]), &mut draft);
        let mut index: BTreeMap<Symbol, Vec<usize>> = BTreeMap::new();
        let mut dynamic = false;
        for (ix, entry) in draft.entries.iter().enumerate() {
            match &entry.form {
                EntryForm::Binding(binding) => index.entry(binding.symbol).or_default().push(ix),
                _ => dynamic = true,
            }
        }
        Body {
            scope: open.scope,
            span,
            transparent: open.style.transparent,
            entries: draft.entries,
            index,
            lets: draft.lets,
            types: draft.types,
            conditions: draft.conditions,
            assertions: draft.assertions,
            dynamic,
            late: draft.late,
        }
    }

    fn entries(&mut self, entries: &[ast::Entry], under: &Rc<[Condition]>, draft: &mut Draft) {
        for entry in entries {
            let form = match entry {
                ast::Entry::Field(field) => match self.field(field, under, draft) {
                    Some(form) => form,
                    None => continue,
                },
                ast::Entry::Spread(spread) => {
                    let (value, late) = self.watched(|compiler| compiler.expr(spread.value));
                    draft.late |= late || !under.is_empty();
                    EntryForm::Spread(value)
                }
                ast::Entry::For(entry) => {
                    draft.late = true;
                    self.for_entry(entry)
                }
                ast::Entry::Let(entry) => {
                    let slot = self.let_slot(entry);
                    draft.lets.push(slot);
                    continue;
                }
                ast::Entry::Type(entry) => {
                    let definition = self.type_definition(entry);
                    draft.types.push(definition);
                    continue;
                }
                ast::Entry::If(entry) => {
                    self.if_entry(entry, under, draft);
                    continue;
                }
                ast::Entry::Assert(entry) => {
                    let assertion = Assertion {
                        conditions: Rc::clone(under),
                        test: self.expr(entry.condition),
                        message: entry.message.map(|message| self.expr(message)),
                    };
                    draft.assertions.push(assertion);
                    continue;
                }
            };
            draft.entries.push(Entry { conditions: Rc::clone(under), form });
        }
    }

    fn if_entry(&mut self, entry: &ast::IfEntry, under: &Rc<[Condition]>, draft: &mut Draft) {
        let ix = draft.conditions.len();
        let condition = self.expr(entry.condition);
        draft.conditions.push(condition);
        let with = |wanted| -> Rc<[Condition]> {
            under.iter().copied().chain([Condition { ix, wanted }]).collect()
        };
        self.entries(&entry.then.entries, &with(true), draft);
        match &entry.otherwise {
            Some(ast::Otherwise::Body(body)) => self.entries(&body.entries, &with(false), draft),
            Some(ast::Otherwise::If(next)) => self.if_entry(next, &with(false), draft),
            None => {}
        }
    }

    fn for_entry(&mut self, entry: &ast::ForEntry) -> EntryForm {
        let over = self.expr(entry.over);
        let (scope, pair) = self.open_binder(&entry.binder);
        let body = self.body(&entry.body, Style { amends: false, transparent: false });
        self.scopes.pop();
        EntryForm::For { head: Loop { scope, pair, over }, body }
    }

    fn let_slot(&mut self, entry: &ast::LetEntry) -> LetSlot {
        let (value, ty) =
            self.bound(entry.params.as_deref(), entry.annotation.as_ref(), entry.value, entry.span);
        LetSlot { name: self.symbol(&entry.name.text), value, ty, span: entry.name.span }
    }

    fn type_definition(&mut self, entry: &ast::TypeEntry) -> TypeDefinition {
        if !entry.name.is_capital() {
            let message = format!("the type `{}` needs a capital name", entry.name.text);
            self.report(Diagnostic::error(Number(209), message).at(entry.name.span, "lower case"));
        }
        let ty = self.ty(&entry.ty);
        let condition = entry.condition.map(|condition| self.expr(condition));
        TypeDefinition { ty, condition }
    }

    fn field(
        &mut self,
        field: &ast::Field,
        under: &Rc<[Condition]>,
        draft: &mut Draft,
    ) -> Option<EntryForm> {
        let (first, rest) = field.key.split_first()?;
        if let (ast::KeyPart::Name(name), ast::Right::Set(_)) = (first, &field.right) {
            self.refuse_second(name, rest, under, field.span, draft);
        }
        match first {
            ast::KeyPart::Name(name) => {
                self.refuse_reserved(name);
                let symbol = self.symbol(&name.text);
                // A function may call itself: only values would need themselves.
                let skipped = if field.params.is_some() { None } else { Some(symbol) };
                let before = self.skip(skipped);
                let binding = self.binding(symbol, name.span, rest, field);
                self.skip(before);
                Some(EntryForm::Binding(binding))
            }
            ast::KeyPart::Dynamic(key) => {
                draft.late = true;
                let span = self.ast.span(*key);
                let key = self.expr(*key);
                let symbol = self.symbol("");
                Some(EntryForm::Keyed { key, binding: self.binding(symbol, span, rest, field) })
            }
        }
    }

    /// Sets the key that the innermost braces skip; returns the one before.
    fn skip(&mut self, symbol: Option<Symbol>) -> Option<Symbol> {
        let scope = self.scopes.last_mut()?;
        std::mem::replace(&mut scope.skip, symbol)
    }

    fn refuse_second(
        &mut self,
        name: &ast::Name,
        rest: &[ast::KeyPart],
        under: &Rc<[Condition]>,
        span: Span,
        draft: &mut Draft,
    ) {
        let mut path = vec![self.symbol(&name.text)];
        for part in rest {
            let ast::KeyPart::Name(name) = part else { return };
            path.push(self.symbol(&name.text));
        }
        let first = draft.set.iter().find(|(other, when, _)| *other == path && when == under);
        if let Some((_, _, first)) = first {
            let finding = Diagnostic::error(Number(301), format!("`{}` is set twice", name.text))
                .at(name.span, "the second `=`")
                .also(*first, "the first one")
                .help("remove one of them, or extend the first with `+=`");
            self.report(finding);
            return;
        }
        draft.set.push((path, Rc::clone(under), span));
    }

    /// Compiles what a key (and the rest of a dotted one) is bound to.
    fn binding(
        &mut self,
        symbol: Symbol,
        key_span: Span,
        rest: &[ast::KeyPart],
        field: &ast::Field,
    ) -> Binding {
        let outer_used = std::mem::replace(&mut self.super_used, false);
        let outer_in_key = std::mem::replace(&mut self.in_key, true);
        let mut ty = None;
        let value = if let Some((next, deeper)) = rest.split_first() {
            self.super_used = true;
            let body = self.dotted(next, deeper, field);
            Some(Rc::new(Code { span: field.span, form: Form::AmendSuper(body) }))
        } else {
            let (value, annotation) = self.right(field);
            ty = annotation;
            value
        };
        let uses_super = std::mem::replace(&mut self.super_used, outer_used);
        self.in_key = outer_in_key;
        Binding { symbol, key_span, value, ty, uses_super }
    }

    /// The braces that a dotted key stands for.
    fn dotted(
        &mut self,
        next: &ast::KeyPart,
        deeper: &[ast::KeyPart],
        field: &ast::Field,
    ) -> Rc<Body> {
        let scope = self.shared.fresh_scope();
        let mut index = BTreeMap::new();
        let mut dynamic = false;
        let form = match next {
            ast::KeyPart::Name(name) => {
                let symbol = self.symbol(&name.text);
                index.insert(symbol, vec![0]);
                EntryForm::Binding(self.binding(symbol, name.span, deeper, field))
            }
            ast::KeyPart::Dynamic(key) => {
                dynamic = true;
                let span = self.ast.span(*key);
                let key = self.expr(*key);
                let symbol = self.symbol("");
                EntryForm::Keyed { key, binding: self.binding(symbol, span, deeper, field) }
            }
        };
        let entry = Entry { conditions: Rc::from([]), form };
        Rc::new(Body {
            scope,
            span: field.span,
            transparent: true,
            entries: vec![entry],
            index,
            lets: Vec::new(),
            types: Vec::new(),
            conditions: Vec::new(),
            assertions: Vec::new(),
            dynamic,
            late: dynamic,
        })
    }

    fn right(
        &mut self,
        field: &ast::Field,
    ) -> (Option<crate::code::CodeRef>, Option<crate::code::TypeRef>) {
        let annotation = field.annotation.as_ref();
        match &field.right {
            ast::Right::Set(value) => {
                let (value, ty) =
                    self.bound(field.params.as_deref(), annotation, *value, field.span);
                (Some(value), ty)
            }
            ast::Right::Add(value) => {
                let value = self.expr(*value);
                self.super_used = true;
                let ty = annotation.map(|ty| self.ty(ty));
                (Some(Rc::new(Code { span: value.span, form: Form::AddSuper(value) })), ty)
            }
            ast::Right::Amend(body) => {
                let body = self.body(body, Style { amends: true, transparent: false });
                self.super_used = true;
                let ty = annotation.map(|ty| self.ty(ty));
                (Some(Rc::new(Code { span: field.span, form: Form::AmendSuper(body) })), ty)
            }
            ast::Right::Declared => (None, annotation.map(|ty| self.ty(ty))),
        }
    }

    /// Runs a step and tells whether it looked a name up in the innermost braces.
    fn watched<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let depth = self.scopes.len() - 1;
        let before = std::mem::replace(&mut self.scopes[depth].touched, false);
        let value = step(self);
        let touched = std::mem::replace(&mut self.scopes[depth].touched, before);
        self.scopes[depth].touched |= touched;
        (value, touched)
    }
}
