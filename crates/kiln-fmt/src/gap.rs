//! What stands between two tokens of the source: line ends and comments.

use kiln_syntax::{Node, SyntaxKind};

/// The line ends and comments since the last token.
#[derive(Debug, Default)]
pub(crate) struct Gap<'a> {
    pub(crate) comments: Vec<Comment<'a>>,
    /// Line ends since the last comment, or since the last token.
    pub(crate) lines: usize,
}

/// A comment and the line ends before it.
#[derive(Debug)]
pub(crate) struct Comment<'a> {
    pub(crate) text: &'a str,
    pub(crate) lines: usize,
}

impl<'a> Gap<'a> {
    /// Adds a trivia token.
    pub(crate) fn add(&mut self, node: Node, text: &'a str) {
        if node.kind == SyntaxKind::Comment {
            let lines = std::mem::take(&mut self.lines);
            self.comments.push(Comment { text: text.trim_end(), lines });
        } else {
            self.lines += text.bytes().filter(|byte| *byte == b'\n').count();
        }
    }

    /// Returns whether the tokens stood on one line.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines == 0 && self.comments.is_empty()
    }
}
