//! What a project defines: its kinds, mixins, functions, types, options, defaults and elements.
//!
//! Never: follows what only an evaluation could tell; an element that a function makes is not listed.

use kiln_syntax::ast::{
    Body, Entry as Item, Expr, ExprId, Field as FieldItem, Right, TypeEntry, is_capital,
    is_identifier,
};

use crate::find::Names;
use crate::kinds;
use crate::model::{Entry, Origin, ProjectText, Source, What};
use crate::written::harmless;

/// Levels of names that are followed, and of records that are looked into.
const DEEPEST: usize = 64;

/// Returns the entries of a project.
pub(crate) fn of_project(files: &[ProjectText<'_>], stdlib: &[Entry]) -> Vec<Entry> {
    let settings = stdlib.iter().find(|entry| entry.name == "Project");
    let settings: Vec<&str> = settings
        .into_iter()
        .flat_map(|entry| entry.fields.iter().map(|field| field.name.as_str()))
        .collect();
    let mut found = Members { settings, entries: Vec::new() };
    for file in files {
        let source = Source::new(file.path.to_owned(), file.text);
        if file.parts.is_empty() {
            found.project(&source);
        } else {
            found.file(&source, file.parts);
        }
    }
    known(found.entries, stdlib)
}

struct Members<'a> {
    /// Fields of `project.kiln` that are no members.
    settings: Vec<&'a str>,
    entries: Vec<Entry>,
}

impl Members<'_> {
    /// Reads `project.kiln`.
    fn project(&mut self, source: &Source<'_>) {
        let ast = &source.parse.ast;
        let Some(Expr::Amend { body, .. }) = ast.value.map(|value| ast.expr(value)) else { return };
        for item in &body.entries {
            let Item::Field(field) = item else { continue };
            let Some(key) = kinds::key_of(field) else { continue };
            match (key.as_str(), record_of(source, &field.right)) {
                ("options", Some(body)) => self.options(source, body),
                ("defaults", Some(body)) => self.defaults(source, body),
                (key, _) if self.settings.contains(&key) => {}
                _ => self.field(source, "", field, 0),
            }
        }
    }

    /// Reads any other file.
    fn file(&mut self, source: &Source<'_>, parts: &[String]) {
        let quoted = |part: &String| {
            if is_identifier(part) { part.clone() } else { format!("\"{}\"", harmless(part)) }
        };
        let parts: Vec<String> = parts.iter().map(quoted).collect();
        let name = parts.join(".");
        let ast = &source.parse.ast;
        match ast.value {
            Some(value) => {
                let entry = kinds::head_of_file(source, &name, Origin::Project);
                self.value(source, entry, value, 0);
            }
            None => self.items(source, &format!("{name}."), &ast.entries, 0),
        }
    }

    fn items(&mut self, source: &Source<'_>, prefix: &str, items: &[Item], depth: usize) {
        for item in items {
            match item {
                Item::Field(field) => self.field(source, prefix, field, depth),
                Item::Type(entry) => self.ty(source, prefix, entry),
                _ => {}
            }
        }
    }

    fn field(&mut self, source: &Source<'_>, prefix: &str, field: &FieldItem, depth: usize) {
        let Some(key) = kinds::key_of(field) else { return };
        let doc = field.doc.as_deref().unwrap_or_default();
        let name = format!("{prefix}{key}");
        let entry = kinds::named(source, &name, Origin::Project, doc, field.span.start);
        match &field.right {
            Right::Set(value) if field.params.is_some() => {
                let head =
                    kiln_diag::Span { end: source.parse.ast.span(*value).start, ..field.span };
                let head = source.line_of(head);
                let signature = Some(head.trim_end_matches(['=', ' ']).to_owned());
                self.entries.push(Entry { what: What::Function, signature, ..entry });
            }
            Right::Set(value) => self.value(source, entry, *value, depth),
            Right::Amend(body) if depth < DEEPEST => {
                self.items(source, &format!("{name}."), &body.entries, depth + 1);
            }
            _ => {}
        }
    }

    /// Adds what a value is, or what stands in it.
    fn value(&mut self, source: &Source<'_>, entry: Entry, value: ExprId, depth: usize) {
        let last = entry.name.rsplit('.').next().unwrap_or_default();
        let is_kind = is_capital(last);
        match source.parse.ast.expr(value) {
            Expr::Mixin { .. } => self.entries.push(kinds::of_value(source, value, entry)),
            Expr::Lambda { params, .. } => {
                let names: Vec<&str> =
                    params.iter().map(|param| param.name.text.as_ref()).collect();
                let signature = Some(format!("{last}({})", names.join(", ")));
                self.entries.push(Entry { what: What::Function, signature, ..entry });
            }
            Expr::Record(body) if !is_kind => {
                if depth < DEEPEST {
                    self.items(source, &format!("{}.", entry.name), &body.entries, depth + 1);
                }
            }
            _ => {
                let what = if is_kind { What::Kind } else { What::Element };
                let mut entry = kinds::of_value(source, value, entry);
                entry.what = what;
                if is_kind || entry.parent.is_some() {
                    self.entries.push(entry);
                }
            }
        }
    }

    fn ty(&mut self, source: &Source<'_>, prefix: &str, entry: &TypeEntry) {
        let TypeEntry { doc, name, ty: _, condition: _, span } = entry;
        let doc = doc.as_deref().unwrap_or_default();
        let full = format!("{prefix}{}", harmless(&name.text));
        let named = kinds::named(source, &full, Origin::Project, doc, span.start);
        let signature = Some(source.line_of(*span));
        self.entries.push(Entry { what: What::Type, signature, ..named });
    }

    fn options(&mut self, source: &Source<'_>, body: &Body) {
        let mut all = kinds::named(source, "", Origin::Project, "", body.span.start);
        kinds::add_body(source, body, &mut all);
        for field in all.fields {
            let name = format!("option.{}", field.name);
            let default = field.default.map_or(String::new(), |default| format!(" = {default}"));
            let signature = Some(format!("{}: {}{default}", field.name, field.ty));
            let entry = kinds::named(source, &name, Origin::Project, &field.doc, 0);
            let place = field.place;
            self.entries.push(Entry { what: What::Option, signature, place, ..entry });
        }
    }

    fn defaults(&mut self, source: &Source<'_>, body: &Body) {
        for item in &body.entries {
            let Item::Field(field) = item else { continue };
            let (Some(kind), Some(body)) = (kinds::key_of(field), record_of(source, &field.right))
            else {
                continue;
            };
            let doc = field.doc.as_deref().unwrap_or_default();
            let name = format!("defaults.{kind}");
            let mut entry = kinds::named(source, &name, Origin::Project, doc, field.span.start);
            (entry.what, entry.parent) = (What::Defaults, Some(kind));
            kinds::add_body(source, body, &mut entry);
            self.entries.push(entry);
        }
    }
}

/// Returns the braces of `k { … }` and of `k = { … }`.
fn record_of<'s>(source: &'s Source<'_>, right: &'s Right) -> Option<&'s Body> {
    match right {
        Right::Amend(body) => Some(body),
        Right::Set(value) => match source.parse.ast.expr(*value) {
            Expr::Record(body) => Some(body),
            _ => None,
        },
        _ => None,
    }
}

/// Leaves out of what looks like an element what is none: values of another kind, and names that lead nowhere.
fn known(entries: Vec<Entry>, stdlib: &[Entry]) -> Vec<Entry> {
    let names = Names::new(stdlib.iter().chain(&entries));
    let is_element = |entry: &Entry| {
        let mut at = entry;
        for _ in 0..DEEPEST {
            if at.name == "Element" && at.origin == Origin::Stdlib {
                return true;
            }
            let Some(next) = at.parent.as_deref().and_then(|parent| names.find(at, parent)) else {
                return false;
            };
            at = next;
        }
        false
    };
    let keep: Vec<bool> =
        entries.iter().map(|entry| entry.what != What::Element || is_element(entry)).collect();
    let kept = entries.into_iter().zip(keep);
    kept.filter_map(|(entry, keep)| keep.then_some(entry)).collect()
}
