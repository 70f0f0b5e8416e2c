//! Values as JSON: what other programs read.

use kiln_eval::{Source, Step, Value};
use serde_json::{Map, Value as Json, json};

use crate::shown::Names;

/// Returns a value as JSON. What JSON has no form for is an object with one key that says what it is.
pub(crate) fn json(value: &Value, names: &impl Names) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(number) => json!(number),
        Value::Text(text) | Value::Path(text) | Value::Platform(text) => json!(text),
        Value::List(items) => items.iter().map(|item| json(item, names)).collect(),
        Value::Record(fields) => Json::Object(object(fields, names)),
        Value::Element(id) => {
            let (name, kind) = names.element(*id);
            json!({ "element": name, "kind": kind })
        }
        Value::Source(Source { kind, fields, span: _ }) => {
            json!({ "source": kind, "fields": object(fields, names) })
        }
        Value::Step(Step::Run { phase, script }) => json!({ "phase": phase, "script": script }),
        Value::Step(Step::Intrinsic { name, fields }) => {
            json!({ "intrinsic": name, "fields": object(fields, names) })
        }
        Value::Kind(name) => json!({ "kind": name }),
        Value::Mixin => json!({ "mixin": null }),
        Value::Function => json!({ "function": null }),
        Value::Project => json!({ "project": null }),
    }
}

fn object(fields: &[(String, Value)], names: &impl Names) -> Map<String, Json> {
    fields.iter().map(|(name, value)| (name.clone(), json(value, names))).collect()
}
