//! Amending: a new object from an old one and a body, and what may not be amended.

use super::names::NamePart;
use super::object::{Kind, KindId, LayerSource, Nature, Object, ObjectId, Raw};
use super::term::Mixin;
use super::{Env, FrameId, Lazy, Machine, Poison, Term};
use crate::code::{Body, CodeRef, Form, ScopeId, TypeForm};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, suggestion};
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

    /// Compares the keys of a closed object with what is declared; once for each object.
    pub(super) fn check_keys(&mut self, object: ObjectId) -> Result<(), Poison> {
        if std::mem::replace(&mut self.object_mut(object).keys_checked, true) {
            return Ok(());
        }
        let Some(base) = self.object(object).base else { return Ok(()) };
        if matches!(self.object(object).nature, Nature::Record | Nature::Project) {
            return Ok(());
        }
        let layers = self.layers(object)?;
        let inherited = self.layers(base)?.len();
        let from = if inherited <= layers.len() { inherited } else { 0 };
        let mut unknown = Vec::new();
        for layer in layers.from(from) {
            match &layer.source {
                LayerSource::Items { body, from, to, .. } => {
                    for symbol in body.index.keys_within(*from..*to) {
                        let entry = body.index.get(symbol).find(|ix| (*from..*to).contains(ix));
                        let binding =
                            entry.and_then(|ix| super::field::binding_of(&body.entries[ix].form));
                        unknown.extend(binding.map(|binding| (symbol, binding.key_span)));
                    }
                }
                LayerSource::Values(values) => {
                    unknown.extend(values.iter().map(|(symbol, _, span)| (*symbol, *span)));
                }
                LayerSource::Keyed { symbol, body, .. } => unknown.push((*symbol, body.span)),
                LayerSource::Folder(_) => {}
            }
        }
        self.refuse_redeclared(object, base, from)?;
        unknown.sort_by_key(|(_, span)| *span);
        for (symbol, span) in unknown {
            if !self.accepts(object, base, symbol)? {
                self.report_unknown_key(object, symbol, span)?;
            }
        }
        Ok(())
    }

    /// A field has one type: what a kind promises of it, no one who amends it takes back.
    fn refuse_redeclared(
        &mut self,
        object: ObjectId,
        base: ObjectId,
        from: usize,
    ) -> Result<(), Poison> {
        let layers = self.layers(object)?;
        let mut declared: Vec<(Symbol, Span, ScopeId)> = Vec::new();
        for layer in layers.from(from) {
            let LayerSource::Items { body, from, to, .. } = &layer.source else { continue };
            for entry in &body.entries[*from..*to] {
                let binding = super::field::binding_of(&entry.form);
                if let Some(binding) = binding.filter(|binding| binding.ty.is_some()) {
                    declared.push((binding.symbol, binding.key_span, body.scope));
                }
            }
        }
        if declared.is_empty() || self.is_dict(object) {
            return Ok(());
        }
        let inherited = self.declared_fields(base)?;
        for (ix, (symbol, span, scope)) in declared.iter().enumerate() {
            let mut earlier = declared[..ix].iter().filter(|(_, _, other)| other != scope);
            let beside = earlier.find(|(other, ..)| other == symbol).map(|(_, first, _)| *first);
            let above = inherited.iter().find(|(other, _)| other == symbol).map(|(_, span)| *span);
            let Some(first) = above.or(beside).filter(|first| first != span) else { continue };
            let written = self.text(*symbol);
            self.report(
                Diagnostic::error(Code(301), format!("`{written}` is declared twice"))
                    .at(*span, "a second type")
                    .also(first, "declared here")
                    .help(format!("leave the type out: `{written} = …`")),
            );
        }
        Ok(())
    }

    fn accepts(
        &mut self,
        object: ObjectId,
        base: ObjectId,
        symbol: Symbol,
    ) -> Result<bool, Poison> {
        let layers = self.layers(object)?;
        if self.is_dict(object) {
            let below = self.layers(base)?;
            return Ok(below.iter().any(|layer| self.may_bind(layer, symbol)));
        }
        // Under a condition or not: what is declared somewhere is a field.
        Ok(layers.iter().any(|layer| {
            let LayerSource::Items { body, from, to, .. } = &layer.source else { return false };
            let mut entries = body.index.get(symbol).filter(|entry| (*from..*to).contains(entry));
            entries.any(|entry| {
                let binding = super::field::binding_of(&body.entries[entry].form);
                binding.is_some_and(|binding| binding.ty.is_some())
            })
        }))
    }

    fn report_unknown_key(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        span: Span,
    ) -> Result<(), Poison> {
        let written = self.text(symbol);
        let fields = self.declared_fields(object)?;
        let names: Vec<Rc<str>> = fields.iter().map(|(field, _)| self.text(*field)).collect();
        let (code, message, label) = if self.is_dict(object) {
            let owner = self.object_name(object);
            (Code(307), format!("{owner} has no key `{written}` to override"), "overrides nothing")
        } else {
            let kind = self.kind_name(object);
            (Code(204), format!("`{kind}` has no field `{written}`"), "unknown field")
        };
        let mut finding = Diagnostic::error(code, message).at(span, label);
        let near = kiln_diag::nearest(&written, names.iter().map(AsRef::as_ref));
        let width = u32::try_from(written.len()).unwrap_or_default();
        let name = Span { end: span.end.min(span.start + width), ..span };
        if self.is_dict(object) {
            if let Some(help) = suggestion(&written, names.iter().map(AsRef::as_ref)) {
                finding = finding.help(help).edit(name, near[0]);
            }
        } else {
            let names = names.iter().map(AsRef::as_ref);
            finding = crate::habit::field(finding, &written, name, names);
            if finding.help.is_none() {
                finding = finding.help(format!("declare it with a type: `{written}: String = …`"));
            }
        }
        let declared = near.first().and_then(|near| {
            let found =
                fields.iter().find(|(field, _)| self.symbols.text(*field).as_ref() == *near);
            found.map(|(_, span)| *span)
        });
        if let Some(declared) = declared {
            finding = finding.also(declared, "declared here");
        }
        self.report(finding);
        Ok(())
    }

    /// Returns the fields that an object declares, lowest layer first, with their places.
    pub(super) fn declared_fields(
        &mut self,
        object: ObjectId,
    ) -> Result<Vec<(Symbol, Span)>, Poison> {
        let layers = self.layers(object)?;
        let is_dict = self.is_dict(object);
        let mut fields: Vec<(Symbol, Span)> = Vec::new();
        for layer in layers.iter() {
            let LayerSource::Items { body, from, to, .. } = &layer.source else {
                if is_dict {
                    let span = self.object(object).span;
                    fields.extend(self.written_keys(layer).into_iter().map(|key| (key, span)));
                }
                continue;
            };
            for entry in &body.entries[*from..*to] {
                let Some(binding) = super::field::binding_of(&entry.form) else { continue };
                let counts = is_dict || binding.ty.is_some();
                if counts && !fields.iter().any(|(symbol, _)| *symbol == binding.symbol) {
                    fields.push((binding.symbol, binding.key_span));
                }
            }
        }
        Ok(fields)
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
