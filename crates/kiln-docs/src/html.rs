//! A page as one HTML file that needs nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::markdown::fragment;
use crate::page::{Block, Page};
use crate::prose::{Piece, Span, spans};

const STYLE: &str = "\
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h1 { margin-top: 3rem; border-bottom: 1px solid #ccc } h2 { margin-top: 2.5rem }
code, pre { font: 14px/1.4 monospace; background: #f4f4f4; border-radius: 3px } code { padding: 0 .2em }
pre { padding: .7em 1em; overflow-x: auto } a { color: #05a; text-decoration: none } a:hover { text-decoration: underline }
.facts { color: #666; font-size: 14px; margin: .2em 0 } .field { margin: 1.2em 0 .2em } .of { margin-left: 2em }
:target { background: #fff3c4 }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } code, pre { background: #2a2a2a } a { color: #7bf } .facts { color: #999 }
  :target { background: #444021 } h1 { border-color: #444 }
}
";

impl Page {
    /// Returns the page as one HTML file: no scripts, nothing fetched.
    pub fn html(&self, title: &str) -> String {
        let title = escaped(title);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        );
        let anchors = self.anchors();
        let mut writer = Writer { anchors: &anchors, out: &mut out, is_list: false };
        for block in &self.blocks {
            // A string takes everything.
            let _written = writer.block(block);
        }
        let _written = writer.list(false);
        out.push_str("</body>\n</html>\n");
        out
    }

    /// Returns what can be led to on this page.
    fn anchors(&self) -> BTreeSet<&str> {
        let mut anchors = BTreeSet::new();
        for block in &self.blocks {
            if let Block::Entry { name: anchor, .. } | Block::Field { anchor, .. } = block {
                anchors.insert(anchor.as_str());
            }
        }
        anchors
    }
}

struct Writer<'a> {
    anchors: &'a BTreeSet<&'a str>,
    out: &'a mut String,
    /// Whether a list of what was written is open.
    is_list: bool,
}

impl Writer<'_> {
    fn block(&mut self, block: &Block) -> std::fmt::Result {
        self.list(matches!(block, Block::Doc { piece: Piece::Item(_), .. }))?;
        match block {
            Block::Title(title) => writeln!(self.out, "<h1>{}</h1>", escaped(title)),
            Block::Entry { name, facts } => {
                writeln!(self.out, "<h2 id=\"{}\">{}</h2>", fragment(name), escaped(name))?;
                let facts = self.prose(facts);
                writeln!(self.out, "<p class=\"facts\">{facts}</p>")
            }
            Block::Heading(heading) => writeln!(self.out, "<h3>{}</h3>", escaped(heading)),
            Block::Field { anchor, line, value, facts } => {
                let (id, line) = (fragment(anchor), escaped(line));
                writeln!(self.out, "<p class=\"field\" id=\"{id}\"><code>{line}</code></p>")?;
                if !value.is_empty() {
                    writeln!(self.out, "<pre class=\"of\">{}</pre>", escaped(value))?;
                }
                if facts.is_empty() {
                    return Ok(());
                }
                let facts = self.prose(facts);
                writeln!(self.out, "<p class=\"facts of\">{facts}</p>")
            }
            Block::Doc { piece, of_field } => self.piece(piece, *of_field),
            Block::List(listed) => {
                writeln!(self.out, "<ul>")?;
                for listed in listed {
                    let name = self.link(&listed.anchor, &listed.name);
                    let colon = if listed.sentence.is_empty() { "" } else { ": " };
                    let sentence = self.prose(&listed.sentence);
                    writeln!(self.out, "<li>{name}{colon}{sentence}</li>")?;
                }
                writeln!(self.out, "</ul>")
            }
        }
    }

    fn piece(&mut self, piece: &Piece, of_field: bool) -> std::fmt::Result {
        let class = if of_field { " class=\"of\"" } else { "" };
        match piece {
            Piece::Paragraph(text) => {
                let text = self.prose(text);
                writeln!(self.out, "<p{class}>{text}</p>")
            }
            Piece::Item(text) => {
                let text = self.prose(text);
                writeln!(self.out, "<li>{text}</li>")
            }
            Piece::Code { language: _, text } => {
                writeln!(self.out, "<pre{class}>{}</pre>", escaped(text))
            }
        }
    }

    /// Opens or closes the list of what was written.
    fn list(&mut self, is_list: bool) -> std::fmt::Result {
        if is_list == self.is_list {
            return Ok(());
        }
        self.is_list = is_list;
        writeln!(self.out, "{}", if is_list { "<ul>" } else { "</ul>" })
    }

    /// Returns a line; code that is a name on this page leads there.
    fn prose(&self, line: &str) -> String {
        let part = |span: Span<'_>| match span {
            Span::Words(words) => escaped(words),
            Span::Code(code) => self.link(code, code),
        };
        spans(line).into_iter().map(part).collect()
    }

    fn link(&self, anchor: &str, text: &str) -> String {
        let text = escaped(text);
        if self.anchors.contains(anchor) {
            format!("<a href=\"#{}\"><code>{text}</code></a>", fragment(anchor))
        } else {
            format!("<code>{text}</code>")
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
