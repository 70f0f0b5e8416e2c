//! Keys and what they are bound to, dotted ones included.

use super::body::{Draft, Style};
use super::{Compiler, NESTING};
use crate::code::{
    Binding, Body, CodeRef, Condition, Entry, EntryForm, Expr, Form, KeyIndex, TypeRef,
};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast;
use std::rc::Rc;

impl Compiler<'_> {
    pub(super) fn field(
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
        let set = draft.set.entry(path).or_default();
        if let Some((_, first)) = set.iter().find(|(when, _)| when == under) {
            let rest = rest.iter().filter_map(|part| match part {
                ast::KeyPart::Name(name) => Some([".", name.text.as_ref()].concat()),
                ast::KeyPart::Dynamic(_) => None,
            });
            let path: String = std::iter::once(name.text.to_string()).chain(rest).collect();
            let finding = Diagnostic::error(Code(301), format!("`{path}` is set twice"))
                .at(name.span, "the second `=`")
                .also(*first, "the first one")
                .help("remove one of them, or extend the first with `+=`");
            self.report(finding);
            return;
        }
        set.push((Rc::clone(under), span));
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
        let ((value, ty), mentions) = self.mentioning(|compiler| match rest.split_first() {
            Some((next, deeper)) => (compiler.dotted(next, deeper, field), None),
            None => compiler.right(field),
        });
        let uses_super = std::mem::replace(&mut self.super_used, outer_used);
        self.in_key = outer_in_key;
        Binding { symbol, key_span, value, ty, uses_super, mentions }
    }

    /// The braces that a dotted key stands for.
    fn dotted(
        &mut self,
        next: &ast::KeyPart,
        deeper: &[ast::KeyPart],
        field: &ast::Field,
    ) -> Option<CodeRef> {
        self.super_used = true;
        if self.nesting >= NESTING {
            let message = format!("this key has more than {NESTING} parts");
            self.report(Diagnostic::error(Code(412), message).at(field.span, "too deep"));
            return None;
        }
        self.nesting += 1;
        let scope = self.shared.fresh_scope();
        let mut dynamic = false;
        let form = match next {
            ast::KeyPart::Name(name) => {
                let symbol = self.symbol(&name.text);
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
        let entry = Entry { conditions: Rc::clone(&self.shared.no_conditions), form };
        self.nesting -= 1;
        let entries = vec![entry];
        let body = Rc::new(Body {
            scope,
            span: field.span,
            transparent: true,
            index: KeyIndex::new(&entries),
            entries,
            lets: Vec::new(),
            types: Vec::new(),
            conditions: Vec::new(),
            condition_mentions: Vec::new(),
            assertions: Vec::new(),
            dynamic,
            late: dynamic,
        });
        Some(Rc::new(Expr { span: field.span, form: Form::AmendSuper(body) }))
    }

    fn right(&mut self, field: &ast::Field) -> (Option<CodeRef>, Option<TypeRef>) {
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
                (Some(Rc::new(Expr { span: value.span, form: Form::AddSuper(value) })), ty)
            }
            ast::Right::Amend(body) => {
                let body = self.body(body, Style { amends: true, transparent: false });
                self.super_used = true;
                let ty = annotation.map(|ty| self.ty(ty));
                (Some(Rc::new(Expr { span: field.span, form: Form::AmendSuper(body) })), ty)
            }
            ast::Right::Declared => (None, annotation.map(|ty| self.ty(ty))),
        }
    }
}
