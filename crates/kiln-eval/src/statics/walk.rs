//! The walk over all code: each expression once, with the braces around it.

use super::chain::{Chain, Found, Layer};
use super::parts::{aside, children};
use super::shape::{Shape, link};
use super::{Around, Braces, Fields, Locals, Statics};
use crate::code::{Body, CodeRef, EntryForm, Form, ScopeId, TypeForm, TypeRef};
use crate::habit;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, suggestion};
use std::rc::Rc;

impl Statics<'_> {
    /// Notes all braces and binders of an expression.
    pub(super) fn collect(&mut self, code: &CodeRef) {
        match &code.form {
            Form::Record(body)
            | Form::AmendSuper(body)
            | Form::Amend { body, .. }
            | Form::Mixin { body, .. } => self.collect_body(body, false),
            Form::Lambda(function) => {
                self.locals.insert(function.scope, Locals::Parameters(Rc::clone(function)));
            }
            Form::Let { scope, slots, .. } => self.collect_lets(*scope, slots),
            Form::List(parts) => {
                parts.iter().flat_map(|part| &part.loops).for_each(|head| self.collect_loop(head));
            }
            _ => {}
        }
        for child in children(code) {
            self.collect(&child);
        }
    }

    pub(super) fn collect_body(&mut self, body: &Rc<Body>, is_file: bool) {
        self.braces.insert(body.scope, Braces { body: Rc::clone(body), is_file });
        for entry in &body.entries {
            match &entry.form {
                EntryForm::Binding(binding) => {
                    binding.value.iter().for_each(|value| self.collect(value));
                }
                EntryForm::Keyed { key, binding } => {
                    self.collect(key);
                    binding.value.iter().for_each(|value| self.collect(value));
                }
                EntryForm::Spread(value) => self.collect(value),
                EntryForm::For { head, body } => {
                    self.collect_loop(head);
                    self.collect_body(body, false);
                }
            }
        }
        for code in aside(body) {
            self.collect(&code);
        }
    }

    /// Walks the items of a pair of braces.
    pub(super) fn walk_body(&mut self, body: &Rc<Body>, fields: &Fields) {
        self.around.push(Around { scope: body.scope, fields: fields.clone(), key: None });
        for code in aside(body) {
            self.walk(&code);
        }
        for slot in &body.lets {
            if let Some(ty) = &slot.ty {
                self.walk_type(ty);
                self.expect(&slot.value, ty, self.text(slot.name), Some(slot.span));
            }
        }
        body.types.iter().for_each(|definition| self.walk_type(&definition.ty));
        for condition in &body.conditions {
            self.expect_condition(condition);
        }
        for entry in &body.entries {
            match &entry.form {
                EntryForm::Binding(binding) => {
                    binding.ty.iter().for_each(|ty| self.walk_type(ty));
                    let Some(value) = &binding.value else { continue };
                    self.set_key(Some(binding.symbol));
                    let declared = self.declaration_of(fields, binding.symbol, binding.ty.as_ref());
                    if let Some((ty, span)) = &declared {
                        let span = span.or(Some(binding.key_span));
                        self.expect(value, ty, self.text(binding.symbol), span);
                    }
                    self.replaced_list(fields, binding);
                    self.walk_value(
                        fields,
                        binding.symbol,
                        value,
                        declared.as_ref().map(|(ty, _)| ty),
                    );
                    self.set_key(None);
                }
                EntryForm::Keyed { key, binding } => {
                    self.walk(key);
                    binding.value.iter().for_each(|value| self.walk_block(value, &Fields::Unknown));
                }
                EntryForm::Spread(value) => self.walk(value),
                EntryForm::For { head, body } => {
                    self.walk(&head.over);
                    self.walk_body(body, &Fields::Free);
                }
            }
        }
        self.around.pop();
    }

    /// Returns the type of a key: written here, or in what the braces amend.
    fn declaration_of(
        &self,
        fields: &Fields,
        symbol: Symbol,
        ty: Option<&TypeRef>,
    ) -> Option<(TypeRef, Option<Span>)> {
        if let Some(ty) = ty {
            return Some((Rc::clone(ty), None));
        }
        let Fields::Of(chain) = fields else { return None };
        match self.find_field(chain, symbol) {
            Found::Declared(fact) => Some((fact.ty, Some(fact.span))),
            _ => None,
        }
    }

    /// Walks what a key is bound to; a block there amends what the key held.
    fn walk_value(
        &mut self,
        fields: &Fields,
        symbol: Symbol,
        value: &CodeRef,
        ty: Option<&TypeRef>,
    ) {
        if Some(symbol) == self.names.defaults
            && let Fields::Of(chain) = fields
            && chain.root() == self.names.project
            && let Form::AmendSuper(kinds) | Form::Record(kinds) = &value.form
        {
            return self.walk_defaults(kinds);
        }
        let inner = match ty.map(Rc::as_ref) {
            Some(TypeForm::Dict(_) | TypeForm::Record(_) | TypeForm::Any) => Fields::Free,
            _ => Fields::Unknown,
        };
        self.walk_block(value, &inner);
    }

    /// Notes which key of the innermost braces is walked.
    fn set_key(&mut self, key: Option<Symbol>) {
        if let Some(around) = self.around.last_mut() {
            around.key = key;
        }
    }

    /// Walks the kinds that a type names.
    pub(super) fn walk_type(&mut self, ty: &TypeRef) {
        match ty.as_ref() {
            TypeForm::Value { code, .. } => self.walk(code),
            TypeForm::List(of) | TypeForm::Dict(of) => self.walk_type(of),
            TypeForm::Union(types) => types.iter().for_each(|one| self.walk_type(one)),
            TypeForm::Record(fields) => fields.iter().for_each(|(_, _, one)| self.walk_type(one)),
            TypeForm::Function { params, result } => {
                for one in params.iter().chain([result]) {
                    self.walk_type(one);
                }
            }
            _ => {}
        }
    }

    fn walk_block(&mut self, value: &CodeRef, fields: &Fields) {
        match &value.form {
            Form::AmendSuper(body) => self.walk_body(body, fields),
            _ => self.walk(value),
        }
    }

    /// `defaults { K { … } }`: each body is a mixin for its kind.
    fn walk_defaults(&mut self, kinds: &Rc<Body>) {
        for entry in &kinds.entries {
            let EntryForm::Binding(binding) = &entry.form else { continue };
            let Some(value) = &binding.value else { continue };
            let (Form::AmendSuper(body) | Form::Record(body)) = &value.form else {
                self.walk(value);
                continue;
            };
            let prelude = Rc::new(crate::code::Expr {
                span: binding.key_span,
                form: Form::Prelude(binding.symbol),
            });
            let fields = match self.shape(&prelude, 0) {
                Shape::Kind(kind) => Fields::Of(kind),
                _ => Fields::Unknown,
            };
            self.check_keys(body, &fields);
            self.walk_body(body, &fields);
        }
    }

    /// Walks an expression.
    pub(super) fn walk(&mut self, code: &CodeRef) {
        match &code.form {
            Form::Inherited { symbol, not_in } => self.inherited(*symbol, not_in, code.span),
            Form::BraceLet { scope, ix } => {
                self.used.insert((*scope, *ix));
                self.uses.lets.entry((*scope, *ix)).or_default().push(code.span);
            }
            Form::Local { scope, ix } => {
                self.used.insert((*scope, *ix));
            }
            Form::Field { scope, symbol } => self.note_use(*scope, *symbol, code.span),
            Form::Record(body) => self.walk_body(body, &Fields::Free),
            Form::AmendSuper(body) => self.walk_body(body, &Fields::Unknown),
            Form::Amend { base, body } => {
                self.walk(base);
                self.walk_amend(base, body, code.span);
            }
            Form::Mixin { kind, body } => {
                self.walk(kind);
                let fields = match self.shape(kind, 0) {
                    Shape::Kind(kind) => Fields::Of(link(kind, Layer::Body(Rc::clone(body)))),
                    _ => Fields::Unknown,
                };
                self.check_keys(body, &fields);
                self.walk_body(body, &fields);
            }
            Form::Binary { op, op_span, left, right } => {
                if *op == kiln_syntax::ast::BinaryOp::Coalesce {
                    self.walk_optional(left);
                } else {
                    self.walk(left);
                }
                self.walk(right);
                self.operator(*op, *op_span, left, right);
            }
            Form::Select { base, name, name_span, optional } => {
                if *optional {
                    self.walk_optional(base);
                } else {
                    self.walk(base);
                }
                if !optional {
                    self.check_member(base, *name, *name_span);
                }
            }
            _ => {
                self.check_form(code);
                for child in children(code) {
                    self.walk(&child);
                }
            }
        }
    }

    /// Walks what may be missing: the last key of it is not asked for.
    fn walk_optional(&mut self, code: &CodeRef) {
        match &code.form {
            Form::Select { base, optional: true, .. } => self.walk_optional(base),
            Form::Select { base, .. } => self.walk(base),
            _ => self.walk(code),
        }
    }

    fn walk_amend(&mut self, base: &CodeRef, body: &Rc<Body>, span: Span) {
        let shape = self.shape(base, 0);
        let fields = match shape {
            Shape::Kind(chain) | Shape::Instance(chain) => {
                Fields::Of(link(chain, Layer::Body(Rc::clone(body))))
            }
            Shape::Record => Fields::Free,
            Shape::Unknown | Shape::Project | Shape::Folder(..) | Shape::File(_) => Fields::Unknown,
            Shape::Null
            | Shape::Bool
            | Shape::Int(_)
            | Shape::Text(_)
            | Shape::Path
            | Shape::List
            | Shape::Function(_)
            | Shape::Mixin(..) => {
                self.not_amendable(&shape, span);
                Fields::Unknown
            }
        };
        self.check_keys(body, &fields);
        self.walk_body(body, &fields);
    }

    /// Checks that the kind has all the keys of a body.
    pub(super) fn check_keys(&mut self, body: &Rc<Body>, fields: &Fields) {
        let Fields::Of(chain) = fields else { return };
        if chain.root() == self.names.project {
            return;
        }
        for entry in &body.entries {
            let EntryForm::Binding(binding) = &entry.form else { continue };
            if binding.ty.is_none() {
                self.check_key(chain, binding.symbol, binding.key_span, binding.key_span);
            }
        }
    }

    /// Checks that a kind has a field.
    pub(super) fn check_key(&mut self, chain: &Rc<Chain>, symbol: Symbol, span: Span, name: Span) {
        if !matches!(self.find_field(chain, symbol), Found::Absent) {
            return;
        }
        let written = self.text(symbol);
        let kind = chain.kind().map_or("record", |kind| self.text(kind));
        let names = self.field_names(chain);
        let mut finding =
            Diagnostic::error(Code(204), format!("`{kind}` has no field `{written}`"))
                .at(span, "unknown field");
        let near = kiln_diag::nearest(written, names.keys().copied());
        finding = match near.first() {
            Some(first) => {
                let declared = names[first].span;
                let help = suggestion(written, names.keys().copied()).unwrap_or_default();
                finding.also(declared, "declared here").help(help).edit(name, *first)
            }
            None => habit::field(finding, written, name, names.keys().copied()),
        };
        if finding.help.is_none() {
            finding = finding.help(format!("declare it with a type: `{written}: String = …`"));
        }
        self.report(finding);
    }

    /// Checks a name that only a field of the braces around it can mean.
    fn inherited(&mut self, symbol: Symbol, not_in: &[ScopeId], span: Span) {
        let mut names: Vec<String> = Vec::new();
        for around in self.around.iter().rev() {
            match &around.fields {
                Fields::Free => {}
                Fields::Unknown => return,
                Fields::Of(chain) => {
                    let found = self.find_field(chain, symbol);
                    if matches!(found, Found::Unknown) {
                        return;
                    }
                    if matches!(found, Found::Declared(_)) && !not_in.contains(&around.scope) {
                        return;
                    }
                    names.extend(self.field_names(chain).into_keys().map(str::to_owned));
                }
            }
        }
        names.extend(self.visible_names());
        let text = self.text(symbol).to_owned();
        let mut finding = Diagnostic::error(Code(101), format!("`{text}` is not defined"))
            .at(span, "no such name here, and no field of the enclosing kind");
        finding = if not_in.is_empty() {
            habit::name(finding, &text, span, names.iter().map(String::as_str))
        } else {
            finding.help(crate::compile::OWN_KEY)
        };
        if let Some(opener) = self.opener(span) {
            finding = super::foreign::undefined(finding, &text, opener);
        }
        self.report(finding);
    }

    /// Returns all names that would mean something here: the fields of the kinds around, and what is visible.
    pub(super) fn names_here(&self) -> Vec<String> {
        let mut names = self.visible_names();
        for around in &self.around {
            if let Fields::Of(chain) = &around.fields {
                names.extend(self.field_names(chain).into_keys().map(str::to_owned));
            }
        }
        names
    }

    /// Returns the names that are written around the place at hand, and those of the standard library.
    pub(super) fn visible_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for around in &self.around {
            let Some(braces) = self.braces.get(&around.scope) else { continue };
            names.extend(braces.body.index.keys().map(|key| self.text(key).to_owned()));
            names.extend(braces.body.lets.iter().map(|slot| self.text(slot.name).to_owned()));
        }
        let members = self.code.folders.iter().flat_map(|folder| folder.members.keys());
        names.extend(members.map(|key| self.text(*key).to_owned()));
        names.extend(self.code.stdlib.keys().map(|key| self.text(*key).to_owned()));
        names
    }
}
