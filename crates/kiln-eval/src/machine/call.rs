//! Calls: functions, constructors, `path(…)` and `intrinsic(…)`; selection of fields.

use super::blame::{Blame, Bound};
use super::object::{Nature, ObjectId};
use super::term::{Closure, Intrinsic};
use super::{Env, FrameForm, FrameId, Lazy, Machine, Poison, Term};
use crate::code::{Argument, CodeRef, Function, TypeRef};
use crate::compile::join_path;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, suggestion};
use std::rc::Rc;

/// Arguments in the order they were written.
pub(super) struct Arguments {
    pub(super) positional: Vec<(Lazy, Span)>,
    pub(super) named: Vec<(Symbol, Lazy, Span)>,
}

impl Machine {
    pub(super) fn call(
        &mut self,
        callee: &CodeRef,
        args: &[Argument],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let callee_term = self.eval_prototype(callee, env)?;
        let arguments = self.arguments(args, env)?;
        self.apply(&callee_term, arguments, env, callee.span, span)
    }

    /// `base.name(args)`
    pub(super) fn call_method(
        &mut self,
        base: &CodeRef,
        (name, name_span): (Symbol, Span),
        args: &[Argument],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let value = self.eval(base, env)?;
        let arguments = self.arguments(args, env)?;
        if matches!(value, Term::Text(_) | Term::List(_)) {
            return self.method(&value, name, name_span, arguments, span);
        }
        let callee = self.select(&value, name, name_span)?;
        self.apply(&callee, arguments, env, name_span, span)
    }

    fn arguments(&mut self, args: &[Argument], env: Env) -> Result<Arguments, Poison> {
        let mut arguments = Arguments { positional: Vec::new(), named: Vec::new() };
        for arg in args {
            if arg.spread {
                match self.eval(&arg.value, env)? {
                    Term::List(list) if arguments.named.is_empty() => {
                        arguments.positional.extend(list.iter().map(|l| (l.clone(), arg.span)));
                    }
                    other => {
                        let found = self.describe(&other);
                        return Err(self.report(
                            Diagnostic::error(
                                Code(208),
                                format!("{found} cannot be spread into arguments here"),
                            )
                            .at(arg.span, "a list, before arguments by name"),
                        ));
                    }
                }
                continue;
            }
            let lazy = self.delay(&arg.value, env);
            match arg.name {
                Some(name) => arguments.named.push((name, lazy, arg.span)),
                None if arguments.named.is_empty() => arguments.positional.push((lazy, arg.span)),
                None => {
                    return Err(self.report(
                        Diagnostic::error(Code(208), "an argument by position follows one by name")
                            .at(arg.span, "by position")
                            .help("move it to the front, or name it"),
                    ));
                }
            }
        }
        Ok(arguments)
    }

    /// Calls a value.
    pub(super) fn apply(
        &mut self,
        callee: &Term,
        arguments: Arguments,
        env: Env,
        callee_span: Span,
        span: Span,
    ) -> Result<Term, Poison> {
        match callee {
            Term::Function(closure) => {
                self.enter(span)?;
                let value = self.call_function(closure, arguments, env, span);
                self.leave();
                value
            }
            Term::Object(kind) if self.object(*kind).is_kind.is_some() => {
                self.call_kind(*kind, arguments, env, span)
            }
            Term::Object(record) if self.is_root_kind(*record) => {
                self.call_kind(*record, arguments, env, span)
            }
            other => {
                let found = self.describe(other);
                Err(self.report(
                    Diagnostic::error(Code(207), format!("{found} cannot be called"))
                        .at(callee_span, "neither a function nor a kind"),
                ))
            }
        }
    }

    fn is_root_kind(&self, object: ObjectId) -> bool {
        self.object(object).is_kind.is_some()
    }

    fn call_kind(
        &mut self,
        kind: ObjectId,
        arguments: Arguments,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        if self.object(kind).nature == Nature::Project {
            return self.load_input(&arguments, env, span);
        }
        self.construct(kind, arguments.positional, arguments.named, env, span)
    }

    fn call_function(
        &mut self,
        closure: &Rc<Closure>,
        arguments: Arguments,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let function = &closure.function;
        let slots = self.place_arguments(function, arguments)?;
        let frame = self.push_frame(function.scope, closure.frame, FrameForm::Locals(Vec::new()));
        let inner = Env { frame, name: env.name };
        let mut values = Vec::new();
        for (param, slot) in function.params.iter().zip(slots) {
            let (lazy, at) = match (slot, &param.default) {
                (Some(given), _) => given,
                (None, Some(default)) => (self.delay(default, inner), default.span),
                (None, None) => {
                    let text = self.text(param.name);
                    return Err(self.report(
                        Diagnostic::error(Code(208), format!("the argument `{text}` is missing"))
                            .at(span, "called here")
                            .also(param.span, "declared without a default"),
                    ));
                }
            };
            values.push((lazy, at));
        }
        let lazies = values.iter().map(|(lazy, _)| lazy.clone()).collect();
        self.frames[frame.0 as usize].form = FrameForm::Locals(lazies);
        let places: Vec<Span> = values.iter().map(|(_, at)| *at).collect();
        for (ix, param) in function.params.iter().enumerate() {
            if let Some(ty) = &param.ty {
                self.check_argument(function, (frame, ix), (ty, frame), places[ix])?;
            }
        }
        for promise in &closure.promises {
            for (ix, ty) in promise.params.iter().enumerate() {
                self.check_argument(function, (frame, ix), (ty, promise.frame), places[ix])?;
            }
        }
        let value = self.eval(&function.body, inner)?;
        self.check_result(closure, value)
    }

    /// Gives each argument to its parameter; those without one stay empty.
    fn place_arguments(
        &mut self,
        function: &Function,
        arguments: Arguments,
    ) -> Result<Vec<Option<(Lazy, Span)>>, Poison> {
        let mut slots: Vec<Option<(Lazy, Span)>> = vec![None; function.params.len()];
        let n_given = arguments.positional.len();
        if n_given > slots.len() {
            return Err(self.too_many(function, &arguments.positional));
        }
        for (slot, given) in slots.iter_mut().zip(arguments.positional) {
            *slot = Some(given);
        }
        for (name, lazy, at) in arguments.named {
            let ix = function.params.iter().position(|param| param.name == name);
            let Some(ix) = ix else { return Err(self.unknown_argument(function, name, at)) };
            if slots[ix].is_some() {
                let text = self.text(name);
                return Err(self.report(
                    Diagnostic::error(Code(208), format!("`{text}` is given twice"))
                        .at(at, "the second value"),
                ));
            }
            slots[ix] = Some((lazy, at));
        }
        Ok(slots)
    }

    /// Checks an argument in its slot of the frame of a call.
    fn check_argument(
        &mut self,
        function: &Function,
        (frame, ix): (FrameId, usize),
        (ty, read_in): (&TypeRef, FrameId),
        at: Span,
    ) -> Result<(), Poison> {
        let lazy = match &self.frame(frame).form {
            FrameForm::Locals(locals) => locals.get(ix).cloned(),
            _ => None,
        };
        let Some(lazy) = lazy else { return Ok(()) };
        let value = self.force(&lazy)?;
        let param = &function.params[ix];
        let blame = Blame {
            value: at,
            code: None,
            declared: Some(param.span),
            what: Bound::Argument(param.name),
        };
        let checked = self.check_or_report(value, ty, read_in, &blame)?;
        if let FrameForm::Locals(locals) = &mut self.frames[frame.0 as usize].form {
            locals[ix] = Lazy::Done(checked);
        }
        Ok(())
    }

    fn check_result(&mut self, closure: &Closure, value: Term) -> Result<Term, Poison> {
        let body = &closure.function.body;
        let promised = closure.promises.iter().map(|promise| (&promise.result, promise.frame));
        let own = closure.function.result.iter().map(|ty| (ty, closure.frame));
        let mut value = value;
        for (ty, frame) in own.chain(promised) {
            let blame = Blame {
                value: body.span,
                code: Some(Rc::clone(body)),
                declared: None,
                what: Bound::Result,
            };
            value = self.check_or_report(value, ty, frame, &blame)?;
        }
        Ok(value)
    }

    fn too_many(&mut self, function: &Function, given: &[(Lazy, Span)]) -> Poison {
        let n_params = function.params.len();
        let message = match n_params {
            1 => format!("{} arguments are given, 1 is taken", given.len()),
            _ => format!("{} arguments are given, {n_params} are taken", given.len()),
        };
        self.report(
            Diagnostic::error(Code(208), message)
                .at(given[n_params].1, "one too many")
                .also(function.span, "the function"),
        )
    }

    fn unknown_argument(&mut self, function: &Function, name: Symbol, at: Span) -> Poison {
        let text = self.text(name);
        let names: Vec<Rc<str>> = function.params.iter().map(|p| self.text(p.name)).collect();
        let mut finding = Diagnostic::error(Code(208), format!("there is no argument `{text}`"))
            .at(at, "not a parameter")
            .also(function.span, "the function");
        if let Some(help) = suggestion(&text, names.iter().map(AsRef::as_ref)) {
            finding = finding.help(help);
        }
        self.report(finding)
    }

    /// `base.name`
    pub(super) fn select(
        &mut self,
        base: &Term,
        name: Symbol,
        name_span: Span,
    ) -> Result<Term, Poison> {
        match base {
            Term::Object(object) => match self.field(*object, name, name_span)? {
                Some(term) => Ok(term),
                None => match self.input(*object, name, name_span)? {
                    Some(input) => Ok(input),
                    None => Err(self.report_missing_key(*object, name, name_span)),
                },
            },
            Term::Text(_) | Term::List(_) => {
                let none = Arguments { positional: Vec::new(), named: Vec::new() };
                self.method(base, name, name_span, none, name_span)
            }
            other => {
                let (found, text) = (self.describe(other), self.text(name));
                let mut finding =
                    Diagnostic::error(Code(202), format!("{found} has no field `{text}`"))
                        .at(name_span, format!("the value before is {found}"));
                if matches!(other, Term::Null) {
                    finding = finding.help(format!("`?.{text}` is null where the value is"));
                }
                Err(self.report(finding))
            }
        }
    }

    /// `base?.name`
    pub(super) fn select_optional(
        &mut self,
        base: &CodeRef,
        name: Symbol,
        name_span: Span,
        env: Env,
    ) -> Result<Term, Poison> {
        match self.eval_or_missing(base, env)? {
            None | Some(Term::Null) => Ok(Term::Null),
            Some(value) => self.select(&value, name, name_span),
        }
    }

    /// `path(text)`
    pub(super) fn make_path(
        &mut self,
        folder: &str,
        args: &[Argument],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let arguments = self.arguments(args, env)?;
        let [(lazy, at)] = &arguments.positional[..] else {
            return Err(self.report(
                Diagnostic::error(Code(208), "`path` takes one String").at(span, "called here"),
            ));
        };
        let (lazy, at) = (lazy.clone(), *at);
        match self.force(&lazy)? {
            Term::Text(text) => match join_path(folder, &text) {
                Some(path) if !text.starts_with('/') => Ok(Term::Path(Rc::from(path))),
                _ => Err(self.report(
                    Diagnostic::error(Code(105), format!("the path `{text}` leaves the project"))
                        .at(at, "not below the folder of `project.kiln`"),
                )),
            },
            other => {
                let found = self.describe(&other);
                Err(self.report(
                    Diagnostic::error(Code(201), format!("`path` takes a String, not {found}"))
                        .at(at, format!("this is {found}")),
                ))
            }
        }
    }

    /// `intrinsic(name, record)`
    pub(super) fn intrinsic(
        &mut self,
        args: &[Argument],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let arguments = self.arguments(args, env)?;
        let mut terms = Vec::new();
        for (lazy, _) in &arguments.positional {
            terms.push(self.force(lazy)?);
        }
        match &terms[..] {
            [Term::Text(name), Term::Object(record)] => {
                Ok(Term::Intrinsic(Rc::new(Intrinsic { name: Rc::clone(name), record: *record })))
            }
            _ => Err(self.report(
                Diagnostic::error(Code(208), "`intrinsic` takes a String and a record")
                    .at(span, "called here"),
            )),
        }
    }
}
