//! Syntax tree to canonical text.
//!
//! # Purpose
//! One style, no options: two blanks of indentation; one item a line where the source had several lines or
//! a line has more than 100 characters; one blank around operators; at most one blank line; comments where
//! they were; block strings indented as a unit.
//! A chunk with an error is left as it is.
//!
//! # Never
//! Changes what a text means, reads a file.
//!
//! # Example
//! ```
//! use kiln_diag::FileId;
//! let text = "a={x=1,y = 2}\n";
//! let parse = kiln_syntax::parse(FileId(0), text);
//! assert_eq!(kiln_fmt::format(&parse, text), "a = { x = 1, y = 2 }\n");
//! ```

mod block;
mod gap;
mod printer;
mod spacing;

use kiln_syntax::{Node, NodeIx, Parse};
use printer::Printer;
use std::ops::Range;

/// Returns the canonical form of a text that was parsed.
pub fn format(parse: &Parse, text: &str) -> String {
    let tree = &parse.tree;
    let mut printer = Printer::new(tree, text);
    let mut children = tree.children(tree.root()).peekable();
    for chunk in parse.chunks() {
        let mut part: Vec<(NodeIx, Node)> = Vec::new();
        while let Some(child) = children.next_if(|(_, node)| node.range().start < chunk.end) {
            part.push(child);
        }
        if is_broken(parse, &part, &chunk) {
            printer.verbatim(&text[chunk]);
        } else {
            printer.chunk(&part);
        }
    }
    printer.finish()
}

/// Returns whether a chunk has an error.
fn is_broken(parse: &Parse, part: &[(NodeIx, Node)], chunk: &Range<usize>) -> bool {
    let places =
        parse.diagnostics.iter().filter(|d| d.is_error()).filter_map(|d| d.primary.as_ref());
    let reported = places.into_iter().any(|label| chunk.contains(&(label.span.start as usize)));
    reported || part.iter().any(|(ix, _)| parse.tree.below(*ix).any(|node| node.kind.is_error()))
}
