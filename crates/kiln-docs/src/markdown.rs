//! A page as markdown.

use std::fmt::Write as _;

use crate::page::{Block, Page};
use crate::prose::{Piece, Span, spans};

impl Page {
    /// Returns the page as markdown.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            // A string takes everything.
            let _written = block_to(&mut out, block);
        }
        out.trim_start_matches('\n').to_owned()
    }
}

fn block_to(out: &mut String, block: &Block) -> std::fmt::Result {
    match block {
        Block::Title(title) => writeln!(out, "\n# {title}"),
        Block::Entry { name, facts } => {
            writeln!(out, "\n<a id=\"{}\"></a>\n", fragment(name))?;
            writeln!(out, "## {}\n\n*{}*", words(name), prose(facts))
        }
        Block::Heading(heading) => writeln!(out, "\n### {}", words(heading)),
        Block::Field { anchor, line, value, facts } => {
            writeln!(out, "\n<a id=\"{}\"></a>\n\n{}", fragment(anchor), code(line))?;
            if !facts.is_empty() {
                writeln!(out, "({})", prose(facts))?;
            }
            if value.is_empty() { Ok(()) } else { fenced(out, "", value) }
        }
        Block::Doc { piece, .. } => match piece {
            Piece::Paragraph(text) => writeln!(out, "\n{}", prose(text)),
            Piece::Item(text) => writeln!(out, "- {}", prose(text)),
            Piece::Code { language, text } => fenced(out, language, text),
        },
        Block::List(listed) => {
            writeln!(out)?;
            for listed in listed {
                let target = fragment(&listed.anchor);
                write!(out, "- [{}](#{target})", code(&listed.name))?;
                if !listed.sentence.is_empty() {
                    write!(out, ": {}", prose(&listed.sentence))?;
                }
                writeln!(out)?;
            }
            Ok(())
        }
    }
}

/// Writes code between fences that are longer than any in it.
fn fenced(out: &mut String, language: &str, text: &str) -> std::fmt::Result {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    writeln!(out, "\n{fence}{language}\n{text}\n{fence}")
}

/// Returns code within a line.
fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    if ticks.len() == 1 { format!("`{text}`") } else { format!("{ticks} {text} {ticks}") }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Returns a line whose words mean nothing to markdown and whose code is code.
fn prose(line: &str) -> String {
    let part = |span: Span<'_>| match span {
        Span::Words(text) => words(text),
        Span::Code(text) => code(text),
    };
    spans(line).into_iter().map(part).collect()
}

fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '*' | '_' | '[' | ']' | '\\' | '#' | '|' | '`' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Returns a name as part of an address, other names as others.
pub(crate) fn fragment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            out.push(char::from(byte));
        } else {
            // A string takes everything.
            let _written = write!(out, "_{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_markdown_and_code_stays_code() {
        assert_eq!(prose("a_b <i> `x_y <z>` *"), "a\\_b &lt;i> `x_y <z>` \\*");
        assert_eq!(code("a ` b"), "`` a ` b ``");
    }

    #[test]
    fn names_have_fragments_of_their_own() {
        assert_eq!(fragment("libs.\"gtk+\""), "libs._22gtk_2b_22");
        assert_ne!(fragment("a_2b"), fragment("a+"));
    }
}
