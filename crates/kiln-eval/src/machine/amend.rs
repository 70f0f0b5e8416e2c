//! Amending: a new object from an old one and a body, and what may not be amended.

use super::names::NamePart;
use super::object::{Kind, KindId, LayerSource, Nature, Object, ObjectId, Raw};
use super::term::Mixin;
use super::{Env, FrameId, Lazy, Machine, Poison, Term};
use crate::code::{Body, CodeRef, Form, ScopeId, TypeForm};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use std::rc::Rc;

impl Machine {
    /// Makes a record of a pair of braces.
    pub(super) fn record(&mut self, body: &Rc<Body>, env: Env) -> Result<Term, Poison> {
        self.allocate(64 + 16 * body.entries.len(), body.span)?;
        let raws = Rc::from([Raw::Body { body: Rc::clone(body), frame: env.frame }]);
        let object = Object::new(Nature::Record, raws, env.name, body.span);
        Ok(Term::Object(self.push_object(object)))
    }

    /// `base { … }`
    pub(super) fn amend(
        &mut self,
        base: &CodeRef,
        body: &Rc<Body>,
        env: Env,
    ) -> Result<Term, Poison> {
        let prototype = self.eval_prototype(base, env)?;
        let raw = Raw::Body { body: Rc::clone(body), frame: env.frame };
        self.amend_term(&prototype, raw, env, base.span.to(body.span))
    }

    /// Evaluates what is amended or called; elements made on the way to it have no name of their own.
    pub(super) fn eval_prototype(&mut self, code: &CodeRef, env: Env) -> Result<Term, Poison> {
        if matches!(code.form, Form::Prelude(_)) {
            return self.eval(code, env);
        }
        let name = self.names.child(env.name, NamePart::Prototype);
        self.eval(code, Env { name, ..env })
    }

    /// `key { … }`: amends what the key held before, or an empty record.
    pub(super) fn amend_super(
        &mut self,
        body: &Rc<Body>,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let (owner, symbol, value) = self.super_value(env, span)?;
        let raw = Raw::Body { body: Rc::clone(body), frame: env.frame };
        let Some(value) = value else {
            let object = Object::new(Nature::Record, Rc::from([raw]), env.name, body.span);
            let object = self.push_object(object);
            self.give_content(owner, symbol, object)?;
            return Ok(Term::Object(object));
        };
        self.amend_term(&value, raw, env, span)
    }

    /// Lets a new dict know the type of its values before any of them is forced.
    fn give_content(
        &mut self,
        owner: ObjectId,
        symbol: Symbol,
        object: ObjectId,
    ) -> Result<(), Poison> {
        if let Some(declaration) = self.declaration(owner, symbol)?
            && let TypeForm::Dict(of) = declaration.ty.as_ref()
        {
            self.object_mut(object).content = Some((Rc::clone(of), declaration.frame));
        }
        Ok(())
    }

    /// Makes a new object of an old one and one more body.
    pub(super) fn amend_term(
        &mut self,
        prototype: &Term,
        raw: Raw,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let Term::Object(base) = prototype else {
            return Err(self.not_amendable(prototype, span));
        };
        let base = *base;
        let old = self.object(base);
        if old.nature == Nature::Project && old.is_kind.is_none() {
            return self.amend_project(base, &raw, env, span).map(Term::Object);
        }
        let raws: Rc<[Raw]> = old.raws.iter().cloned().chain([raw]).collect();
        let (nature, kind) = (old.nature, old.is_kind.or(old.kind));
        let content = old.content.clone();
        // A handle of an element is free; a body amended over and over is not.
        let n_bytes = 24 * raws.len().saturating_sub(64) + if self.is_dict(base) { 64 } else { 0 };
        self.allocate(n_bytes, span)?;
        let object =
            Object { kind, base: Some(base), content, ..Object::new(nature, raws, env.name, span) };
        let object = self.push_object(object);
        if nature == Nature::Element {
            let project = self.project_at(env.frame);
            self.element_places.insert((span, project));
            self.register_element(object, span)?;
        }
        Ok(Term::Object(object))
    }

    fn not_amendable(&mut self, found: &Term, span: Span) -> Poison {
        let text = self.describe(found);
        let mut finding = Diagnostic::error(Code(303), format!("{text} cannot be amended"))
            .at(span, "`{ … }` amends a record, kind, element or project");
        if matches!(found, Term::Mixin(_)) {
            finding = finding.help("apply the mixin inside of a body: `..name`");
        } else if matches!(found, Term::Null) {
            finding = finding.help("set it with `=` first");
        }
        self.report(finding)
    }

    /// Checks that a mixin is applied to what it is made for.
    pub(super) fn check_receiver(
        &mut self,
        receiver: ObjectId,
        mixin: &Mixin,
        span: Span,
    ) -> Result<(), Poison> {
        let env = Env { frame: mixin.frame, name: super::NamePath::ROOT };
        let wanted = self.eval(&mixin.kind, env)?;
        let wanted_kind = match &wanted {
            Term::Object(object) => self.object(*object).is_kind,
            _ => None,
        };
        let Some(wanted_kind) = wanted_kind else {
            return Err(self.report(
                Diagnostic::error(Code(305), "a mixin is for a kind")
                    .at(mixin.kind.span, "this is no kind"),
            ));
        };
        let own = self.object(receiver).kind;
        if self.descends(own, wanted_kind) {
            return Ok(());
        }
        let kind_name = self.text(self.kinds[wanted_kind.0 as usize].name);
        let receiver_name = self.object_name(receiver);
        Err(self.report(
            Diagnostic::error(
                Code(305),
                format!("the mixin is for `{kind_name}`, which {receiver_name} is not"),
            )
            .at(span, "applied here")
            .also(mixin.kind.span, "it says for what"),
        ))
    }

    pub(super) fn push_kind(
        &mut self,
        name: Symbol,
        parent: Option<KindId>,
        stdlib: bool,
    ) -> KindId {
        let id = KindId(super::index(self.kinds.len()));
        self.kinds.push(Kind { name, parent, stdlib });
        id
    }

    /// Returns whether a kind is another or descends from it.
    pub(super) fn descends(&self, kind: Option<KindId>, from: KindId) -> bool {
        let mut at = kind;
        while let Some(kind) = at {
            if kind == from {
                return true;
            }
            at = self.kinds[kind.0 as usize].parent;
        }
        false
    }

    /// `K(x, k = v)`: the first arguments fill the fields that the kind's own body declares, in order.
    pub(super) fn construct(
        &mut self,
        kind: ObjectId,
        positional: Vec<(Lazy, Span)>,
        named: Vec<(Symbol, Lazy, Span)>,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let own = self.own_fields(kind)?;
        if positional.len() > own.len() {
            let kind_name = self.kind_name(kind);
            let n_fields = own.len();
            return Err(self.report(
                Diagnostic::error(
                    Code(208),
                    format!("`{kind_name}` takes at most {n_fields} arguments by position"),
                )
                .at(positional[n_fields].1, "one too many"),
            ));
        }
        let first = own.iter().copied().zip(positional);
        let mut values: Vec<_> = first.map(|(field, (lazy, at))| (field, lazy, at)).collect();
        for (name, lazy, at) in named {
            if values.iter().any(|(field, ..)| *field == name) {
                let text = self.text(name);
                return Err(self.report(
                    Diagnostic::error(Code(208), format!("`{text}` is given twice"))
                        .at(at, "the second value"),
                ));
            }
            values.push((name, lazy, at));
        }
        self.amend_term(&Term::Object(kind), Raw::Values(Rc::new(values)), env, span)
    }

    fn own_fields(&mut self, kind: ObjectId) -> Result<Rc<[Symbol]>, Poison> {
        if let Some(known) = &self.object(kind).own_fields {
            return Ok(Rc::clone(known));
        }
        let own: Rc<[Symbol]> = Rc::from(self.find_own_fields(kind)?);
        self.object_mut(kind).own_fields = Some(Rc::clone(&own));
        Ok(own)
    }

    fn find_own_fields(&mut self, kind: ObjectId) -> Result<Vec<Symbol>, Poison> {
        let layers = self.layers(kind)?;
        for layer in layers.iter().rev() {
            let LayerSource::Items { body, from, to, .. } = &layer.source else { continue };
            let mut own = Vec::new();
            for entry in &body.entries[*from..*to] {
                let binding = super::field::binding_of(&entry.form);
                own.extend(binding.filter(|b| b.ty.is_some()).map(|b| b.symbol));
            }
            if !own.is_empty() {
                return Ok(own);
            }
        }
        Ok(Vec::new())
    }

    /// Returns the frame of the project instance that a place belongs to.
    pub(super) fn project_at(&self, frame: FrameId) -> Option<ObjectId> {
        let found = self.find_frame(frame, ScopeId::PROJECT)?;
        match &self.frame(found).form {
            super::FrameForm::Members(object) => Some(*object),
            _ => None,
        }
    }
}
