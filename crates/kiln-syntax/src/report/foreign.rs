//! What is right in other languages: what stands here instead.

use super::{Around, Finding};
use crate::code;
use crate::kind::SyntaxKind as K;
use crate::tree::Node;
use kiln_diag::{Diagnostic, Span};

/// What stands for an import of another file.
const IMPORT: &str = "files of a folder see each other by their names; other projects are `inputs`";

/// Returns what to say about a string in single quotes.
pub(super) fn quote(around: &Around<'_>) -> Finding {
    let text = around.text_of(around.node);
    let found = Diagnostic::error(code::UNEXPECTED, "strings stand in double quotes")
        .at(around.here(), "single quotes mean nothing");
    let rest = around.text.get(around.node.end as usize..around.line_end() as usize);
    if text == "''" && rest.is_some_and(|rest| rest.trim().is_empty()) {
        let found = found
            .help("write `\"\"\"`; the lines after it are indented, its last line too")
            .edit(around.here(), "\"\"\"");
        let Some(close) = close_of_quote(around) else { return Finding::new(found) };
        let start = around.text.get(..close.start as usize).unwrap_or_default();
        let indent = if start.ends_with('\n') { "  " } else { "" };
        let found = found.edit(close, format!("{indent}\"\"\""));
        return Finding { silences: close.end, ..Finding::new(found) };
    }
    Finding::new(quote_on_line(around, found))
}

/// Returns where the text of several lines ends that begins with `''`.
fn close_of_quote(around: &Around<'_>) -> Option<Span> {
    let rest = around.text.get(around.node.end as usize..)?;
    // `''${`, `'''` and `''\\` are text there.
    let is_close = |at: &usize| !rest[at + 2..].starts_with(['$', '\'', '\\']);
    let at = rest.match_indices("''").map(|(at, _)| at).find(is_close)?;
    let start = around.node.end + u32::try_from(at).ok()?;
    Some(Span { start, end: start + 2, ..around.here() })
}

/// Returns what to say about a string in single quotes that ends on its line.
fn quote_on_line(around: &Around<'_>, found: Diagnostic) -> Diagnostic {
    let text = around.text_of(around.node);
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
    if name == "return" {
        let found = no_word(around.span(key), name);
        let help = "the value of a function is the expression behind its `=` or `=>`";
        return Some(on_line(around, found.help(help)));
    }
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
        "def" | "function" | "fn" | "func" | "fun" => {
            Some(found.help("a function is written `f(x) = e`, or `(x) => e`"))
        }
        "var" | "const" | "local" | "val" | "set" => Some(
            found
                .help("write `let x = …` for a name of these braces only, `x = …` for a key")
                .edit(left_span, "let"),
        ),
        "new" => {
            let word = Span { end: right_span.start, ..left_span };
            Some(found.help("a kind makes an element by its braces: `K { … }`").edit(word, ""))
        }
        "import" | "use" | "using" | "from" | "require" | "include" => Some(found.help(IMPORT)),
        "with" => Some(found.help(format!("write `{right}.name` for a name of `{right}`"))),
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

/// `(@):` and its like, keys of a build system whose elements are YAML.
pub(super) fn directive(around: &Around<'_>) -> Option<Finding> {
    let here = Some(around.node).filter(|node| around.text_of(*node).starts_with('('));
    let opener = here.or(around.before.filter(|token| around.text_of(*token) == "("))?;
    let text = around.text.get(opener.start as usize..opener.start as usize + 4)?;
    let help = match text {
        "(@):" => "what several elements share is a mixin, which `..name` applies in their braces",
        "(?):" => {
            "write `if c then { … }` around items, `x if c` in a list, `if c then a else b` for a value"
        }
        "(>):" => "write `key += …`, or `key = [super, …]` for a script",
        "(<):" => "write `key = [… , super]` for a script, `key = [… ] ++ super` for a list",
        "(=):" => "write `key = …`: it replaces what is inherited",
        "(!):" => "write `assert c, \"what is wrong\"`",
        _ => return None,
    };
    let span = Span { end: opener.start + 3, ..around.span(opener) };
    let message = format!("there is no `{}`", &text[..3]);
    let found = Diagnostic::error(code::UNEXPECTED, message).at(span, "no key of kiln").help(help);
    Some(on_line(around, found))
}

/// Returns what to write for the kind of an element that is written in YAML, if a finding about a type is one.
pub(super) fn yaml(text: &str, found: &Diagnostic) -> Option<String> {
    let at = found.primary.as_ref()?.span;
    let before = text.get(..at.start as usize)?.trim_end_matches(' ');
    let rest = text.get(at.end as usize..)?;
    let is_whole = rest.is_empty() || rest.starts_with(['\n', '\r', ' ']);
    let line = before.rsplit('\n').next()?;
    if line != "kind:" || !is_whole {
        return None;
    }
    let kind = match text.get(at.start as usize..at.end as usize)? {
        "autotools" => "Autotools",
        "cmake" => "CMake",
        "meson" => "Meson",
        "make" => "Make",
        "stack" => "Stack",
        "import" => "Import",
        "compose" => "Compose",
        "filter" => "Filter",
        "script" => "Task",
        "pip" | "pyproject" | "distutils" | "setuptools" => "Python",
        "junction" => {
            return Some("another project is one of the `inputs` in project.kiln".to_owned());
        }
        _ => "Manual",
    };
    Some(format!(
        "this is YAML: write `{kind} {{ … }}` here, with `key = value` in it; `docs/book/coming-from-buildstream.md` has both side by side"
    ))
}
