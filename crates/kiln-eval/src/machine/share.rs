//! Sharing: a field whose value depends on nothing that an element binds is evaluated once for its kind.

use super::object::{Layer, LayerSource, Layers, Nature, ObjectId, Position, Slot};
use super::{Lazy, Machine, Poison, Term};
use crate::code::Mentions;
use crate::symbol::Symbol;
use std::collections::BTreeSet;
use std::rc::Rc;

impl Machine {
    /// Returns the kind's own value of a field, if the element cannot change it.
    pub(super) fn shared_field(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
    ) -> Result<Option<Term>, Poison> {
        let Some(kind) = self.kind_object(object) else { return Ok(None) };
        let own = self.own_keys(object, kind)?;
        if self.object(object).is_late || own.binary_search(&symbol).is_ok() {
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

    /// Returns the keys that the bodies of an element above its kind may bind, sorted.
    pub(super) fn own_keys(
        &mut self,
        object: ObjectId,
        kind: ObjectId,
    ) -> Result<Rc<[Symbol]>, Poison> {
        if let Some(known) = &self.object(object).own_keys {
            return Ok(Rc::clone(known));
        }
        let layers = self.layers(object)?;
        let inherited = self.layers(kind)?.len();
        let own = layers.get(inherited..).unwrap_or_default();
        let mut keys: Vec<Symbol> = own.iter().flat_map(|layer| self.written_keys(layer)).collect();
        keys.sort_unstable();
        keys.dedup();
        let keys: Rc<[Symbol]> = Rc::from(keys);
        self.object_mut(object).own_keys = Some(Rc::clone(&keys));
        Ok(keys)
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
    fn closure(&self, layers: &[Layer], symbol: Symbol) -> Option<BTreeSet<Symbol>> {
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
    fn mentioned(&self, layers: &[Layer], symbol: Symbol) -> Option<BTreeSet<Symbol>> {
        let mut mentions = Mentions::default();
        let (mut is_declared, mut is_bound) = (false, false);
        for layer in layers {
            let LayerSource::Items { body, from, to, .. } = &layer.source else {
                if self.may_bind(layer, symbol) {
                    return None;
                }
                continue;
            };
            for slot in body.lets.iter().filter(|slot| slot.name == symbol) {
                mentions.extend(&slot.mentions);
            }
            let entries = body.index.get(&symbol).into_iter().flatten();
            for entry in entries.filter(|entry| (*from..*to).contains(*entry)) {
                let entry = &body.entries[*entry];
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
            && keys.all(|key| match object.slots.get(&(key, Position::TOP)) {
                Some(Slot::Done(term)) => self.is_plain(term),
                Some(Slot::Missing) => true,
                Some(Slot::Busy | Slot::Failed) | None => false,
            })
    }
}
