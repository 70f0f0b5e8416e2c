//! Lists: spines are strict, items are lazy.

use super::names::NamePart;
use super::{Env, FrameId, Lazy, Machine, Poison, Term};
use crate::code::{CodeRef, Form, ListPart};
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::BinaryOp;
use std::rc::Rc;

impl Machine {
    /// Makes a list of its written items.
    pub(super) fn list(
        &mut self,
        parts: &[ListPart],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let mut items = Vec::new();
        for part in parts {
            self.list_part(part, &part.loops, env, &mut items)?;
        }
        self.new_list(items, span)
    }

    /// Counts and makes a list.
    pub(super) fn new_list(&mut self, items: Vec<Lazy>, span: Span) -> Result<Term, Poison> {
        self.allocate(16 + 16 * items.len(), span)?;
        self.spend(items.len() as u64 / 8, span)?;
        Ok(Term::List(Rc::from(items)))
    }

    fn list_part(
        &mut self,
        part: &ListPart,
        loops: &[crate::code::Loop],
        env: Env,
        items: &mut Vec<Lazy>,
    ) -> Result<(), Poison> {
        if let Some((head, rest)) = loops.split_first() {
            for frame in self.loop_frames(head, env)? {
                self.list_part(part, rest, Env { frame, ..env }, items)?;
            }
            return Ok(());
        }
        if let Some(guard) = &part.guard {
            let value = self.eval(guard, env)?;
            if !self.truth(&value, guard.span)? {
                return Ok(());
            }
        }
        if !part.spread {
            // What only reads a name makes no element: it needs no name of its own.
            let reads = matches!(part.value.form, Form::Field { .. } | Form::Local { .. });
            let is_plain = reads || is_literal(&part.value.form);
            let mut name = env.name;
            if !is_plain {
                name = self.names.child(name, NamePart::Index(super::index(items.len())));
            }
            items.push(self.delay(&part.value, Env { name, ..env }));
            return Ok(());
        }
        match self.eval(&part.value, env)? {
            Term::List(list) => {
                self.spend(list.len() as u64 / 8, part.value.span)?;
                items.extend(list.iter().cloned());
                Ok(())
            }
            other => {
                let found = self.describe(&other);
                Err(self.report(
                    Diagnostic::error(Code(306), format!("{found} cannot be spread into a list"))
                        .at(part.value.span, "not a list"),
                ))
            }
        }
    }

    /// `base[index]`
    pub(super) fn index(
        &mut self,
        base: &Term,
        index: &CodeRef,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let key = self.eval(index, env)?;
        match (base, key) {
            (Term::List(list), Term::Int(ix)) => {
                let found = usize::try_from(ix).ok().and_then(|ix| list.get(ix)).cloned();
                match found {
                    Some(lazy) => self.force(&lazy),
                    None => Err(self.report(
                        Diagnostic::error(
                            Code(403),
                            format!("there is no item {ix} in a list of {}", list.len()),
                        )
                        .at(index.span, "counted from 0"),
                    )),
                }
            }
            (Term::Object(object), Term::Text(text)) => {
                let symbol = self.symbols.intern(&text);
                match self.field(*object, symbol, span)? {
                    Some(term) => Ok(term),
                    None => Err(self.report_missing_key(*object, symbol, index.span)),
                }
            }
            (base, key) => {
                let (base, key) = (self.describe(base), self.describe(&key));
                Err(self.report(
                    Diagnostic::error(Code(206), format!("{base} cannot be indexed by {key}"))
                        .at(index.span, "lists take an Int, records a String"),
                ))
            }
        }
    }

    /// Evaluates to nothing where the last `.x` or `[k]` is missing, as `??` and `?.` want.
    pub(super) fn eval_or_missing(
        &mut self,
        code: &CodeRef,
        env: Env,
    ) -> Result<Option<Term>, Poison> {
        self.spend(1, code.span)?;
        match &code.form {
            Form::Select { base, name, name_span, optional } => {
                let value = if *optional {
                    self.eval_or_missing(base, env)?.unwrap_or(Term::Null)
                } else {
                    self.eval(base, env)?
                };
                match value {
                    Term::Object(object) => self.field(object, *name, *name_span),
                    Term::Null if *optional => Ok(None),
                    other => self.select(&other, *name, *name_span).map(Some),
                }
            }
            Form::Index { base, index } => {
                let value = self.eval(base, env)?;
                if let Term::Object(object) = &value {
                    let object = *object;
                    if let Term::Text(text) = self.eval(index, env)? {
                        let symbol = self.symbols.intern(&text);
                        return self.field(object, symbol, code.span);
                    }
                }
                if let Term::List(list) = &value
                    && let Term::Int(ix) = self.eval(index, env)?
                {
                    let found = usize::try_from(ix).ok().and_then(|ix| list.get(ix)).cloned();
                    return found.map(|lazy| self.force(&lazy)).transpose();
                }
                self.index(&value, index, env, code.span).map(Some)
            }
            // A row of `??` groups to the left: each of them but the last may be missing.
            Form::Binary { op: BinaryOp::Coalesce, left, right, .. } => {
                match self.eval_or_missing(left, env)? {
                    None | Some(Term::Null) => self.eval_or_missing(right, env),
                    found => Ok(found),
                }
            }
            _ => self.eval(code, env).map(Some),
        }
    }

    /// Makes an item of a value; lists stay flat in memory, so that nothing recurses when they are freed.
    pub(super) fn settled(&mut self, term: Term) -> Lazy {
        if matches!(term, Term::List(_)) {
            return Lazy::Later(self.push_thunk(super::ThunkState::Done(term)));
        }
        Lazy::Done(term)
    }

    /// Forces every item; all failures are reported.
    pub(super) fn force_items(&mut self, list: &[Lazy]) -> Result<Vec<Term>, Poison> {
        let mut terms = Vec::with_capacity(list.len());
        let mut failed = false;
        for lazy in list {
            match self.force(lazy) {
                Ok(term) => terms.push(term),
                Err(Poison) => failed = true,
            }
        }
        if failed { Err(Poison) } else { Ok(terms) }
    }

    /// Returns a place for what has none of its own: the field that is being evaluated.
    pub(super) fn last_span(&self) -> Span {
        if let Some((n_pending, span)) = self.checking
            && n_pending == self.pending.len()
        {
            return span;
        }
        match self.pending.last() {
            Some(super::Pending::Field(_, _, span) | super::Pending::Let(_, span, _)) => *span,
            None => {
                self.reading.map_or(self.program.project_span, |object| self.object(object).span)
            }
        }
    }

    /// Returns the frame of a project instance for a place, or reports that there is none.
    pub(super) fn here(&mut self, frame: FrameId, span: Span) -> Result<super::ObjectId, Poison> {
        match self.project_at(frame) {
            Some(project) => Ok(project),
            None => Err(self.report(
                Diagnostic::error(Code(108), "there is no project here").at(span, "outside"),
            )),
        }
    }
}

/// Returns whether an expression is a value already.
pub(super) fn is_literal(form: &Form) -> bool {
    matches!(form, Form::Null | Form::Bool(_) | Form::Int(_) | Form::Text(_) | Form::Path(_))
}
