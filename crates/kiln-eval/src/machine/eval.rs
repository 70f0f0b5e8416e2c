//! One step of evaluation: an expression to a value in weak head normal form.

use super::blame::{Blame, Bound};
use super::names::{NamePart, NamePath};
use super::object::{Nature, ObjectId};
use super::term::{Closure, Mixin, NamedSlot, ThunkState};
use super::{Env, FrameForm, FrameId, Lazy, Machine, Pending, Poison, Term, ThunkId};
use crate::code::{CodeRef, Form, LetSlot, ScopeId};
use crate::compile::OWN_KEY;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use std::rc::Rc;

impl Machine {
    /// Evaluates an expression.
    pub(super) fn eval(&mut self, code: &CodeRef, env: Env) -> Result<Term, Poison> {
        self.spend(1, code.span)?;
        self.enter_expression(code.span)?;
        let value = self.eval_form(code, env);
        self.leave_expression();
        value
    }

    fn eval_form(&mut self, code: &CodeRef, env: Env) -> Result<Term, Poison> {
        let span = code.span;
        match &code.form {
            Form::Broken => Err(Poison),
            Form::Hole => Err(self.report(
                Diagnostic::error(Code(405), "this value is still to be written")
                    .at(span, "`...` stands for a missing value"),
            )),
            Form::Null => Ok(Term::Null),
            Form::Bool(value) => Ok(Term::Bool(*value)),
            Form::Int(value) => Ok(Term::Int(*value)),
            Form::Text(text) => Ok(Term::Text(Rc::clone(text))),
            Form::Path(path) => Ok(Term::Path(Rc::clone(path))),
            Form::Interpolation(pieces) => self.interpolate(pieces, env, span),
            Form::Local { scope, ix } => self.local(*scope, *ix, env, span),
            Form::BraceLet { scope, ix } => self.brace_let(*scope, *ix, env, span),
            Form::Field { scope, symbol } => self.scope_field(*scope, *symbol, env, span),
            Form::Inherited { symbol, not_in } => self.inherited(*symbol, not_in, env, span),
            Form::Prelude(symbol) => self.prelude(*symbol, env.frame, span),
            Form::SelfElement => self.self_element(env, span),
            Form::Project => self.here(env.frame, span).map(Term::Object),
            Form::Option => self.options(env.frame, span),
            Form::Machine => self.machine(env.frame, span),
            Form::Super => self.super_or_report(env, span),
            Form::List(parts) => self.list(parts, env, span),
            Form::Record(body) => self.record(body, env),
            Form::Lambda(function) => Ok(Term::Function(Rc::new(Closure {
                function: Rc::clone(function),
                frame: env.frame,
                promises: Vec::new(),
            }))),
            Form::Mixin { kind, body } => Ok(Term::Mixin(Rc::new(Mixin {
                body: Rc::clone(body),
                frame: env.frame,
                kind: Rc::clone(kind),
            }))),
            Form::If { condition, then, otherwise } => {
                let value = self.eval(condition, env)?;
                let chosen = if self.truth(&value, condition.span)? { then } else { otherwise };
                self.eval(chosen, env)
            }
            _ => self.eval_compound(code, env),
        }
    }

    fn eval_compound(&mut self, code: &CodeRef, env: Env) -> Result<Term, Poison> {
        let span = code.span;
        match &code.form {
            Form::Call { callee, args } => self.call(callee, args, env, span),
            Form::Method { base, name, name_span, args } => {
                self.call_method(base, (*name, *name_span), args, env, span)
            }
            Form::MakePath { folder, args } => self.make_path(folder, args, env, span),
            Form::Intrinsic(args) => self.intrinsic(args, env, span),
            Form::Index { base, index } => {
                let value = self.eval(base, env)?;
                self.index(&value, index, env, span)
            }
            Form::Select { base, name, name_span, optional } => {
                if *optional {
                    return self.select_optional(base, *name, *name_span, env);
                }
                let value = self.eval(base, env)?;
                self.select(&value, *name, *name_span)
            }
            Form::Amend { base, body } => self.amend(base, body, env),
            Form::AmendSuper(body) => self.amend_super(body, env, span),
            Form::AddSuper(value) => self.add_super(value, env),
            Form::Unary { op, operand } => self.unary(*op, operand, env),
            Form::Binary { op, op_span, left, right } => {
                self.binary(*op, *op_span, left, right, env)
            }
            Form::Let { scope, slots, body } => {
                let frame = self.push_frame(*scope, env.frame, FrameForm::Locals(Vec::new()));
                let mut values = Vec::new();
                for slot in slots {
                    values.push(Lazy::Later(self.let_thunk(slot, frame, env.name)));
                }
                self.frames[frame.0 as usize].form = FrameForm::Locals(values);
                self.eval(body, Env { frame, ..env })
            }
            _ => Err(Poison),
        }
    }

    /// Makes the thunk of a `let`: its elements get a name that only its braces know.
    pub(super) fn let_thunk(&mut self, slot: &LetSlot, frame: FrameId, owner: NamePath) -> ThunkId {
        let name = self.names.child(owner, NamePart::Let(slot.name));
        let named = NamedSlot { name: slot.name, ty: slot.ty.clone(), span: slot.span };
        self.delay_named(&slot.value, Env { frame, name }, named)
    }

    /// Makes a lazy value; literals are values already.
    pub(super) fn delay(&mut self, code: &CodeRef, env: Env) -> Lazy {
        match &code.form {
            Form::Null => Lazy::Done(Term::Null),
            Form::Bool(value) => Lazy::Done(Term::Bool(*value)),
            Form::Int(value) => Lazy::Done(Term::Int(*value)),
            Form::Text(text) => Lazy::Done(Term::Text(Rc::clone(text))),
            Form::Path(path) => Lazy::Done(Term::Path(Rc::clone(path))),
            _ => {
                let state = ThunkState::Todo { code: Rc::clone(code), env, slot: None };
                Lazy::Later(self.push_thunk(state))
            }
        }
    }

    /// Forces a thunk, once.
    pub(super) fn force_thunk(&mut self, id: ThunkId) -> Result<Term, Poison> {
        self.force_thunk_at(id, None)
    }

    /// Forces a thunk that is asked for at a place.
    fn force_thunk_at(&mut self, id: ThunkId, asked: Option<Span>) -> Result<Term, Poison> {
        let at = id.0 as usize;
        match std::mem::replace(&mut self.thunks[at], ThunkState::Busy) {
            ThunkState::Done(term) => {
                self.thunks[at] = ThunkState::Done(term.clone());
                Ok(term)
            }
            ThunkState::Failed => {
                self.thunks[at] = ThunkState::Failed;
                Err(Poison)
            }
            ThunkState::Busy => Err(self.report_thunk_cycle(id, asked)),
            ThunkState::Field(object, symbol, span) => {
                self.touch_thunk(id);
                let value = match self.field(object, symbol, span) {
                    Ok(Some(term)) => Ok(term),
                    Ok(None) => Err(self.report_missing_key(object, symbol, span)),
                    Err(Poison) => Err(Poison),
                };
                self.settle(id, value)
            }
            ThunkState::Todo { code, env, slot } => {
                self.touch_thunk(id);
                let value = match &slot {
                    Some(slot) => self.run_named(id, &code, env, slot, asked),
                    None => self.eval(&code, env),
                };
                self.settle(id, value)
            }
        }
    }

    fn settle(&mut self, id: ThunkId, value: Result<Term, Poison>) -> Result<Term, Poison> {
        self.thunks[id.0 as usize] = match &value {
            Ok(term) => ThunkState::Done(term.clone()),
            Err(Poison) => ThunkState::Failed,
        };
        value
    }

    fn run_named(
        &mut self,
        id: ThunkId,
        code: &CodeRef,
        env: Env,
        slot: &NamedSlot,
        asked: Option<Span>,
    ) -> Result<Term, Poison> {
        self.enter(slot.span)?;
        self.pending.push(Pending::Let(slot.name, asked.unwrap_or(slot.span), id));
        let value = self.eval(code, env);
        self.pending.pop();
        self.leave();
        let term = self.tag_kind(value?, slot.name, slot.span, env.name);
        let Some(ty) = &slot.ty else { return Ok(term) };
        let blame = Blame {
            value: code.span,
            code: Some(Rc::clone(code)),
            declared: Some(slot.span),
            what: Bound::Let(slot.name),
        };
        self.check_or_report(term, ty, env.frame, &blame)
    }

    /// Returns where the code of a waiting thunk stands.
    pub(super) fn thunk_span(&self, id: ThunkId) -> Span {
        match &self.thunks[id.0 as usize] {
            ThunkState::Todo { code, .. } => code.span,
            ThunkState::Field(_, _, span) => *span,
            _ => self.last_span(),
        }
    }

    fn local(&mut self, scope: ScopeId, ix: usize, env: Env, span: Span) -> Result<Term, Poison> {
        let frame = self.find_frame(env.frame, scope);
        let lazy = match frame.map(|id| &self.frame(id).form) {
            Some(FrameForm::Locals(values)) => values.get(ix).cloned(),
            _ => None,
        };
        match lazy {
            Some(Lazy::Done(term)) => Ok(term),
            Some(Lazy::Later(thunk)) => self.force_thunk_at(thunk, Some(span)),
            None => Err(Poison),
        }
    }

    fn brace_let(
        &mut self,
        scope: ScopeId,
        ix: usize,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let frame = self.find_frame(env.frame, scope);
        let thunk = match frame.map(|id| &self.frame(id).form) {
            Some(FrameForm::Braces { lets, .. }) => lets.get(ix).copied(),
            _ => None,
        };
        match thunk {
            Some(thunk) => self.force_thunk_at(thunk, Some(span)),
            None => Err(Poison),
        }
    }

    fn scope_field(
        &mut self,
        scope: ScopeId,
        symbol: Symbol,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let frame = self.find_frame(env.frame, scope);
        let object = match frame.map(|id| &self.frame(id).form) {
            Some(FrameForm::Braces { object: Some(object), .. } | FrameForm::Members(object)) => {
                *object
            }
            _ => return Err(Poison),
        };
        match self.field(object, symbol, span)? {
            Some(term) => Ok(term),
            None => match self.input(object, symbol, span)? {
                Some(input) => Ok(input),
                None => Err(self.report_no_value(object, symbol, span)),
            },
        }
    }

    /// A field declared by the kind of the nearest enclosing body that declares it.
    fn inherited(
        &mut self,
        symbol: Symbol,
        not_in: &[ScopeId],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let mut seen: Vec<ObjectId> = Vec::new();
        for object in self.enclosing_objects(env.frame, not_in) {
            if self.is_dict(object) {
                continue;
            }
            if self.declaration(object, symbol)?.is_some() {
                return match self.field(object, symbol, span)? {
                    Some(term) => Ok(term),
                    None => Err(self.report_no_value(object, symbol, span)),
                };
            }
            seen.push(object);
        }
        let mut names: Vec<Rc<str>> = Vec::new();
        for object in seen {
            let fields = self.declared_fields(object)?;
            names.extend(fields.iter().map(|(field, _)| self.text(*field)));
        }
        names.extend(self.visible_names(env.frame));
        names.extend(self.program.stdlib.keys().map(|symbol| self.text(*symbol)));
        let text = self.text(symbol);
        let mut finding = Diagnostic::error(Code(101), format!("`{text}` is not defined"))
            .at(span, "no such name here, and no field of the enclosing kind");
        finding = if not_in.is_empty() {
            crate::habit::name(finding, &text, span, names.iter().map(AsRef::as_ref))
        } else {
            finding.help(OWN_KEY)
        };
        Err(self.report(finding))
    }

    /// Returns the objects that the enclosing written braces contribute to, innermost first.
    fn enclosing_objects(&self, from: FrameId, not_in: &[ScopeId]) -> Vec<ObjectId> {
        let mut objects = Vec::new();
        let mut id = from;
        while id != FrameId::OUTERMOST {
            let frame = self.frame(id);
            if let FrameForm::Braces { object: Some(object), body, .. } = &frame.form
                && !body.transparent
                && !not_in.contains(&frame.scope)
            {
                objects.push(*object);
            }
            id = frame.parent;
        }
        objects
    }

    /// Returns the names that enclosing braces, folders and the project bring to a place.
    fn visible_names(&mut self, from: FrameId) -> Vec<Rc<str>> {
        let mut symbols: Vec<Symbol> = Vec::new();
        let mut members: Vec<ObjectId> = Vec::new();
        let mut id = from;
        while id != FrameId::OUTERMOST {
            match &self.frame(id).form {
                FrameForm::Braces { body, .. } => {
                    symbols.extend(body.index.keys());
                    symbols.extend(body.lets.iter().map(|slot| slot.name));
                }
                FrameForm::Members(object) => members.push(*object),
                FrameForm::Locals(_) | FrameForm::Super { .. } => {}
            }
            id = self.frame(id).parent;
        }
        for object in members {
            if let Ok(layers) = self.layers(object) {
                symbols.extend(layers.iter().flat_map(|layer| self.written_keys(layer)));
            }
        }
        symbols.into_iter().map(|symbol| self.text(symbol)).collect()
    }

    fn self_element(&mut self, env: Env, span: Span) -> Result<Term, Poison> {
        let objects = self.enclosing_objects(env.frame, &[]);
        let element =
            objects.into_iter().find(|object| self.object(*object).nature == Nature::Element);
        match element {
            Some(object) => Ok(Term::Object(object)),
            None => Err(self.report(
                Diagnostic::error(Code(108), "`self` stands outside of an element")
                    .at(span, "no element encloses this"),
            )),
        }
    }

    fn super_or_report(&mut self, env: Env, span: Span) -> Result<Term, Poison> {
        let (object, symbol, value) = self.super_value(env, span)?;
        if let Some(value) = value {
            return Ok(value);
        }
        let key = self.text(symbol);
        let owner = self.object_name(object);
        Err(self.report(
            Diagnostic::error(Code(302), format!("`{key}` of {owner} has no earlier value"))
                .at(span, "`super` means the value before this binding")
                .help("leave `super` out"),
        ))
    }
}
