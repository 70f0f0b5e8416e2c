//! Nodes to lines.

use crate::block;
use crate::gap::Gap;
use crate::spacing::{Place, is_spaced};
use kiln_syntax::{Node, NodeIx, SyntaxKind as K, Tree};

/// Blanks of one level.
const STEP: usize = 2;

/// Writes nodes; a line end inside of an item stays, one level deeper than the item.
pub(crate) struct Printer<'a> {
    tree: &'a Tree,
    text: &'a str,
    out: String,
    gap: Gap<'a>,
    /// The token before on this line, if any.
    before: Option<Place>,
    /// The level of the item that is written.
    item_level: usize,
    /// The level of the line that is written.
    line_level: usize,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(tree: &'a Tree, text: &'a str) -> Self {
        let out = String::with_capacity(text.len());
        let gap = Gap::default();
        Self { tree, text, out, gap, before: None, item_level: 0, line_level: 0 }
    }

    /// Writes a chunk as it is.
    pub(crate) fn verbatim(&mut self, chunk: &str) {
        self.start_line(0);
        self.out.push_str(chunk);
        self.before = None;
    }

    /// Writes the items of a chunk, each at the left margin.
    pub(crate) fn chunk(&mut self, parts: &[(NodeIx, Node)]) {
        for (ix, node) in parts {
            self.line_of(*ix, *node, 0);
        }
    }

    /// Returns what was written.
    pub(crate) fn finish(mut self) -> String {
        self.comments(0);
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out
    }

    /// Writes a part of a broken row on a line of its own; commas fall away.
    fn line_of(&mut self, ix: NodeIx, node: Node, level: usize) {
        if node.kind.is_trivia() {
            self.gap.add(node, node.text(self.text));
        } else if node.kind != K::Comma {
            self.start_line(level);
            self.item_level = level;
            self.part(ix, node, K::File);
        }
    }

    fn part(&mut self, ix: NodeIx, node: Node, parent: K) {
        if node.kind.is_trivia() {
            self.gap.add(node, node.text(self.text));
        } else if node.kind.is_token() {
            self.token(Place { kind: node.kind, parent }, node.text(self.text));
        } else {
            self.node(ix, node);
        }
    }

    fn node(&mut self, ix: NodeIx, node: Node) {
        let is_row = match node.kind {
            K::Record | K::List | K::Call => true,
            K::TypeDict => self.tree.children(ix).any(|(_, part)| part.kind == K::TypeField),
            _ => false,
        };
        match node.kind {
            K::String => {
                self.token(Place { kind: K::String, parent: K::Term }, node.text(self.text));
            }
            K::Block => self.block(ix, node),
            _ if is_row && self.is_broken(ix) => self.broken_row(ix, node),
            _ if is_row => self.row(ix, node),
            _ => {
                for (ix, part) in self.tree.children(ix) {
                    self.part(ix, part, node.kind);
                }
            }
        }
    }

    /// Returns whether line ends stand between the parts of a row.
    fn is_broken(&self, ix: NodeIx) -> bool {
        let mut trivia = self.tree.children(ix).filter(|(_, part)| part.kind.is_trivia());
        trivia.any(|(_, part)| part.kind == K::Comment || part.text(self.text).contains('\n'))
    }

    /// Writes a row on one line: `{ a, b }`, `[a, b]`, `(a, b)`.
    fn row(&mut self, ix: NodeIx, node: Node) {
        let parts: Vec<(NodeIx, Node)> =
            self.tree.children(ix).filter(|(_, part)| !part.kind.is_trivia()).collect();
        let braces = matches!(node.kind, K::Record | K::TypeDict) && parts.len() > 2;
        let mut items = 0;
        for (ix, part) in parts {
            match part.kind {
                K::Comma => {}
                K::LeftBrace | K::LeftBracket | K::LeftParen => self.part(ix, part, node.kind),
                K::RightBrace | K::RightBracket | K::RightParen => {
                    self.out.push_str(if braces { " " } else { "" });
                    self.before = None;
                    self.part(ix, part, node.kind);
                }
                _ => {
                    let lead = match (items, braces) {
                        (0, true) => " ",
                        (0, false) => "",
                        _ => ", ",
                    };
                    self.out.push_str(lead);
                    self.before = None;
                    items += 1;
                    self.part(ix, part, node.kind);
                }
            }
        }
    }

    /// Writes a row with one part a line; only arguments keep their commas.
    fn broken_row(&mut self, ix: NodeIx, node: Node) {
        let item_level = self.item_level;
        let mut level = None;
        let mut commas = self.commas_to_keep(ix, node);
        for (ix, part) in self.tree.children(ix) {
            let outer = level.unwrap_or(self.line_level);
            match part.kind {
                K::LeftBrace | K::LeftBracket | K::LeftParen => {
                    self.part(ix, part, node.kind);
                    level = Some(self.line_level);
                }
                K::RightBrace | K::RightBracket | K::RightParen => {
                    self.comments(outer + 1);
                    self.gap.lines = 1;
                    self.start_line(outer);
                    self.token(Place { kind: part.kind, parent: node.kind }, part.text(self.text));
                }
                K::Comma if commas > 0 => {
                    commas -= 1;
                    self.out.push(',');
                }
                _ => self.line_of(ix, part, outer + 1),
            }
        }
        self.item_level = item_level;
    }

    /// Returns how many commas of a call stand between two arguments.
    fn commas_to_keep(&self, ix: NodeIx, node: Node) -> usize {
        let args = self.tree.children(ix).filter(|(_, part)| part.kind == K::Arg).count();
        if node.kind == K::Call { args.saturating_sub(1) } else { 0 }
    }

    fn block(&mut self, ix: NodeIx, node: Node) {
        let text = node.text(self.text);
        let place = Place { kind: K::Block, parent: K::Term };
        let broken_value = self
            .tree
            .children(ix)
            .any(|(_, part)| part.kind == K::Interpolation && part.text(self.text).contains('\n'));
        if broken_value {
            return self.token(place, text);
        }
        self.token(place, "");
        let lines_at = (self.line_level + 1) * STEP;
        let close_at = self.line_level.max(1) * STEP;
        match block::reindent(text, lines_at, close_at) {
            Some(block) => self.out.push_str(&block),
            None => self.out.push_str(text),
        }
    }

    fn token(&mut self, place: Place, text: &str) {
        let joins = place.kind == K::ElseWord && place.parent == K::IfItem;
        if joins && self.gap.comments.is_empty() {
            self.gap = Gap::default();
        }
        if self.gap.is_empty() {
            let spaced = self.before.is_some_and(|before| is_spaced(before, place));
            self.out.push_str(if spaced { " " } else { "" });
        } else {
            self.gap.lines = self.gap.lines.min(1);
            self.start_line(self.item_level + 1);
        }
        self.out.push_str(text);
        self.before = Some(place);
    }

    /// Begins a line at a level, after the comments that stand before it.
    fn start_line(&mut self, level: usize) {
        self.comments(level);
        let lines = std::mem::take(&mut self.gap.lines);
        self.new_line(lines, level);
        self.before = None;
    }

    /// Writes the comments of the gap, each where it was: behind a token or on a line of its own.
    fn comments(&mut self, level: usize) {
        for comment in std::mem::take(&mut self.gap.comments) {
            let behind = comment.lines == 0 && !self.out.is_empty() && !self.out.ends_with('\n');
            if behind {
                self.out.push(' ');
            } else {
                self.new_line(comment.lines, level);
            }
            self.out.push_str(comment.text);
        }
    }

    /// Ends the line if it has begun, keeps one blank line of several, and indents.
    fn new_line(&mut self, lines: usize, level: usize) {
        if !self.out.is_empty() {
            if !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            let opens = self.out.trim_end().ends_with(['{', '[', '(']) && self.before_opens();
            if lines > 1 && !opens && !self.out.ends_with("\n\n") {
                self.out.push('\n');
            }
        }
        self.out.extend(std::iter::repeat_n(' ', level * STEP));
        self.line_level = level;
    }

    /// Returns whether the token before opens a row: no blank line follows it.
    fn before_opens(&self) -> bool {
        let opener =
            |place: Place| matches!(place.kind, K::LeftBrace | K::LeftBracket | K::LeftParen);
        self.before.is_some_and(opener)
    }
}
