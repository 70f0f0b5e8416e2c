//! One element: every field read, everything that is wrong reported.

use crate::field::{Memory, Reader};
use crate::source::{lower_sources, place_patches};
use crate::step::lower_steps;
use kiln_diag::{Span, Texts};
use kiln_eval::{ElementId, Evaluated, Failed, Value};
use kiln_ir::{Element, ElementName, Place, User};

/// Lowers an element; none if something about it was reported. Also returns the elements that it names.
pub(crate) fn lower_element(
    evaluated: &mut Evaluated,
    id: ElementId,
    texts: &Texts,
    memory: &mut Memory,
) -> (Option<Element>, Vec<ElementId>) {
    let mut reader = Reader { evaluated, id, memory, needs: Vec::new(), failed: false };
    let name = reader.own_name();
    // Every declared field is forced, so that all mistakes are found.
    reader.failed |= matches!(reader.evaluated.check(id), Err(Failed));
    let element = name.map(|name| read(&mut reader, name, texts));
    let element = element.filter(|_| !reader.failed);
    (element, reader.needs)
}

/// Reads one field, or a few, into an element.
type ReadField = fn(&mut Reader<'_>, &mut Element);

/// How each field is read, in order; steps may add sources.
const FIELDS: [(&str, ReadField); 17] = [
    ("base", |reader, element| element.base = reader.element("base")),
    ("build-deps", |reader, element| element.build_deps = reader.elements("build-deps")),
    ("deps", |reader, element| element.deps = reader.elements("deps")),
    ("run-deps", |reader, element| element.run_deps = reader.elements("run-deps")),
    ("stage-at", |reader, element| element.stage_at = reader.elements_by_path("stage-at")),
    ("sources", |reader, element| element.sources = lower_sources(reader)),
    ("patches", |reader, element| element.patches = place_patches(reader)),
    ("env", |reader, element| element.env = reader.text_map("env").into()),
    ("user", |reader, element| element.user = user(reader)),
    ("steps", lower_steps),
    ("splits", |reader, element| element.splits = reader.texts_map("splits").into()),
    ("integrate", |reader, element| element.integrate = reader.texts("integrate")),
    ("overlaps", |reader, element| element.overlaps = reader.texts("overlaps")),
    ("public", |reader, element| element.public = public(reader)),
    ("version", |reader, element| element.advice.version = reader.text("version")),
    ("summary", |reader, element| {
        element.advice.summary = reader.text("summary").unwrap_or_default();
    }),
    ("env-advice", |reader, element| element.advice.env = reader.text_map("env-advice")),
];

/// What all elements of a shape have in common.
#[derive(Debug)]
pub(crate) struct Template {
    element: Element,
    /// Which of the fields are read.
    is_read: [bool; FIELDS.len()],
    needs: Vec<ElementId>,
}

fn read(reader: &mut Reader<'_>, name: ElementName, texts: &Texts) -> Element {
    let shape = reader.evaluated.shape(reader.id);
    let template = shape.and_then(|shape| reader.memory.templates.get(&shape));
    let (mut element, is_read) = match template {
        Some(template) => {
            reader.needs.extend(&template.needs);
            (Element { name, ..template.element.clone() }, template.is_read)
        }
        None => (Element::new(name), [false; FIELDS.len()]),
    };
    let is_new = template.is_none();
    for ((_, read), _) in FIELDS.iter().zip(is_read).filter(|(_, is_read)| !is_read) {
        read(reader, &mut element);
    }
    if is_new {
        element.advice.kind = reader.kind();
    }
    if let (true, Some(shape), false) = (is_new, shape, reader.failed) {
        let template = template_of(reader, element.name.clone());
        reader.memory.templates.insert(shape, template);
    }
    element.advice.origin = place(reader.evaluated.span(reader.id), texts);
    element
}

/// Reads what an element shares with all others of its shape.
fn template_of(reader: &mut Reader<'_>, name: ElementName) -> Template {
    let needs = std::mem::take(&mut reader.needs);
    let mut template =
        Template { element: Element::new(name), is_read: [false; FIELDS.len()], needs: Vec::new() };
    for ((field, read), is_read) in FIELDS.iter().zip(&mut template.is_read) {
        if reader.evaluated.is_shared(reader.id, field) {
            read(reader, &mut template.element);
            *is_read = true;
        }
    }
    template.element.advice.kind = reader.kind();
    template.needs = std::mem::replace(&mut reader.needs, needs);
    template
}

fn user(reader: &mut Reader<'_>) -> User {
    let is_root = reader.text("user").as_deref() == Some("root");
    if is_root { User::Root } else { User::Builder }
}

fn place(span: Span, texts: &Texts) -> Option<Place> {
    let file = texts.get(span.file)?.name.clone();
    Some(Place { file, start: span.start, end: span.end })
}

fn public(reader: &mut Reader<'_>) -> serde_json::Value {
    match reader.value("public") {
        Some(Value::Record(fields)) if !fields.is_empty() => json(reader, Value::Record(fields)),
        _ => serde_json::Value::Null,
    }
}

/// Writes free data as JSON; elements by their names.
fn json(reader: &Reader<'_>, value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => value.into(),
        Value::Int(number) => number.into(),
        Value::Text(text) | Value::Path(text) => text.into(),
        Value::List(items) => items.into_iter().map(|item| json(reader, item)).collect(),
        Value::Record(fields) => {
            fields.into_iter().map(|(key, value)| (key, json(reader, value))).collect()
        }
        Value::Element(id) => reader.evaluated.name(id).into(),
        other => other.to_string().into(),
    }
}
