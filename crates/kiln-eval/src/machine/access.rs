//! Access by text: what callers of the crate ask for.

use super::object::{ObjectId, Shape};
use super::{Machine, Poison, Term};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::rc::Rc;

impl Machine {
    /// Forgets the instance that only served to read declarations.
    pub(crate) fn forget_instances(&mut self) {
        self.instances.clear();
    }

    /// Forces a field by its name.
    pub(crate) fn field_by_name(
        &mut self,
        object: ObjectId,
        name: &str,
    ) -> Result<Option<Term>, Poison> {
        let symbol = self.symbols.intern(name);
        let span = self.object(object).span;
        self.reading = Some(object);
        self.field(object, symbol, span)
    }

    pub(crate) fn report_unset(&mut self, object: ObjectId, name: &str) {
        let symbol = self.symbols.intern(name);
        let span = self.object(object).span;
        self.report_no_value(object, symbol, span);
    }

    pub(crate) fn span_by_name(&mut self, object: ObjectId, name: &str) -> Option<Span> {
        let symbol = self.symbols.find(name)?;
        self.binding_span(object, symbol)
    }

    pub(crate) fn declared_names(&mut self, object: ObjectId) -> Vec<String> {
        let fields = self.declared_fields(object).unwrap_or_default();
        fields.into_iter().map(|(symbol, _)| self.text(symbol).to_string()).collect()
    }

    /// Checks keys, all declared fields and assertions of an element; all that is wrong is reported.
    pub(crate) fn check_object(&mut self, object: ObjectId) -> Result<(), Poison> {
        let span = self.object(object).span;
        let mut failed = self.check_keys(object).is_err();
        for symbol in self.fields_of(object)?.iter() {
            match self.field(object, *symbol, span) {
                Ok(Some(_)) => {}
                // Declared under a condition that does not hold: not there.
                Ok(None) if matches!(self.declaration(object, *symbol), Ok(None)) => {}
                Ok(None) => {
                    self.report_no_value(object, *symbol, span);
                    failed = true;
                }
                Err(Poison) => failed = true,
            }
        }
        failed |= self.check_object_assertions(object).is_err();
        if failed { Err(Poison) } else { Ok(()) }
    }

    /// Returns the fields that an element declares and may have for itself.
    fn fields_of(&mut self, object: ObjectId) -> Result<Rc<[Symbol]>, Poison> {
        let Some(kind) = self.kind_object(object) else {
            let fields = self.declared_fields(object)?;
            return Ok(fields.into_iter().map(|(symbol, _)| symbol).collect());
        };
        let fields = self.fields_of_kind(kind)?;
        let own = match self.shape(object)? {
            Shape::Of(shape) => Rc::clone(&self.shapes[shape.0 as usize].own),
            Shape::Alone => {
                let layers = self.layers(object)?;
                let inherited = self.layers(kind)?.len();
                self.own_keys(&layers, inherited)
            }
        };
        let mut added = Vec::new();
        for symbol in own.iter() {
            if !fields.contains(symbol) && self.declaration(object, *symbol)?.is_some() {
                added.push(*symbol);
            }
        }
        let unshared = self.unshared_fields(object, &fields)?;
        if added.is_empty() {
            Ok(unshared)
        } else {
            Ok(unshared.iter().copied().chain(added).collect())
        }
    }

    /// Leaves out the fields that were checked for all elements of a shape.
    fn unshared_fields(
        &mut self,
        object: ObjectId,
        fields: &Rc<[Symbol]>,
    ) -> Result<Rc<[Symbol]>, Poison> {
        let Shape::Of(shape) = self.shape(object)? else { return Ok(Rc::clone(fields)) };
        let ix = shape.0 as usize;
        if let Some(unshared) = &self.shapes[ix].unshared {
            return Ok(Rc::clone(unshared));
        }
        let mut unshared = Vec::new();
        for symbol in fields.iter() {
            if !matches!(self.shared_field(object, *symbol), Ok(Some(_))) {
                unshared.push(*symbol);
            }
        }
        let unshared: Rc<[Symbol]> = Rc::from(unshared);
        self.shapes[ix].unshared = Some(Rc::clone(&unshared));
        Ok(unshared)
    }

    pub(super) fn fields_of_kind(&mut self, kind: ObjectId) -> Result<Rc<[Symbol]>, Poison> {
        if let Some(fields) = &self.object(kind).fields {
            return Ok(Rc::clone(fields));
        }
        let declared = self.declared_fields(kind)?;
        let fields: Rc<[Symbol]> = declared.into_iter().map(|(symbol, _)| symbol).collect();
        self.object_mut(kind).fields = Some(Rc::clone(&fields));
        Ok(fields)
    }

    /// Follows a path of keys and indexes from an object; none if it leads nowhere.
    pub(crate) fn find_path(&mut self, from: ObjectId, path: &str) -> Option<Term> {
        let mut term = Term::Object(from);
        for step in steps(path)? {
            let span = self.program.project_span;
            term = match (step, &term) {
                (PathStep::Key(key), Term::Object(object)) => {
                    let symbol = self.symbols.find(&key)?;
                    let span = self.binding_span(*object, symbol).unwrap_or(span);
                    match self.field(*object, symbol, span).ok()? {
                        Some(term) => term,
                        None => self.input(*object, symbol, span).ok()??,
                    }
                }
                (PathStep::Index(ix), Term::List(list)) => {
                    let lazy = list.get(ix)?.clone();
                    self.force(&lazy).ok()?
                }
                _ => return None,
            };
        }
        Some(term)
    }
}

enum PathStep {
    Key(String),
    Index(usize),
}

/// Reads `a.b."c d"[1]`.
fn steps(path: &str) -> Option<Vec<PathStep>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (number, after) = inner.split_once(']')?;
            steps.push(PathStep::Index(number.parse().ok()?));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('"') {
            let (key, after) = inner.split_once('"')?;
            steps.push(PathStep::Key(key.to_owned()));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            steps.push(PathStep::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix('.') {
            if after.is_empty() {
                return None;
            }
            rest = after;
        }
    }
    Some(steps)
}
