//! The error nodes of a tree as diagnostics.
//!
//! Never: says "expected" what the parser tried; the texts are a table over the error and what stands around it.

mod character;
mod escape;
mod foreign;
mod missing;
mod unexpected;

pub(crate) use foreign::neighbours;

use crate::code;
use crate::kind::{Bad, Missing, SyntaxKind as K};
use crate::tree::{Node, NodeIx, Tree};
use kiln_diag::{Diagnostic, FileId, Span};

/// How many findings a file gets.
const MOST: usize = 20;

/// How many error nodes of a tree are looked at: the rest could only be cut away.
const MOST_NODES: usize = 8 * MOST;

/// Returns the findings of a file in order of place: of its characters, of its tree, and those of lowering.
pub(crate) fn report(
    file: FileId,
    text: &str,
    tree: &Tree,
    starts: &[usize],
    lowered: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut findings = character::characters(file, text);
    findings.extend(lowered.into_iter().map(|found| Finding::of_lowering(text, found)));
    findings.extend(tree_errors(file, text, tree, starts));
    select(text, starts, findings)
}

/// A diagnostic on its way.
struct Finding {
    diagnostic: Diagnostic,
    /// Says nothing new on a line that has an error already.
    follows: bool,
    /// Errors up to here are consequences of this one.
    silences: u32,
    /// A bracket that a line at column 0 cut off: what was meant to close it comes later.
    cut: bool,
}

impl Finding {
    fn new(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, follows: false, silences: 0, cut: false }
    }

    fn following(diagnostic: Diagnostic) -> Self {
        Self { follows: true, ..Self::new(diagnostic) }
    }

    fn of_lowering(text: &str, diagnostic: Diagnostic) -> Self {
        let follows = matches!(
            diagnostic.code,
            code::NO_SEPARATOR
                | code::SPACED_CALL
                | code::TWO_VALUES
                | code::CONDITION
                | code::NO_TYPE
        );
        // A file of another language: all of it is a consequence.
        if diagnostic.code == code::NO_TYPE
            && let Some(help) = foreign::yaml(text, &diagnostic)
        {
            return Self { silences: u32::MAX, ..Self::new(diagnostic.help(help)) };
        }
        // A word of another language: what follows on its line is a consequence.
        if diagnostic.code == code::UNEXPECTED {
            let start = diagnostic.primary.as_ref().map_or(0, |label| label.span.start as usize);
            let rest = text.get(start..).unwrap_or_default();
            let end = start + rest.find('\n').unwrap_or(rest.len()) + 1;
            let silences = u32::try_from(end).unwrap_or(u32::MAX);
            return Self { silences, ..Self::new(diagnostic) };
        }
        Self { follows, ..Self::new(diagnostic) }
    }

    fn start(&self) -> u32 {
        self.diagnostic.primary.as_ref().map_or(0, |label| label.span.start)
    }
}

/// An error node with what stands around it.
struct Around<'a> {
    file: FileId,
    text: &'a str,
    tree: &'a Tree,
    starts: &'a [usize],
    ix: NodeIx,
    node: Node,
    parent_ix: NodeIx,
    parent: Node,
    /// The last token before, without trivia.
    before: Option<Node>,
}

impl<'a> Around<'a> {
    fn span(&self, node: Node) -> Span {
        Span::new(self.file, node.start, node.end)
    }

    fn here(&self) -> Span {
        self.span(self.node)
    }

    fn text_of(&self, node: Node) -> &'a str {
        node.text(self.text)
    }

    /// Returns the last token before, for a sentence.
    fn after(&self) -> String {
        self.before
            .map_or_else(String::new, |token| format!(" after `{}`", short(self.text_of(token))))
    }

    /// Returns the last part of the parent before this one of one of these kinds.
    fn sibling(&self, kinds: &[K]) -> Option<Node> {
        let before = self.tree.children(self.parent_ix).take_while(|(ix, _)| *ix < self.ix);
        before.filter(|(_, node)| kinds.contains(&node.kind)).last().map(|(_, node)| node)
    }

    /// Returns the next token, trivia aside.
    fn next_token(&self) -> Option<Node> {
        self.tokens_after().next()
    }

    /// Returns the tokens after this, trivia aside.
    fn tokens_after(&self) -> impl Iterator<Item = Node> + use<'a> {
        self.tree.after(self.ix).filter(|node| node.kind.is_token() && !node.kind.is_trivia())
    }

    /// Returns the token before a node before this, trivia aside.
    fn token_before(&self, node: Node) -> Option<Node> {
        let mut before = self.tree.before(self.ix).filter(|other| other.start < node.start);
        before.find(|other| other.kind.is_token() && !other.kind.is_trivia())
    }

    /// Returns the key of the field that this is a part of.
    fn parent_key(&self) -> Option<Node> {
        let mut parts = self.tree.children(self.parent_ix).map(|(_, node)| node);
        parts.find(|node| node.kind == K::Key)
    }

    /// Returns a place between two characters.
    fn place(&self, at: u32) -> Span {
        Span::new(self.file, at, at)
    }

    /// Returns this with the blanks before it.
    fn with_blanks(&self) -> Span {
        let start = self.before.map_or(self.node.start, |token| token.end);
        Span { start, ..self.here() }
    }

    /// Returns whether a blank stands before this.
    fn is_after_blank(&self) -> bool {
        self.before.is_none_or(|token| token.end < self.node.start)
    }

    /// Returns the end of the line that this begins in.
    fn line_end(&self) -> u32 {
        let at = self.node.start as usize;
        let rest = self.text.get(at..).unwrap_or_default();
        u32::try_from(at + rest.find('\n').unwrap_or(rest.len())).unwrap_or(u32::MAX)
    }

    /// Returns whether something follows on the line that a value could begin with.
    fn value_follows(&self) -> bool {
        let kinds = [K::Expr, K::Type, K::Term, K::Field, K::IfExpr, K::LetIn];
        self.next_on_line(&kinds).is_some()
    }

    /// Returns the next node, if it is of one of these kinds and begins on the same line.
    fn next_on_line(&self, kinds: &[K]) -> Option<Node> {
        let next = self.tree.after(self.ix).find(|node| !node.kind.is_trivia())?;
        let between = self.text.get(self.node.end as usize..next.start as usize)?;
        (kinds.contains(&next.kind) && !between.contains('\n')).then_some(next)
    }

    /// Returns the block that a node ends with, if it amends by one.
    fn last_block(&self, node: Node) -> Option<Node> {
        let mut below = self.tree.before(self.ix).take_while(|other| other.start >= node.start);
        below.find(|other| other.kind == K::Record && other.end == node.end)
    }

    /// Returns whether this is a missing value beside junk, which has its own finding.
    fn junk_says_it(&self) -> bool {
        let junk = |node: &Node| matches!(node.kind, K::Bad(Bad::Item | Bad::Arg | Bad::Top));
        if self.before.is_some_and(|token| token.kind == K::Bad(Bad::Assign)) {
            return true;
        }
        let Some(next) = self.next_token().filter(junk) else {
            return false;
        };
        let between =
            self.text.get(self.node.end as usize..next.start as usize).unwrap_or_default();
        self.node.kind == K::Missing(Missing::Value) && !between.contains('\n')
    }

    /// Returns the token that opens the parent.
    fn opener(&self) -> Node {
        let children = self.tree.children(self.parent_ix).map(|(_, node)| node);
        children.into_iter().find(|node| !node.kind.is_trivia()).unwrap_or(self.parent)
    }
}

/// Returns the begin of a text, for a sentence.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim_end();
    match line.char_indices().nth(24) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

fn tree_errors(file: FileId, text: &str, tree: &Tree, starts: &[usize]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !tree.has_errors() {
        return findings;
    }
    let mut open: Vec<(usize, NodeIx, Node)> = Vec::new();
    let mut before = None;
    for (depth, ix, node) in tree.walk() {
        open.truncate(depth);
        if node.kind.is_error()
            && let Some((_, parent_ix, parent)) = open.last().copied()
        {
            let around = Around { file, text, tree, starts, ix, node, parent_ix, parent, before };
            findings.extend(finding(&around));
            if findings.len() == MOST_NODES {
                break;
            }
        }
        open.push((depth, ix, node));
        if node.kind.is_token() && !node.kind.is_trivia() {
            before = Some(node);
        }
    }
    findings
}

/// Returns what to say about a node, nothing about one that is no error: the whole table, first key the error.
fn finding(around: &Around<'_>) -> Option<Finding> {
    if around.node.kind.is_error()
        && let Some(found) = foreign::directive(around)
    {
        return Some(found);
    }
    match around.node.kind {
        K::Missing(_) if around.junk_says_it() => None,
        K::Missing(what) => Some(missing::missing(around, what)),
        K::Bad(what) => Some(unexpected::unexpected(around, what)),
        _ => None,
    }
}

/// Puts findings in order, drops consequences and what is too much.
fn select(text: &str, starts: &[usize], mut findings: Vec<Finding>) -> Vec<Diagnostic> {
    findings.sort_by_key(|finding| (finding.start(), finding.follows));
    let mut taken: Vec<Diagnostic> = Vec::new();
    let mut last: Option<u32> = None;
    let mut line_end = 0;
    let mut silent_to = 0;
    let mut cut = 0;
    for finding in findings {
        let start = finding.start();
        if cut > 0 && finding.diagnostic.code == code::CLOSES_NOTHING {
            cut -= 1;
            continue;
        }
        if merge(starts, &mut taken, &finding.diagnostic) {
            continue;
        }
        let same_line = start <= line_end;
        if last == Some(start)
            || start < silent_to
            || (last.is_some() && finding.follows && same_line)
        {
            continue;
        }
        let rest = text.get(start as usize..).unwrap_or_default();
        let line = rest.find('\n').unwrap_or(rest.len());
        line_end = start.saturating_add(u32::try_from(line).unwrap_or(u32::MAX));
        last = Some(start);
        silent_to = silent_to.max(finding.silences);
        cut += usize::from(finding.cut);
        taken.push(finding.diagnostic);
        if taken.len() == MOST {
            break;
        }
    }
    taken
}

/// Adds a finding to an earlier one that says the same: brackets that end at one place, the semicolons of one item.
fn merge(starts: &[usize], taken: &mut [Diagnostic], found: &Diagnostic) -> bool {
    let start = |found: &Diagnostic| found.primary.as_ref().map_or(0, |label| label.span.start);
    let chunk =
        |found: &Diagnostic| starts.partition_point(|begin| *begin <= start(found) as usize);
    let unclosed = found.code == code::NOT_CLOSED;
    let same = |earlier: &&mut Diagnostic| {
        let place =
            if unclosed { start(earlier) == start(found) } else { chunk(earlier) == chunk(found) };
        earlier.code == found.code && place
    };
    if !unclosed && found.code != code::SEMICOLON {
        return false;
    }
    let Some(earlier) = taken.iter_mut().rev().find(same) else {
        return false;
    };
    earlier.edits.extend(found.edits.iter().cloned());
    if unclosed {
        earlier.secondary.extend(found.secondary.iter().cloned());
        let text: String = earlier.edits.iter().map(|edit| edit.text.as_str()).collect();
        if !text.is_empty() {
            earlier.help = Some(format!("write `{}` here", text.trim()));
        }
    } else if earlier.edits.len() == 2 {
        earlier.help = Some(
            "remove each `;` of this item: items are separated by a comma or a new line".to_owned(),
        );
    }
    true
}
