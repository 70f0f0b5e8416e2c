//! Types of values: checked when a slot is forced, with the one coercion there is (Script).

use super::blame::{Blame, Found, Mismatch, Part, Refusal, Wanted, mismatch};
use super::object::{LayerSource, Nature, ObjectId};
use super::term::{Closure, Promise};
use super::{Env, FrameForm, FrameId, Lazy, Machine, NamePath, Poison, Term};
use crate::code::{CodeRef, Form, TypeForm, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, suggestion};
use std::rc::Rc;

impl Machine {
    /// Returns the value as a type sees it, or reports.
    pub(super) fn check_or_report(
        &mut self,
        term: Term,
        ty: &TypeRef,
        frame: FrameId,
        blame: &Blame,
    ) -> Result<Term, Poison> {
        let outer = self.checking.replace((self.pending.len(), blame.value));
        let checked = self.check(term, ty, frame);
        self.checking = outer;
        let mismatch = match checked {
            Ok(term) => return Ok(term),
            Err(Refusal::Poison) => return Err(Poison),
            Err(Refusal::Mismatch(mismatch)) => mismatch,
        };
        Err(self.report_mismatch(*mismatch, blame))
    }

    fn check(&mut self, term: Term, ty: &TypeRef, frame: FrameId) -> Result<Term, Refusal> {
        // A type may be defined by itself, and a value may nest without an end.
        let span = self.last_span();
        self.spend(1, span)?;
        self.enter_expression(span)?;
        let checked = self.check_form(term, ty, frame);
        self.leave_expression();
        checked
    }

    fn check_form(&mut self, term: Term, ty: &TypeRef, frame: FrameId) -> Result<Term, Refusal> {
        match (ty.as_ref(), &term) {
            (TypeForm::Any, _)
            | (TypeForm::Null, Term::Null)
            | (TypeForm::Bool, Term::Bool(_))
            | (TypeForm::Int, Term::Int(_))
            | (TypeForm::Text, Term::Text(_))
            | (TypeForm::Path, Term::Path(_)) => Ok(term),
            (TypeForm::Function { .. }, Term::Function(closure)) => {
                // Promises of a function that is taken over and over add up.
                self.allocate(32 * closure.promises.len(), self.last_span())?;
                promise(closure, ty, frame)
            }
            (TypeForm::TextLiteral(wanted), Term::Text(text)) if wanted == text => Ok(term),
            (TypeForm::IntLiteral(wanted), Term::Int(number)) if wanted == number => Ok(term),
            (TypeForm::Script, Term::Text(_)) => Ok(Term::List(Rc::from([Lazy::Done(term)]))),
            (TypeForm::Script, Term::List(list)) => self.script(&Rc::clone(list), ty),
            (TypeForm::List(of), Term::List(list)) => self.check_list(&Rc::clone(list), of, frame),
            (TypeForm::Dict(of), Term::Object(object)) if self.is_dict(*object) => {
                self.check_dict(*object, of, frame)?;
                Ok(term)
            }
            (TypeForm::Record(fields), Term::Object(object)) if self.is_dict(*object) => {
                self.check_record(*object, fields, frame)?;
                Ok(term)
            }
            (TypeForm::Union(types), _) => self.check_union(&term, types, ty, frame),
            (TypeForm::Kind(kind), _) => {
                if self.is_of_stdlib_kind(&term, *kind) {
                    return Ok(term);
                }
                Err(mismatch(ty, &term))
            }
            (TypeForm::Value { code, .. }, _) => {
                if let Some((frame, ix)) = self.type_of_module(code, frame)? {
                    return self.check_defined(term, frame, ix, ty);
                }
                let env = Env { frame, name: NamePath::ROOT };
                let kind = self.eval(code, env)?;
                if self.is_of_kind(&term, &kind, code)? {
                    return Ok(term);
                }
                Err(mismatch(ty, &term))
            }
            (TypeForm::Defined { scope, ix, .. }, _) => {
                let Some(found) = self.find_frame(frame, *scope) else { return Ok(term) };
                self.check_defined(term, found, *ix, ty)
            }
            _ => Err(mismatch(ty, &term)),
        }
    }

    /// Splices scripts into one list of steps.
    fn script(&mut self, list: &[Lazy], ty: &TypeRef) -> Result<Term, Refusal> {
        let mut steps = Vec::new();
        for (ix, term) in self.force_items(list)?.into_iter().enumerate() {
            match term {
                Term::Text(_) => steps.push(Lazy::Done(term)),
                Term::List(inner) => {
                    self.enter(self.last_span())?;
                    let spliced = self.script(&inner, ty);
                    self.leave();
                    match spliced? {
                        Term::List(inner) => steps.extend(inner.iter().cloned()),
                        other => steps.push(Lazy::Done(other)),
                    }
                }
                other => return Err(nested(mismatch(ty, &other), Part::Item(ix))),
            }
        }
        let span = self.last_span();
        Ok(self.new_list(steps, span)?)
    }

    fn check_list(&mut self, list: &[Lazy], of: &TypeRef, frame: FrameId) -> Result<Term, Refusal> {
        if matches!(of.as_ref(), TypeForm::Any) {
            return Ok(Term::List(Rc::from(list)));
        }
        let mut items = Vec::with_capacity(list.len());
        let mut poisoned = false;
        for (ix, lazy) in list.iter().enumerate() {
            let checked = match self.force(lazy) {
                Ok(term) => self.check(term, of, frame),
                Err(Poison) => Err(Refusal::Poison),
            };
            match checked {
                Ok(term) => items.push(Lazy::Done(term)),
                Err(Refusal::Poison) => poisoned = true,
                Err(mismatch) => return Err(nested(mismatch, Part::Item(ix))),
            }
        }
        if poisoned { Err(Refusal::Poison) } else { Ok(Term::List(Rc::from(items))) }
    }

    fn check_dict(
        &mut self,
        object: ObjectId,
        of: &TypeRef,
        frame: FrameId,
    ) -> Result<(), Refusal> {
        if self.object(object).content.is_none() {
            self.object_mut(object).content = Some((Rc::clone(of), frame));
        }
        if matches!(of.as_ref(), TypeForm::Any) {
            return Ok(());
        }
        let span = self.object(object).span;
        let mut poisoned = false;
        for key in self.keys(object)? {
            match self.field(object, key, span) {
                Ok(Some(term)) => {
                    let checked = self.check(term.clone(), of, frame);
                    let checked = checked.map_err(|refusal| nested(refusal, Part::Field(key)))?;
                    if !checked.is_same(&term) {
                        let slot = super::object::Slot::Done(checked);
                        self.object_mut(object).slots.insert((key, super::Position::TOP), slot);
                    }
                }
                Ok(None) => {}
                Err(Poison) => poisoned = true,
            }
        }
        if poisoned { Err(Refusal::Poison) } else { Ok(()) }
    }

    fn check_record(
        &mut self,
        object: ObjectId,
        fields: &[(Symbol, bool, TypeRef)],
        frame: FrameId,
    ) -> Result<(), Refusal> {
        let keys = self.keys(object)?;
        let span = self.object(object).span;
        for key in &keys {
            if !fields.iter().any(|(name, ..)| name == key) {
                let names: Vec<Rc<str>> =
                    fields.iter().map(|(name, ..)| self.text(*name)).collect();
                let written = self.text(*key);
                let help = suggestion(&written, names.iter().map(AsRef::as_ref))
                    .unwrap_or_else(|| format!("it has the fields {}", names.join(", ")));
                let found = Found::Text(format!("a record with `{written}`"));
                let wanted = Wanted::Text(self.describe_record(fields));
                let help = Some(help);
                return Err(Refusal::Mismatch(Box::new(Mismatch {
                    wanted,
                    found,
                    at: Vec::new(),
                    help,
                    defined: None,
                })));
            }
        }
        for (name, optional, ty) in fields {
            match self.field(object, *name, span)? {
                Some(term) => {
                    let checked = self.check(term, ty, frame);
                    let checked = checked.map_err(|refusal| nested(refusal, Part::Field(*name)))?;
                    let slot = super::object::Slot::Done(checked);
                    self.object_mut(object).slots.insert((*name, super::Position::TOP), slot);
                }
                None if *optional => {}
                None => {
                    let name = self.symbols.text(*name);
                    let found = Found::Text(format!("a record without `{name}`"));
                    let wanted = Wanted::Text(self.describe_record(fields));
                    let (at, help) = (Vec::new(), None);
                    return Err(Refusal::Mismatch(Box::new(Mismatch {
                        wanted,
                        found,
                        at,
                        help,
                        defined: None,
                    })));
                }
            }
        }
        Ok(())
    }

    fn check_union(
        &mut self,
        term: &Term,
        types: &[TypeRef],
        ty: &TypeRef,
        frame: FrameId,
    ) -> Result<Term, Refusal> {
        let mut deeper = None;
        for one in types {
            match self.check(term.clone(), one, frame) {
                Ok(term) => return Ok(term),
                Err(Refusal::Poison) => return Err(Refusal::Poison),
                Err(Refusal::Mismatch(mismatch)) if !mismatch.at.is_empty() => {
                    deeper = Some(mismatch);
                }
                Err(Refusal::Mismatch(_)) => {}
            }
        }
        if let Some(mismatch) = deeper {
            return Err(Refusal::Mismatch(mismatch));
        }
        Err(mismatch(ty, term))
    }

    fn check_defined(
        &mut self,
        term: Term,
        frame: FrameId,
        ix: usize,
        ty: &TypeRef,
    ) -> Result<Term, Refusal> {
        let FrameForm::Braces { body, .. } = &self.frame(frame).form else { return Ok(term) };
        let Some(definition) = body.types.get(ix) else { return Ok(term) };
        let (of, condition) = (Rc::clone(&definition.ty), definition.condition.clone());
        let name = definition.name;
        let term = self.check(term, &of, frame)?;
        let Some(condition) = condition else { return Ok(term) };
        let of_condition = condition.span;
        let env = Env { frame, name: NamePath::ROOT };
        let test = self.eval(&condition, env)?;
        let arguments = super::call::Arguments {
            positional: vec![(Lazy::Done(term.clone()), condition.span)],
            named: Vec::new(),
        };
        let verdict = self.apply(&test, arguments, env, condition.span, condition.span)?;
        if self.truth(&verdict, condition.span)? {
            return Ok(term);
        }
        let mut refusal = mismatch(ty, &term);
        if let Refusal::Mismatch(mismatch) = &mut refusal {
            mismatch.defined = Some((name, of_condition));
        }
        Err(refusal)
    }

    /// Finds the `type` that `module.Name` stands for, and the frame that it is read in.
    fn type_of_module(
        &mut self,
        code: &CodeRef,
        frame: FrameId,
    ) -> Result<Option<(FrameId, usize)>, Poison> {
        let Form::Select { base, name, .. } = &code.form else { return Ok(None) };
        let env = Env { frame, name: NamePath::ROOT };
        let Term::Object(module) = self.eval(base, env)? else { return Ok(None) };
        for layer in self.layers(module)?.iter().rev() {
            let LayerSource::Items { body, .. } = &layer.source else { continue };
            if let Some(ix) = body.types.iter().position(|definition| definition.name == *name) {
                return Ok(Some((self.layer_frame(module, layer), ix)));
            }
        }
        Ok(None)
    }

    /// Returns whether a value is an instance of a kind of the standard library.
    pub(super) fn is_of_stdlib_kind(&self, term: &Term, name: Symbol) -> bool {
        if let Term::Intrinsic(_) = term {
            return name == self.well_known.step;
        }
        let Term::Object(object) = term else { return false };
        let object = self.object(*object);
        if object.is_kind.is_some() || object.nature == Nature::Record {
            return false;
        }
        let mut at = object.kind;
        while let Some(kind) = at {
            let kind = &self.kinds[kind.0 as usize];
            if kind.stdlib && kind.name == name {
                return true;
            }
            at = kind.parent;
        }
        false
    }

    fn is_of_kind(&mut self, term: &Term, kind: &Term, code: &CodeRef) -> Result<bool, Poison> {
        let wanted = match kind {
            Term::Object(object) => self.object(*object).is_kind,
            _ => None,
        };
        let Some(wanted) = wanted else {
            return Err(self.report(
                Diagnostic::error(Code(209), "this is no type")
                    .at(code.span, "neither a type nor a kind"),
            ));
        };
        let Term::Object(object) = term else { return Ok(false) };
        let object = self.object(*object);
        Ok(object.is_kind.is_none() && self.descends(object.kind, wanted))
    }
}

/// Returns a function that keeps to a function type, if it takes as many arguments.
fn promise(closure: &Rc<Closure>, ty: &TypeRef, frame: FrameId) -> Result<Term, Refusal> {
    let TypeForm::Function { params, result } = ty.as_ref() else {
        return Ok(Term::Function(Rc::clone(closure)));
    };
    let function = &closure.function;
    let (n_params, n_given) = (function.params.len(), params.len());
    let needed = function.params.iter().filter(|param| param.default.is_none()).count();
    if n_given < needed || n_given > n_params {
        let s = if n_params == 1 { "" } else { "s" };
        return Err(Refusal::Mismatch(Box::new(Mismatch {
            wanted: Wanted::Type(Rc::clone(ty)),
            found: Found::Text(format!("a function of {n_params} parameter{s}")),
            at: Vec::new(),
            help: None,
            defined: None,
        })));
    }
    let mut promises = closure.promises.clone();
    promises.push(Promise { params: params.clone(), result: Rc::clone(result), frame });
    let (function, frame) = (Rc::clone(function), closure.frame);
    Ok(Term::Function(Rc::new(Closure { function, frame, promises })))
}

/// Moves a refusal one list or record further out.
fn nested(refusal: Refusal, part: Part) -> Refusal {
    if let Refusal::Mismatch(mut mismatch) = refusal {
        mismatch.at.insert(0, part);
        return Refusal::Mismatch(mismatch);
    }
    refusal
}
