//! Numbers, strings and block strings.

use super::Lower;
use crate::ast::{Expr, ExprId, Part};
use crate::code;
use crate::kind::SyntaxKind as K;
use crate::tree::{Node, NodeIx};

/// A piece of a line of a block string.
enum Piece<'a> {
    Text(&'a str),
    /// `%%{`
    Escaped,
    Value(ExprId),
}

impl<'a> Lower<'a> {
    /// Returns the number that a token spells; reports one that is none.
    pub(super) fn integer(&mut self, node: Node) -> Option<i64> {
        let text = self.text_of(node);
        let sign = if text.starts_with('-') { "-" } else { "" };
        let digits: String = text[sign.len()..].chars().filter(|c| *c != '_').collect();
        let parsed = match digits.get(..2) {
            Some("0x") => i64::from_str_radix(&[sign, &digits[2..]].concat(), 16),
            Some("0o") => i64::from_str_radix(&[sign, &digits[2..]].concat(), 8),
            _ => [sign, &digits].concat().parse(),
        };
        let span = self.span(node);
        let leading_zero = digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if leading_zero && digits.starts_with('0') {
            self.error(code::NUMBER, format!("`{text}` begins with a zero"), span, "not a number");
            self.help(format!("write `\"{text}\"` for text; octal numbers begin with `0o`"));
            return None;
        }
        if parsed.is_err() {
            let message = format!("`{text}` is too large");
            self.error(code::NUMBER, message, span, "numbers go up to 9223372036854775807");
            self.help(format!("as text write `\"{text}\"`"));
        }
        parsed.ok()
    }

    /// Lowers `"…"`.
    pub(super) fn string(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let mut parts = Vec::new();
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::TextChars => push_text(&mut parts, &without_returns(self.text_of(node))),
                K::Escape => {
                    let text = self.escape(node);
                    push_text(&mut parts, &text);
                }
                K::Interpolation => {
                    let value = self.first_value(ix, node);
                    parts.push(Part::Interpolation { value, indent: 0 });
                }
                _ => {}
            }
        }
        self.push(Expr::Text(parts), node)
    }

    /// Returns the text of a string without interpolations, else none.
    pub(super) fn plain_string(&mut self, ix: NodeIx) -> Option<String> {
        let mut text = String::new();
        for (_, node) in self.parts(ix) {
            match node.kind {
                K::TextChars => text.push_str(&without_returns(self.text_of(node))),
                K::Escape => text.push_str(&self.escape(node)),
                K::Interpolation => return None,
                _ => {}
            }
        }
        Some(text)
    }

    fn escape(&mut self, node: Node) -> String {
        let text = self.text_of(node);
        match text {
            "\\n" => "\n".to_owned(),
            "\\t" => "\t".to_owned(),
            "\\r" => "\r".to_owned(),
            "%%{" => "%{".to_owned(),
            _ => match text.strip_prefix("\\u{").and_then(|rest| rest.strip_suffix('}')) {
                Some(hex) => self.code_point(hex, node),
                None => {
                    text.trim_start_matches('\\').to_owned()
                        + if text == "\\\\" { "\\" } else { "" }
                }
            },
        }
    }

    fn code_point(&mut self, hex: &str, node: Node) -> String {
        let found = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
        if found.is_none() {
            let span = self.span(node);
            let message = format!("`\\u{{{hex}}}` is no character");
            self.error(code::ESCAPE, message, span, "not a Unicode scalar value");
            self.help("characters go up to `\\u{10ffff}`, without `\\u{d800}` to `\\u{dfff}`");
        }
        found.map_or_else(String::new, String::from)
    }

    /// Lowers `"""…"""`.
    pub(super) fn block(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let lines = self.block_lines(ix);
        let parts = dedent(lines);
        self.push(Expr::Text(parts), node)
    }

    fn block_lines(&mut self, ix: NodeIx) -> Vec<Vec<Piece<'a>>> {
        let mut lines: Vec<Vec<Piece<'a>>> = vec![Vec::new()];
        for (ix, node) in self.parts(ix) {
            let piece = match node.kind {
                K::TextChars => {
                    for (line_ix, line) in self.text_of(node).split('\n').enumerate() {
                        if line_ix > 0 {
                            lines.push(Vec::new());
                        }
                        let text = line.trim_end_matches('\r');
                        if let Some(last) = lines.last_mut()
                            && !text.is_empty()
                        {
                            last.push(Piece::Text(text));
                        }
                    }
                    continue;
                }
                K::Escape => Piece::Escaped,
                K::Interpolation => Piece::Value(self.first_value(ix, node)),
                _ => continue,
            };
            if let Some(last) = lines.last_mut() {
                last.push(piece);
            }
        }
        lines
    }
}

/// Drops the first line end, the common indentation and a last blank line.
fn dedent(mut lines: Vec<Vec<Piece<'_>>>) -> Vec<Part> {
    let opens_with_text = !is_blank(&lines[0]) || lines.len() == 1;
    if !opens_with_text {
        lines.remove(0);
    }
    let one_line = opens_with_text && lines.len() == 1;
    if !one_line && lines.last().is_some_and(|line| is_blank(line)) {
        lines.pop();
    }
    let indented = &lines[usize::from(opens_with_text).min(lines.len())..];
    let common = common_indent(indented).to_owned();
    let mut parts = Vec::new();
    for (line_ix, line) in lines.iter().enumerate() {
        let strip = if opens_with_text && line_ix == 0 { "" } else { common.as_str() };
        if line_ix > 0 {
            push_text(&mut parts, "\n");
        }
        push_line(&mut parts, line, strip);
    }
    parts
}

fn push_line(parts: &mut Vec<Part>, line: &[Piece<'_>], strip: &str) {
    let own = leading_blanks(line);
    let kept = own.strip_prefix(strip).unwrap_or_default();
    let indent = u32::try_from(kept.chars().count()).unwrap_or(u32::MAX);
    for (piece_ix, piece) in line.iter().enumerate() {
        match piece {
            Piece::Text(text) if piece_ix == 0 => {
                push_text(parts, kept);
                push_text(parts, &text[own.len()..]);
            }
            Piece::Text(text) => push_text(parts, text),
            Piece::Escaped => push_text(parts, "%{"),
            Piece::Value(value) => parts.push(Part::Interpolation { value: *value, indent }),
        }
    }
}

/// Returns the blanks that every line with content begins with.
fn common_indent<'a>(lines: &[Vec<Piece<'a>>]) -> &'a str {
    let mut full = lines.iter().filter(|line| !is_blank(line)).map(|line| leading_blanks(line));
    let first = full.next().unwrap_or_default();
    full.fold(first, |common, line| {
        let same =
            common.bytes().zip(line.bytes()).take_while(|(left, right)| left == right).count();
        &common[..same]
    })
}

fn leading_blanks<'a>(line: &[Piece<'a>]) -> &'a str {
    match line.first() {
        Some(Piece::Text(text)) => &text[..text.len() - text.trim_start_matches([' ', '\t']).len()],
        _ => "",
    }
}

fn is_blank(line: &[Piece<'_>]) -> bool {
    line.iter().all(|piece| matches!(piece, Piece::Text(text) if text.trim().is_empty()))
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

fn without_returns(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\r') { text.replace('\r', "").into() } else { text.into() }
}
