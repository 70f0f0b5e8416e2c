//! The static pass over a program, beside what an evaluation found.

use crate::program::{Program, compile_program};
use kiln_diag::{Code, Diagnostic, FileId, Span, Texts, in_order};
use std::collections::BTreeSet;

/// A `let` that nobody mentions.
const UNUSED: Code = Code(905);

/// Adds what is wrong in code that nobody evaluated to what was found, and sorts all by place.
///
/// What an evaluation said about a place stands: it knows the value.
pub fn inspect(program: &Program, texts: &Texts, found: &mut Vec<Diagnostic>) {
    let compiled = compile_program(program, &[]);
    let known: Vec<(Span, Code, bool)> = found
        .iter()
        .filter_map(|one| Some((one.primary.as_ref()?.span, one.code, one.is_error())))
        .collect();
    let is_known = |finding: &Diagnostic| {
        let Some(label) = &finding.primary else { return false };
        known.iter().any(|(span, code, is_error)| {
            let is_same = *code == finding.code && covers(*span, label.span);
            (covers(label.span, *span) || is_same) && (*is_error || !finding.is_error())
        })
    };
    let mut more: Vec<Diagnostic> = super::walked(&compiled, texts);
    more.retain(|finding| !compiled.shared.lost.may_follow_from(finding));
    let (said, more): (Vec<Diagnostic>, Vec<Diagnostic>) = more.into_iter().partition(is_known);
    // What is said already may lack the edit that the text alone proposes.
    for finding in said.into_iter().filter(|finding| finding.help.is_some()) {
        let is_same = |one: &&mut Diagnostic| {
            one.code == finding.code
                && one.primary.as_ref().map(|label| label.span)
                    == finding.primary.as_ref().map(|label| label.span)
        };
        let Some(one) = found.iter_mut().find(is_same) else { continue };
        if one.edits.is_empty() && (one.help.is_none() || !finding.edits.is_empty()) {
            one.edits = finding.edits;
            one.help = finding.help;
        }
    }
    found.extend(more);
    let broken: BTreeSet<FileId> =
        found.iter().filter(|one| one.is_error()).filter_map(file_of).collect();
    // Whoever would have used it may be what is broken.
    found.retain(|one| {
        one.code != UNUSED || file_of(one).is_none_or(|file| !broken.contains(&file))
    });
    let lines = broken_lines(found, texts);
    found.retain(|one| {
        let line = one.primary.as_ref().map(|label| (label.span.file, line_of(label.span, texts)));
        one.is_error() || line.is_none_or(|line| !lines.contains(&line))
    });
    in_order(found);
}

/// Returns the lines with a mistake of the syntax: what is odd about them follows from it.
fn broken_lines(found: &[Diagnostic], texts: &Texts) -> BTreeSet<(FileId, usize)> {
    let errors = found.iter().filter(|one| one.is_error() && one.code.0 < 100);
    let spans = errors.filter_map(|one| one.primary.as_ref()).map(|label| label.span);
    spans.map(|span| (span.file, line_of(span, texts))).collect()
}

/// Returns where the line of a place begins.
fn line_of(span: Span, texts: &Texts) -> usize {
    let text = texts.get(span.file).map_or("", |text| &text.text);
    let before = text.get(..span.start as usize).unwrap_or_default();
    before.rfind('\n').map_or(0, |ix| ix + 1)
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

fn file_of(finding: &Diagnostic) -> Option<FileId> {
    finding.primary.as_ref().map(|label| label.span.file)
}
