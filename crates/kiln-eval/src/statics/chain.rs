//! Kinds and instances: the bodies that make them, and the fields that these declare.

use super::shape::Shape;
use super::{FAR, Statics};
use crate::code::{Binding, Body, Entry, EntryForm, Form, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Mixins are looked for while mixins are looked for at most this deep.
const NESTED: usize = 2;

/// One body and what it amends.
pub(super) struct Chain {
    pub(super) parent: Option<Rc<Chain>>,
    pub(super) layer: Layer,
    /// The kind that it is, if it has a capital name.
    pub(super) name: Option<Symbol>,
    /// Defined by the standard library.
    pub(super) stdlib: bool,
}

/// What a link adds.
pub(super) enum Layer {
    Body(Rc<Body>),
    /// The fields that a call of a constructor sets.
    Values(Vec<Symbol>),
}

/// A field as it is declared.
#[derive(Clone)]
pub(super) struct FieldFact {
    pub(super) ty: TypeRef,
    pub(super) span: Span,
}

/// What is known of a field.
pub(super) enum Found {
    Declared(FieldFact),
    Absent,
    /// Something that is spread into it is not known.
    Unknown,
}

impl Chain {
    /// Returns the links, the nearest first.
    pub(super) fn links(self: &Rc<Self>) -> impl Iterator<Item = &Rc<Chain>> {
        std::iter::successors(Some(self), |chain| chain.parent.as_ref())
    }

    /// Returns the nearest kind of it.
    pub(super) fn kind(self: &Rc<Self>) -> Option<Symbol> {
        self.links().find_map(|link| link.name)
    }

    /// Returns the root kind that it descends from.
    pub(super) fn root(self: &Rc<Self>) -> Option<Symbol> {
        self.links().filter_map(|link| link.name).last()
    }

    /// Returns whether it is of a kind of the standard library.
    pub(super) fn descends(self: &Rc<Self>, kind: Symbol) -> bool {
        self.links().any(|link| link.stdlib && link.name == Some(kind))
    }
}

/// Returns the item's binding with its type, if it declares one.
pub(super) fn declared(entry: &Entry) -> Option<(&Binding, &TypeRef)> {
    let binding = entry.form.binding()?;
    Some((binding, binding.ty.as_ref()?))
}

impl<'a> Statics<'a> {
    /// Looks a field up.
    pub(super) fn find_field(&self, chain: &Rc<Chain>, symbol: Symbol) -> Found {
        let mut unknown = false;
        for link in chain.links() {
            let Layer::Body(body) = &link.layer else { continue };
            match self.find_in_body(body, symbol, 0) {
                Found::Declared(fact) => return Found::Declared(fact),
                Found::Unknown => unknown = true,
                Found::Absent => {}
            }
        }
        let is_user = self.defaults.is_none();
        if unknown || is_user { Found::Unknown } else { Found::Absent }
    }

    fn find_in_body(&self, body: &Rc<Body>, symbol: Symbol, depth: usize) -> Found {
        if depth > FAR {
            return Found::Unknown;
        }
        for ix in body.index.get(symbol) {
            if let Some((binding, ty)) = declared(&body.entries[ix]) {
                return Found::Declared(FieldFact { ty: Rc::clone(ty), span: binding.key_span });
            }
        }
        let mut unknown = false;
        for mixin in self.mixins(body) {
            match mixin.map(|mixin| self.find_in_body(&mixin, symbol, depth + 1)) {
                Some(Found::Declared(fact)) => return Found::Declared(fact),
                Some(Found::Absent) => {}
                Some(Found::Unknown) | None => unknown = true,
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    /// Returns the bodies of the mixins that a body applies; none for one that is not known.
    pub(super) fn mixins(&self, body: &Body) -> Vec<Option<Rc<Body>>> {
        if !body.dynamic {
            return Vec::new();
        }
        let spreads = body.entries.iter().filter_map(|entry| match &entry.form {
            EntryForm::Spread(code) => Some(code),
            _ => None,
        });
        // The name of a mixin may itself be looked up among the fields that mixins bring.
        let within = self.within.get();
        let mixin = |code| match self.shape(code, 0) {
            Shape::Mixin(_, body) => Some(body),
            _ => None,
        };
        if within >= NESTED {
            return vec![None];
        }
        self.within.set(within + 1);
        let found = spreads.map(mixin).collect();
        self.within.set(within);
        found
    }

    /// Returns whether something gives the field a value.
    pub(super) fn has_value(&self, chain: &Rc<Chain>, symbol: Symbol) -> bool {
        chain.links().any(|link| match &link.layer {
            Layer::Values(symbols) => symbols.contains(&symbol),
            Layer::Body(body) => self.body_sets(body, symbol, 0),
        })
    }

    fn body_sets(&self, body: &Rc<Body>, symbol: Symbol, depth: usize) -> bool {
        let sets = |ix: usize| {
            body.entries[ix].form.binding().is_some_and(|binding| binding.value.is_some())
        };
        let from_mixin = |mixin: Option<Rc<Body>>| match mixin {
            Some(mixin) if depth < FAR => self.body_sets(&mixin, symbol, depth + 1),
            _ => true,
        };
        body.index.get(symbol).any(sets) || self.mixins(body).into_iter().any(from_mixin)
    }

    /// Returns the names of all fields, with where they are declared.
    pub(super) fn field_names(&self, chain: &Rc<Chain>) -> BTreeMap<&'a str, FieldFact> {
        let mut names = BTreeMap::new();
        for link in chain.links() {
            if let Layer::Body(body) = &link.layer {
                self.add_names(body, &mut names, 0);
            }
        }
        names
    }

    fn add_names(&self, body: &Rc<Body>, names: &mut BTreeMap<&'a str, FieldFact>, depth: usize) {
        for (binding, ty) in body.entries.iter().filter_map(declared) {
            let fact = FieldFact { ty: Rc::clone(ty), span: binding.key_span };
            names.entry(self.text(binding.symbol)).or_insert(fact);
        }
        if depth < FAR {
            for mixin in self.mixins(body).into_iter().flatten() {
                self.add_names(&mixin, names, depth + 1);
            }
        }
    }

    /// Returns the fields that arguments by position fill: those of the nearest body that declares any.
    pub(super) fn own_fields(chain: &Rc<Chain>) -> Vec<Symbol> {
        for link in chain.links() {
            let Layer::Body(body) = &link.layer else { continue };
            let own: Vec<Symbol> = body
                .entries
                .iter()
                .filter_map(declared)
                .map(|(binding, _)| binding.symbol)
                .collect();
            if !own.is_empty() {
                return own;
            }
        }
        Vec::new()
    }

    /// Finds the mixins of `defaults` in the file of the project; none if they cannot be read off.
    pub(super) fn find_defaults(&self) -> Option<BTreeMap<Symbol, Rc<Body>>> {
        let mut found = BTreeMap::new();
        let Some(Form::Amend { body, .. }) = self.project_value().map(|value| &value.form) else {
            return Some(found);
        };
        let Some(defaults) = self.names.defaults else { return Some(found) };
        for ix in body.index.get(defaults) {
            let value = body.entries[ix].form.binding()?.value.as_ref()?;
            let (Form::AmendSuper(kinds) | Form::Record(kinds)) = &value.form else { return None };
            for entry in &kinds.entries {
                let EntryForm::Binding(binding) = &entry.form else { return None };
                let (Form::AmendSuper(mixin) | Form::Record(mixin)) = &binding.value.as_ref()?.form
                else {
                    return None;
                };
                if found.insert(binding.symbol, Rc::clone(mixin)).is_some() {
                    return None;
                }
            }
        }
        Some(found)
    }
}
