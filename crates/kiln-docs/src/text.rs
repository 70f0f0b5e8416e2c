//! A page for a terminal.

use crate::model::Look;
use crate::page::{Block, Page};
use crate::prose::{Piece, Span, spans};

/// Narrower terminals get lines that are too long.
const NARROWEST: usize = 20;
/// Wider lines are hard to read.
const WIDEST: usize = 100;
/// Names in lists that are longer push their sentence to the next line.
const LONGEST_NAME: usize = 24;

impl Page {
    /// Returns the page as text.
    pub fn text(&self, look: Look) -> String {
        let look = Look { width: look.width.clamp(NARROWEST, WIDEST), ..look };
        let mut writer = Writer { look, out: String::new(), is_fresh: false };
        for block in &self.blocks {
            writer.block(block);
        }
        writer.out
    }
}

struct Writer {
    look: Look,
    out: String,
    /// What follows a heading stands right below it.
    is_fresh: bool,
}

impl Writer {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Title(title) => {
                self.gap();
                let title = self.paint("1;4", title);
                self.line(0, &title);
            }
            Block::Entry { name, facts } => {
                self.gap();
                let name = self.paint("1", name);
                self.line(0, &name);
                self.wrapped(2, facts, true);
            }
            Block::Heading(heading) => {
                self.gap();
                let heading = self.paint("1", heading);
                self.line(0, &heading);
                self.is_fresh = true;
            }
            Block::Field { anchor: _, line, value, facts } => {
                self.field(line, value, facts);
            }
            Block::Doc { piece, of_field } => self.piece(piece, *of_field),
            Block::List(listed) => {
                for listed in listed {
                    self.listed(&listed.name, &listed.sentence);
                }
            }
        }
    }

    fn field(&mut self, line: &str, value: &str, facts: &str) {
        self.gap();
        let end = line.find([':', ' ']).unwrap_or(line.len());
        let line = format!("{}{}", self.paint("1;36", &line[..end]), &line[end..]);
        self.line(2, &line);
        for value in value.lines() {
            self.line(6, value);
        }
        if !facts.is_empty() {
            self.wrapped(4, facts, true);
        }
    }

    fn piece(&mut self, piece: &Piece, of_field: bool) {
        let indent = if of_field { 4 } else { 2 };
        match piece {
            Piece::Paragraph(text) => {
                if !of_field {
                    self.gap();
                }
                self.wrapped(indent, text, false);
            }
            Piece::Item(text) => self.wrapped(indent, &format!("- {text}"), false),
            Piece::Code { language: _, text } => {
                self.gap();
                for line in text.lines() {
                    self.line(indent + 2, line);
                }
            }
        }
    }

    fn listed(&mut self, name: &str, sentence: &str) {
        let columns = name.chars().count();
        let end = name.find([':', ' ', ',']).unwrap_or(name.len());
        let painted = format!("{}{}", self.paint("36", &name[..end]), &name[end..]);
        if columns > LONGEST_NAME || sentence.is_empty() {
            self.line(2, &painted);
            self.wrapped(2 + 2, sentence, false);
            return;
        }
        let room = self.look.width.saturating_sub(LONGEST_NAME + 4).max(NARROWEST);
        for (ix, line) in wrap(sentence, room).into_iter().enumerate() {
            let line = self.code(&line);
            if ix == 0 {
                let blanks = " ".repeat(LONGEST_NAME - columns + 2);
                self.line(2, &format!("{painted}{blanks}{line}"));
            } else {
                self.line(LONGEST_NAME + 4, &line);
            }
        }
    }

    /// Writes words in lines that are not too long.
    fn wrapped(&mut self, indent: usize, text: &str, faint: bool) {
        let room = self.look.width.saturating_sub(indent).max(NARROWEST - 4);
        for line in wrap(text, room) {
            let line = if faint { self.paint("2", &line) } else { self.code(&line) };
            self.line(indent, &line);
        }
    }

    /// Paints what stands in backticks.
    fn code(&self, line: &str) -> String {
        let part = |span: Span<'_>| match span {
            Span::Words(words) => words.to_owned(),
            Span::Code(code) => self.paint("36", &format!("`{code}`")),
        };
        spans(line).into_iter().map(part).collect()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.look.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&mut self, indent: usize, line: &str) {
        if !line.is_empty() {
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.out.push_str(line);
        }
        self.out.push('\n');
        self.is_fresh = false;
    }

    /// Leaves one empty line.
    fn gap(&mut self) {
        if !self.is_fresh && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }
}

/// Returns words in lines of so many characters; a longer word has a line of its own, and what stands in backticks is
/// not parted.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Returns the words of a text; what stands in backticks is one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut joins = false;
    for piece in text.split_whitespace() {
        match words.last_mut() {
            Some(word) if joins => {
                word.push(' ');
                word.push_str(piece);
            }
            _ => words.push(piece.to_owned()),
        }
        joins ^= piece.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_not_longer_than_the_terminal() {
        assert_eq!(wrap("aa bb cc dddddddd e", 5), ["aa bb", "cc", "dddddddd", "e"]);
        assert_eq!(wrap("a `b c` d", 4), ["a", "`b c`", "d"]);
        assert_eq!(wrap("", 5), [""; 0]);
        assert_eq!(wrap("\u{e9}\u{e9} \u{e9}\u{e9}", 5).len(), 1);
    }
}
