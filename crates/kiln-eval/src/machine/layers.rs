//! Layers: the bodies of an object with their spreads, computed keys and loops expanded.

use super::names::NamePart;
use super::object::{Layer, LayerList, LayerSource, Layers, ObjectId, Raw};
use super::{Env, FrameForm, FrameId, Lazy, Machine, Poison, Term, ThunkState};
use crate::code::{Body, Condition, Entry, EntryForm, Loop};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Conditions of a layer, each with the group it is read in.
pub(super) type LayerConditions = Rc<[(usize, Condition)]>;

/// Layers under construction for one object.
pub(super) struct Expansion {
    pub(super) object: ObjectId,
    pub(super) layers: Vec<Layer>,
}

impl Machine {
    /// Returns the layers of an object, lowest first.
    pub(super) fn layers(&mut self, object: ObjectId) -> Result<LayerList, Poison> {
        match &self.object(object).layers {
            Layers::Known(layers) => return Ok(layers.clone()),
            Layers::Failed => return Err(Poison),
            Layers::Busy => return Err(self.report_busy_layers(object)),
            Layers::Unknown => {}
        }
        // Spreads of spreads, amends of amends: bounded like fields that need fields.
        let span = self.object(object).span;
        self.enter(span)?;
        self.object_mut(object).layers = Layers::Busy;
        let expanded = self.expand(object);
        self.leave();
        let state = match &expanded {
            Ok(layers) => Layers::Known(layers.clone()),
            Err(Poison) => Layers::Failed,
        };
        self.object_mut(object).layers = state;
        expanded
    }

    fn report_busy_layers(&mut self, object: ObjectId) -> Poison {
        let span = self.object(object).span;
        let name = self.object_name(object);
        self.report(
            Diagnostic::error(Code(304), format!("the keys of {name} depend on its own values"))
                .at(span, "its spreads and computed keys are needed to read any field of it")
                .help("take what they depend on from outside of these braces"),
        )
    }

    fn expand(&mut self, object: ObjectId) -> Result<LayerList, Poison> {
        let raws = Rc::clone(&self.object(object).raws);
        let late = raws.iter().any(|raw| matches!(raw, Raw::Body { body, .. } if body.late));
        let base = self.object(object).base.filter(|_| !late);
        self.object_mut(object).is_late = late;
        let mut expansion = Expansion { object, layers: Vec::with_capacity(1) };
        let mut done = 0;
        let mut shared = Rc::clone(&self.no_layers);
        if let Some(base) = base {
            shared = self.shared_layers(base)?;
            done = self.object(base).raws.len().min(raws.len());
            let groups = self.object(base).frames.len();
            let mut frames = Vec::with_capacity(groups + raws.len() - done);
            frames.resize(groups, None);
            self.object_mut(object).frames = frames;
        }
        for raw in &raws[done..] {
            match raw {
                Raw::Body { body, frame } => {
                    let none = Rc::clone(&self.no_conditions);
                    self.expand_body(&mut expansion, body, *frame, &none)?;
                }
                Raw::Values(values) => {
                    self.push_layer(&mut expansion, LayerSource::Values(Rc::clone(values)));
                }
                Raw::Folder(folder) => {
                    self.push_layer(&mut expansion, LayerSource::Folder(*folder));
                }
            }
        }
        Ok(LayerList { shared, own: Rc::from(expansion.layers) })
    }

    /// Returns the layers of an object in one row, for those that amend it.
    fn shared_layers(&mut self, base: ObjectId) -> Result<Rc<[Layer]>, Poison> {
        let layers = self.layers(base)?;
        if layers.own.is_empty() {
            return Ok(layers.shared);
        }
        let row: Rc<[Layer]> = layers.iter().cloned().collect();
        let layers = LayerList { shared: Rc::clone(&row), own: Rc::clone(&self.no_layers) };
        self.object_mut(base).layers = Layers::Known(layers);
        Ok(row)
    }

    fn push_layer(&mut self, expansion: &mut Expansion, source: LayerSource) {
        let group = self.new_group(expansion.object);
        let conditions = Rc::clone(&self.no_conditions);
        expansion.layers.push(Layer { source, conditions, group });
    }

    pub(super) fn new_group(&mut self, object: ObjectId) -> usize {
        let frames = &mut self.object_mut(object).frames;
        frames.push(None);
        frames.len() - 1
    }

    pub(super) fn expand_body(
        &mut self,
        expansion: &mut Expansion,
        body: &Rc<Body>,
        frame: FrameId,
        conditions: &LayerConditions,
    ) -> Result<(), Poison> {
        self.spend(1, body.span)?;
        let group = self.new_group(expansion.object);
        let mut from = 0;
        let items = |from, to| LayerSource::Items { body: Rc::clone(body), from, to, frame };
        for (ix, entry) in body.entries.iter().enumerate() {
            if matches!(entry.form, EntryForm::Binding(_)) {
                continue;
            }
            if from < ix {
                let conditions = Rc::clone(conditions);
                expansion.layers.push(Layer { source: items(from, ix), conditions, group });
            }
            from = ix + 1;
            self.expand_entry(expansion, (body, frame, group), ix, entry, conditions)?;
        }
        if from < body.entries.len() || body.entries.is_empty() {
            let conditions = Rc::clone(conditions);
            let source = items(from, body.entries.len());
            expansion.layers.push(Layer { source, conditions, group });
        }
        Ok(())
    }

    fn expand_entry(
        &mut self,
        expansion: &mut Expansion,
        (body, frame, group): (&Rc<Body>, FrameId, usize),
        ix: usize,
        entry: &Entry,
        conditions: &LayerConditions,
    ) -> Result<(), Poison> {
        let object = expansion.object;
        let braces = self.braces(object, group, body, frame);
        let name = self.names.child(self.object(object).name, NamePart::Prototype);
        let env = Env { frame: braces, name };
        let is_kinded = !self.is_open(object);
        if !is_kinded && !self.hold(&entry.conditions, braces)? {
            return Ok(());
        }
        let conditions: LayerConditions = conditions
            .iter()
            .copied()
            .chain(entry.conditions.iter().map(|condition| (group, *condition)))
            .collect();
        match &entry.form {
            EntryForm::Binding(_) => Ok(()),
            EntryForm::Spread(code) => self.expand_spread(expansion, code, env, &conditions),
            EntryForm::Keyed { key, .. } if is_kinded => Err(self.report_computed(key.span)),
            EntryForm::For { head, .. } if is_kinded => Err(self.report_computed(head.over.span)),
            EntryForm::Keyed { key, .. } => {
                let key_text = self.key_text(key, env)?;
                let symbol = self.symbols.intern(&key_text);
                let source = LayerSource::Keyed { symbol, body: Rc::clone(body), entry: ix, frame };
                expansion.layers.push(Layer { source, conditions, group });
                Ok(())
            }
            EntryForm::For { head, body } => {
                for frame in self.loop_frames(head, env)? {
                    self.expand_body(expansion, body, frame, &conditions)?;
                }
                Ok(())
            }
        }
    }

    /// Returns one frame for each turn of a loop.
    pub(super) fn loop_frames(&mut self, head: &Loop, env: Env) -> Result<Vec<FrameId>, Poison> {
        let over = self.eval(&head.over, env)?;
        let mut frames = Vec::new();
        match over {
            Term::List(list) if !head.pair => {
                for value in list.iter() {
                    self.spend(1, head.over.span)?;
                    let form = FrameForm::Locals(vec![value.clone()]);
                    frames.push(self.push_frame(head.scope, env.frame, form));
                }
            }
            Term::Object(object) if self.is_dict(object) => {
                for key in self.keys(object)? {
                    self.spend(1, head.over.span)?;
                    let thunk = self.push_thunk(ThunkState::Field(object, key, head.over.span));
                    let mut locals = vec![Lazy::Done(Term::Text(self.text(key)))];
                    locals.extend(head.pair.then_some(Lazy::Later(thunk)));
                    let form = FrameForm::Locals(locals);
                    frames.push(self.push_frame(head.scope, env.frame, form));
                }
            }
            other => {
                let found = self.describe(&other);
                let wanted = if head.pair { "a record" } else { "a list or record" };
                return Err(self.report(
                    Diagnostic::error(Code(201), format!("`for` goes over {wanted}, not {found}"))
                        .at(head.over.span, format!("this is {found}")),
                ));
            }
        }
        Ok(frames)
    }

    /// Returns the frame of a body applied to an object, made on first use.
    pub(super) fn braces(
        &mut self,
        object: ObjectId,
        group: usize,
        body: &Rc<Body>,
        parent: FrameId,
    ) -> FrameId {
        if let Some(frame) = self.object(object).frames[group] {
            return frame;
        }
        let name = self.object(object).name;
        let frame = self.open_braces(Some(object), body, parent, name);
        self.object_mut(object).frames[group] = Some(frame);
        frame
    }

    /// Makes the frame of a body: its `let`s and conditions wait in it.
    pub(super) fn open_braces(
        &mut self,
        object: Option<ObjectId>,
        body: &Rc<Body>,
        parent: FrameId,
        name: super::NamePath,
    ) -> FrameId {
        let form = FrameForm::Braces {
            object,
            body: Rc::clone(body),
            lets: Vec::new(),
            conditions: Vec::new(),
        };
        let frame = self.push_frame(body.scope, parent, form);
        if body.lets.is_empty() && body.conditions.is_empty() {
            return frame;
        }
        let mut slots = Vec::new();
        for slot in &body.lets {
            slots.push(self.let_thunk(slot, frame, name));
        }
        let mut tests = Vec::new();
        for code in &body.conditions {
            let env = Env { frame, name };
            tests.push(self.push_thunk(ThunkState::Todo {
                code: Rc::clone(code),
                env,
                slot: None,
            }));
        }
        if let FrameForm::Braces { lets, conditions, .. } = &mut self.frames[frame.0 as usize].form
        {
            *lets = slots;
            *conditions = tests;
        }
        frame
    }

    /// Returns whether all conditions have the wanted value.
    pub(super) fn hold(
        &mut self,
        conditions: &[Condition],
        braces: FrameId,
    ) -> Result<bool, Poison> {
        for condition in conditions {
            let FrameForm::Braces { conditions, .. } = &self.frame(braces).form else {
                return Ok(false);
            };
            let thunk = conditions[condition.ix];
            let span = self.thunk_span(thunk);
            let value = self.force_thunk(thunk)?;
            if self.truth(&value, span)? != condition.wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the frame that a layer's bindings are evaluated in.
    pub(super) fn layer_frame(&mut self, object: ObjectId, layer: &Layer) -> FrameId {
        match &layer.source {
            LayerSource::Items { body, frame, .. } | LayerSource::Keyed { body, frame, .. } => {
                self.braces(object, layer.group, body, *frame)
            }
            LayerSource::Values(_) | LayerSource::Folder(_) => FrameId::OUTERMOST,
        }
    }

    /// Returns whether the conditions of a layer as a whole hold.
    pub(super) fn layer_holds(&mut self, object: ObjectId, layer: &Layer) -> Result<bool, Poison> {
        for (group, condition) in layer.conditions.iter() {
            // Conditional spreads are expanded for each object, which made the frame.
            let Some(frame) = self.object(object).frames[*group] else { continue };
            if !self.hold(&[*condition], frame)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the names of the keys that have a value, in byte order.
    pub(super) fn keys(&mut self, object: ObjectId) -> Result<Vec<Symbol>, Poison> {
        let layers = self.layers(object)?;
        let mut names: BTreeMap<Rc<str>, Symbol> = BTreeMap::new();
        for layer in layers.iter() {
            for symbol in self.written_keys(layer) {
                names.insert(self.text(symbol), symbol);
            }
        }
        let mut keys = Vec::new();
        for symbol in names.into_values() {
            if self.find_binding(object, symbol, super::Position::TOP)?.is_some() {
                keys.push(symbol);
            }
        }
        let span = self.object(object).span;
        self.spend(keys.len() as u64 / 8, span)?;
        Ok(keys)
    }

    /// Returns the keys that a layer may bind.
    pub(super) fn written_keys(&self, layer: &Layer) -> Vec<Symbol> {
        match &layer.source {
            LayerSource::Items { body, from, to, .. } => {
                body.index.keys_within(*from..*to).collect()
            }
            LayerSource::Keyed { symbol, .. } => vec![*symbol],
            LayerSource::Values(values) => values.iter().map(|(symbol, ..)| *symbol).collect(),
            LayerSource::Folder(folder) => {
                self.program.folders[*folder].members.keys().copied().collect()
            }
        }
    }
}
