//! Escapes that mean nothing in kiln, and what their writers meant.

use super::Around;
use crate::code;
use kiln_diag::{Diagnostic, Span};

/// Returns what to say about a backslash and the character after it.
pub(super) fn escape(around: &Around<'_>) -> Diagnostic {
    let text = around.text_of(around.node);
    let rest = around.text.get(around.node.end as usize..).unwrap_or_default();
    let found = Diagnostic::error(code::ESCAPE, format!("`{text}` means nothing in a string"))
        .at(around.here(), "no escape");
    let Some((meant, n_more)) = meant(text, rest) else {
        return found.help("a string ends on its line; several lines stand in `\"\"\"`");
    };
    let end = around.node.end + u32::try_from(n_more).unwrap_or(0);
    let span = Span { end, ..around.here() };
    let help = match text {
        "\\$" => "write `$`: in kiln only `%{` means something".to_owned(),
        "\\%" => "write `%%{` for a literal `%{`; any other `%` is plain".to_owned(),
        _ if meant.starts_with("\\\\") => {
            format!("write `{meant}` for a backslash; escapes are `\\n \\t \\r \\\" \\\\ \\u{{…}}`")
        }
        _ => format!("write `{meant}`"),
    };
    found.help(help).edit(span, meant)
}

/// Returns what was meant, and how many bytes behind the escape belong to it; nothing for a backslash at the end of a line.
fn meant(text: &str, rest: &str) -> Option<(String, usize)> {
    let next = text.chars().nth(1).filter(|c| *c != '\r')?;
    let hex = |most: usize| {
        let n_digits = rest.bytes().take(most).take_while(u8::is_ascii_hexdigit).count();
        (n_digits > 0).then(|| (format!("\\u{{{}}}", &rest[..n_digits]), n_digits))
    };
    let plain = |meant: &str| Some((meant.to_owned(), 0));
    match next {
        '0' => plain("\\u{0}"),
        'a' => plain("\\u{7}"),
        'b' => plain("\\u{8}"),
        'e' => plain("\\u{1b}"),
        'f' => plain("\\u{c}"),
        'v' => plain("\\u{b}"),
        '\'' | '/' | '$' | '`' | '#' | ' ' | '{' | '}' => plain(&next.to_string()),
        '%' if rest.starts_with('{') => Some(("%%{".to_owned(), 1)),
        '%' => plain("%"),
        'x' => hex(2).or_else(|| plain("\\\\x")),
        'u' => hex(4).or_else(|| plain("\\\\u")),
        'U' => hex(6).or_else(|| plain("\\\\U")),
        other => Some((format!("\\\\{other}"), 0)),
    }
}
