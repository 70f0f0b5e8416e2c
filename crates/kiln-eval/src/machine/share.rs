//! Sharing: a field whose value depends on nothing that an element binds is evaluated once for its kind.

use super::object::{
    LayerList, LayerSource, Layers, Nature, ObjectId, Position, Shape, ShapeId, Slot,
};
use super::{Lazy, Machine, Poison, Term};
use crate::code::Mentions;
use crate::symbol::Symbol;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What all elements share that amend one kind and may bind the same keys.
#[derive(Debug)]
pub(super) struct ShapeState {
    kind: ObjectId,
    /// The keys that their bodies above the kind may bind, sorted.
    pub(super) own: Rc<[Symbol]>,
    /// What was found out about fields, sorted.
    shares: Vec<(Symbol, Share)>,
    /// The fields that each element has to check for itself, once that is known.
    pub(super) unshared: Option<Rc<[Symbol]>>,
}

/// Whether a field is the same for all elements of a shape.
#[derive(Clone, Debug)]
enum Share {
    No,
    Same(Term),
}

impl Machine {
    /// Returns the kind's own value of a field, if the element cannot change it.
    pub(super) fn shared_field(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
    ) -> Result<Option<Term>, Poison> {
        let Shape::Of(shape) = self.shape(object)? else { return Ok(None) };
        let state = &self.shapes[shape.0 as usize];
        if let Ok(known) = state.shares.binary_search_by_key(&symbol, |(symbol, _)| *symbol) {
            return Ok(match &state.shares[known].1 {
                Share::No => None,
                Share::Same(term) => Some(term.clone()),
            });
        }
        let (kind, own) = (state.kind, Rc::clone(&state.own));
        let value = self.field_of_kind(kind, &own, symbol, object)?;
        let share = value.clone().map_or(Share::No, Share::Same);
        // To find it out may have told the shape about other fields.
        let shares = &mut self.shapes[shape.0 as usize].shares;
        if let Err(place) = shares.binary_search_by_key(&symbol, |(symbol, _)| *symbol) {
            shares.insert(place, (symbol, share));
            self.keep_region();
        }
        Ok(value)
    }

    /// Returns a field of a kind, if elements that bind some keys cannot change it.
    fn field_of_kind(
        &mut self,
        kind: ObjectId,
        own: &[Symbol],
        symbol: Symbol,
        object: ObjectId,
    ) -> Result<Option<Term>, Poison> {
        if own.binary_search(&symbol).is_ok() {
            return Ok(None);
        }
        let Some(depends_on) = self.share_of(kind, symbol)? else { return Ok(None) };
        if own.iter().any(|key| depends_on.binary_search(key).is_ok()) {
            return Ok(None);
        }
        let span = self.object(object).span;
        let n_elements = self.elements.len();
        let value = self.field(kind, symbol, span)?;
        // An element made inside of the field has the kind's name; each element wants one of its own.
        let within = self.object(kind).name;
        let is_made_here = self.elements[n_elements..]
            .iter()
            .any(|entry| self.names.is_within(self.object(entry.object).name, within));
        match value {
            Some(term) if !is_made_here && self.is_plain(&term) => Ok(Some(term)),
            _ => {
                self.object_mut(kind).shares.insert(symbol, None);
                Ok(None)
            }
        }
    }

    /// Returns whether a field of an element is known to be that of its kind.
    pub(crate) fn is_field_shared(&self, object: ObjectId, field: &str) -> bool {
        let Some(Shape::Of(shape)) = self.object(object).shape else { return false };
        let Some(symbol) = self.symbols.find(field) else { return false };
        let shares = &self.shapes[shape.0 as usize].shares;
        let found = shares.binary_search_by_key(&symbol, |(symbol, _)| *symbol);
        found.is_ok_and(|found| matches!(shares[found].1, Share::Same(_)))
    }

    /// Returns the number of an element's shape, if it has one.
    pub(crate) fn shape_number(&self, object: ObjectId) -> Option<u32> {
        match self.object(object).shape {
            Some(Shape::Of(shape)) => Some(shape.0),
            _ => None,
        }
    }

    /// Returns the nearest kind that an element amends.
    pub(super) fn kind_object(&self, object: ObjectId) -> Option<ObjectId> {
        if self.object(object).nature != Nature::Element {
            return None;
        }
        let mut at = self.object(object).base;
        while let Some(base) = at {
            if self.object(base).is_kind.is_some() {
                return Some(base);
            }
            at = self.object(base).base;
        }
        None
    }

    /// Returns the shape of an object, found once.
    pub(super) fn shape(&mut self, object: ObjectId) -> Result<Shape, Poison> {
        if let Some(shape) = self.object(object).shape {
            return Ok(shape);
        }
        let shape = match self.kind_object(object) {
            Some(kind) => self.shape_in(object, kind)?,
            None => Shape::Alone,
        };
        self.object_mut(object).shape = Some(shape);
        Ok(shape)
    }

    fn shape_in(&mut self, object: ObjectId, kind: ObjectId) -> Result<Shape, Poison> {
        let layers = self.layers(object)?;
        let inherited = self.layers(kind)?.len();
        if self.object(object).is_late {
            return Ok(Shape::Alone);
        }
        let own = self.own_keys(&layers, inherited);
        if let Some(shape) = self.shape_of_keys.get(&(kind, Rc::clone(&own))) {
            return Ok(Shape::Of(*shape));
        }
        let shape = ShapeId(super::index(self.shapes.len()));
        self.shape_of_keys.insert((kind, Rc::clone(&own)), shape);
        self.shapes.push(ShapeState { kind, own, shares: Vec::new(), unshared: None });
        Ok(Shape::Of(shape))
    }

    /// Returns the keys that layers above those of a kind may bind, sorted.
    pub(super) fn own_keys(&self, layers: &LayerList, inherited: usize) -> Rc<[Symbol]> {
        let own = layers.from(inherited);
        let mut keys: Vec<Symbol> = own.flat_map(|layer| self.written_keys(layer)).collect();
        keys.sort_unstable();
        keys.dedup();
        Rc::from(keys)
    }

    /// Returns all fields that a field of a kind depends on; none if it cannot be shared.
    fn share_of(&mut self, kind: ObjectId, symbol: Symbol) -> Result<Option<Rc<[Symbol]>>, Poison> {
        if let Some(known) = self.object(kind).shares.get(&symbol) {
            return Ok(known.clone());
        }
        let layers = self.layers(kind)?;
        let share = self.closure(&layers, symbol).map(|all| all.into_iter().collect());
        self.object_mut(kind).shares.insert(symbol, share.clone());
        Ok(share)
    }

    /// Follows what the bindings of a field mention, through `let`s and other fields.
    fn closure(&self, layers: &LayerList, symbol: Symbol) -> Option<BTreeSet<Symbol>> {
        let mut seen = BTreeSet::from([symbol]);
        let mut waiting = vec![symbol];
        while let Some(symbol) = waiting.pop() {
            for mentioned in self.mentioned(layers, symbol)? {
                if seen.insert(mentioned) {
                    waiting.push(mentioned);
                }
            }
        }
        Some(seen)
    }

    /// Returns what all bindings of a name mention; none if one mentions the object as a whole.
    fn mentioned(&self, layers: &LayerList, symbol: Symbol) -> Option<BTreeSet<Symbol>> {
        let mut mentions = Mentions::default();
        let (mut is_declared, mut is_bound) = (false, false);
        for layer in layers.iter() {
            let LayerSource::Items { body, from, to, .. } = &layer.source else {
                if self.may_bind(layer, symbol) {
                    return None;
                }
                continue;
            };
            for slot in body.lets.iter().filter(|slot| slot.name == symbol) {
                mentions.extend(&slot.mentions);
            }
            for entry in body.index.get(symbol).filter(|entry| (*from..*to).contains(entry)) {
                let entry = &body.entries[entry];
                if !layer.conditions.is_empty() {
                    return None;
                }
                for condition in entry.conditions.iter() {
                    mentions.extend(&body.condition_mentions[condition.ix]);
                }
                let binding = super::field::binding_of(&entry.form)?;
                is_declared |= binding.ty.is_some();
                is_bound |= binding.value.is_some();
                mentions.extend(&binding.mentions);
            }
        }
        let is_missing = is_declared && !is_bound;
        if mentions.is_opaque || is_missing { None } else { Some(mentions.symbols) }
    }

    /// Returns whether a value is data through and through, or a handle made elsewhere.
    fn is_plain(&self, term: &Term) -> bool {
        match term {
            Term::Null | Term::Bool(_) | Term::Int(_) | Term::Text(_) | Term::Path(_) => true,
            Term::List(items) => items.iter().all(|lazy| match lazy {
                Lazy::Done(term) => self.is_plain(term),
                Lazy::Later(_) => false,
            }),
            Term::Object(id) => {
                let object = self.object(*id);
                object.element.is_some() || (self.is_dict(*id) && self.is_forced(*id))
            }
            Term::Mixin(_) | Term::Function(_) | Term::Intrinsic(_) => false,
        }
    }

    /// Returns whether all values of a typed dict were forced and are plain.
    fn is_forced(&self, id: ObjectId) -> bool {
        let object = self.object(id);
        let Layers::Known(layers) = &object.layers else { return false };
        let mut keys = layers.iter().flat_map(|layer| self.written_keys(layer));
        object.content.is_some()
            && keys.all(|key| match object.slots.get((key, Position::TOP)) {
                Some(Slot::Done(term)) => self.is_plain(term),
                Some(Slot::Missing) => true,
                Some(Slot::Busy | Slot::Failed) | None => false,
            })
    }
}
