//! What is missing: error nodes that cover nothing.

use super::{Around, Finding, foreign};
use crate::code;
use crate::kind::{Missing, SyntaxKind as K};
use crate::tree::Node;
use kiln_diag::{Code, Diagnostic, Span};

/// Returns what to say about a missing node.
pub(super) fn missing(around: &Around<'_>, what: Missing) -> Finding {
    let after = around.after();
    match what {
        Missing::Value => {
            let silences = word_for_name(around).map_or(0, |_| around.line_end());
            foreign::operator(around)
                .unwrap_or_else(|| Finding { silences, ..Finding::new(value(around)) })
        }
        Missing::Type => {
            let message = format!("expected a type{after}");
            let found = plain(around, code::NO_TYPE, message, "a type is missing");
            Finding::new(found.help(match around.parent.kind {
                K::Annotation => "`key: Type` declares a field; a value is set by `key = …`, a list is `key = [a, b]`, a record `key = { … }`",
                _ => "a type is `String`, `[String]`, `{String}`, `{ a: Int }`, `A | B`, `A?` or a kind",
            }))
        }
        Missing::Close => match comma_of_call(around) {
            Some(found) => Finding { silences: around.line_end() + 1, ..Finding::new(found) },
            None => Finding {
                silences: block_goes_on(around),
                cut: column_zero(around).is_some(),
                ..Finding::new(close(around))
            },
        },
        Missing::Then if around.parent.kind == K::IfItem => Finding::following(then(around)),
        Missing::Then => Finding::new(then(around)),
        Missing::Else if is_elif(around) => {
            let word = around.next_token().unwrap_or(around.node);
            let name = around.text_of(word);
            let found = Diagnostic::error(code::UNEXPECTED, format!("there is no `{name}`"))
                .at(around.span(word), "no word of kiln")
                .help("write `else if`")
                .edit(around.span(word), "else if");
            Finding { silences: around.line_end() + 1, ..Finding::new(found) }
        }
        Missing::Else => Finding::new(
            with_opener(around, code::NO_WORD, "this `if` has no `else`", "`else` is missing", &[K::IfWord])
                .help("an `if` in an expression has two branches: `if c then a else b`; in a list write `[a if c]`"),
        ),
        Missing::In => Finding::new(no_in(around)),
        Missing::Block => Finding::new(block(around)),
        Missing::Name => Finding::new(name(around)),
        Missing::Equals => Finding::new(equals(around)),
        Missing::Binding => {
            foreign::word(around).unwrap_or_else(|| Finding::following(binding(around)))
        }
    }
}

fn plain(around: &Around<'_>, code: Code, message: impl Into<String>, label: &str) -> Diagnostic {
    // Behind an open block string a place may be in the next item already.
    let before = around.text.get(..around.node.start as usize).unwrap_or_default();
    let end = u32::try_from(before.trim_end().len()).unwrap_or(0);
    let is_behind = around.before.is_some_and(|token| end < token.end);
    let here = if is_behind { around.place(end) } else { around.here() };
    Diagnostic::error(code, message).at(here, label)
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

fn no_in(around: &Around<'_>) -> Diagnostic {
    if around.parent.kind == K::LetIn {
        let message = "this `let` has no `in`";
        return with_opener(around, code::NO_WORD, message, "`in` is missing", &[K::LetWord])
            .help("write `let x = 1 in e`; only among items `let x = 1` stands alone");
    }
    let message = "this `for` has no `in`";
    let found = with_opener(around, code::NO_WORD, message, "`in` is missing", &[K::ForWord])
        .help("write `for x in xs`");
    if around.value_follows() { found.edit(around.here(), " in") } else { found }
}

fn block(around: &Around<'_>) -> Diagnostic {
    let message = format!("expected a block{}", around.after());
    let found = plain(around, code::NO_BLOCK, message, "`{ … }` is missing")
        .help("among items a branch is a block: `if c then { a = 1 } else { a = 2 }`");
    match around.next_on_line(&[K::Field]) {
        Some(item) if around.text_of(item).contains('=') => {
            let (start, end) = (around.place(item.start), around.place(item.end));
            found.edit(start, "{ ").edit(end, " }")
        }
        _ => found,
    }
}

fn name(around: &Around<'_>) -> Diagnostic {
    let message = format!("expected a name{}", around.after());
    let found = plain(around, code::NO_NAME, message, "a name is missing");
    match around.parent.kind {
        K::Select => {
            found.help("write the name of a field, `a.b`; others stand in quotes: `a.\"5b\"`")
        }
        K::ForIn | K::ForItem => found.help("write `for x in xs`, or `for k, v in dict`"),
        K::TypeItem => found.help("write `type Name = String`"),
        _ => found.help("a name has letters, digits, `_` and inner `-`; others stand in quotes"),
    }
}

fn equals(around: &Around<'_>) -> Diagnostic {
    let message = format!("expected `=`{}", around.after());
    let found = plain(around, code::NO_VALUE, message, "`= …` is missing");
    let found = match around.parent.kind {
        K::TypeItem => found.help("write `type Name = String`"),
        _ => found.help("write `let name = value`"),
    };
    if around.value_follows() { found.edit(around.here(), " =") } else { found }
}

/// Returns whether a word follows that is `else if` elsewhere.
fn is_elif(around: &Around<'_>) -> bool {
    let word = around.next_token().map(|token| around.text_of(token));
    word.is_some_and(|word| matches!(word, "elif" | "elsif" | "elseif"))
}

/// Returns the word of the language that stands where a name is meant.
fn word_for_name(around: &Around<'_>) -> Option<Node> {
    let kinds = [K::IfWord, K::LetWord, K::ForWord];
    let word = around.before.filter(|token| kinds.contains(&token.kind))?;
    let next = around.next_token().map(|token| around.text_of(token));
    next.is_some_and(|next| matches!(next, ")" | "]" | ",")).then_some(word)
}

fn value(around: &Around<'_>) -> Diagnostic {
    if let Some(word) = word_for_name(around) {
        let name = around.text_of(word);
        let message = format!("`{name}` is a word of the language, not a name");
        return Diagnostic::error(code::NO_VALUE, message)
            .at(around.span(word), "a value is expected")
            .help(format!("a name of yours is another one; a key of this name is read as `x.{name}` or `self.{name}`"));
    }
    let message = format!("expected a value{}", around.after());
    let found = plain(around, code::NO_VALUE, message, "a value is missing");
    let arrow = around.before.is_some_and(|token| {
        around.text.get(token.start as usize..).is_some_and(|rest| rest.starts_with("->"))
    });
    if let Some(parameter) = colon_function(around) {
        let name = around.text_of(parameter);
        let colon = Span { start: parameter.start, end: parameter.end, ..around.here() };
        let rest = around.text.get(parameter.end as usize..).unwrap_or_default();
        let to_colon = rest.len() - rest.trim_start().len() + 1;
        let end = colon.end + u32::try_from(to_colon).unwrap_or(0);
        return found
            .help(format!("a function is written `({name}) => e`"))
            .edit(Span { end, ..colon }, format!("({name}) =>"));
    }
    match around.parent.kind {
        _ if arrow => found.help("`->` belongs to types; a function is written `(x) => e`"),
        K::Interpolation => found.help("write `%{name}`, or `%%{` for a literal `%{`"),
        K::Paren => found.help("`()` is no value; a function without parameters is a plain value"),
        K::Expr => found.help("an operator stands between two values"),
        K::IfItem | K::IfExpr | K::Guard => found.help("write `if c then a else b`"),
        K::ForIn | K::ForItem => found.help("write `for x in xs`"),
        K::AssertItem => found.help("write `assert condition, \"what is wrong\"`"),
        K::Spread => found.help("write `..m`"),
        K::TypeWhere => found.help("write `where (x) => x > 0`"),
        K::LetIn | K::Lambda => {
            found.help("write the value behind it, or `...` for one to be written")
        }
        K::Index | K::DynamicKey => found.help("write the key between the brackets"),
        K::LetItem | K::Field | K::Binding => {
            found.help("use `null` for no value, `...` for one to be written")
        }
        _ => found.help("write the value here, or `...` for one to be written"),
    }
}

/// Returns the parameter of `x: e`, a function elsewhere, if it stands where a value is missing.
fn colon_function(around: &Around<'_>) -> Option<Node> {
    around.next_on_line(&[K::Field])?;
    let mut tokens = around.tokens_after();
    let parameter = tokens.next().filter(|token| token.kind == K::Ident)?;
    tokens.next().filter(|token| token.kind == K::Colon)?;
    Some(parameter)
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
    let cut = column_zero(around).filter(|_| around.parent.kind != K::String);
    let help = cut.map_or(help, |line| indent(line, around.parent.kind == K::Block));
    // What is behind the last word of a block may be another item already.
    let parent = around.text_of(around.parent).trim_end().len();
    let end = around.parent.start + u32::try_from(parent).unwrap_or(0);
    let open = around.text.get(around.parent.start as usize..around.node.start as usize);
    let one_line = around.parent.kind == K::String && open.is_some_and(|open| !open.contains('\n'));
    let here = if one_line { around.here() } else { around.place(end.min(around.node.start)) };
    let found = Diagnostic::error(code, message)
        .at(here, label)
        .also(around.span(opener), "opened here")
        .help(help);
    // Where a string was to end before a bracket or comma is for its writer to say.
    let text = around.text_of(around.parent);
    let unclear = around.parent.kind == K::String && text.contains([',', ')', ']', '}']);
    match cut {
        Some(_) => found,
        None if unclear => found,
        None if around.parent.kind == K::String => {
            let returns = text.len() - text.trim_end_matches('\r').len();
            let end = around.node.end - u32::try_from(returns).unwrap_or(0);
            found.edit(around.place(end), "\"")
        }
        None => found.edit(around.here(), closer(around, opener)),
    }
}

/// Returns what to do about a line that ends the chunk of something open.
fn indent(line: usize, is_block: bool) -> String {
    if is_block {
        format!(
            "line {line} stands at column 0 and so ends the item: indent it, also inside of `\"\"\"`"
        )
    } else {
        format!(
            "line {line} stands at column 0 and so begins a new item: indent it, or close this before it"
        )
    }
}

/// Returns what to say about a call that goes on with a named argument on the same line.
fn comma_of_call(around: &Around<'_>) -> Option<Diagnostic> {
    let item = around.next_token().filter(|_| around.parent.kind == K::Call)?;
    let rest = around.text.get(around.node.end as usize..around.line_end() as usize)?;
    let blanks = around.text.get(around.node.end as usize..item.start as usize)?;
    if blanks.contains('\n') || !rest.contains(')') {
        return None;
    }
    let message = format!("expected a comma before `{}`", around.text_of(item));
    let label = "nothing separates this from what stands before";
    Some(
        Diagnostic::error(code::NO_SEPARATOR, message)
            .at(around.span(item), label)
            .also(around.span(around.opener()), "the call begins here")
            .help("write a comma between two arguments")
            .edit(around.here(), ","),
    )
}

/// Returns what closes an opener where it should be closed.
fn closer(around: &Around<'_>, opener: Node) -> String {
    match around.parent.kind {
        K::Block => {
            let lines = around.text.get(..around.node.end as usize).unwrap_or_default();
            let ended = lines.ends_with('\n');
            if ended { "  \"\"\"\n".to_owned() } else { "\"\"\"".to_owned() }
        }
        K::Record | K::TypeDict if around.text_of(opener) == "{" => {
            if around.parent.text(around.text) == "{" { "}".to_owned() } else { " }".to_owned() }
        }
        _ => closing(around.text_of(opener)).to_owned(),
    }
}

/// Returns the end of what is text of a block string for its writer, if a line at column 0 has cut the block.
fn block_goes_on(around: &Around<'_>) -> u32 {
    let from = around.node.end as usize;
    if around.parent.kind != K::Block || column_zero(around).is_none() {
        return 0;
    }
    // Quotes of other items come in pairs: the chunk where they do not has the closing ones.
    let first = around.starts.partition_point(|start| *start < from);
    let ends = around.starts.iter().skip(first + 1).copied().chain([around.text.len()]);
    let mut chunks = around.starts.iter().skip(first).copied().zip(ends);
    let is_odd = |(start, end): &(usize, usize)| {
        let chunk = around.text.get(*start..*end).unwrap_or_default();
        chunk.matches("\"\"\"").count() % 2 == 1
    };
    match chunks.find(is_odd) {
        Some((_, end)) => u32::try_from(end + 1).unwrap_or(u32::MAX),
        None => 0,
    }
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
    let found = match around.sibling(&[K::Expr]).and_then(|condition| around.last_block(condition))
    {
        Some(block) => found.edit(around.place(block.start), "then "),
        None if around.value_follows() => found.edit(around.here(), " then"),
        None => found,
    };
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
