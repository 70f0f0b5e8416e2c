//! Nodes to lines.

use crate::block;
use crate::gap::Gap;
use crate::spacing::{Place, is_spaced};
use kiln_syntax::{Node, NodeIx, SyntaxKind as K, Tree};

/// Characters of a line that rows keep to.
const WIDTH: usize = 100;

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
    /// Whether a row is written on one line to see whether it fits.
    trying: bool,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(tree: &'a Tree, text: &'a str) -> Self {
        let out = String::with_capacity(text.len());
        let gap = Gap::default();
        Self { tree, text, out, gap, before: None, item_level: 0, line_level: 0, trying: false }
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

    /// Writes a row on one line if it was there and fits, else one part a line.
    fn row(&mut self, ix: NodeIx, node: Node) {
        let mut parts = self.tree.children(ix);
        if let Some((ix, open)) = parts.next() {
            self.part(ix, open, node.kind);
        }
        let level = self.line_level;
        let parts: Vec<(NodeIx, Node)> = parts.collect();
        if self.is_broken(ix) {
            return match node.kind {
                K::List => self.list_in_lines(&parts, node, level),
                _ => self.broken_row(&parts, node, level),
            };
        }
        let mark = self.out.len();
        let tries = !self.trying && !node.text(self.text).contains('\n');
        self.trying |= tries;
        self.flat_row(&parts, node);
        self.trying &= !tries;
        let items = parts.iter().filter(|(_, part)| !part.kind.is_token()).count();
        if tries && items > 0 && self.column() > WIDTH {
            self.out.truncate(mark);
            self.gap = Gap::default();
            self.broken_row(&parts, node, level);
        }
    }

    /// Returns how many characters the line that is written has.
    fn column(&self) -> usize {
        self.out.rsplit('\n').next().unwrap_or_default().chars().count()
    }

    /// Writes a row behind its bracket on one line: `a, b }`, `a, b]`, `a, b)`.
    fn flat_row(&mut self, parts: &[(NodeIx, Node)], node: Node) {
        let parts =
            parts.iter().filter(|(_, part)| !part.kind.is_trivia() && part.kind != K::Comma);
        let parts: Vec<(NodeIx, Node)> = parts.copied().collect();
        let braces = matches!(node.kind, K::Record | K::TypeDict) && parts.len() > 1;
        for (part_ix, (ix, part)) in parts.into_iter().enumerate() {
            let closes = matches!(part.kind, K::RightBrace | K::RightBracket | K::RightParen);
            let lead = match (part_ix, closes) {
                (0, _) | (_, true) if braces => " ",
                (0, _) | (_, true) => "",
                _ => ", ",
            };
            self.out.push_str(lead);
            self.before = None;
            self.part(ix, part, node.kind);
        }
    }

    /// Writes a row behind its bracket with one part a line; only arguments keep their commas.
    fn broken_row(&mut self, parts: &[(NodeIx, Node)], node: Node, level: usize) {
        let item_level = self.item_level;
        let mut commas = commas_to_keep(parts, node);
        for (part_ix, (ix, part)) in parts.iter().enumerate() {
            match part.kind {
                K::RightBrace | K::RightBracket | K::RightParen => {
                    self.comments(level + 1);
                    self.gap.lines = 1;
                    self.start_line(level);
                    self.token(Place { kind: part.kind, parent: node.kind }, part.text(self.text));
                }
                K::Comma if commas > 0 => {
                    commas -= 1;
                    self.out.push(',');
                }
                K::Comma if self.if_follows(&parts[part_ix + 1..]) => self.out.push(','),
                _ => self.line_of(*ix, *part, level + 1),
            }
        }
        self.item_level = item_level;
    }

    /// Writes a list behind its bracket in the lines that its writer gave it; a line that is too long goes on in a new one.
    fn list_in_lines(&mut self, parts: &[(NodeIx, Node)], node: Node, level: usize) {
        let item_level = self.item_level;
        // Whether the last thing written is an item that stands in one line.
        let mut goes_on = false;
        let mut is_first = true;
        for (ix, part) in parts {
            match part.kind {
                K::RightBracket => {
                    self.comments(level + 1);
                    self.gap.lines = 1;
                    self.start_line(level);
                    self.token(Place { kind: part.kind, parent: node.kind }, part.text(self.text));
                }
                K::ListItem => {
                    let one_line = !part.text(self.text).contains('\n');
                    let joined = goes_on && one_line && self.gap.is_empty();
                    if !(joined && self.joins_line(*ix, *part)) {
                        if !is_first && self.begins_with_if(*ix) {
                            self.out.push(',');
                        }
                        self.gap.lines = self.gap.lines.max(1);
                        self.line_of(*ix, *part, level + 1);
                    }
                    goes_on = one_line;
                    is_first = false;
                }
                _ => self.line_of(*ix, *part, level + 1),
            }
        }
        self.item_level = item_level;
    }

    /// Writes an item behind another of its line if it fits there.
    fn joins_line(&mut self, ix: NodeIx, item: Node) -> bool {
        let mark = self.out.len();
        let trying = std::mem::replace(&mut self.trying, true);
        self.out.push_str(", ");
        self.before = None;
        self.part(ix, item, K::List);
        self.trying = trying;
        let fits = self.column() <= WIDTH;
        if !fits {
            self.out.truncate(mark);
            self.gap = Gap::default();
        }
        fits
    }

    /// Returns whether a list item begins with `if`: without a comma it would be a condition.
    fn begins_with_if(&self, ix: NodeIx) -> bool {
        let mut tokens = self.tree.below(ix).filter(|node| node.kind.is_token());
        tokens.find(|node| !node.kind.is_trivia()).is_some_and(|token| token.kind == K::IfWord)
    }

    /// Returns whether the next list item begins with `if`.
    fn if_follows(&self, parts: &[(NodeIx, Node)]) -> bool {
        let next = parts.iter().find(|(_, part)| !part.kind.is_trivia());
        let next = next.filter(|(_, part)| part.kind == K::ListItem);
        next.is_some_and(|(ix, _)| self.begins_with_if(*ix))
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

/// Returns how many commas of a call stand between two arguments.
fn commas_to_keep(parts: &[(NodeIx, Node)], node: Node) -> usize {
    let args = parts.iter().filter(|(_, part)| part.kind == K::Arg).count();
    if node.kind == K::Call { args.saturating_sub(1) } else { 0 }
}
