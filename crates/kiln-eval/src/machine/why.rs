//! Which layer sets a field, in order, and where names come from: for those who ask why.

use super::field::binding_of;
use super::object::{LayerSource, Nature, ObjectId, Position, Raw};
use super::{Machine, Poison, Term};
use crate::code::{Binding, Body, Form};
use crate::compile::Members;
use crate::symbol::Symbol;
use crate::value::Value;
use crate::why::{Explained, Operator, Origin, SetBy};
use kiln_diag::{FileId, Span};
use std::rc::Rc;

/// One binding of a field: where, how, and whether its condition holds.
struct Bound {
    position: Position,
    origin: Origin,
    operator: Operator,
    span: Option<Span>,
    holds: bool,
    uses_super: bool,
}

impl Machine {
    /// Tells every layer that sets a field.
    pub(crate) fn explain(
        &mut self,
        owner: &Term,
        field: &str,
        span: Span,
    ) -> Result<Explained, Poison> {
        let symbol = self.symbols.intern(field);
        let Term::Object(object) = owner else {
            let found = self.describe(owner);
            let message = format!("{found} has no fields that could be set");
            return Err(self.report(
                kiln_diag::Diagnostic::error(kiln_diag::Code(402), message)
                    .at(span, format!("`{field}` is asked for here")),
            ));
        };
        let object = *object;
        let declaration = self.declaration(object, symbol)?;
        let bound = self.bound(object, symbol)?;
        if bound.is_empty() && declaration.is_none() {
            return Err(self.report_missing_key(object, symbol, span));
        }
        let value = self.value_below(object, symbol, Position::TOP);
        let mut layers = self.told(object, symbol, bound);
        // What decides made what has the name; asked for once more, it would make another one.
        for layer in layers.iter_mut().filter(|layer| layer.wins) {
            layer.value.clone_from(&value);
        }
        let ty = declaration.as_ref().map(|declaration| self.describe_type(&declaration.ty));
        let owner = match self.object(object).is_kind {
            Some(_) => self.kind_name(object).to_string(),
            None => self.element_name(object),
        };
        let declared = declaration.and_then(|declaration| declaration.span);
        Ok(Explained { owner, field: field.to_owned(), ty, declared, value, layers })
    }

    fn told(&mut self, object: ObjectId, symbol: Symbol, bound: Vec<Bound>) -> Vec<SetBy> {
        let sets = |bound: &Bound| bound.holds && bound.operator != Operator::Declare;
        let winner = bound.iter().rev().find(|bound| sets(bound)).map(|bound| bound.position);
        let mut layers = Vec::new();
        for bound in bound {
            let Position { layer, entry } = bound.position;
            let above = Position { layer, entry: entry + 1 };
            let is_set = sets(&bound);
            let value = if is_set { self.value_below(object, symbol, above) } else { None };
            let super_value = if is_set && bound.uses_super {
                self.value_below(object, symbol, bound.position)
            } else {
                None
            };
            layers.push(SetBy {
                wins: winner == Some(bound.position),
                origin: bound.origin,
                operator: bound.operator,
                span: bound.span,
                holds: bound.holds,
                value,
                uses_super: bound.uses_super,
                super_value,
            });
        }
        layers
    }

    /// Returns a field as it is below a binding, quietly.
    fn value_below(&mut self, object: ObjectId, symbol: Symbol, below: Position) -> Option<Value> {
        let n_findings = self.diagnostics.len();
        let span = self.object(object).span;
        let value = match self.field_below(object, symbol, below, span) {
            Ok(Some(term)) => self.deep(&term).ok(),
            Ok(None) | Err(Poison) => None,
        };
        self.diagnostics.truncate(n_findings);
        value
    }

    /// Lists all bindings of a field, lowest first.
    fn bound(&mut self, object: ObjectId, symbol: Symbol) -> Result<Vec<Bound>, Poison> {
        let layers = self.layers(object)?;
        let groups = self.groups(object)?;
        let mut found = Vec::new();
        for (ix, layer) in layers.iter().enumerate() {
            if !self.may_bind(layer, symbol) {
                continue;
            }
            let origin = groups.get(layer.group).map(|group| group.origin.clone());
            let origin = origin.unwrap_or(Origin::Record);
            let layer_holds = self.layer_holds(object, layer)?;
            match &layer.source {
                LayerSource::Items { body, from, to, .. } => {
                    let body = Rc::clone(body);
                    let entries =
                        body.index.get(symbol).filter(|entry| (*from..*to).contains(entry));
                    for entry in entries {
                        let Some(binding) = binding_of(&body.entries[entry].form) else { continue };
                        let conditions = &body.entries[entry].conditions;
                        let holds = conditions.is_empty() || {
                            let frame = self.layer_frame(object, layer);
                            self.hold(conditions, frame)?
                        };
                        let position = Position::new(ix, entry);
                        let holds = layer_holds && holds;
                        found.push(of_binding(position, origin.clone(), binding, holds));
                    }
                }
                LayerSource::Keyed { body, entry, .. } => {
                    let Some(binding) = binding_of(&body.entries[*entry].form) else { continue };
                    let position = Position::new(ix, *entry);
                    found.push(of_binding(position, origin, binding, layer_holds));
                }
                LayerSource::Values(values) => {
                    let named = values.iter().enumerate().filter(|(_, (key, ..))| *key == symbol);
                    for (entry, (_, _, span)) in named {
                        let position = Position::new(ix, entry);
                        found.push(plain(position, origin.clone(), Some(*span), layer_holds));
                    }
                }
                LayerSource::Folder(folder) => {
                    let span = self.file_span(*folder, symbol);
                    found.push(plain(Position::new(ix, 0), Origin::Folder, span, layer_holds));
                }
            }
        }
        Ok(found)
    }

    /// Tells all bodies of an element, lowest first, and the keys that each writes.
    pub(crate) fn bodies(&mut self, term: &Term) -> Vec<(Origin, Span, Vec<String>)> {
        let Term::Object(object) = term else { return Vec::new() };
        let Ok(groups) = self.groups(*object) else { return Vec::new() };
        let mut bodies = Vec::new();
        for group in groups {
            let Some(span) = group.span else { continue };
            let mut keys: Vec<String> =
                group.keys.into_iter().map(|key| self.text(key).to_string()).collect();
            keys.sort_unstable();
            keys.dedup();
            bodies.push((group.origin, span, keys));
        }
        bodies
    }

    /// Returns whether a value has a kind, or is one.
    pub(crate) fn has_kind(&self, term: &Term) -> bool {
        let Term::Object(object) = term else { return false };
        let object = self.object(*object);
        object.kind.is_some() && object.nature != Nature::Project
    }

    /// Returns where a member of a folder stands.
    fn file_span(&self, folder: usize, symbol: Symbol) -> Option<Span> {
        let member = self.program.folders.get(folder)?.members.get(&symbol)?;
        self.file_at(member.file?)
    }

    pub(super) fn file_at(&self, file: usize) -> Option<Span> {
        let code = self.program.files.get(file)?;
        Some(code.value.as_ref().map_or(code.body.span, |value| value.span))
    }

    /// Returns where a file of the standard library defines its name.
    pub(crate) fn prelude_span(&self, symbol: Symbol) -> Option<Span> {
        self.file_at(*self.program.stdlib.get(&symbol)?)
    }

    /// Returns where a member of the root, or of a folder below it, is written.
    pub(crate) fn member_span(
        &mut self,
        project: ObjectId,
        folders: &[String],
        symbol: Symbol,
    ) -> Option<Span> {
        let root = self.program.projects.get(self.project_number(project))?.folder;
        let in_file = self.folder_at(root, folders).and_then(|ix| self.file_span(ix, symbol));
        if in_file.is_some() || !folders.is_empty() {
            return in_file;
        }
        self.binding_span(project, symbol).or_else(|| self.input_span(project, symbol))
    }

    /// Returns where a project names an input.
    fn input_span(&mut self, project: ObjectId, symbol: Symbol) -> Option<Span> {
        let (inputs, span) = (self.well_known.inputs, self.object(project).span);
        match self.field(project, inputs, span) {
            Ok(Some(Term::Object(inputs))) => self.binding_span(inputs, symbol),
            _ => None,
        }
    }

    /// Returns what a name of a project root is.
    pub(crate) fn member_text(&mut self, project: ObjectId, symbol: Symbol) -> String {
        let is_input = self.input_span(project, symbol).is_some();
        if is_input { "an input of the project" } else { "a member of the project root" }.to_owned()
    }

    fn folder_at(&self, root: usize, folders: &[String]) -> Option<usize> {
        let mut ix = root;
        for name in folders {
            let symbol = self.symbols.find(name)?;
            ix = self.program.folders.get(ix)?.members.get(&symbol)?.folder?;
        }
        Some(ix)
    }

    /// Returns the names of a folder below the root of a project.
    pub(crate) fn members_of(&self, project: ObjectId, folders: &[String]) -> Option<Members> {
        if folders.is_empty() {
            return None;
        }
        let root = self.program.projects.get(self.project_number(project))?.folder;
        let folder = self.program.folders.get(self.folder_at(root, folders)?)?;
        let names = folder.members.keys().copied().collect();
        Some(Members { scope: folder.scope, names: Rc::new(names) })
    }

    /// Returns all objects with the body that was applied last.
    pub(super) fn written(&self) -> impl Iterator<Item = (ObjectId, &Rc<Body>)> {
        let ids = (0u32..).map(ObjectId);
        ids.zip(&self.objects).filter_map(|(id, object)| match object.raws.last() {
            Some(Raw::Body { body, .. }) => Some((id, body)),
            _ => None,
        })
    }

    /// Tells the field whose key stands at a place, of the first object that has it.
    pub(crate) fn key_at(&mut self, file: FileId, at: u32) -> Option<Explained> {
        let is_there = |span: Span| span.file == file && (span.start..=span.end).contains(&at);
        let found = self.written().find_map(|(object, body)| {
            let bindings = body.entries.iter().filter_map(|entry| binding_of(&entry.form));
            let mut there = bindings.filter(|binding| is_there(binding.key_span));
            there.next().map(|binding| (object, binding.symbol, binding.key_span))
        });
        let (object, symbol, span) = found?;
        let field = self.text(symbol);
        self.explain(&Term::Object(object), &field, span).ok()
    }
}

fn plain(position: Position, origin: Origin, span: Option<Span>, holds: bool) -> Bound {
    Bound { position, origin, operator: Operator::Set, span, holds, uses_super: false }
}

fn of_binding(position: Position, origin: Origin, binding: &Binding, holds: bool) -> Bound {
    let operator = match binding.value.as_ref().map(|value| &value.form) {
        None => Operator::Declare,
        Some(Form::AddSuper(_)) => Operator::Add,
        Some(Form::AmendSuper(_)) => Operator::Block,
        Some(_) => Operator::Set,
    };
    let span = Some(binding.key_span);
    let uses_super = binding.uses_super;
    Bound { position, origin, operator, span, holds, uses_super }
}
