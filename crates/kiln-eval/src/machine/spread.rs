//! What bodies bring beside written keys: spreads of dicts and mixins, computed keys.

use super::layers::{Expansion, LayerConditions};
use super::object::{Layer, LayerSource, Nature, ObjectId};
use super::{Env, Lazy, Machine, Poison, Term, ThunkState};
use crate::code::CodeRef;
use kiln_diag::{Code, Diagnostic, Span};
use std::rc::Rc;

impl Machine {
    /// `..value` in a body.
    pub(super) fn expand_spread(
        &mut self,
        expansion: &mut Expansion,
        code: &CodeRef,
        env: Env,
        conditions: &LayerConditions,
    ) -> Result<(), Poison> {
        match self.eval(code, env)? {
            Term::Mixin(mixin) => {
                self.check_receiver(expansion.object, &mixin, code.span)?;
                self.enter(code.span)?;
                let expanded = self.expand_body(expansion, &mixin.body, mixin.frame, conditions);
                self.leave();
                expanded
            }
            Term::Object(copied)
                if self.object(copied).nature == Nature::Record
                    && self.is_open(expansion.object) =>
            {
                let keys = self.keys(copied)?;
                let mut values = Vec::new();
                for key in keys {
                    let thunk = self.push_thunk(ThunkState::Field(copied, key, code.span));
                    values.push((key, Lazy::Later(thunk), code.span));
                }
                let group = self.new_group(expansion.object);
                let source = LayerSource::Values(Rc::new(values));
                expansion.layers.push(Layer { source, conditions: Rc::clone(conditions), group });
                Ok(())
            }
            other => {
                let found = self.describe(&other);
                let finding =
                    Diagnostic::error(Code(306), format!("{found} cannot be spread here"));
                Err(self.report(if self.is_open(expansion.object) {
                    finding
                        .at(code.span, "not a mixin and not a record")
                        .help("`..m` applies a mixin in a body, or copies a dict into a dict")
                } else {
                    finding
                        .at(code.span, "not a mixin")
                        .help("fields of a kind are shared by `m = mixin K { … }` and `..m`")
                }))
            }
        }
    }

    /// Returns whether any key may be bound: dicts and files, and nothing that has a kind.
    pub(super) fn is_open(&self, object: ObjectId) -> bool {
        matches!(self.object(object).nature, Nature::Record | Nature::Module)
    }

    /// Reports a key of a kind that is not written out.
    pub(super) fn report_computed(&mut self, span: Span) -> Poison {
        self.report(
            Diagnostic::error(Code(306), "keys are computed in dicts only")
                .at(span, "fields of a kind are written out")
                .help("write `field = …`, with `if … then { … }` around it where needed"),
        )
    }

    /// Returns the key that `[e]` stands for.
    pub(super) fn key_text(&mut self, key: &CodeRef, env: Env) -> Result<Rc<str>, Poison> {
        match self.eval(key, env)? {
            Term::Text(text) => Ok(text),
            other => {
                let found = self.describe(&other);
                Err(self.report(
                    Diagnostic::error(Code(201), format!("a key is a String, not {found}"))
                        .at(key.span, format!("this is {found}")),
                ))
            }
        }
    }
}
