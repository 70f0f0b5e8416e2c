//! What makes a value of the wrong type right: a help, and the edit where it needs no decision.

use crate::code::{CodeRef, Form, TypeForm, TypeRef};
use kiln_diag::{Diagnostic, nearest};

/// A help, with the text that the value becomes if nobody needs to decide.
pub(crate) struct Mend {
    help: String,
    text: Option<String>,
}

impl Mend {
    fn say(help: impl Into<String>) -> Self {
        Self { help: help.into(), text: None }
    }

    fn write(help: impl Into<String>, text: impl Into<String>) -> Self {
        Self { help: help.into(), text: Some(text.into()) }
    }

    /// Returns the help alone, for a value whose text may be far from where it is wrong.
    pub(crate) fn into_help(self) -> String {
        self.help
    }

    /// Adds the help to a finding, and the edit where the value is written as it is found.
    pub(crate) fn add_to(self, finding: Diagnostic, value: &CodeRef) -> Diagnostic {
        let finding = finding.help(self.help);
        let is_literal = matches!(
            value.form,
            Form::Text(_) | Form::Int(_) | Form::Prelude(_) | Form::Field { .. }
        );
        match self.text {
            Some(text) if is_literal => finding.edit(value.span, text),
            _ => finding,
        }
    }
}

/// A String where something else is wanted.
pub(crate) fn text(text: &str, ty: &TypeRef) -> Option<Mend> {
    match ty.as_ref() {
        TypeForm::Path => Some(path(text)),
        TypeForm::List(one) if is_path(one) => Some(match as_path(text) {
            Some(path) => Mend::write(
                format!(
                    "put it in brackets, and write `{path}`, without quotes: it is a path of the project"
                ),
                format!("[{path}]"),
            ),
            None => Mend::say("put paths of the project in brackets: `[./a.txt]`"),
        }),
        TypeForm::List(one) if matches!(one.as_ref(), TypeForm::Text) => {
            Some(Mend::write("put it in brackets: `[x]`", format!("[{}]", quoted(text))))
        }
        TypeForm::List(_) => Some(Mend::say("put it in brackets: `[x]`")),
        TypeForm::Union(types) if types.iter().any(is_path) => Some(path(text)),
        TypeForm::Union(types) => {
            literal(text, types).or_else(|| optional(types, |ty| self::text(text, ty)))
        }
        TypeForm::Bool if matches!(text, "true" | "false") => {
            Some(Mend::write(format!("write `{text}`, without quotes"), text))
        }
        TypeForm::Int if text.parse::<i64>().is_ok_and(|number| number.to_string() == text) => {
            Some(Mend::write(format!("write `{text}`, without quotes"), text))
        }
        TypeForm::Kind(_) => Some(Mend::say(
            "a dependency or source is a value: write its name without quotes, or a call such as `Tar(\"…\")`",
        )),
        _ => None,
    }
}

/// The name of an element as a String.
pub(crate) fn element(path: &str) -> Mend {
    Mend::write(format!("an element is a value: write `{path}`, without quotes"), path)
}

/// An Int where something else is wanted.
pub(crate) fn number(number: i64, ty: &TypeRef) -> Option<Mend> {
    match ty.as_ref() {
        TypeForm::Text | TypeForm::Script => {
            let text = format!("\"{number}\"");
            Some(Mend::write(format!("write it as a String: `{text}`"), text))
        }
        TypeForm::Bool if matches!(number, 0 | 1) => {
            let word = if number == 1 { "true" } else { "false" };
            Some(Mend::write(format!("write `{word}`"), word))
        }
        TypeForm::List(one) if matches!(one.as_ref(), TypeForm::Int) => {
            Some(Mend::write("put it in brackets: `[x]`", format!("[{number}]")))
        }
        TypeForm::List(_) => Some(Mend::say("put it in brackets: `[x]`")),
        TypeForm::Union(types) => optional(types, |ty| self::number(number, ty)),
        _ => None,
    }
}

/// A kind where an element or another value of it is wanted.
pub(crate) fn kind(_: &str, _: &TypeRef) -> Mend {
    Mend::say("a kind makes elements: `K { … }`")
}

/// What decides between two ways and is no Bool, as it is described.
pub(crate) fn condition(found: &str) -> &'static str {
    match found {
        "a String" => "nothing is true by itself: compare it, `x != \"\"`",
        "an Int" => "nothing is true by itself: compare it, `x > 0`",
        "a list" => "nothing is true by itself: compare it, `xs.len > 0`",
        "null" => "nothing is true by itself: compare it, `x != null`",
        _ => "nothing is true by itself: compare it, `x == y`",
    }
}

/// Something else than what is wanted.
pub(crate) fn other(ty: &TypeRef) -> Option<Mend> {
    match ty.as_ref() {
        TypeForm::List(_) => Some(Mend::say("put it in brackets: `[x]`")),
        _ => None,
    }
}

fn optional(types: &[TypeRef], mend: impl Fn(&TypeRef) -> Option<Mend>) -> Option<Mend> {
    match types {
        [one, null] if matches!(null.as_ref(), TypeForm::Null) => mend(one),
        _ => None,
    }
}

/// The nearest of the words that an enumeration has.
fn literal(text: &str, types: &[TypeRef]) -> Option<Mend> {
    let literals = types.iter().filter_map(|one| match one.as_ref() {
        TypeForm::TextLiteral(literal) => Some(literal.as_ref()),
        _ => None,
    });
    let near = nearest(text, literals);
    let shown: Vec<String> = near.iter().map(|word| format!("\"{word}\"")).collect();
    let first = shown.first()?.clone();
    Some(Mend::write(format!("did you mean {}?", shown.join(" or ")), first))
}

fn is_path(ty: &TypeRef) -> bool {
    matches!(ty.as_ref(), TypeForm::Path)
}

fn path(text: &str) -> Mend {
    match as_path(text) {
        Some(path) => Mend::write(
            format!("write `{path}`, without quotes: it is a path of the project"),
            path,
        ),
        None => Mend::say("write a path of the project, such as `./a.txt`, without quotes"),
    }
}

/// Returns a text as the path that was meant, where it is one.
fn as_path(text: &str) -> Option<String> {
    let text = text.strip_prefix("./").unwrap_or(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/".contains(c);
    let plain = !text.is_empty() && !text.starts_with('/') && text.chars().all(is_plain);
    plain.then(|| format!("./{text}"))
}

/// Returns a text as it is written in the language.
pub(crate) fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace("%{", "%%{");
    format!("\"{}\"", text.replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r"))
}
