//! Expressions: names resolved, calls told apart from methods and built-in forms.

use super::body::Style;
use super::scope::Scope;
use super::{Compiler, NESTING, Paths, path};
use crate::code::{
    Argument, CodeRef, Expr, Form, Function, LetSlot, ListPart, Loop, Mentions, Parameter, Piece,
    ScopeId, TypeRef,
};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::{self, ExprId};
use std::collections::BTreeMap;
use std::rc::Rc;

impl Compiler<'_> {
    pub(super) fn expr(&mut self, id: ExprId) -> CodeRef {
        let span = self.ast.span(id);
        if self.nesting >= NESTING {
            self.report(
                Diagnostic::error(Code(412), "this expression nests too deep")
                    .at(span, format!("more than {NESTING} levels"))
                    .help("bind parts of it with `let`"),
            );
            return Rc::new(Expr { span, form: Form::Broken });
        }
        self.nesting += 1;
        let form = self.form(id, span);
        self.nesting -= 1;
        Rc::new(Expr { span, form })
    }

    fn form(&mut self, id: ExprId, span: Span) -> Form {
        let ast = self.ast;
        match ast.expr(id) {
            ast::Expr::Error => Form::Broken,
            ast::Expr::Hole => Form::Hole,
            ast::Expr::Null => Form::Null,
            ast::Expr::Bool(value) => Form::Bool(*value),
            ast::Expr::Int(value) => Form::Int(*value),
            ast::Expr::Text(parts) => self.text(parts),
            ast::Expr::Path(written) => self.path(written, span),
            ast::Expr::Name(name) => self.name(name),
            ast::Expr::List(parts) => {
                Form::List(parts.iter().map(|part| self.list_part(part)).collect())
            }
            ast::Expr::Record(body) => Form::Record(self.body(body, Style::RECORD)),
            ast::Expr::Lambda { params, body } => {
                Form::Lambda(self.function(params, None, *body, span))
            }
            ast::Expr::Call { callee, args } => self.call(*callee, args),
            ast::Expr::Index { base, index } => {
                Form::Index { base: self.expr(*base), index: self.expr(*index) }
            }
            ast::Expr::Select { base, name, optional } => self.select(*base, name, *optional),
            ast::Expr::Amend { base, body } => {
                Form::Amend { base: self.expr(*base), body: self.body(body, Style::AMEND) }
            }
            ast::Expr::Mixin { kind, body } => self.mixin(kind, body, span),
            ast::Expr::Unary { op, operand } => {
                Form::Unary { op: *op, operand: self.expr(*operand) }
            }
            ast::Expr::Binary { op, op_span, left, right } => Form::Binary {
                op: *op,
                op_span: *op_span,
                left: self.expr(*left),
                right: self.expr(*right),
            },
            ast::Expr::If { condition, then, otherwise } => Form::If {
                condition: self.expr(*condition),
                then: self.expr(*then),
                otherwise: self.expr(*otherwise),
            },
            ast::Expr::Let { bindings, body } => self.let_in(bindings, *body),
        }
    }

    fn select(&mut self, base: ExprId, name: &ast::Name, optional: bool) -> Form {
        let symbol = self.symbol(&name.text);
        let was_opaque = self.mentions.is_opaque;
        let code = self.expr(base);
        if matches!(code.form, Form::SelfElement) {
            // `self.k` mentions one field, not the whole object.
            self.mentions.is_opaque = was_opaque;
            self.mentions.symbols.insert(symbol);
        }
        Form::Select { base: code, name: symbol, name_span: name.span, optional }
    }

    fn text(&mut self, parts: &[ast::Part]) -> Form {
        match parts {
            [] => Form::Text(Rc::from("")),
            [ast::Part::Text(text)] => Form::Text(Rc::from(text.as_str())),
            parts => Form::Interpolation(
                parts
                    .iter()
                    .map(|part| match part {
                        ast::Part::Text(text) => Piece::Text(Rc::from(text.as_str())),
                        ast::Part::Interpolation { value, indent } => {
                            Piece::Value { code: self.expr(*value), indent: *indent as usize }
                        }
                    })
                    .collect(),
            ),
        }
    }

    fn path(&mut self, written: &str, span: Span) -> Form {
        if let Some(path) = path::join(&self.folder, written) {
            return Form::Path(Rc::from(path));
        }
        if self.paths == Paths::Anywhere {
            return Form::Path(Rc::from(path::join_outside(&self.folder, written)));
        }
        self.report(
            Diagnostic::error(Code(105), format!("the path `{written}` leaves the project"))
                .at(span, "above the folder of `project.kiln`")
                .help("move the files into the project, or make them a source of their own"),
        );
        Form::Broken
    }

    fn mixin(&mut self, kind: &[ast::Name], body: &ast::Body, span: Span) -> Form {
        let Some((first, rest)) = kind.split_first() else { return Form::Broken };
        let mut code = Rc::new(Expr { span: first.span, form: self.name(first) });
        for name in rest {
            let symbol = self.symbol(&name.text);
            let form =
                Form::Select { base: code, name: symbol, name_span: name.span, optional: false };
            code = Rc::new(Expr { span, form });
        }
        let outer = std::mem::replace(&mut self.in_key, false);
        let body = self.body(body, Style::AMEND);
        self.in_key = outer;
        Form::Mixin { kind: code, body }
    }

    fn list_part(&mut self, part: &ast::ListEntry) -> ListPart {
        let depth = self.scopes.len();
        let mut loops = Vec::new();
        for clause in &part.clauses {
            let over = self.expr(clause.over);
            let (scope, pair) = self.open_binder(&clause.binder);
            loops.push(Loop { scope, pair, over });
        }
        let guard = part.guard.map(|guard| self.expr(guard));
        let value = self.expr(part.value);
        self.scopes.truncate(depth);
        ListPart { spread: part.spread, value, loops, guard }
    }

    /// Opens the scope of a binder; tells whether it has two names.
    pub(super) fn open_binder(&mut self, binder: &ast::Binder) -> (ScopeId, bool) {
        let names = std::iter::once(&binder.first).chain(&binder.second);
        let names = self.local_names(names);
        let scope = self.open_locals(&names);
        let written = std::iter::once(&binder.first).chain(&binder.second);
        for (name, symbol) in written.zip(names) {
            self.note_site(scope, symbol, name.span);
        }
        (scope, binder.second.is_some())
    }

    /// Returns the symbols of names that one construct brings; reports those that it cannot bring.
    fn local_names<'n>(&mut self, names: impl Iterator<Item = &'n ast::Name>) -> Vec<Symbol> {
        let mut first: BTreeMap<Symbol, Span> = BTreeMap::new();
        let mut symbols = Vec::new();
        for name in names {
            self.refuse_reserved(name);
            let symbol = self.symbol(&name.text);
            symbols.push(symbol);
            let Some(before) = first.insert(symbol, name.span).filter(|_| !name.text.is_empty())
            else {
                continue;
            };
            let message = format!("`{}` is defined twice here", name.text);
            self.report(
                Diagnostic::error(Code(301), message)
                    .at(name.span, "the second definition")
                    .also(before, "the first one")
                    .help("rename one of them"),
            );
        }
        symbols
    }

    fn open_locals(&mut self, names: &[Symbol]) -> ScopeId {
        let scope = self.shared.fresh_scope();
        self.scopes.push(Scope::of_locals(scope, names));
        scope
    }

    fn call(&mut self, callee: ExprId, args: &[ast::Arg]) -> Form {
        let ast = self.ast;
        match ast.expr(callee) {
            ast::Expr::Name(name) if name.text.as_ref() == "path" && !name.quoted => {
                Form::MakePath { folder: Rc::clone(&self.folder), args: self.arguments(args) }
            }
            ast::Expr::Name(name) if name.text.as_ref() == "intrinsic" && self.stdlib => {
                Form::Intrinsic(self.arguments(args))
            }
            ast::Expr::Select { base, name, optional: false } => Form::Method {
                base: self.expr(*base),
                name: self.symbol(&name.text),
                name_span: name.span,
                args: self.arguments(args),
            },
            ast::Expr::Name(name) if name.text.as_ref() == "Project" && !name.quoted => {
                let callee = self.expr(callee);
                let outer = std::mem::replace(&mut self.paths, Paths::Anywhere);
                let args = self.arguments(args);
                self.paths = outer;
                Form::Call { callee, args }
            }
            _ => Form::Call { callee: self.expr(callee), args: self.arguments(args) },
        }
    }

    fn arguments(&mut self, args: &[ast::Arg]) -> Vec<Argument> {
        let mut compiled = Vec::new();
        for arg in args {
            compiled.push(Argument {
                name: arg.name.as_ref().map(|name| self.symbol(&name.text)),
                spread: arg.spread,
                value: self.expr(arg.value),
                span: arg.span,
            });
        }
        compiled
    }

    fn let_in(&mut self, bindings: &[ast::LetBinding], body: ExprId) -> Form {
        let names = self.local_names(bindings.iter().map(|binding| &binding.name));
        let scope = self.open_locals(&names);
        let mut slots = Vec::new();
        for (binding, name) in bindings.iter().zip(&names) {
            self.note_site(scope, *name, binding.name.span);
        }
        for (binding, name) in bindings.iter().zip(names) {
            let annotation = binding.annotation.as_ref();
            let (value, ty) =
                self.bound(binding.params.as_deref(), annotation, binding.value, binding.span);
            let mentions = Mentions::default();
            slots.push(LetSlot { name, value, ty, span: binding.name.span, mentions });
        }
        let body = self.expr(body);
        self.scopes.pop();
        Form::Let { scope, slots, body }
    }

    /// A value with an annotation, or a function whose annotation is that of its result.
    pub(super) fn bound(
        &mut self,
        params: Option<&[ast::Param]>,
        annotation: Option<&ast::Type>,
        value: ExprId,
        span: Span,
    ) -> (CodeRef, Option<TypeRef>) {
        let ty = annotation.map(|ty| self.ty(ty));
        match params {
            None => (self.expr(value), ty),
            Some(params) => {
                let form = Form::Lambda(self.function(params, ty, value, span));
                (Rc::new(Expr { span, form }), None)
            }
        }
    }

    fn function(
        &mut self,
        params: &[ast::Param],
        result: Option<TypeRef>,
        body: ExprId,
        span: Span,
    ) -> Rc<Function> {
        let names = self.local_names(params.iter().map(|param| &param.name));
        let scope = self.open_locals(&names);
        for (param, name) in params.iter().zip(&names) {
            self.note_site(scope, *name, param.name.span);
        }
        let mut parameters = Vec::new();
        for (param, name) in params.iter().zip(names) {
            parameters.push(Parameter {
                name,
                ty: param.annotation.as_ref().map(|ty| self.ty(ty)),
                default: param.default.map(|default| self.expr(default)),
                span: param.span,
            });
        }
        let body = self.expr(body);
        self.scopes.pop();
        Rc::new(Function { scope, params: parameters, result, body, span })
    }
}

impl Style {
    /// A record literal.
    const RECORD: Self = Self { amends: false, transparent: false };
    /// `r { … }` and mixins.
    const AMEND: Self = Self { amends: true, transparent: false };
}
