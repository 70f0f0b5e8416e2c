//! What should not be there: error nodes that cover text.

use super::{Around, Finding, escape, foreign, short};
use crate::code;
use crate::kind::{Bad, SyntaxKind as K};
use kiln_diag::{Code, Diagnostic, Span};

/// Returns what to say about a node that covers text which is no kiln.
pub(super) fn unexpected(around: &Around<'_>, what: Bad) -> Finding {
    let text = around.text_of(around.node);
    match what {
        Bad::Close => Finding::following(
            at(
                around,
                code::CLOSES_NOTHING,
                format!("`{text}` closes nothing"),
                "no bracket is open here",
            )
            .help(format!("remove `{text}`"))
            .edit(around.here(), ""),
        ),
        Bad::Comma => Finding::following(
            at(around, code::COMMA, "nothing stands before this comma", "one comma too many")
                .help("remove the comma")
                .edit(around.here(), ""),
        ),
        Bad::Semicolon => Finding::new(semicolon(around)),
        Bad::Key => Finding::new(key(around)),
        Bad::Assign => Finding::new(assignment(around)),
        Bad::Equal => Finding::new(
            at(around, code::ASSIGNMENT, format!("`{text}` sets no field"), "write `=`")
                .help("a field is set by `=` and extended by `+=`")
                .edit(around.here(), "="),
        ),
        Bad::Float => Finding::new(
            at(
                around,
                code::FRACTION,
                format!("`{text}` is no value: there are no fractions"),
                "not a number",
            )
            .help(format!("versions are strings: write `\"{text}\"`"))
            .edit(around.here(), format!("\"{text}\"")),
        ),
        Bad::Number => Finding::new(
            at(around, code::NUMBER, format!("`{text}` is no number"), "not a number")
                .help(format!(
                    "numbers are `42`, `1_000`, `0xff`, `0o755`; as text write `\"{text}\"`"
                ))
                .edit(around.here(), format!("\"{text}\"")),
        ),
        Bad::Escape => {
            let ends_line = text.trim_end() == "\\";
            let silences = if ends_line { around.line_end() + 1 } else { 0 };
            Finding { silences, ..Finding::new(escape::escape(around)) }
        }
        Bad::Quote => foreign::quote(around),
        Bad::Depth => Finding { silences: around.node.end + 1, ..Finding::new(depth(around)) },
        Bad::LetIn => Finding::new(
            at(around, code::UNEXPECTED, "`let … in` stands among items", "drop this part")
                .help("among items write `let x = 1` alone: the items after it see `x`")
                .edit(around.with_blanks(), ""),
        ),
        Bad::Item | Bad::Arg | Bad::Top => junk(around, text),
    }
}

fn at(around: &Around<'_>, code: Code, message: impl Into<String>, label: &str) -> Diagnostic {
    Diagnostic::error(code, message).at(around.here(), label)
}

fn key(around: &Around<'_>) -> Diagnostic {
    let key = around.text_of(around.parent);
    let found = Diagnostic::error(code::KEY, format!("the key `{key}` needs quotes"))
        .at(around.span(around.parent), "not a plain name");
    if key.contains('"') {
        return found.help("write the whole key in one pair of quotes");
    }
    found.help(format!("write `\"{key}\"`")).edit(around.span(around.parent), format!("\"{key}\""))
}

fn semicolon(around: &Around<'_>) -> Diagnostic {
    let rest = around.text.get(around.node.end as usize..).unwrap_or_default();
    let ends = rest.trim_start_matches([' ', '\t', '\r']).chars().next();
    let in_call = around.parent.kind == K::Call;
    let last = matches!(ends, None | Some('\n' | '#')) && !in_call;
    let ends_let = around.next_token().is_some_and(|token| token.kind == K::InWord);
    let last = last || ends_let || matches!(ends, Some('}' | ']' | ')'));
    let message = "`;` separates nothing in kiln";
    at(around, code::SEMICOLON, message, "a comma or a new line instead")
        .help("remove `;`: items are separated by a comma or a new line")
        .edit(around.here(), if last { "" } else { "," })
}

fn assignment(around: &Around<'_>) -> Diagnostic {
    let text = around.text_of(around.node);
    let found =
        at(around, code::ASSIGNMENT, format!("there is no `{text}`"), "not an assignment of kiln");
    match text {
        "-=" => less(around, found),
        "++=" => {
            found.help("write `+=`: it also extends lists and scripts").edit(around.here(), "+=")
        }
        ":" => found
            .help("an argument is named by `=`: `f(x = 1)`")
            .edit(around.here(), if around.is_after_blank() { "=" } else { " =" }),
        "?=" => found.help("write `=`: a later `=` replaces it").edit(around.here(), "="),
        _ => found.help("write `=`").edit(around.here(), "="),
    }
}

/// Adds to a finding about `-=` what takes away in its place.
fn less(around: &Around<'_>, found: Diagnostic) -> Diagnostic {
    let Some(value) = around.next_on_line(&[K::Expr]) else {
        return found.help("write `super.without(…)` for a list, `super - …` for a number");
    };
    let text = around.text_of(value);
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return found
            .help(format!("write `= super - {text}`"))
            .edit(around.here(), "=")
            .edit(around.place(value.start), "super - ");
    }
    let items = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    // A list that is not the whole value, or whose items are not set apart by commas, stays one argument.
    let items = items.filter(|items| !items.contains(['[', ']', '\n', '(']));
    let without = items.unwrap_or(text);
    found
        .help(format!("write `= super.without({})`", short(without)))
        .edit(around.here(), "=")
        .edit(around.span(value), format!("super.without({without})"))
}

fn depth(around: &Around<'_>) -> Diagnostic {
    let first = Span { end: around.node.start + 1, ..around.here() };
    Diagnostic::error(code::DEPTH, "more than 256 levels of nesting")
        .at(first, "the rest of this item is not read")
        .help("give the inner parts names of their own")
}

/// Returns what to say about text that fits nothing, by how it begins.
fn junk(around: &Around<'_>, text: &str) -> Finding {
    if let Some(found) = look_alike(around, text) {
        return Finding::new(found);
    }
    let first: String =
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let first = if first.is_empty() { text.chars().take(1).collect() } else { first };
    if let Some(blanks) = spaced_call(around, text) {
        return Finding::following(
            at(around, code::SPACED_CALL, "a space stands before the bracket", "this is no call")
                .help("write `f(x)` and `xs[i]` without a space; two items need a comma")
                .edit(blanks, ""),
        );
    }
    let message = format!("`{}` cannot stand here", short(&first));
    let found = at(around, code::UNEXPECTED, message, "unexpected");
    Finding::following(match help_for(around, text, &first) {
        Some(help) => found.help(help),
        None => found.help(match around.node.kind {
            K::Bad(Bad::Arg) => "the items of a list and the arguments of a call are values",
            _ => "an item begins with its key: `key = value`",
        }),
    })
}

/// Returns what to say about a character that looks like one that could stand here.
fn look_alike(around: &Around<'_>, text: &str) -> Option<Diagnostic> {
    let first = text.chars().next()?;
    let after = &text[first.len_utf8()..];
    let end = around.node.start + u32::try_from(first.len_utf8()).unwrap_or(0);
    let span = Span { end, ..around.here() };
    let name = format!("U+{:04X}", u32::from(first));
    if first == '\u{200b}' || first == '\u{feff}' || first == '\u{2060}' {
        let message = format!("the character {name} is invisible");
        return Some(
            at(around, code::UNEXPECTED, message, "here").help("remove it").edit(span, ""),
        );
    }
    if first.is_whitespace() && !first.is_ascii() {
        let message = format!("the character {name} is no plain blank");
        let found = at(around, code::UNEXPECTED, message, "here");
        return Some(found.help("write a plain blank").edit(span, " "));
    }
    let line_comment = text.starts_with("//");
    if line_comment {
        let span = Span { end: around.node.start + 2, ..around.here() };
        let found = Diagnostic::error(code::UNEXPECTED, "`//` begins no comment");
        return Some(found.at(span, "here").help("a comment begins with `#`").edit(span, "#"));
    }
    let rest = around.text.get(around.node.start as usize + first.len_utf8()..).unwrap_or_default();
    let inner =
        rest.strip_prefix('{').filter(|_| first == '$').and_then(|rest| rest.split_once('}'));
    let inner = inner.filter(|(name, _)| !name.contains(['\n', '{', '"']));
    if let Some((name, _)) = inner {
        let end = around.node.start + 3 + u32::try_from(name.len()).unwrap_or(0);
        let span = Span { end, ..around.here() };
        let found = at(around, code::UNEXPECTED, "`$` cannot stand here", "unexpected");
        return Some(
            found
                .help(format!("write `{name}`; in a string a value is `%{{{name}}}`"))
                .edit(span, name),
        );
    }
    let n_quoted = after.find('”').filter(|_| matches!(first, '“' | '”'))?;
    let close = end + u32::try_from(n_quoted).unwrap_or(0);
    let close = Span { start: close, end: close + 3, ..span };
    let quoted = Span { end: close.end, ..span };
    Some(
        Diagnostic::error(code::UNEXPECTED, format!("`{first}` is no quote of kiln"))
            .at(quoted, "typographic quotes")
            .help("strings stand in double quotes: `\"…\"`")
            .edit(span, "\"")
            .edit(close, "\""),
    )
}

/// Returns the blanks before a bracket, if only they part it from a value.
fn spaced_call(around: &Around<'_>, text: &str) -> Option<Span> {
    let before = around.before?;
    let between = around.text.get(before.end as usize..around.node.start as usize)?;
    let ends_value = matches!(before.kind, K::Ident | K::Word | K::RightParen | K::RightBracket);
    let spaced = text.starts_with(['(', '[']) && ends_value && between.chars().all(|c| c == ' ');
    spaced.then(|| Span { start: before.end, end: around.node.start, ..around.here() })
}

fn help_for(around: &Around<'_>, text: &str, first: &str) -> Option<&'static str> {
    Some(match first {
        "then" if around.node.kind == K::Bad(Bad::Arg) => {
            "behind a list item `if` is its condition; an `if … then … else …` of its own stands behind a comma"
        }
        "then" | "else" => "a branch needs its `if` before it",
        "in" => "`in` belongs to `let … in` and `for … in`",
        "for" => "in a list the value stands first: `[f(x) for x in xs]`",
        "let" | "type" | "assert" => "this is an item: it stands on its own line",
        "=" if text.starts_with("=>") => {
            "the parameters of a function stand in brackets: `(x) => e`"
        }
        "=" => "the key before `=` is missing",
        "+" | "*" | "-" | "&" | "<" | ">" => "an operator stands between two values",
        "'" | "`" | "“" | "”" | "‘" | "’" | "«" => {
            "strings stand in double quotes: `\"…\"`"
        }
        "$" => "a value in a string is `%{…}`; outside of strings just write its name",
        "%" => "`%{…}` stands in strings only",
        "\\" => "a function is written `(x) => e`",
        "?" => {
            "write `a.b ?? d` for a value that may be missing, `if c then a else b` for a choice"
        }
        "@" | "~" | "^" | "!" => "kiln has no such operator",
        "/" if text.starts_with("//") || text.starts_with("/*") => "a comment begins with `#`",
        "/" => "a path begins with `./` or `../`",
        "|" => "`|` joins types; alternatives of values are `||` and `??`",
        ":" => "a type stands behind the key of a field: `key: Type = value`",
        ")" | "]" => "no bracket is open here",
        _ => return None,
    })
}
