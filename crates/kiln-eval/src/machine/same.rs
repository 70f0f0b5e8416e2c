//! Whether what amends a project is the same as what amends it elsewhere: nothing is evaluated for it, as what replaces
//! a member may need the very instance that is being made.

use super::object::Raw;
use super::{FrameId, Machine};
use crate::code::{Body, Form};
use crate::symbol::Symbol;
use std::collections::BTreeMap;

/// A name as it is resolved: the frame that it is in, and what is selected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    frame: FrameId,
    names: Vec<Symbol>,
}

/// What members are replaced by, by their paths.
pub(super) type Replaced = BTreeMap<Vec<Symbol>, Resolved>;

impl Machine {
    /// Returns what bodies replace besides options; nothing if it is more than a name that can be compared.
    pub(super) fn replaced(&self, overrides: &[Raw]) -> Option<Replaced> {
        let mut replaced = Replaced::new();
        for raw in overrides {
            let Raw::Body { body, frame } = raw else { return None };
            self.add_replaced(body, *frame, &mut Vec::new(), &mut replaced)?;
        }
        Some(replaced)
    }

    fn add_replaced(
        &self,
        body: &Body,
        frame: FrameId,
        path: &mut Vec<Symbol>,
        replaced: &mut Replaced,
    ) -> Option<()> {
        if body.dynamic || !body.lets.is_empty() {
            return None;
        }
        for entry in &body.entries {
            let binding = super::field::binding_of(&entry.form)?;
            if path.is_empty() && binding.symbol == self.well_known.options {
                continue;
            }
            if !entry.conditions.is_empty() {
                return None;
            }
            path.push(binding.symbol);
            match &binding.value.as_ref()?.form {
                Form::AmendSuper(inner) => self.add_replaced(inner, frame, path, replaced)?,
                form => {
                    let resolved = self.resolved(form, frame)?;
                    replaced.insert(path.clone(), resolved);
                }
            }
            path.pop();
        }
        Some(())
    }

    /// Returns what a name means, if it is one that is written outside of the body.
    fn resolved(&self, form: &Form, frame: FrameId) -> Option<Resolved> {
        match form {
            Form::Field { scope, symbol } => {
                let frame = self.find_frame(frame, *scope)?;
                Some(Resolved { frame, names: vec![*symbol] })
            }
            Form::Select { base, name, optional: false, .. } => {
                let mut resolved = self.resolved(&base.form, frame)?;
                resolved.names.push(*name);
                Some(resolved)
            }
            _ => None,
        }
    }
}
