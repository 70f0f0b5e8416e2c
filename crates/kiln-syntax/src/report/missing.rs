//! What is missing: error nodes that cover nothing.

use super::{Around, Finding};
use crate::code;
use crate::kind::{Missing, SyntaxKind as K};
use kiln_diag::{Code, Diagnostic};

/// Returns what to say about a missing node.
pub(super) fn missing(around: &Around<'_>, what: Missing) -> Finding {
    let after = around.after();
    match what {
        Missing::Value => Finding::new(value(around)),
        Missing::Type => Finding::new(
            plain(around, code::NO_TYPE, format!("expected a type{after}"), "a type is missing")
                .help("a type is `String`, `[String]`, `{String}`, `{ a: Int }`, `A | B`, `A?` or a kind"),
        ),
        Missing::Close => Finding {
            silences: block_goes_on(around),
            cut: column_zero(around).is_some(),
            ..Finding::new(close(around))
        },
        Missing::Then if around.parent.kind == K::IfItem => Finding::following(then(around)),
        Missing::Then => Finding::new(then(around)),
        Missing::Else => Finding::new(
            with_opener(around, code::NO_WORD, "this `if` has no `else`", "`else` is missing", &[K::IfWord])
                .help("an `if` in an expression has two branches: `if c then a else b`"),
        ),
        Missing::In if around.parent.kind == K::LetIn => Finding::new(
            with_opener(around, code::NO_WORD, "this `let` has no `in`", "`in` is missing", &[K::LetWord])
                .help("write `let x = 1 in e`; only among items `let x = 1` stands alone"),
        ),
        Missing::In => Finding::new(
            with_opener(around, code::NO_WORD, "this `for` has no `in`", "`in` is missing", &[K::ForWord])
                .help("write `for x in xs`"),
        ),
        Missing::Block => Finding::new(
            plain(around, code::NO_BLOCK, format!("expected a block{after}"), "`{ … }` is missing")
                .help("among items a branch is a block: `if c then { a = 1 } else { a = 2 }`"),
        ),
        Missing::Name => Finding::new(
            plain(around, code::NO_NAME, format!("expected a name{after}"), "a name is missing")
                .help("a name has letters, digits, `_` and inner `-`; others stand in quotes"),
        ),
        Missing::Equals => Finding::new(
            plain(around, code::NO_VALUE, format!("expected `=`{after}"), "`= …` is missing")
                .help("write `let name = value` or `type Name = String`"),
        ),
        Missing::Binding => Finding::following(binding(around)),
    }
}

fn plain(around: &Around<'_>, code: Code, message: impl Into<String>, label: &str) -> Diagnostic {
    Diagnostic::error(code, message).at(around.here(), label)
}

fn with_opener(
    around: &Around<'_>,
    code: Code,
    message: &str,
    label: &str,
    words: &[K],
) -> Diagnostic {
    let opener = around.sibling(words).unwrap_or_else(|| around.opener());
    plain(around, code, message, label).also(around.span(opener), "it begins here")
}

fn value(around: &Around<'_>) -> Diagnostic {
    let message = format!("expected a value{}", around.after());
    let found = plain(around, code::NO_VALUE, message, "a value is missing");
    let arrow = around.before.is_some_and(|token| {
        around.text.get(token.start as usize..).is_some_and(|rest| rest.starts_with("->"))
    });
    match around.parent.kind {
        _ if arrow => found.help("`->` belongs to types; a function is written `(x) => e`"),
        K::Interpolation => found.help("write `%{name}`, or `%%{` for a literal `%{`"),
        K::Paren => found.help("`()` is no value; a function without parameters is a plain value"),
        K::Index | K::DynamicKey => found.help("write the key between the brackets"),
        K::LetItem | K::Field | K::Binding => {
            found.help("use `null` for no value, `...` for one to be written")
        }
        _ => found,
    }
}

/// Returns what to say about a bracket or quote that is not closed.
fn close(around: &Around<'_>) -> Diagnostic {
    let opener = around.opener();
    let (code, message, label, help) = match around.parent.kind {
        K::String => (
            code::STRING_NOT_CLOSED,
            "this string is not closed".to_owned(),
            "`\"` is missing".to_owned(),
            "a string ends on its line; several lines stand in `\"\"\"`".to_owned(),
        ),
        K::Block => (
            code::STRING_NOT_CLOSED,
            "this block string is not closed".to_owned(),
            "`\"\"\"` is missing".to_owned(),
            "write `\"\"\"` behind its last line".to_owned(),
        ),
        _ => {
            let open = around.text_of(opener);
            let close = closing(open);
            (
                code::NOT_CLOSED,
                format!("`{open}` is not closed"),
                format!("`{close}` is missing"),
                format!("write `{close}` here"),
            )
        }
    };
    let help = match column_zero(around) {
        Some(line) if around.parent.kind == K::Block => {
            format!(
                "line {line} stands at column 0 and so ends the item: indent it, also inside of `\"\"\"`"
            )
        }
        Some(line) if around.parent.kind != K::String => {
            format!(
                "line {line} stands at column 0 and so begins a new item: indent it, or close this before it"
            )
        }
        _ => help,
    };
    Diagnostic::error(code, message)
        .at(around.here(), label)
        .also(around.span(opener), "opened here")
        .help(help)
}

/// Returns the end of what is text of a block string for its writer, if a line at column 0 has cut the block.
fn block_goes_on(around: &Around<'_>) -> u32 {
    let from = around.node.end as usize;
    let rest = around.text.get(from..).unwrap_or_default();
    if around.parent.kind != K::Block || column_zero(around).is_none() {
        return 0;
    }
    let Some(close) = rest.find("\"\"\"").map(|at| from + at) else {
        return 0;
    };
    let next = around.starts.get(around.starts.partition_point(|start| *start <= close));
    u32::try_from(next.copied().unwrap_or(around.text.len()) + 1).unwrap_or(u32::MAX)
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// Returns the line that ends the chunk, if this stands at the end of a chunk that is not the last.
fn column_zero(around: &Around<'_>) -> Option<usize> {
    let at = around.node.end as usize;
    let next_chunk = *around.starts.get(around.starts.partition_point(|start| *start < at))?;
    let next = around.next_token()?;
    if (next.start as usize) < next_chunk {
        return None;
    }
    let before = around.text.get(..next.start as usize)?;
    Some(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
}

fn then(around: &Around<'_>) -> Diagnostic {
    let words = [K::IfWord, K::ForWord];
    let word = around.sibling(&words).map_or("if", |node| around.text_of(node));
    let message = format!("this `{word}` has no `then`");
    let found = with_opener(around, code::NO_WORD, &message, "`then` is missing", &words);
    match around.parent.kind {
        K::IfExpr => found.help("write `if c then a else b`"),
        K::ForItem => found.help("write `for x in xs then { [x] = … }`"),
        _ => found.help("write `if c then { … }`"),
    }
}

fn binding(around: &Around<'_>) -> Diagnostic {
    let key = around.text_of(around.parent);
    let name = super::short(key);
    Diagnostic::error(code::NO_VALUE, format!("`{name}` has no value"))
        .at(around.span(around.parent), "neither `=` nor a type follows")
        .help(format!("write `{name} = …`, or `{name}: String` to declare a field"))
}
