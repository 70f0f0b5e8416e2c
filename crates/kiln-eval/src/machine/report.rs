//! Findings of the evaluator, and how values, types and objects are called in them.

use super::object::{Nature, ObjectId};
use super::{Machine, Pending, Poison, Position, Term, ThunkId};
use crate::code::{TypeRef, record_text, type_text};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, nearest, suggestion};
use std::rc::Rc;

impl Machine {
    /// Keeps a finding; what depends on the value is silenced.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) -> Poison {
        let follows = self.program.lost.may_follow_from(&diagnostic);
        if self.budget.exhausted || follows {
            return Poison;
        }
        let primary = diagnostic.primary.as_ref().map(|label| label.span);
        let user = |pending: &Pending| {
            let (_, span) = self.pending_text(*pending);
            !self.is_stdlib(span)
        };
        let mut diagnostic = diagnostic;
        if primary.is_some_and(|span| self.is_stdlib(span))
            && let Some(pending) = self.pending.iter().rev().copied().find(user)
        {
            let (text, span) = self.pending_text(pending);
            diagnostic = diagnostic.also(span, format!("while evaluating `{text}`"));
        }
        self.diagnostics.push(diagnostic);
        Poison
    }

    pub(super) fn is_stdlib(&self, span: Span) -> bool {
        self.program.stdlib_files.contains(&span.file)
    }

    /// A construct that the language has and this evaluator does not.
    pub(super) fn unsupported(&mut self, span: Span, message: &str, label: &str) -> Poison {
        self.report(Diagnostic::error(Code(510), message).at(span, label))
    }

    /// Returns what a value is, with an article.
    pub(super) fn describe(&self, term: &Term) -> String {
        match term {
            Term::Null => "null".to_owned(),
            Term::Bool(_) => "a Bool".to_owned(),
            Term::Int(_) => "an Int".to_owned(),
            Term::Text(_) => "a String".to_owned(),
            Term::Path(_) => "a Path".to_owned(),
            Term::List(_) => "a list".to_owned(),
            Term::Mixin(_) => "a mixin".to_owned(),
            Term::Function(_) => "a function".to_owned(),
            Term::Intrinsic(_) => "a Step".to_owned(),
            Term::Object(object) => self.describe_object(*object),
        }
    }

    fn describe_object(&self, id: ObjectId) -> String {
        let object = self.object(id);
        if let Some(kind) = object.is_kind {
            return format!("the kind `{}`", self.symbols.text(self.kinds[kind.0 as usize].name));
        }
        match object.nature {
            Nature::Record => "a record".to_owned(),
            Nature::Module => "a file of items".to_owned(),
            Nature::Folder => "a folder".to_owned(),
            Nature::Element => format!("the element {}", self.object_name(id)),
            Nature::Source => format!("a Source ({})", self.kind_name(id)),
            Nature::Step => "a Step".to_owned(),
            Nature::Platform => "a Platform".to_owned(),
            Nature::Project => "a project".to_owned(),
        }
    }

    /// Returns the name of an object, quoted, or what it is if it has none.
    pub(super) fn object_name(&self, id: ObjectId) -> String {
        let object = self.object(id);
        if let Some(kind) = object.is_kind {
            return format!("`{}`", self.symbols.text(self.kinds[kind.0 as usize].name));
        }
        let name = self.names.render(object.name, &self.symbols);
        match object.nature {
            Nature::Project if name.is_empty() => "the project".to_owned(),
            Nature::Project => {
                format!("the project `{}`", name.trim_end_matches("{plain}"))
            }
            Nature::Source | Nature::Step => format!("`{}`", self.kind_name(id)),
            _ if name.is_empty() => "this record".to_owned(),
            _ => format!("`{name}`"),
        }
    }

    /// Returns the name of an object's nearest kind.
    pub(super) fn kind_name(&self, id: ObjectId) -> Rc<str> {
        let object = self.object(id);
        match object.is_kind.or(object.kind) {
            Some(kind) => self.text(self.kinds[kind.0 as usize].name),
            None => Rc::from("record"),
        }
    }

    /// Returns a type as it is written.
    pub(super) fn describe_type(&self, ty: &TypeRef) -> String {
        type_text(&self.symbols, ty)
    }

    /// Returns the type of a closed record as it is written.
    pub(super) fn describe_record(&self, fields: &[(Symbol, bool, TypeRef)]) -> String {
        record_text(&self.symbols, fields)
    }

    /// Returns what is being forced and where it was asked for.
    pub(super) fn pending_text(&self, pending: Pending) -> (String, Span) {
        match pending {
            Pending::Let(name, span, _) => (self.text(name).to_string(), span),
            Pending::Field(object, symbol, span) => {
                let path = self.names.render(self.object(object).name, &self.symbols);
                let key = self.symbols.text(symbol);
                let text = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
                (text, span)
            }
        }
    }

    /// Reports that a field needs itself, with the way there.
    pub(super) fn report_cycle(&mut self, object: ObjectId, symbol: Symbol, span: Span) -> Poison {
        let is_start = |pending: &Pending| matches!(pending, Pending::Field(o, s, _) if (*o, *s) == (object, symbol));
        let start = self.pending.iter().rposition(is_start).unwrap_or(0);
        let ring: Vec<Pending> = self.pending[start..].to_vec();
        self.report_ring(&ring, span)
    }

    /// Reports that the thunk that is forced needs itself.
    pub(super) fn report_thunk_cycle(&mut self, thunk: ThunkId, asked: Option<Span>) -> Poison {
        let span = asked.unwrap_or(self.last_span());
        let is_start =
            |pending: &Pending| matches!(pending, Pending::Let(_, _, id) if *id == thunk);
        // An item or argument has no name: the field that holds it stands for it.
        let last = self.pending.len().saturating_sub(1);
        let start = self.pending.iter().rposition(is_start).unwrap_or(last);
        let ring: Vec<Pending> = self.pending[start..].to_vec();
        self.report_ring(&ring, span)
    }

    /// Each step is labelled where the next one is asked for; the last asks for the first.
    fn report_ring(&mut self, ring: &[Pending], span: Span) -> Poison {
        let names: Vec<(String, Span)> = ring.iter().map(|p| self.pending_text(*p)).collect();
        let Some((first, _)) = names.first() else {
            return self.report(
                Diagnostic::error(Code(401), "this value needs itself").at(span, "asked for here"),
            );
        };
        let mut path: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        path.push(first);
        let message = format!("`{first}` needs itself: {}", path.join(" -> "));
        let (last, _) = &names[names.len() - 1];
        let mut finding =
            Diagnostic::error(Code(401), message).at(span, format!("`{last}` asks for `{first}`"));
        for pair in names.windows(2) {
            let ((from, _), (to, at)) = (&pair[0], &pair[1]);
            finding = finding.also(*at, format!("`{from}` asks for `{to}`"));
        }
        self.report(finding)
    }

    /// Reports a key that an object does not have.
    pub(super) fn report_missing_key(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        span: Span,
    ) -> Poison {
        if let Ok(Some(declaration)) = self.declaration(object, symbol)
            && declaration.span.is_some()
        {
            return self.report_no_value(object, symbol, span);
        }
        let text = self.text(symbol);
        let names = self.readable_names(object);
        let is_options =
            self.names.is_key_of_root(self.object(object).name, self.well_known.options);
        let (code, message) = if is_options {
            (Code(501), format!("there is no option `{text}`"))
        } else if self.is_dict(object) || self.object(object).nature == Nature::Project {
            let owner = self.object_name(object);
            (Code(402), format!("{owner} has no key `{text}`"))
        } else {
            (Code(202), format!("`{}` has no field `{text}`", self.kind_name(object)))
        };
        let mut finding = Diagnostic::error(code, message).at(span, "not there");
        if let Some(help) = suggestion(&text, names.iter().map(AsRef::as_ref)) {
            finding = finding.help(help);
            // Only where the place is that of the name alone, plainly written.
            let is_name = (span.end - span.start) as usize == text.len();
            if let (true, Some(near)) =
                (is_name, nearest(&text, names.iter().map(AsRef::as_ref)).first())
            {
                finding = finding.edit(span, *near);
            }
        } else if names.is_empty() {
            finding = finding.help("it has no keys");
        } else {
            let shown: Vec<&str> = names.iter().take(12).map(AsRef::as_ref).collect();
            let more = if names.len() > shown.len() { ", …" } else { "" };
            finding = finding.help(format!("it has {}{more}", shown.join(", ")));
        }
        self.report(finding)
    }

    fn readable_names(&mut self, object: ObjectId) -> Vec<Rc<str>> {
        let is_open = self.is_dict(object) || self.object(object).nature == Nature::Project;
        let symbols: Vec<Symbol> = if is_open {
            let Ok(layers) = self.layers(object) else { return Vec::new() };
            let mut keys: Vec<Symbol> = layers.iter().flat_map(|l| self.written_keys(l)).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        } else {
            let fields = self.declared_fields(object).unwrap_or_default();
            fields.into_iter().map(|(symbol, _)| symbol).collect()
        };
        let mut names: Vec<Rc<str>> = symbols.into_iter().map(|symbol| self.text(symbol)).collect();
        names.sort_unstable();
        names
    }

    /// Reports a field that is declared or written, but has no value here.
    pub(super) fn report_no_value(
        &mut self,
        object: ObjectId,
        symbol: Symbol,
        span: Span,
    ) -> Poison {
        if self.names.is_key_of_root(self.object(object).name, self.well_known.options)
            && let Ok(Some(declaration)) = self.declaration(object, symbol)
            && let Some(declared) = declaration.span
        {
            return self.report_unset_option(symbol, declared, None);
        }
        let text = self.text(symbol);
        let owner = self.object_name(object);
        let own = self.object(object).span;
        let mut finding = Diagnostic::error(Code(203), format!("`{text}` of {owner} is not set"))
            .at(own, format!("no `{text}` here"))
            .help(format!("add `{text} = …`"));
        if span != own && !self.is_stdlib(span) {
            finding = finding.also(span, "needed here");
        }
        if let Ok(Some(declaration)) = self.declaration(object, symbol)
            && let Some(declared) = declaration.span
        {
            finding = finding.also(declared, "declared here, without a default");
        }
        self.report(finding)
    }

    /// Returns where the key of the last binding of a field is written.
    pub(super) fn binding_key_span(&mut self, object: ObjectId, symbol: Symbol) -> Option<Span> {
        let position = self.find_binding(object, symbol, Position::TOP).ok()??;
        let layers = self.layers(object).ok()?;
        match &layers.get(position.layer as usize)?.source {
            super::object::LayerSource::Items { body, .. }
            | super::object::LayerSource::Keyed { body, .. } => {
                let entry = &body.entries[position.entry as usize];
                super::field::binding_of(&entry.form).map(|binding| binding.key_span)
            }
            _ => self.binding_span(object, symbol),
        }
    }

    /// Returns where the binding of a field that holds stands.
    pub(super) fn binding_span(&mut self, object: ObjectId, symbol: Symbol) -> Option<Span> {
        let position = self.find_binding(object, symbol, Position::TOP).ok()??;
        let layers = self.layers(object).ok()?;
        let layer = layers.get(position.layer as usize)?;
        match &layer.source {
            super::object::LayerSource::Items { body, .. }
            | super::object::LayerSource::Keyed { body, .. } => {
                let binding =
                    super::field::binding_of(&body.entries[position.entry as usize].form)?;
                Some(binding.value.as_ref().map_or(binding.key_span, |value| value.span))
            }
            super::object::LayerSource::Values(values) => {
                values.get(position.entry as usize).map(|(_, _, span)| *span)
            }
            super::object::LayerSource::Folder(_) => None,
        }
    }
}
