//! A kind or mixin as its text declares it.

use kiln_syntax::ast::{Body, Entry as Item, Expr, ExprId, Field as FieldItem, KeyPart, Name};

use crate::model::{Entry, Field, Origin, Setting, Source, What};
use crate::written::{harmless, root_name};

/// Reads a file that is one kind or mixin.
pub(crate) fn of_file(source: &Source<'_>, name: &str, origin: Origin) -> Entry {
    let entry = head_of_file(source, name, origin);
    match source.parse.ast.value {
        Some(value) => of_value(source, value, entry),
        None => entry,
    }
}

/// Returns the name, the text and the place of what a file is.
pub(crate) fn head_of_file(source: &Source<'_>, name: &str, origin: Origin) -> Entry {
    let ast = &source.parse.ast;
    let docs = [ast.doc.as_deref(), ast.value_doc.as_deref()];
    let doc: Vec<&str> = docs.into_iter().flatten().collect();
    let start = ast.value.map_or(0, |value| ast.span(value).start);
    named(source, name, origin, &doc.join("\n\n"), start)
}

/// Returns an entry of which nothing but its name and text is known yet.
pub(crate) fn named(
    source: &Source<'_>,
    name: &str,
    origin: Origin,
    doc: &str,
    start: u32,
) -> Entry {
    Entry {
        name: name.to_owned(),
        what: What::Kind,
        origin,
        doc: harmless(doc),
        parent: None,
        mixins: Vec::new(),
        fields: Vec::new(),
        settings: Vec::new(),
        signature: None,
        place: source.place(start),
    }
}

/// Completes an entry by its value.
pub(crate) fn of_value(source: &Source<'_>, value: ExprId, mut entry: Entry) -> Entry {
    let ast = &source.parse.ast;
    match ast.expr(value) {
        Expr::Record(body) => add_body(source, body, &mut entry),
        Expr::Amend { base, body } => {
            entry.parent = root_name(ast, *base);
            add_body(source, body, &mut entry);
        }
        Expr::Mixin { kind, body } => {
            entry.what = What::Mixin;
            entry.parent = Some(dotted(kind));
            add_body(source, body, &mut entry);
        }
        _ => entry.parent = root_name(ast, value),
    }
    entry
}

fn dotted(names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(|name| harmless(&name.text)).collect();
    names.join(".")
}

/// Adds what the braces of a kind declare, set and apply.
pub(crate) fn add_body(source: &Source<'_>, body: &Body, entry: &mut Entry) {
    let ast = &source.parse.ast;
    for item in &body.entries {
        match item {
            Item::Field(field) => add_field(source, field, entry),
            Item::Spread(spread) => entry.mixins.extend(root_name(ast, spread.value)),
            _ => {}
        }
    }
}

fn add_field(source: &Source<'_>, field: &FieldItem, entry: &mut Entry) {
    let Some(name) = key_of(field) else { return };
    let doc = harmless(field.doc.as_deref().unwrap_or_default());
    let place = source.place(field.span.start);
    let value = source.right(&field.right);
    let Some(annotation) = &field.annotation else {
        entry.settings.push(Setting { name, value, doc, place });
        return;
    };
    let ty = source.line_of(annotation.span);
    let default = value.strip_prefix("= ").map(str::to_owned);
    entry.fields.push(Field { name, ty, default, doc, place });
}

/// Returns the dotted key of a field, if all of it is written.
pub(crate) fn key_of(field: &FieldItem) -> Option<String> {
    let part = |part: &KeyPart| match part {
        KeyPart::Name(name) if name.quoted => Some(format!("\"{}\"", harmless(&name.text))),
        KeyPart::Name(name) => Some(harmless(&name.text)),
        KeyPart::Dynamic(_) => None,
    };
    let parts: Option<Vec<String>> = field.key.iter().map(part).collect();
    parts.map(|parts| parts.join(".")).filter(|key| !key.is_empty())
}
