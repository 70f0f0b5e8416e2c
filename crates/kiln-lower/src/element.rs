//! One element: every field read, everything that is wrong reported.

use crate::field::Reader;
use crate::source::{lower_sources, place_patches};
use crate::step::lower_steps;
use kiln_diag::{Span, Texts};
use kiln_eval::{ElementId, Evaluated, Failed, Value};
use kiln_ir::{Advice, Element, ElementName, Place, User};

/// Lowers an element; none if something about it was reported. Also returns the elements that it names.
pub(crate) fn lower_element(
    evaluated: &mut Evaluated,
    id: ElementId,
    texts: &Texts,
) -> (Option<Element>, Vec<ElementId>) {
    let mut reader = Reader { evaluated, id, needs: Vec::new(), failed: false };
    let name = ElementName::parse(&reader.evaluated.name(id)).ok();
    // Every declared field is forced, so that all mistakes are found.
    reader.failed |= matches!(reader.evaluated.check(id), Err(Failed));
    let element = name.map(|name| read(&mut reader, name, texts));
    let element = element.filter(|_| !reader.failed);
    (element, reader.needs)
}

fn read(reader: &mut Reader<'_>, name: ElementName, texts: &Texts) -> Element {
    let mut element = Element::new(name);
    element.base = reader.element("base");
    element.build_deps = reader.elements("build-deps");
    element.deps = reader.elements("deps");
    element.run_deps = reader.elements("run-deps");
    element.stage_at = reader.elements_by_path("stage-at");
    element.sources = lower_sources(reader);
    element.patches = place_patches(reader);
    element.env = reader.text_map("env");
    let is_root = reader.text("user").as_deref() == Some("root");
    element.user = if is_root { User::Root } else { User::Builder };
    lower_steps(reader, &mut element);
    element.splits = reader.texts_map("splits");
    element.integrate = reader.texts("integrate");
    element.overlaps = reader.texts("overlaps");
    element.public = public(reader);
    element.advice = advice(reader, texts);
    element
}

fn advice(reader: &mut Reader<'_>, texts: &Texts) -> Advice {
    let id = reader.id;
    Advice {
        kind: reader.evaluated.kinds(id).into_iter().next().unwrap_or_default(),
        version: reader.text("version"),
        summary: reader.text("summary").unwrap_or_default(),
        env: reader.text_map("env-advice"),
        origin: place(reader.evaluated.span(id), texts),
    }
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
