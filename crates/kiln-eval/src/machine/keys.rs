//! Keys of closed objects: what a kind does not declare is refused, and what it does is declared once.

use super::hits::known_names;
use super::object::{LayerSource, Nature, ObjectId};
use super::{Machine, Poison};
use crate::code::ScopeId;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, suggestion};
use std::rc::Rc;

impl Machine {
    /// Compares the keys of a closed object with what is declared; once for each object.
    pub(super) fn check_keys(&mut self, object: ObjectId) -> Result<(), Poison> {
        if self.object(object).keys_checked {
            return Ok(());
        }
        self.object_mut(object).keys_checked = true;
        let Some(base) = self.object(object).base else { return Ok(()) };
        if matches!(self.object(object).nature, Nature::Record | Nature::Project) {
            return Ok(());
        }
        let layers = self.layers(object)?;
        let inherited = self.layers(base)?.len();
        let from = if inherited <= layers.len() { inherited } else { 0 };
        let mut unknown = Vec::new();
        for layer in layers.from(from) {
            match &layer.source {
                LayerSource::Items { body, from, to, .. } => {
                    for symbol in body.index.keys_within(*from..*to) {
                        let entry = body.index.get(symbol).find(|ix| (*from..*to).contains(ix));
                        let binding =
                            entry.and_then(|ix| super::field::binding_of(&body.entries[ix].form));
                        unknown.extend(binding.map(|binding| (symbol, binding.key_span)));
                    }
                }
                LayerSource::Values(values) => {
                    unknown.extend(values.iter().map(|(symbol, _, span)| (*symbol, *span)));
                }
                LayerSource::Keyed { symbol, body, .. } => unknown.push((*symbol, body.span)),
                LayerSource::Folder(_) => {}
            }
        }
        self.refuse_redeclared(object, base, from)?;
        unknown.sort_by_key(|(_, span)| *span);
        for (symbol, span) in unknown {
            if !self.accepts(object, base, symbol)? {
                self.report_unknown_key(object, symbol, span)?;
            }
        }
        Ok(())
    }

    /// A field has one type: what a kind promises of it, no one who amends it takes back.
    fn refuse_redeclared(
        &mut self,
        object: ObjectId,
        base: ObjectId,
        from: usize,
    ) -> Result<(), Poison> {
        let layers = self.layers(object)?;
        let mut declared: Vec<(Symbol, Span, ScopeId)> = Vec::new();
        for layer in layers.from(from) {
            let LayerSource::Items { body, from, to, .. } = &layer.source else { continue };
            for entry in &body.entries[*from..*to] {
                let binding = super::field::binding_of(&entry.form);
                if let Some(binding) = binding.filter(|binding| binding.ty.is_some()) {
                    declared.push((binding.symbol, binding.key_span, body.scope));
                }
            }
        }
        if declared.is_empty() || self.is_dict(object) {
            return Ok(());
        }
        let inherited = self.declared_fields(base)?;
        for (ix, (symbol, span, scope)) in declared.iter().enumerate() {
            let mut earlier = declared[..ix].iter().filter(|(_, _, other)| other != scope);
            let beside = earlier.find(|(other, ..)| other == symbol).map(|(_, first, _)| *first);
            let above = inherited.iter().find(|(other, _)| other == symbol).map(|(_, span)| *span);
            let Some(first) = above.or(beside).filter(|first| first != span) else { continue };
            let written = self.text(*symbol);
            self.report(
                Diagnostic::error(Code(301), format!("`{written}` is declared twice"))
                    .at(*span, "a second type")
                    .also(first, "declared here")
                    .help(format!("leave the type out: `{written} = …`")),
            );
        }
        Ok(())
    }

    fn accepts(
        &mut self,
        object: ObjectId,
        base: ObjectId,
        symbol: Symbol,
    ) -> Result<bool, Poison> {
        let layers = self.layers(object)?;
        if self.is_dict(object) {
            let below = self.layers(base)?;
            return Ok(below.iter().any(|layer| self.may_bind(layer, symbol)));
        }
        if self.object(base).is_kind.is_some() && self.fields_of_kind(base)?.contains(&symbol) {
            return Ok(true);
        }
        // Under a condition or not: what is declared somewhere is a field.
        Ok(layers.iter().any(|layer| {
            let LayerSource::Items { body, from, to, .. } = &layer.source else { return false };
            let mut entries = body.index.get(symbol).filter(|entry| (*from..*to).contains(entry));
            entries.any(|entry| {
                let binding = super::field::binding_of(&body.entries[entry].form);
                binding.is_some_and(|binding| binding.ty.is_some())
            })
        }))
    }

    fn report_unknown_key(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        span: Span,
    ) -> Result<(), Poison> {
        let written = self.text(symbol);
        // What amends a record adds keys to it that nobody should take for its own.
        let of = self.object(object).base.filter(|_| self.is_dict(object)).unwrap_or(object);
        let fields = self.declared_fields(of)?;
        let names: Vec<Rc<str>> = fields.iter().map(|(field, _)| self.text(*field)).collect();
        let (code, message, label) = if self.is_dict(object) {
            let owner = self.object_name(object);
            (Code(307), format!("{owner} has no key `{written}` to override"), "overrides nothing")
        } else {
            let kind = self.kind_name(object);
            (Code(204), format!("`{kind}` has no field `{written}`"), "unknown field")
        };
        let mut finding = Diagnostic::error(code, message).at(span, label);
        let near = kiln_diag::nearest(&written, names.iter().map(AsRef::as_ref));
        let width = u32::try_from(written.len()).unwrap_or_default();
        let name = Span { end: span.end.min(span.start + width), ..span };
        if self.is_dict(object) {
            if let Some(help) = suggestion(&written, names.iter().map(AsRef::as_ref)) {
                finding = finding.help(help).edit(name, near[0]);
            } else {
                finding = finding.help(known_names(&names));
            }
        } else {
            let names = names.iter().map(AsRef::as_ref);
            finding = crate::habit::field(finding, &written, name, names);
            if finding.help.is_none() {
                finding = finding.help(format!("declare it with a type: `{written}: String = …`"));
            }
        }
        let declared = near.first().and_then(|near| {
            let found =
                fields.iter().find(|(field, _)| self.symbols.text(*field).as_ref() == *near);
            found.map(|(_, span)| *span)
        });
        // A file of a folder is declared by being there.
        if let Some(declared) = declared.filter(|_| self.object(of).nature != Nature::Folder) {
            finding = finding.also(declared, "declared here");
        }
        self.report(finding);
        Ok(())
    }

    /// Returns the fields that an object declares, lowest layer first, with their places.
    pub(super) fn declared_fields(
        &mut self,
        object: ObjectId,
    ) -> Result<Vec<(Symbol, Span)>, Poison> {
        let layers = self.layers(object)?;
        let is_dict = self.is_dict(object);
        let mut fields: Vec<(Symbol, Span)> = Vec::new();
        for layer in layers.iter() {
            let LayerSource::Items { body, from, to, .. } = &layer.source else {
                if is_dict {
                    let span = self.object(object).span;
                    fields.extend(self.written_keys(layer).into_iter().map(|key| (key, span)));
                }
                continue;
            };
            for entry in &body.entries[*from..*to] {
                let Some(binding) = super::field::binding_of(&entry.form) else { continue };
                let counts = is_dict || binding.ty.is_some();
                if counts && !fields.iter().any(|(symbol, _)| *symbol == binding.symbol) {
                    fields.push((binding.symbol, binding.key_span));
                }
            }
        }
        Ok(fields)
    }
}
