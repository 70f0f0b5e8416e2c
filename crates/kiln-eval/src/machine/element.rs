//! Elements as handles: made without forcing a field, listed by walking files, folders and records.

use super::names::NamePath;
use super::object::{LayerSource, ObjectId};
use super::{Env, FrameId, Machine, Poison, Term};
use crate::code::Body;
use kiln_diag::{Code, Diagnostic, Span};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What an element counts among the live values.
const BYTES_OF_ELEMENT: usize = 1 << 10;

/// An element that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ElementEntry {
    pub(crate) object: ObjectId,
    /// Its number among those that one binding made, from 1.
    ordinal: u32,
}

impl Machine {
    /// Makes an element of an object; elements that make each other without an end are over the budget.
    pub(super) fn register_element(&mut self, object: ObjectId, span: Span) -> Result<(), Poison> {
        self.allocate(BYTES_OF_ELEMENT, span)?;
        let name = self.object(object).name;
        let (ordinal, n_parts) = self.names.count(name);
        self.refuse_deep_name(n_parts, span)?;
        let ix = self.elements.len();
        self.elements.push(ElementEntry { object, ordinal });
        self.object_mut(object).element = Some(ix);
        Ok(())
    }

    pub(crate) fn element_entry(&self, ix: usize) -> ElementEntry {
        self.elements[ix]
    }

    /// Returns the number of an object among the elements, if it is one.
    pub(crate) fn element_of(&self, term: &Term) -> Option<usize> {
        let Term::Object(object) = term else { return None };
        let object = self.object(*object);
        if object.is_kind.is_some() { None } else { object.element }
    }

    /// Returns the name of an element as people write it.
    pub(crate) fn element_name(&self, object: ObjectId) -> String {
        let mut text = self.names.render(self.object(object).name, &self.symbols);
        if let Some(ix) = self.object(object).element
            && self.elements[ix].ordinal > 1
        {
            text.push('~');
            text.push_str(&self.elements[ix].ordinal.to_string());
        }
        text
    }

    /// Returns whether an element can be built: what a `let` or a prototype made has no name.
    pub(crate) fn is_public(&self, object: ObjectId) -> bool {
        self.names.is_public(self.object(object).name)
    }

    /// Returns the names of an element's kinds, nearest first.
    pub(crate) fn lineage(&self, object: ObjectId) -> Vec<Rc<str>> {
        let mut names = Vec::new();
        let mut at = self.object(object).kind;
        while let Some(kind) = at {
            names.push(self.text(self.kinds[kind.0 as usize].name));
            at = self.kinds[kind.0 as usize].parent;
        }
        names
    }

    pub(crate) fn object_span(&self, object: ObjectId) -> Span {
        self.object(object).span
    }

    /// Lists all elements that files, folders and records of data bind.
    pub(crate) fn list_elements(&mut self, project: ObjectId) -> Vec<usize> {
        let mut listed = Vec::new();
        let mut seen = BTreeSet::new();
        let Ok(layers) = self.layers(project) else { return listed };
        let mut keys: Vec<_> = layers.iter().flat_map(|layer| self.written_keys(layer)).collect();
        keys.sort_unstable();
        keys.dedup();
        let span = self.program.project_span;
        for key in keys {
            if !matches!(self.declaration(project, key), Ok(None)) {
                continue;
            }
            let span = self.binding_span(project, key).unwrap_or(span);
            if let Ok(Some(term)) = self.field(project, key, span) {
                self.list_in(&term, &mut listed, &mut seen);
            }
        }
        listed.sort_by_cached_key(|ix| self.element_name(self.elements[*ix].object));
        listed.dedup();
        listed
    }

    fn list_in(&mut self, term: &Term, listed: &mut Vec<usize>, seen: &mut BTreeSet<ObjectId>) {
        let Term::Object(object) = term else { return };
        let object = *object;
        if !seen.insert(object) {
            return;
        }
        if let Some(ix) = self.element_of(term) {
            if self.is_public(object) {
                listed.push(ix);
            }
            return;
        }
        if !self.is_dict(object) || self.object(object).is_kind.is_some() {
            return;
        }
        let span = self.object(object).span;
        if self.enter(span).is_err() {
            return;
        }
        if let Ok(keys) = self.keys(object) {
            // A failed assertion is in the findings; its neighbours are still listed.
            let _: Result<(), Poison> = self.check_object_assertions(object);
            for key in keys {
                let span = self.binding_span(object, key).unwrap_or(span);
                if let Ok(Some(term)) = self.field(object, key, span) {
                    self.list_in(&term, listed, seen);
                }
            }
        }
        self.leave();
    }

    /// Checks the `assert`s of all bodies of an object.
    pub(crate) fn check_object_assertions(&mut self, object: ObjectId) -> Result<(), Poison> {
        let layers = self.layers(object)?;
        let mut done = BTreeSet::new();
        let mut failed = false;
        for layer in layers.iter() {
            let LayerSource::Items { body, .. } = &layer.source else { continue };
            if body.assertions.is_empty() || !done.insert(layer.group) {
                continue;
            }
            if !self.layer_holds(object, layer)? {
                continue;
            }
            let frame = self.layer_frame(object, layer);
            let env = Env { frame, name: self.object(object).name };
            failed |= self.check_assertions_for(&Rc::clone(body), env, Some(object)).is_err();
        }
        if failed { Err(Poison) } else { Ok(()) }
    }

    /// Checks the `assert`s of a body that is no object's alone.
    pub(super) fn check_assertions(
        &mut self,
        body: &Rc<Body>,
        frame: FrameId,
        name: NamePath,
    ) -> Result<(), Poison> {
        self.check_assertions_for(body, Env { frame, name }, None)
    }

    fn check_assertions_for(
        &mut self,
        body: &Rc<Body>,
        env: Env,
        whose: Option<ObjectId>,
    ) -> Result<(), Poison> {
        let mut failed = false;
        for assertion in &body.assertions {
            if !self.hold(&assertion.conditions, env.frame)? {
                continue;
            }
            let value = self.eval(&assertion.test, env)?;
            if self.truth(&value, assertion.test.span)? {
                continue;
            }
            let text = match &assertion.message {
                Some(message) => match self.eval(message, env)? {
                    Term::Text(text) => text,
                    _ => Rc::from("the assertion does not hold"),
                },
                None => Rc::from("the assertion does not hold"),
            };
            let finding = Diagnostic::error(Code(404), text.to_string());
            self.report(self.with_places(finding, assertion.test.span, whose));
            failed = true;
        }
        if failed { Err(Poison) } else { Ok(()) }
    }
    /// Shows an assertion that failed: whose it is comes first where that is written elsewhere, in a kind or a mixin.
    fn with_places(&self, finding: Diagnostic, test: Span, whose: Option<ObjectId>) -> Diagnostic {
        let is_within = |outer: Span| {
            outer.file == test.file && outer.start <= test.start && test.end <= outer.end
        };
        match whose.filter(|object| !is_within(self.object(*object).span)) {
            Some(object) => {
                let name = self.object_name(object);
                let finding = finding.at(self.object(object).span, format!("this is {name}"));
                finding.also(test, "this is false for it")
            }
            None => finding.at(test, "this is false"),
        }
    }
}
