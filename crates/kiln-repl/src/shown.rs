//! Values as text of the language.

use kiln_eval::{ElementId, Evaluated, Source, Step, Value};
use kiln_syntax::ast::is_identifier;

/// Columns that a row of items keeps to.
const WIDTH: usize = 100;

/// How elements are called.
pub(crate) trait Names {
    /// Returns the name, if it has one, and the kind.
    fn element(&self, id: ElementId) -> (Option<String>, String);
}

impl Names for Evaluated {
    fn element(&self, id: ElementId) -> (Option<String>, String) {
        let name = self.is_buildable(id).then(|| self.name(id));
        (name, self.kinds(id).into_iter().next().unwrap_or_else(|| "Element".to_owned()))
    }
}

/// Returns a value as the language writes it, over several lines where one is too long.
///
/// What no text can stand for is told in `<…>`.
pub(crate) fn shown(value: &Value, names: &impl Names) -> String {
    let mut out = String::new();
    write(&mut out, value, names, 0);
    out
}

/// Returns a value on one line, cut where it is longer than a screen is wide.
pub(crate) fn brief(value: &Value, names: &impl Names) -> String {
    let line = flat(value, names);
    let mut chars = line.chars();
    let text: String = chars.by_ref().take(WIDTH).collect();
    if chars.next().is_some() { text + " …" } else { line }
}

/// Returns the path to what no text can stand for: a function or a mixin.
pub(crate) fn unwritable(value: &Value) -> Option<(String, &'static str)> {
    let within = |(at, value): (String, &Value)| {
        unwritable(value).map(|(path, what)| (format!("{at}{path}"), what))
    };
    match value {
        Value::Function => Some((String::new(), "a function")),
        Value::Mixin => Some((String::new(), "a mixin")),
        Value::List(items) => {
            items.iter().enumerate().map(|(ix, item)| (format!("[{ix}]"), item)).find_map(within)
        }
        Value::Record(fields) => {
            fields.iter().map(|(name, value)| (format!(".{}", key(name)), value)).find_map(within)
        }
        _ => None,
    }
}

fn write(out: &mut String, value: &Value, names: &impl Names, level: usize) {
    let line = flat(value, names);
    if 2 * level + line.chars().count() <= WIDTH && !line.contains('\n') {
        out.push_str(&line);
        return;
    }
    let indent = "  ".repeat(level + 1);
    let end = "  ".repeat(level);
    match value {
        Value::List(items) => {
            out.push_str("[\n");
            for item in items {
                out.push_str(&indent);
                write(out, item, names, level + 1);
                out.push('\n');
            }
            out.push_str(&end);
            out.push(']');
        }
        Value::Record(fields) | Value::Source(Source { fields, .. }) => {
            if let Value::Source(source) = value {
                out.push_str(&source.kind);
                out.push(' ');
            }
            out.push_str("{\n");
            for (name, value) in fields {
                out.push_str(&indent);
                out.push_str(&key(name));
                out.push_str(" = ");
                write(out, value, names, level + 1);
                out.push('\n');
            }
            out.push_str(&end);
            out.push('}');
        }
        Value::Step(Step::Run { phase, script }) => {
            out.push_str("Run(");
            out.push_str(&quoted(phase));
            out.push_str(", ");
            let script = script.iter().cloned().map(Value::Text).collect();
            write(out, &Value::List(script), names, level);
            out.push(')');
        }
        Value::Text(text) if text.contains('\n') => block(out, text, &indent, &end),
        _ => out.push_str(&line),
    }
}

/// Writes a text of several lines as a block string, where that means the same.
fn block(out: &mut String, text: &str, indent: &str, end: &str) {
    let clean = |c: char| c == '\n' || !c.is_control();
    let body = text.strip_suffix('\n').unwrap_or(text);
    let plain = text.chars().all(clean)
        && !text.contains("\"\"\"")
        && !body.is_empty()
        && !body.split('\n').any(|line| line.starts_with(' ') || line.trim().is_empty());
    if !plain || text.ends_with('\n') {
        out.push_str(&quoted(text));
        return;
    }
    out.push_str("\"\"\"\n");
    for line in body.split('\n') {
        out.push_str(indent);
        out.push_str(&line.replace("%{", "%%{"));
        out.push('\n');
    }
    out.push_str(end);
    out.push_str("\"\"\"");
}

fn flat(value: &Value, names: &impl Names) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::Path(path) => written_path(path),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| flat(item, names)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Record(fields) => record(fields, names),
        Value::Element(id) => match names.element(*id) {
            (Some(name), _) => name,
            (None, kind) => format!("{kind} {{ ... }}"),
        },
        Value::Source(source) => format!("{} {}", source.kind, record(&source.fields, names)),
        Value::Platform(triple) => format!("Platform({})", quoted(triple)),
        Value::Step(Step::Run { phase, script }) => {
            let steps: Vec<String> = script.iter().map(|step| quoted(step)).collect();
            format!("Run({}, [{}])", quoted(phase), steps.join(", "))
        }
        Value::Step(Step::Intrinsic { name, fields }) => {
            format!("intrinsic({}, {})", quoted(name), record(fields, names))
        }
        Value::Kind(name) => name.clone(),
        Value::Mixin => "<mixin>".to_owned(),
        Value::Function => "<function>".to_owned(),
        Value::Project => "project".to_owned(),
    }
}

fn record(fields: &[(String, Value)], names: &impl Names) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{} = {}", key(name), flat(value, names)))
        .collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// Returns a key as it is written.
pub(crate) fn key(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for (ix, c) in text.char_indices() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '%' if text[ix..].starts_with("%{") => out.push_str("%%"),
            c if c.is_control() || is_invisible(c) => {
                let row = format!("\\u{{{:x}}}", u32::from(c));
                out.push_str(&row);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Characters that reorder or hide what stands beside them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn written_path(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+@~:=".contains(c);
    match path {
        "." => ".".to_owned(),
        path if path.chars().all(plain) => format!("./{path}"),
        path => format!("path({})", quoted(path)),
    }
}
