//! What amends a project has to hit something: a key that is not there is told, whoever uses it.

use super::object::{Nature, ObjectId, Position, Raw};
use super::{Machine, Poison, Term};
use crate::code::{Body, Form};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, nearest, suggestion};
use std::rc::Rc;

/// So many names are told of those that there are.
const MOST_NAMES: usize = 8;

impl Machine {
    /// Checks all that amends an instance, also what nobody has asked for.
    pub(super) fn check_overrides(&mut self, instance: ObjectId) {
        let object = self.object(instance);
        let raws = Rc::clone(&object.raws);
        let n_overrides = object.overrides;
        if n_overrides == 0 {
            return;
        }
        self.check_defaults(instance);
        for raw in &raws[raws.len() - n_overrides..] {
            if let Raw::Body { body, .. } = raw {
                let body = Rc::clone(body);
                self.check_override_body(instance, &body, true);
            }
        }
    }

    fn check_override_body(&mut self, object: ObjectId, body: &Rc<Body>, is_project: bool) {
        let settings = [self.well_known.options, self.well_known.inputs, self.well_known.defaults];
        for entry in &body.entries {
            let Some(binding) = super::field::binding_of(&entry.form) else { continue };
            let Some(value) = &binding.value else { continue };
            if is_project && settings.contains(&binding.symbol) {
                continue;
            }
            let found = match self.field(object, binding.symbol, binding.key_span) {
                Ok(Some(found)) => found,
                // What is wrong is among the findings.
                Ok(None) | Err(Poison) => continue,
            };
            match (&value.form, found) {
                (Form::AmendSuper(inner), Term::Object(inside)) => {
                    let is_open = self.object(inside).nature == Nature::Record;
                    if !is_open && self.check_keys(inside).is_ok() {
                        let inner = Rc::clone(inner);
                        self.check_override_body(inside, &inner, false);
                    }
                }
                (Form::AmendSuper(_), _) => {}
                (_, found) => drop(self.check_replaced(object, binding.symbol, &found, value.span)),
            }
        }
    }

    /// What was an element stays one, or nothing.
    fn check_replaced(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        found: &Term,
        span: Span,
    ) -> Result<(), Poison> {
        let is_element = |machine: &Self, term: &Term| match term {
            Term::Object(object) => machine.object(*object).nature == Nature::Element,
            _ => false,
        };
        if matches!(found, Term::Null) || is_element(self, found) {
            return Ok(());
        }
        let Some(position) = self.find_binding(object, symbol, Position::TOP)? else {
            return Ok(());
        };
        let Some(before) = self.field_below(object, symbol, position, span)? else {
            return Ok(());
        };
        if is_element(self, &before) {
            let (name, shown) = (self.text(symbol), self.describe(found));
            let owner = self.object_name(object);
            self.report(
                Diagnostic::error(
                    Code(201),
                    format!("`{name}` of {owner} is an Element, and is replaced by {shown}"),
                )
                .at(span, format!("this is {shown}"))
                .help("put another element there"),
            );
        }
        Ok(())
    }

    /// Checks that `inputs { p = … }` of an amend names inputs that are there.
    pub(super) fn check_input_overrides(
        &mut self,
        base: ObjectId,
        raw: &Raw,
    ) -> Result<(), Poison> {
        let Raw::Body { body, .. } = raw else { return Ok(()) };
        let inputs = self.well_known.inputs;
        for entry in body.index.get(inputs) {
            let Some(binding) = super::field::binding_of(&body.entries[entry].form) else {
                continue;
            };
            let Some(Form::AmendSuper(inner)) = binding.value.as_ref().map(|value| &value.form)
            else {
                continue;
            };
            let span = self.object(base).span;
            let known = match self.field(base, inputs, span)? {
                Some(Term::Object(record)) => self.keys(record)?,
                _ => Vec::new(),
            };
            for entry in &inner.entries {
                let Some(binding) = super::field::binding_of(&entry.form) else { continue };
                if known.contains(&binding.symbol) {
                    continue;
                }
                let written = self.text(binding.symbol);
                let names: Vec<Rc<str>> = known.iter().map(|symbol| self.text(*symbol)).collect();
                let owner = self.object_name(base);
                let mut finding =
                    Diagnostic::error(Code(307), format!("{owner} has no input `{written}`"))
                        .at(binding.key_span, "overrides nothing");
                finding = with_names(finding, &written, &names, binding.key_span);
                return Err(self.report(finding));
            }
        }
        Ok(())
    }
}

/// Adds the name that was meant, or those that there are.
pub(super) fn with_names(
    finding: Diagnostic,
    written: &str,
    names: &[Rc<str>],
    at: Span,
) -> Diagnostic {
    let near = nearest(written, names.iter().map(AsRef::as_ref));
    match (suggestion(written, names.iter().map(AsRef::as_ref)), near.first()) {
        (Some(help), Some(near)) => finding.help(help).edit(at, *near),
        _ => finding.help(known_names(names)),
    }
}

/// Says what names there are.
pub(super) fn known_names(names: &[Rc<str>]) -> String {
    let mut known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    known.sort();
    known.dedup();
    let n_more = known.len().saturating_sub(MOST_NAMES);
    known.truncate(MOST_NAMES);
    match (known.is_empty(), n_more) {
        (true, _) => "there is nothing in it".to_owned(),
        (false, 0) => format!("it has {}", known.join(", ")),
        (false, n_more) => format!("it has {} and {n_more} more", known.join(", ")),
    }
}
