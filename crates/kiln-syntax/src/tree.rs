//! The lossless tree of a file: every token, with the nodes above it, as one flat list.
//!
//! Never: says what is right or wrong, holds a copy of the text.

use crate::kind::{Bad, SyntaxKind};
use std::fmt::Write as _;

/// The lossless tree of one file.
///
/// Nodes stand in the order of a walk from the root; the texts of the tokens, one after the other, are the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Node>,
    has_errors: bool,
}

/// A node or token; its place in bytes of the text, without the trivia around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub kind: SyntaxKind,
    pub start: u32,
    pub end: u32,
    /// The position after the last node below this one.
    next: u32,
}

impl Node {
    /// Returns the bytes that this covers.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the text of this, given the text of the file.
    pub fn text(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}

/// The position of a node in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIx(u32);

impl Tree {
    /// Returns the root, a [`SyntaxKind::File`].
    pub fn root(&self) -> NodeIx {
        NodeIx(0)
    }

    /// Returns a node.
    ///
    /// # Panics
    /// If the position is of another tree.
    pub fn node(&self, ix: NodeIx) -> Node {
        self.nodes[ix.0 as usize]
    }

    /// Returns whether something is missing, or should not be there.
    pub(crate) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Returns what is directly below a node, trivia included, in order.
    pub fn children(&self, ix: NodeIx) -> Children<'_> {
        Children { tree: self, at: ix.0 + 1, end: self.node(ix).next }
    }

    /// Returns all tokens, trivia included, in order.
    pub fn tokens(&self) -> impl Iterator<Item = Node> {
        self.nodes.iter().copied().filter(|node| node.kind.is_token())
    }

    /// Returns every node and token in the order of a walk from the root, with its depth.
    pub fn walk(&self) -> impl Iterator<Item = (usize, NodeIx, Node)> {
        let mut open: Vec<u32> = Vec::new();
        (0u32..).zip(&self.nodes).map(move |(ix, node)| {
            while open.last().is_some_and(|next| *next <= ix) {
                open.pop();
            }
            let depth = open.len();
            open.push(node.next);
            (depth, NodeIx(ix), *node)
        })
    }

    /// Returns a node and everything below it, in order.
    pub fn below(&self, ix: NodeIx) -> impl Iterator<Item = Node> {
        self.nodes[ix.0 as usize..self.node(ix).next as usize].iter().copied()
    }

    /// Returns every node and token after a place, in order.
    pub(crate) fn after(&self, ix: NodeIx) -> impl Iterator<Item = Node> + use<'_> {
        self.nodes.iter().copied().skip(ix.0 as usize + 1)
    }

    /// Returns every node and token before a place, the nearest first.
    pub(crate) fn before(&self, ix: NodeIx) -> impl Iterator<Item = Node> {
        self.nodes.iter().take(ix.0 as usize).rev().copied()
    }

    /// Returns the stable text form: a line for each node and token, with the texts of tokens if the text is given.
    pub fn debug(&self, text: Option<&str>) -> String {
        let mut out = String::new();
        for (depth, _, node) in self.walk() {
            let _ = write!(out, "{:width$}{:?}", "", node.kind, width = depth * 2);
            let _ = write!(out, "@{}..{}", node.start, node.end);
            if let (Some(text), true) = (text, node.kind.is_token()) {
                let _ = write!(out, " {:?}", node.text(text));
            }
            out.push('\n');
        }
        out
    }
}

/// What is directly below a node.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    tree: &'a Tree,
    at: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = (NodeIx, Node);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let ix = NodeIx(self.at);
        let node = self.tree.node(ix);
        self.at = node.next;
        Some((ix, node))
    }
}

/// Makes a tree from the starts and ends of nodes; what lies between them becomes tokens.
///
/// Trivia goes as far up as it can: no node ends with it, and a missing node stands before it.
pub(crate) struct Builder<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    has_errors: bool,
    /// The open nodes, outermost first.
    open: Vec<u32>,
    /// Trivia that has no place yet: kind and end.
    pending: Vec<(SyntaxKind, u32)>,
    /// The end of the last token in `nodes`.
    placed: u32,
    /// The end of the last token, pending ones too.
    at: u32,
    /// The end of the last token that is no trivia.
    significant: u32,
}

/// The start of a node whose first token has not come yet.
const UNSEEN: u32 = u32::MAX;

/// The chunks from some place to another as a tree of their own, to be joined with those around them.
pub(crate) struct Part {
    /// The root first.
    nodes: Vec<Node>,
    has_errors: bool,
    /// Where the first and the last token lie that are no trivia.
    significant: Option<(u32, u32)>,
}

/// Makes one tree of neighbouring parts, the first of which begins with the text.
pub(crate) fn join(parts: Vec<Part>) -> Tree {
    let significant = |part: &Part| part.significant;
    let (start, _) = parts.iter().find_map(significant).unwrap_or_default();
    let (_, end) = parts.iter().rev().find_map(significant).unwrap_or_default();
    let has_errors = parts.iter().any(|part| part.has_errors);
    let mut parts = parts.into_iter().map(|part| part.nodes);
    let mut nodes = parts.next().unwrap_or_default();
    for part in parts {
        let shift = u32::try_from(nodes.len()).unwrap_or(UNSEEN).saturating_sub(1);
        let below = part.into_iter().skip(1);
        nodes.extend(below.map(|node| Node { next: node.next.saturating_add(shift), ..node }));
    }
    let next = u32::try_from(nodes.len()).unwrap_or(UNSEEN);
    if let Some(root) = nodes.first_mut() {
        *root = Node { start, end, next, ..*root };
    }
    Tree { nodes, has_errors }
}

impl<'a> Builder<'a> {
    /// Starts with the chunk that begins at a place.
    pub(crate) fn new(text: &'a str, range: std::ops::Range<usize>) -> Self {
        let from = u32::try_from(range.start).unwrap_or(UNSEEN);
        let mut builder = Self {
            text,
            nodes: Vec::with_capacity(range.len() / 3),
            has_errors: false,
            open: Vec::new(),
            pending: Vec::new(),
            placed: from,
            at: from,
            significant: from,
        };
        builder.open(SyntaxKind::File);
        builder
    }

    /// Begins a node or token at an offset.
    pub(crate) fn start(&mut self, kind: SyntaxKind, offset: u32) {
        self.gap(offset);
        if !kind.is_token() {
            self.open(kind);
        }
    }

    /// Ends the node or token that was begun last.
    pub(crate) fn end(&mut self, kind: SyntaxKind, offset: u32) {
        if kind.is_token() {
            self.token(kind, offset);
        } else {
            self.gap(offset);
            self.close();
        }
    }

    /// Adds one token up to an offset.
    pub(crate) fn token(&mut self, kind: SyntaxKind, end: u32) {
        if end <= self.at {
            return;
        }
        self.at = end;
        if kind.is_trivia() {
            self.pending.push((kind, end));
            return;
        }
        self.place_pending();
        for ix in self.open.iter().rev() {
            let node = &mut self.nodes[*ix as usize];
            if node.start != UNSEEN {
                break;
            }
            node.start = self.placed;
        }
        self.place(kind, end);
        self.significant = end;
    }

    /// Cuts the text up to an offset into tokens.
    pub(crate) fn gap(&mut self, offset: u32) {
        while self.at < offset {
            let Some(rest) = self.text.get(self.at as usize..offset as usize) else {
                return;
            };
            let (kind, len) = gap_token(rest);
            self.token(kind, self.at + u32::try_from(len).unwrap_or(UNSEEN));
        }
    }

    /// Adds what is left up to a place and returns all of it.
    pub(crate) fn finish(mut self, end: usize) -> Part {
        self.gap(u32::try_from(end).unwrap_or(UNSEEN));
        self.place_pending();
        while self.open.len() > 1 {
            self.close();
        }
        let start = self.nodes.first().map_or(UNSEEN, |root| root.start);
        let significant = (start != UNSEEN).then_some((start, self.significant));
        Part { nodes: self.nodes, has_errors: self.has_errors, significant }
    }

    fn len(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(UNSEEN)
    }

    fn place_pending(&mut self) {
        for ix in 0..self.pending.len() {
            let (kind, end) = self.pending[ix];
            self.place(kind, end);
        }
        self.pending.clear();
    }

    fn place(&mut self, kind: SyntaxKind, end: u32) {
        self.has_errors |= kind.is_error();
        let next = self.len() + 1;
        self.nodes.push(Node { kind, start: self.placed, end, next });
        self.placed = end;
    }

    fn open(&mut self, kind: SyntaxKind) {
        if !kind.is_missing() {
            self.place_pending();
        }
        self.has_errors |= kind.is_error();
        self.open.push(self.len());
        self.nodes.push(Node { kind, start: UNSEEN, end: 0, next: 0 });
    }

    fn close(&mut self) {
        let next = self.len();
        let Some(ix) = self.open.pop() else {
            return;
        };
        let node = &mut self.nodes[ix as usize];
        node.start = node.start.min(self.significant);
        node.end = self.significant;
        node.next = next;
    }
}

/// Returns the first token of what makes no pair: blanks, comments and punctuation.
fn gap_token(rest: &str) -> (SyntaxKind, usize) {
    use SyntaxKind as K;
    let blanks = rest.len() - rest.trim_start_matches([' ', '\n', '\t', '\r']).len();
    if blanks > 0 {
        return (K::Whitespace, blanks);
    }
    if rest.starts_with('#') {
        return (K::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    let fixed = [
        ("\"\"\"", K::BlockQuote),
        ("%{", K::InterpolationOpen),
        ("=>", K::FatArrow),
        ("->", K::Arrow),
        ("{", K::LeftBrace),
        ("}", K::RightBrace),
        ("[", K::LeftBracket),
        ("]", K::RightBracket),
        ("(", K::LeftParen),
        (")", K::RightParen),
        (",", K::Comma),
        (".", K::Dot),
        ("?", K::Question),
        ("|", K::Bar),
        ("\"", K::Quote),
    ];
    for (text, kind) in fixed {
        if rest.starts_with(text) {
            return (kind, text.len());
        }
    }
    // The grammar leaves nothing else between its nodes.
    (K::Bad(Bad::Top), rest.len())
}
