//! Bodies: written keys first, then right sides, each skipping its own key.

use super::Compiler;
use super::name::RESERVED;
use super::scope::{Meaning, Scope};
use crate::code::{
    Assertion, Body, Condition, Entry, EntryForm, Expr, Form, KeyIndex, LetSlot, Loop, Mentions,
    TypeDefinition,
};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
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

/// The conditions that a path was set under, and where.
type SetUnder = (Rc<[Condition]>, Span);

/// A body under construction.
#[derive(Default)]
pub(super) struct Draft {
    entries: Vec<Entry>,
    lets: Vec<LetSlot>,
    types: Vec<TypeDefinition>,
    conditions: Vec<crate::code::CodeRef>,
    condition_mentions: Vec<Mentions>,
    assertions: Vec<Assertion>,
    pub(super) late: bool,
    /// Paths that were set, with their conditions, to find a second `=`.
    pub(super) set: BTreeMap<Vec<Symbol>, Vec<SetUnder>>,
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
                        self.note_site(scope.id, symbol, name.span);
                        match scope.names.get(&symbol) {
                            None if usable => drop(scope.names.insert(symbol, Meaning::Key)),
                            Some(Meaning::Let(_) | Meaning::Type(_)) => self.defined_twice(name),
                            None | Some(_) => {}
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
        self.note_site(scope.id, symbol, name.span);
        self.refuse_reserved(name);
        if scope.names.insert(symbol, meaning).is_some() {
            self.defined_twice(name);
        }
    }

    fn defined_twice(&mut self, name: &ast::Name) {
        let message = format!("`{}` is defined twice in these braces", name.text);
        self.report(
            Diagnostic::error(Code(301), message)
                .at(name.span, "the second definition")
                .help("rename one of them"),
        );
    }

    pub(super) fn refuse_reserved(&mut self, name: &ast::Name) {
        if !name.quoted && RESERVED.contains(&name.text.as_ref()) {
            let message = format!("`{}` is reserved", name.text);
            self.report(
                Diagnostic::error(Code(102), message).at(name.span, "cannot be bound").help(
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
        let mut draft = Draft { entries: Vec::with_capacity(entries.len()), ..Draft::default() };
        let none = Rc::clone(&self.shared.no_conditions);
        self.entries(entries, &none, &mut draft);
        self.refuse_endless_types(open.scope, &mut draft.types);
        let is_binding = |entry: &Entry| matches!(entry.form, EntryForm::Binding(_));
        let dynamic = !draft.entries.iter().all(is_binding);
        Body {
            scope: open.scope,
            span,
            transparent: open.style.transparent,
            index: KeyIndex::new(&draft.entries),
            entries: draft.entries,
            lets: draft.lets,
            types: draft.types,
            conditions: draft.conditions,
            condition_mentions: draft.condition_mentions,
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
                    if self.is_lost(&value) {
                        continue;
                    }
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

    /// Returns whether what is spread is a name that an item may have had which could not be read.
    fn is_lost(&self, value: &Expr) -> bool {
        match &value.form {
            Form::Broken => true,
            Form::Inherited { symbol, .. } => {
                let name = self.shared.symbols.text(*symbol);
                self.shared.lost.may_be(Some(self.ast.file), name)
            }
            _ => false,
        }
    }

    fn if_entry(&mut self, entry: &ast::IfEntry, under: &Rc<[Condition]>, draft: &mut Draft) {
        let ix = draft.conditions.len();
        let (condition, mentions) = self.mentioning(|compiler| compiler.expr(entry.condition));
        draft.conditions.push(condition);
        draft.condition_mentions.push(mentions);
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
        let ((value, ty), mentions) = self.mentioning(|compiler| {
            let annotation = entry.annotation.as_ref();
            compiler.bound(entry.params.as_deref(), annotation, entry.value, entry.span)
        });
        LetSlot { name: self.symbol(&entry.name.text), value, ty, span: entry.name.span, mentions }
    }

    fn type_definition(&mut self, entry: &ast::TypeEntry) -> TypeDefinition {
        if !entry.name.is_capital() {
            let message = format!("the type `{}` needs a capital name", entry.name.text);
            self.report(Diagnostic::error(Code(209), message).at(entry.name.span, "lower case"));
        }
        let ty = self.ty(&entry.ty);
        let condition = entry.condition.map(|condition| self.expr(condition));
        let (name, span) = (self.symbol(&entry.name.text), entry.name.span);
        TypeDefinition { name, span, ty, condition }
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
