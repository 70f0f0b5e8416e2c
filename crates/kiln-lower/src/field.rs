//! Fields of an element in the forms that the IR wants; their types were checked when they were forced.

use crate::element::Template;
use crate::source::is_absolute;
use kiln_diag::{Code, Diagnostic};
use kiln_eval::{ElementId, Evaluated, Failed, Value};
use kiln_ir::ElementName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is found once for many elements.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// By shape.
    pub(crate) templates: BTreeMap<u32, Template>,
    /// The names of elements that can be named.
    names: BTreeMap<ElementId, ElementName>,
    /// Scripts of phases.
    scripts: BTreeSet<Arc<str>>,
}

impl Memory {
    /// Returns a script, the same for all elements that have it.
    pub(crate) fn script(&mut self, script: &str) -> Arc<str> {
        if let Some(known) = self.scripts.get(script) {
            return Arc::clone(known);
        }
        let script: Arc<str> = script.into();
        self.scripts.insert(Arc::clone(&script));
        script
    }
}

/// One element while it is lowered.
pub(crate) struct Reader<'a> {
    pub(crate) evaluated: &'a mut Evaluated,
    pub(crate) memory: &'a mut Memory,
    pub(crate) id: ElementId,
    /// All elements that it names, in order.
    pub(crate) needs: Vec<ElementId>,
    /// Something was reported: the element is left out.
    pub(crate) failed: bool,
}

impl Reader<'_> {
    /// Reads a field; none if it fails or nothing declares it.
    pub(crate) fn value(&mut self, field: &str) -> Option<Value> {
        let value = self.evaluated.field(self.id, field);
        self.failed |= matches!(value, Err(Failed));
        value.ok().flatten()
    }

    /// Returns the name of the element itself, if it can be named.
    pub(crate) fn own_name(&mut self) -> Option<ElementName> {
        if let Some(name) = self.memory.names.get(&self.id) {
            return Some(name.clone());
        }
        ElementName::parse(&self.evaluated.name(self.id)).ok()
    }

    /// Returns the name of the nearest kind.
    pub(crate) fn kind(&self) -> String {
        self.evaluated.kinds(self.id).into_iter().next().unwrap_or_default()
    }

    pub(crate) fn text(&mut self, field: &str) -> Option<String> {
        match self.value(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn texts(&mut self, field: &str) -> Vec<String> {
        self.value(field).map(texts).unwrap_or_default()
    }

    pub(crate) fn text_map(&mut self, field: &str) -> BTreeMap<String, String> {
        let Some(Value::Record(fields)) = self.value(field) else { return BTreeMap::new() };
        let text = |(key, value)| match value {
            Value::Text(text) => Some((key, text)),
            _ => None,
        };
        fields.into_iter().filter_map(text).collect()
    }

    pub(crate) fn texts_map(&mut self, field: &str) -> BTreeMap<String, Vec<String>> {
        let Some(Value::Record(fields)) = self.value(field) else { return BTreeMap::new() };
        fields.into_iter().map(|(key, value)| (key, texts(value))).collect()
    }

    pub(crate) fn element(&mut self, field: &str) -> Option<ElementName> {
        match self.value(field) {
            Some(Value::Element(id)) => self.name(id, field),
            _ => None,
        }
    }

    pub(crate) fn elements(&mut self, field: &str) -> Vec<ElementName> {
        self.value(field).map(|value| self.names(value, field)).unwrap_or_default()
    }

    /// Reads lists of elements by the absolute path that they are staged at.
    pub(crate) fn elements_by_path(&mut self, field: &str) -> BTreeMap<String, Vec<ElementName>> {
        let Some(Value::Record(fields)) = self.value(field) else { return BTreeMap::new() };
        let mut by_path = BTreeMap::new();
        for (path, value) in fields {
            self.refuse_relative(&path, field);
            by_path.insert(path, self.names(value, field));
        }
        by_path
    }

    /// Reports a path of the root that is not absolute and clean.
    pub(crate) fn refuse_relative(&mut self, path: &str, field: &str) {
        if !is_absolute(path) {
            let finding = Diagnostic::error(Code(113), format!("`{path}` is no absolute path"))
                .help("write a path such as `/sysroot`, without `.`, `..` and a final `/`");
            self.report_field(field, finding, "in this field");
        }
    }

    /// Returns the names of a list of elements; they are needed.
    pub(crate) fn names(&mut self, value: Value, field: &str) -> Vec<ElementName> {
        let Value::List(items) = value else { return Vec::new() };
        let mut names = Vec::new();
        for item in items {
            if let Value::Element(id) = item {
                names.extend(self.name(id, field));
            }
        }
        names
    }

    /// Returns the name of an element that is needed.
    pub(crate) fn name(&mut self, id: ElementId, field: &str) -> Option<ElementName> {
        if let Some(name) = self.memory.names.get(&id) {
            self.needs.push(id);
            return Some(name.clone());
        }
        let name = self.evaluated.name(id);
        if !self.evaluated.is_buildable(id) {
            let message = format!("`{name}` has no name of its own, so nothing can depend on it");
            let span = self.evaluated.span(id);
            let mut finding = Diagnostic::error(Code(407), message).at(span, "made here");
            if let Some(used) = self.evaluated.field_span(self.id, field) {
                finding = finding.also(used, "needed here");
            }
            self.report(finding.help("bind it to a key instead of a `let`"));
            return None;
        }
        match ElementName::parse(&name) {
            Ok(name) => {
                self.needs.push(id);
                self.memory.names.insert(id, name.clone());
                Some(name)
            }
            Err(bad) => {
                let finding = Diagnostic::error(Code(112), bad.to_string())
                    .at(self.evaluated.span(id), "made here")
                    .help("rename the key, file or folder");
                self.report(finding);
                None
            }
        }
    }

    /// Reports something about this element.
    pub(crate) fn report(&mut self, finding: Diagnostic) {
        self.failed = true;
        self.evaluated.report(finding);
    }

    /// Reports something about a field of this element.
    pub(crate) fn report_field(&mut self, field: &str, finding: Diagnostic, label: &str) {
        let span = self.evaluated.field_span(self.id, field);
        let span = span.unwrap_or(self.evaluated.span(self.id));
        self.report(finding.at(span, label));
    }
}

/// Returns the texts of a list.
pub(crate) fn texts(value: Value) -> Vec<String> {
    let Value::List(items) = value else { return Vec::new() };
    let text = |item| match item {
        Value::Text(text) => Some(text),
        _ => None,
    };
    items.into_iter().filter_map(text).collect()
}
