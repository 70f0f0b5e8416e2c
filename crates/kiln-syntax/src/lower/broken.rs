//! Which items an error is in: what they seem to say may not be what their writer said.
//!
//! Never: asks what the error is.

use super::Lower;
use crate::code;
use crate::kind::{Bad, Missing, SyntaxKind as K};
use crate::tree::Node;
use kiln_diag::{Code, Span};
use std::collections::BTreeSet;

/// Errors that only lowering sees, and that leave open what belongs to what.
const UNCLEAR: [Code; 5] =
    [code::UNEXPECTED, code::NO_SEPARATOR, code::SPACED_CALL, code::CONDITION, code::TWO_VALUES];

/// Where the errors of a file are.
#[derive(Default)]
pub(super) struct Broken {
    /// The innermost items with an error.
    pub(super) items: BTreeSet<Span>,
    /// The chunks with an error, by number.
    chunks: BTreeSet<usize>,
    /// Those of them that have one in the tree.
    unread: BTreeSet<usize>,
}

impl Broken {
    /// Returns whether the chunk that something begins in has an error.
    pub(super) fn is_in_chunk(&self, starts: &[usize], node: Node) -> bool {
        self.chunks.contains(&chunk_of(starts, node))
    }

    /// Returns whether all words of the chunk that something begins in could be read.
    pub(super) fn is_read(&self, starts: &[usize], node: Node) -> bool {
        !self.unread.contains(&chunk_of(starts, node))
    }
}

impl Lower<'_> {
    /// Finds the items that an error is in, and those in whose stead one stands.
    pub(super) fn broken(&self) -> Broken {
        let mut broken = Broken::default();
        let lowered: BTreeSet<u32> = self
            .diagnostics
            .iter()
            .filter(|found| UNCLEAR.contains(&found.code))
            .filter_map(|found| Some(found.primary.as_ref()?.span.start))
            .collect();
        if !self.tree.has_errors() && lowered.is_empty() {
            return broken;
        }
        let mut open: Vec<(usize, Node)> = Vec::new();
        let mut torn: BTreeSet<usize> = BTreeSet::new();
        for (depth, _, node) in self.tree.walk() {
            while open.last().is_some_and(|(outer, _)| *outer >= depth) {
                open.pop();
            }
            let hurts =
                is_hurtful(node.kind) || (node.kind.is_token() && lowered.contains(&node.start));
            if hurts && !open.last().is_some_and(|(_, item)| self.closes_nothing_else(*item, node))
            {
                let chunk = chunk_of(self.starts, node);
                broken.chunks.insert(chunk);
                if is_hurtful(node.kind) {
                    broken.unread.insert(chunk);
                }
                match open.last() {
                    Some((_, item)) => broken.items.insert(self.span(*item)),
                    None => torn.insert(chunk),
                };
            }
            if holds(node.kind) || (depth == 1 && matches!(node.kind, K::Expr | K::LetIn)) {
                open.push((depth, node));
            }
        }
        self.spilled(&torn, &mut broken);
        broken
    }

    /// Returns whether all that is missing is the one bracket that an item opens: nothing else could be meant.
    fn closes_nothing_else(&self, item: Node, node: Node) -> bool {
        let text = self.text.get(item.start as usize..node.start as usize).unwrap_or_default();
        let n_of = |wanted: &[char]| text.matches(wanted).count();
        holds(item.kind)
            && node.kind == K::Missing(Missing::Close)
            && n_of(&['{', '[', '(']) == 1
            && n_of(&['}', ']', ')']) == 0
            && n_of(&['"']) % 2 == 0
    }

    /// Adds the items of a file that may be rests of a broken one: all of a chunk that is torn between its items, and
    /// those behind a broken one on the same line.
    fn spilled(&self, torn: &BTreeSet<usize>, broken: &mut Broken) {
        let mut before: Option<Node> = None;
        for (_, node) in self.tree.children(self.tree.root()) {
            if !holds(node.kind) && !matches!(node.kind, K::Expr | K::LetIn) {
                continue;
            }
            let chunk = chunk_of(self.starts, node);
            let before_here = before.filter(|before| chunk_of(self.starts, *before) == chunk);
            let on_line = before_here.filter(|before| {
                let between = self.text.get(before.end as usize..node.start as usize);
                between.is_some_and(|between| !between.contains('\n'))
            });
            let is_broken = |node: Node| broken.items.contains(&self.span(node));
            if on_line.is_some_and(is_broken) || torn.contains(&chunk) {
                broken.items.insert(self.span(node));
            }
            // A value on the line of an item is the rest of it.
            if let Some(before) = on_line.filter(|_| node.kind == K::Expr) {
                broken.items.insert(self.span(before));
            }
            before = Some(node);
        }
    }
}

/// Returns the chunk that a node is in; one that covers nothing stands behind what it belongs to.
fn chunk_of(starts: &[usize], node: Node) -> usize {
    let at = node.start as usize;
    let at = if node.kind.is_missing() { at.saturating_sub(1) } else { at };
    starts.partition_point(|start| *start <= at).saturating_sub(1)
}

/// Returns whether an error of this kind leaves open what is meant.
fn is_hurtful(kind: K) -> bool {
    kind.is_error() && !matches!(kind, K::Bad(Bad::Semicolon | Bad::Comma | Bad::Escape))
}

/// Returns whether a node is an item that binds a value of its own.
fn holds(kind: K) -> bool {
    matches!(kind, K::Field | K::LetItem | K::TypeItem | K::Spread | K::AssertItem | K::ForItem)
}
