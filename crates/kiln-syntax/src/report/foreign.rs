//! What is right in other languages: what stands here instead.

use super::{Around, Finding};
use crate::code;
use crate::kind::SyntaxKind as K;
use crate::tree::Node;
use kiln_diag::{Diagnostic, Span};

/// Returns what to say about a string in single quotes.
pub(super) fn quote(around: &Around<'_>) -> Diagnostic {
    let text = around.text_of(around.node);
    let found = Diagnostic::error(code::UNEXPECTED, "strings stand in double quotes")
        .at(around.here(), "single quotes mean nothing");
    let rest = around.text.get(around.node.end as usize..around.line_end() as usize);
    if text == "''" && rest.is_some_and(|rest| rest.trim().is_empty()) {
        return found
            .help("write `\"\"\"`; the lines after it are indented, its last line too")
            .edit(around.here(), "\"\"\"");
    }
    if let Some(inner) = text.strip_prefix("''").and_then(|rest| rest.strip_suffix("''")) {
        let found = found.help(
            "write `\"\"\"…\"\"\"`, in which `%{x}` is a value and `${x}` is left to the shell",
        );
        let odd = inner.contains("\"\"\"") || inner.contains("%{") || inner.ends_with('"');
        if odd {
            return found;
        }
        return found.edit(around.here(), format!("\"\"\"{inner}\"\"\""));
    }
    let inner = text.trim_matches('\'');
    let inner = inner.replace('\\', "\\\\").replace('"', "\\\"").replace("%{", "%%{");
    found
        .help(format!("write `\"{}\"`", super::short(&inner)))
        .edit(around.here(), format!("\"{inner}\""))
}

/// Returns what to say about a missing value between two operators that are one operator elsewhere.
pub(super) fn operator(around: &Around<'_>) -> Option<Finding> {
    let (before, next) = (around.before?, around.next_token()?);
    let slashes = before.kind == K::Divide && next.kind == K::Divide && before.end == next.start;
    if !slashes {
        return None;
    }
    let span = around.span(before).to(around.span(next));
    let found = Diagnostic::error(code::UNEXPECTED, "there is no `//`")
        .at(span, "no operator of kiln")
        .help("write `a { … }` to amend a record, `{ ..a, ..b }` for the keys of both; a comment begins with `#`");
    Some(on_line(around, found))
}

/// Returns what to say about a key without a value, if it or the word before it is a word of another language.
pub(super) fn word(around: &Around<'_>) -> Option<Finding> {
    let key = around.parent_key()?;
    let name = around.text_of(key);
    if name == "inherit" {
        return Some(on_line(around, inherit(around, key)));
    }
    if let Some(found) = parameters_of_file(around, key) {
        return Some(on_line(around, found));
    }
    let before = around.token_before(key)?;
    let blank = around.text.get(before.end as usize..key.start as usize)?;
    let joined = !blank.is_empty() && blank.chars().all(|c| c == ' ');
    let found =
        neighbours(joined, around.text_of(before), around.span(before), name, around.span(key))?;
    Some(on_line(around, found))
}

/// Returns what to say about two words of one line, if one of them is a word of another language.
pub(crate) fn neighbours(
    joined: bool,
    left: &str,
    left_span: Span,
    right: &str,
    right_span: Span,
) -> Option<Diagnostic> {
    match right {
        "and" => return Some(no_word(right_span, right).help("write `&&`").edit(right_span, "&&")),
        "elif" | "elsif" => {
            return Some(
                no_word(right_span, right).help("write `else if`").edit(right_span, "else if"),
            );
        }
        "or" => {
            let help = "write `||` for a Bool, `??` for a value that may be missing";
            return Some(no_word(right_span, right).help(help));
        }
        _ if !joined => return None,
        _ => {}
    }
    let found = no_word(left_span, left);
    match left {
        "not" => {
            let word = Span { end: right_span.start, ..left_span };
            Some(found.help("write `!`").edit(word, "!"))
        }
        "with" => Some(found.help(format!("write `{right}.name` for a name of `{right}`"))),
        "import" => {
            Some(found.help(
                "files of a folder see each other by their names; other projects are `inputs`",
            ))
        }
        _ => None,
    }
}

/// `{ a, b, ... }: e`
fn parameters_of_file(around: &Around<'_>, key: Node) -> Option<Diagnostic> {
    let rest = around.text.get(key.end as usize..)?;
    let inner = rest.find(['}', '=', '{', '\n']).filter(|end| rest[*end..].starts_with("}:"))?;
    let end = key.end + u32::try_from(inner + 2).unwrap_or(0);
    let span = Span { end, ..around.span(key) };
    Some(
        Diagnostic::error(code::UNEXPECTED, "a file has no parameters")
            .at(span, "remove this")
            .help("the names of other files and folders are simply there; a function is written `(a, b) => e`"),
    )
}

fn no_word(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(code::UNEXPECTED, format!("there is no `{name}`")).at(span, "no word of kiln")
}

/// `inherit a b;` and `inherit (r) a b;`
fn inherit(around: &Around<'_>, key: Node) -> Diagnostic {
    let found = no_word(around.span(key), "inherit");
    let line = around.text.get(key.end as usize..around.line_end() as usize).unwrap_or_default();
    let (names, semicolon) = match line.find(';') {
        Some(end) => (&line[..end], 1),
        None => (line, 0),
    };
    let trimmed = names.trim_end();
    let end = key.end
        + u32::try_from(trimmed.len() + (names.len() - trimmed.len() + 1) * semicolon).unwrap_or(0);
    let (record, names) =
        match trimmed.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((record, names)) => (format!("{}.", record.trim()), names),
            None => (String::new(), trimmed),
        };
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let names: Vec<&str> = names.split_whitespace().collect();
    if names.is_empty() || !names.iter().all(|name| plain(name)) {
        return found.help("write `name = name`");
    }
    let items: Vec<String> = names.iter().map(|name| format!("{name} = {record}{name}")).collect();
    let items = items.join(", ");
    found.help(format!("write `{items}`")).edit(Span { end, ..around.span(key) }, items)
}

/// Makes a finding that is all that is said about its line.
fn on_line(around: &Around<'_>, found: Diagnostic) -> Finding {
    Finding { silences: around.line_end() + 1, ..Finding::new(found) }
}
