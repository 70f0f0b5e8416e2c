//! What should not be there: error nodes that cover text.

use super::{Around, Finding, short};
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
            .help(format!("remove `{text}`")),
        ),
        Bad::Comma => Finding::following(
            at(around, code::COMMA, "nothing stands before this comma", "one comma too many")
                .help("remove the comma"),
        ),
        Bad::Semicolon => Finding::new(
            at(
                around,
                code::SEMICOLON,
                "`;` separates nothing in kiln",
                "a comma or a new line instead",
            )
            .help("remove `;`: items are separated by a comma or a new line"),
        ),
        Bad::Key => Finding::new(key(around)),
        Bad::Assign => Finding::new(assignment(around)),
        Bad::Equal => Finding::new(
            at(around, code::ASSIGNMENT, format!("`{text}` sets no field"), "write `=`")
                .help("a field is set by `=` and extended by `+=`"),
        ),
        Bad::Float => Finding::new(
            at(
                around,
                code::FRACTION,
                format!("`{text}` is no value: there are no fractions"),
                "not a number",
            )
            .help(format!("versions are strings: write `\"{text}\"`")),
        ),
        Bad::Number => Finding::new(
            at(around, code::NUMBER, format!("`{text}` is no number"), "not a number").help(
                format!("numbers are `42`, `1_000`, `0xff`, `0o755`; as text write `\"{text}\"`"),
            ),
        ),
        Bad::Escape => Finding::new(
            at(around, code::ESCAPE, format!("`{text}` means nothing in a string"), "no escape")
                .help("escapes are `\\n \\t \\r \\\" \\\\ \\u{…}`; a backslash is `\\\\`"),
        ),
        Bad::Depth => Finding { silences: around.node.end + 1, ..Finding::new(depth(around)) },
        Bad::LetIn => Finding::new(
            at(around, code::UNEXPECTED, "`let … in` stands among items", "drop this part")
                .help("among items write `let x = 1` alone: the items after it see `x`"),
        ),
        Bad::Item | Bad::Arg | Bad::Top => junk(around, text),
    }
}

fn at(around: &Around<'_>, code: Code, message: impl Into<String>, label: &str) -> Diagnostic {
    Diagnostic::error(code, message).at(around.here(), label)
}

fn key(around: &Around<'_>) -> Diagnostic {
    let key = around.text_of(around.parent);
    Diagnostic::error(code::KEY, format!("the key `{key}` needs quotes"))
        .at(around.span(around.parent), "not a plain name")
        .help(format!("write `\"{key}\"`"))
}

fn assignment(around: &Around<'_>) -> Diagnostic {
    let text = around.text_of(around.node);
    let help = match text {
        "-=" => "write `x = super.without(…)` for a list, `x = super - …` for a number",
        "++=" => "write `+=`: it also extends lists and scripts",
        ":" => "an argument is named by `=`: `f(x = 1)`",
        "?=" => "write `=`: a later `=` replaces it",
        _ => "write `=`",
    };
    at(around, code::ASSIGNMENT, format!("there is no `{text}`"), "not an assignment of kiln")
        .help(help)
}

fn depth(around: &Around<'_>) -> Diagnostic {
    let first = Span { end: around.node.start + 1, ..around.here() };
    Diagnostic::error(code::DEPTH, "more than 256 levels of nesting")
        .at(first, "the rest of this item is not read")
        .help("give the inner parts names of their own")
}

/// Returns what to say about text that fits nothing, by how it begins.
fn junk(around: &Around<'_>, text: &str) -> Finding {
    let first: String =
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let first = if first.is_empty() { text.chars().take(1).collect() } else { first };
    if spaced_call(around, text) {
        return Finding::following(
            at(around, code::SPACED_CALL, "a space stands before the bracket", "this is no call")
                .help("write `f(x)` and `xs[i]` without a space; two items need a comma"),
        );
    }
    let found = at(
        around,
        code::UNEXPECTED,
        format!("`{}` cannot stand here", short(&first)),
        "unexpected",
    );
    let help = match help_for(around, text, &first) {
        Some(help) => help.to_owned(),
        None => match around.node.kind {
            K::Bad(Bad::Arg) => {
                "the items of a list and the arguments of a call are values".to_owned()
            }
            _ => "an item begins with its key: `key = value`".to_owned(),
        },
    };
    Finding::following(found.help(help))
}

/// Returns whether this is a bracket that only blanks part from a value.
fn spaced_call(around: &Around<'_>, text: &str) -> bool {
    let Some(before) = around.before else {
        return false;
    };
    let between =
        around.text.get(before.end as usize..around.node.start as usize).unwrap_or_default();
    let ends_value = matches!(before.kind, K::Ident | K::Word | K::RightParen | K::RightBracket);
    text.starts_with(['(', '[']) && ends_value && between.chars().all(|c| c == ' ')
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
        "@" | "~" | "^" | "?" | "!" => "kiln has no such operator",
        "/" if text.starts_with("//") || text.starts_with("/*") => "a comment begins with `#`",
        "/" => "a path begins with `./` or `../`",
        "|" => "`|` joins types; alternatives of values are `||` and `??`",
        ":" => "a type stands behind the key of a field: `key: Type = value`",
        ")" | "]" => "no bracket is open here",
        _ => return None,
    })
}
