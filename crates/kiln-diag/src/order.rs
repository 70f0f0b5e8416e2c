//! Findings of several passes put together: in order of place, without what only follows from another one.

use crate::{Code, Diagnostic, FileId, Span};
use std::collections::BTreeSet;

/// `project.kiln` holds no project.
const NO_PROJECT: Code = Code(110);

/// Puts findings in order of place; one that is there twice, or only follows from a mistake of the syntax, goes.
pub fn in_order(findings: &mut Vec<Diagnostic>) {
    let syntax: Vec<Span> = findings
        .iter()
        .filter(|one| one.is_error() && one.code.0 < 100)
        .filter_map(|one| Some(one.primary.as_ref()?.span))
        .collect();
    let broken: BTreeSet<FileId> = syntax.iter().map(|span| span.file).collect();
    findings.retain(|one| {
        let Some(label) = one.primary.as_ref().filter(|_| one.code.0 >= 100) else { return true };
        let span = label.span;
        let covers = |error: &Span| {
            error.file == span.file && error.start <= span.start && span.end <= error.end
        };
        let is_lost = one.code == NO_PROJECT && broken.contains(&span.file);
        !is_lost && !syntax.iter().any(covers)
    });
    findings.sort_by_key(|finding| finding.primary.as_ref().map(|label| label.span));
    findings.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(findings: &[(u16, u32, u32)], expected: &[u16]) {
        let mut found: Vec<Diagnostic> = findings
            .iter()
            .map(|&(code, start, end)| {
                Diagnostic::error(Code(code), "").at(Span::new(FileId(0), start, end), "")
            })
            .collect();
        in_order(&mut found);
        assert_eq!(found.iter().map(|one| one.code.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_stands_in_a_mistake_of_the_syntax_follows_from_it() {
        check(&[(204, 3, 10), (1, 3, 10)], &[1]);
        check(&[(206, 4, 5), (1, 3, 5), (201, 6, 7)], &[1, 201]);
        check(&[(201, 2, 9), (1, 3, 5)], &[201, 1]);
        check(&[(110, 20, 30), (19, 0, 5)], &[19]);
        check(&[(101, 3, 4), (101, 3, 4), (101, 1, 2)], &[101, 101]);
    }
}
