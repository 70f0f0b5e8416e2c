//! Fields: the last binding that holds, evaluated once for each object, checked against its declaration.

use super::blame::{Blame, Bound};
use super::list::is_literal;
use super::names::{NamePart, NamePath};
use super::object::{LayerSource, Nature, Object, ObjectId, Position, Slot};
use super::{Env, FrameForm, FrameId, Lazy, Machine, Pending, Poison, Term};
use crate::code::{Binding, CodeRef, EntryForm, ScopeId, TypeForm, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::is_capital;
use std::rc::Rc;

/// The type of a field, where its names are read, and where it was declared.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    pub(super) ty: TypeRef,
    pub(super) frame: FrameId,
    pub(super) span: Option<Span>,
}

impl Machine {
    pub(super) fn object(&self, id: ObjectId) -> &Object {
        &self.objects[id.0 as usize]
    }

    pub(super) fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        self.touch_object(id);
        &mut self.objects[id.0 as usize]
    }

    pub(super) fn push_object(&mut self, object: Object) -> ObjectId {
        let id = ObjectId(super::index(self.objects.len()));
        self.objects.push(object);
        id
    }

    /// Reads a field; none if nothing binds it.
    pub(super) fn field(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        span: Span,
    ) -> Result<Option<Term>, Poison> {
        self.field_below(object, symbol, Position::TOP, span)
    }

    /// Reads what a field was before the binding at a position.
    pub(super) fn field_below(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        below: Position,
        span: Span,
    ) -> Result<Option<Term>, Poison> {
        let key = (symbol, below);
        match self.object(object).slots.get(key) {
            Some(Slot::Done(term)) => return Ok(Some(term.clone())),
            Some(Slot::Missing) => return Ok(None),
            Some(Slot::Failed) => return Err(Poison),
            Some(Slot::Busy) => return Err(self.report_cycle(object, symbol, span)),
            None => {}
        }
        if below == Position::TOP {
            self.check_keys(object)?;
            if symbol == self.well_known.version
                && let Some(term) = self.locked_version(object, span)?
            {
                self.object_mut(object).slots.insert(key, Slot::Done(term.clone()));
                return Ok(Some(term));
            }
            if let Some(term) = self.shared_field(object, symbol)? {
                return Ok(Some(term));
            }
        }
        self.enter(span)?;
        self.object_mut(object).slots.insert(key, Slot::Busy);
        self.pending.push(Pending::Field(object, symbol, span));
        let value = self.make_field(object, symbol, below);
        self.pending.pop();
        self.leave();
        let slot = match &value {
            Ok(Some(term)) => Slot::Done(term.clone()),
            Ok(None) => Slot::Missing,
            Err(Poison) => Slot::Failed,
        };
        self.object_mut(object).slots.insert(key, slot);
        value
    }

    fn make_field(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        below: Position,
    ) -> Result<Option<Term>, Poison> {
        let Some(position) = self.find_binding(object, symbol, below)? else { return Ok(None) };
        let layers = self.layers(object)?;
        let Some(layer) = layers.get(position.layer as usize) else { return Ok(None) };
        match &layer.source {
            LayerSource::Items { body, .. } | LayerSource::Keyed { body, .. } => {
                let body = Rc::clone(body);
                let frame = self.layer_frame(object, layer);
                let Some(binding) = binding_of(&body.entries[position.entry as usize].form) else {
                    return Ok(None);
                };
                let Some(value) = &binding.value else { return Ok(None) };
                // A literal makes no element.
                let name = if is_literal(&value.form) {
                    self.object(object).name
                } else {
                    self.binding_name(object, symbol, below)
                };
                let env = self.binding_env(object, symbol, position, binding, frame, name);
                let term = self.eval(value, env)?;
                let term = self.tag_kind(term, symbol, binding.key_span, name);
                self.check_field(object, symbol, term, value).map(Some)
            }
            LayerSource::Values(values) => {
                let (_, lazy, span) = values[position.entry as usize].clone();
                let term = self.force(&lazy)?;
                self.check_value(object, symbol, term, span).map(Some)
            }
            LayerSource::Folder(folder) => {
                let name = self.binding_name(object, symbol, below);
                let term = self.load_member(*folder, symbol, object, name)?;
                Ok(Some(term))
            }
        }
    }

    /// Returns the name that elements get which a binding makes.
    fn binding_name(&mut self, object: ObjectId, symbol: Symbol, below: Position) -> NamePath {
        let name = self.names.child(self.object(object).name, NamePart::Key(symbol));
        if below == Position::TOP { name } else { self.names.child(name, NamePart::Prototype) }
    }

    /// Returns where the right side of a binding is evaluated.
    fn binding_env(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        position: Position,
        binding: &Binding,
        frame: FrameId,
        name: NamePath,
    ) -> Env {
        if !binding.uses_super {
            return Env { frame, name };
        }
        let form = FrameForm::Super { object, symbol, below: position };
        Env { frame: self.push_frame(ScopeId::SUPER, frame, form), name }
    }

    /// Finds the last binding of a key whose conditions hold.
    pub(super) fn find_binding(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        below: Position,
    ) -> Result<Option<Position>, Poison> {
        let layers = self.layers(object)?;
        for (ix, layer) in (0..layers.len()).rev().zip(layers.iter().rev()) {
            if ix > below.layer as usize || !self.may_bind(layer, symbol) {
                continue;
            }
            if !layer.conditions.is_empty() && !self.layer_holds(object, layer)? {
                continue;
            }
            if let Some(entry) = self.find_entry(object, layer, symbol, ix, below)? {
                return Ok(Some(Position::new(ix, entry)));
            }
        }
        Ok(None)
    }

    pub(super) fn may_bind(&self, layer: &super::object::Layer, symbol: Symbol) -> bool {
        match &layer.source {
            LayerSource::Items { body, .. } => body.index.contains(symbol),
            LayerSource::Keyed { symbol: key, .. } => *key == symbol,
            LayerSource::Values(values) => values.iter().any(|(key, ..)| *key == symbol),
            LayerSource::Folder(folder) => {
                self.program.folders[*folder].members.contains_key(&symbol)
            }
        }
    }

    fn find_entry(
        &mut self,
        object: ObjectId,
        layer: &super::object::Layer,
        symbol: Symbol,
        ix: usize,
        below: Position,
    ) -> Result<Option<usize>, Poison> {
        let is_below = |entry| Position::new(ix, entry) < below;
        match &layer.source {
            LayerSource::Items { body, from, to, .. } => {
                let body = Rc::clone(body);
                for entry in body.index.get(symbol).rev() {
                    let has_value = binding_of(&body.entries[entry].form)
                        .is_some_and(|binding| binding.value.is_some());
                    if !has_value || !(*from..*to).contains(&entry) || !is_below(entry) {
                        continue;
                    }
                    let conditions = &body.entries[entry].conditions;
                    if conditions.is_empty() {
                        return Ok(Some(entry));
                    }
                    let frame = self.layer_frame(object, layer);
                    if self.hold(conditions, frame)? {
                        return Ok(Some(entry));
                    }
                }
                Ok(None)
            }
            LayerSource::Keyed { entry, .. } => Ok(is_below(*entry).then_some(*entry)),
            LayerSource::Values(values) => {
                let last = values.iter().rposition(|(key, ..)| *key == symbol);
                Ok(last.filter(|entry| is_below(*entry)))
            }
            LayerSource::Folder(_) => Ok(is_below(0).then_some(0)),
        }
    }

    /// Returns how a field of an object is declared, if it is.
    pub(super) fn declaration(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
    ) -> Result<Option<Declaration>, Poison> {
        let layers = self.layers(object)?;
        for layer in layers.iter().rev() {
            let LayerSource::Items { body, from, to, .. } = &layer.source else { continue };
            for entry in body.index.get(symbol).rev().filter(|entry| (*from..*to).contains(entry)) {
                let entry = &body.entries[entry];
                let Some(binding) = binding_of(&entry.form) else { continue };
                let Some(ty) = &binding.ty else { continue };
                let is_plain = entry.conditions.is_empty() && is_closed(ty);
                let frame =
                    if is_plain { FrameId::OUTERMOST } else { self.layer_frame(object, layer) };
                if self.layer_holds(object, layer)? && self.hold(&entry.conditions, frame)? {
                    let (ty, span) = (Rc::clone(ty), Some(binding.key_span));
                    return Ok(Some(Declaration { ty, frame, span }));
                }
            }
        }
        let content = self.object(object).content.clone();
        Ok(content.map(|(ty, frame)| Declaration { ty, frame, span: None }))
    }

    fn check_field(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        term: Term,
        value: &CodeRef,
    ) -> Result<Term, Poison> {
        let Some(declaration) = self.declaration(object, symbol)? else { return Ok(term) };
        let blame = Blame {
            value: value.span,
            code: Some(Rc::clone(value)),
            declared: declaration.span,
            what: Bound::Field(object, symbol),
        };
        self.check_or_report(term, &declaration.ty, declaration.frame, &blame)
    }

    fn check_value(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        term: Term,
        span: Span,
    ) -> Result<Term, Poison> {
        let Some(declaration) = self.declaration(object, symbol)? else { return Ok(term) };
        let what = Bound::Field(object, symbol);
        let blame = Blame { value: span, code: None, declared: declaration.span, what };
        self.check_or_report(term, &declaration.ty, declaration.frame, &blame)
    }

    /// Returns the value of a key before the binding at hand.
    pub(super) fn super_value(
        &mut self,
        env: Env,
        span: Span,
    ) -> Result<(ObjectId, Symbol, Option<Term>), Poison> {
        let found = self.find_frame(env.frame, ScopeId::SUPER).map(|id| &self.frame(id).form);
        let Some(FrameForm::Super { object, symbol, below }) = found else {
            return Err(self.report(
                Diagnostic::error(Code(107), "`super` stands outside of the value of a key")
                    .at(span, "no key has an earlier value here"),
            ));
        };
        let (object, symbol, below) = (*object, *symbol, *below);
        let value = self.field_below(object, symbol, below, span)?;
        Ok((object, symbol, value))
    }

    /// Makes a kind of what was bound to a capital name.
    pub(super) fn tag_kind(
        &mut self,
        term: Term,
        symbol: Symbol,
        span: Span,
        name: NamePath,
    ) -> Term {
        if let Term::Object(object) = &term
            && is_capital(self.symbols.text(symbol))
            && self.object(*object).name == name
            && self.object(*object).is_kind.is_none()
            && self.object(*object).kind.is_some()
        {
            let parent = self.object(*object).kind;
            let kind = match self.kind_of_binding.get(&(span, symbol)) {
                Some(kind) => *kind,
                None => self.push_kind(symbol, parent, false),
            };
            self.kind_of_binding.insert((span, symbol), kind);
            self.object_mut(*object).is_kind = Some(kind);
        }
        term
    }

    /// Returns whether a record is open data, not something with a kind.
    pub(super) fn is_dict(&self, object: ObjectId) -> bool {
        matches!(self.object(object).nature, Nature::Record | Nature::Module | Nature::Folder)
    }

    /// Forces a lazy value.
    pub(super) fn force(&mut self, lazy: &Lazy) -> Result<Term, Poison> {
        match lazy {
            Lazy::Done(term) => Ok(term.clone()),
            Lazy::Later(thunk) => self.force_thunk(*thunk),
        }
    }
}

/// Returns whether a type reads no name of the braces it is written in.
fn is_closed(ty: &TypeRef) -> bool {
    match ty.as_ref() {
        TypeForm::Value { .. } | TypeForm::Defined { .. } => false,
        TypeForm::List(of) | TypeForm::Dict(of) => is_closed(of),
        TypeForm::Union(types) => types.iter().all(is_closed),
        TypeForm::Record(fields) => fields.iter().all(|(_, _, ty)| is_closed(ty)),
        TypeForm::Function { params, result } => params.iter().all(is_closed) && is_closed(result),
        TypeForm::Any
        | TypeForm::Null
        | TypeForm::Bool
        | TypeForm::Int
        | TypeForm::Text
        | TypeForm::Path
        | TypeForm::Script
        | TypeForm::TextLiteral(_)
        | TypeForm::IntLiteral(_)
        | TypeForm::Kind(_) => true,
    }
}

/// Returns the binding of an item, if it is one.
pub(super) fn binding_of(form: &EntryForm) -> Option<&Binding> {
    match form {
        EntryForm::Binding(binding) | EntryForm::Keyed { binding, .. } => Some(binding),
        EntryForm::Spread(_) | EntryForm::For { .. } => None,
    }
}
