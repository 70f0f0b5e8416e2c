//! Values and steps as text.

use kiln_eval::{ElementId, Evaluated, Step, Value};
use std::fmt::Write;

/// Writes a value; elements by their names, records of the top one key a line.
pub(crate) fn show(project: &Evaluated, value: &Value) -> String {
    match value {
        Value::Record(fields) => {
            let mut text = String::new();
            for (name, value) in fields {
                writeln!(text, "{name} = {}", inline(project, value)).expect("a string");
            }
            text
        }
        other => format!("{}\n", inline(project, other)),
    }
}

fn inline(project: &Evaluated, value: &Value) -> String {
    match value {
        Value::Element(id) => format!("<{}>", project.name(*id)),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|value| inline(project, value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Record(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(k, v)| format!("{k} = {}", inline(project, v))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Step(Step::Intrinsic { name, fields }) => {
            format!("{name} {}", inline(project, &Value::Record(fields.clone())))
        }
        other => other.to_string(),
    }
}

/// Writes the steps of an element, one phase after the other.
pub(crate) fn phases(project: &mut Evaluated, id: ElementId) -> String {
    let Ok(Some(Value::List(steps))) = project.field(id, "steps") else { return String::new() };
    let mut text = String::new();
    for step in steps {
        match step {
            Value::Step(Step::Run { phase, script }) => {
                writeln!(text, "--- {phase}").expect("a string");
                for line in script {
                    writeln!(text, "{}", line.trim_end()).expect("a string");
                }
            }
            other => writeln!(text, "{}", inline(project, &other)).expect("a string"),
        }
    }
    text
}
