//! The words of items that could not be read in full.

use kiln_diag::Diagnostic;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// As many errors of a file are told at most.
const MOST: usize = 20;

/// Returns the words of all chunks with an error, each once.
pub(crate) fn words(text: &str, bounds: &[usize], diagnostics: &[Diagnostic]) -> Vec<Arc<str>> {
    let mut broken: BTreeSet<usize> = BTreeSet::new();
    let spans =
        diagnostics.iter().filter(|one| one.is_error()).filter_map(|one| one.primary.as_ref());
    for label in spans {
        let at = label.span.start as usize;
        // An error behind the last token of a chunk stands where the next one begins.
        for at in [at.saturating_sub(1), at] {
            broken.insert(bounds.partition_point(|bound| *bound <= at).saturating_sub(1));
        }
    }
    // What is behind the last error that is told may be broken too.
    if diagnostics.len() >= MOST {
        let last = broken.last().copied().unwrap_or_default();
        broken.extend(last..bounds.len().saturating_sub(1));
    }
    let chunk =
        |ix: usize| -> Option<Range<usize>> { Some(*bounds.get(ix)?..*bounds.get(ix + 1)?) };
    let texts = broken.into_iter().filter_map(|ix| text.get(chunk(ix)?));
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let words: BTreeSet<&str> = texts.flat_map(|text| text.split(|c| !is_part(c))).collect();
    words.into_iter().filter(|word| !word.is_empty()).map(Arc::from).collect()
}

#[cfg(test)]
mod tests {
    use crate::parse;
    use kiln_diag::FileId;

    fn check(text: &str, expected: &[&str]) {
        let parse = parse(FileId(0), text);
        assert_eq!(parse.lost().collect::<Vec<_>>(), expected, "{:?}", parse.diagnostics);
    }

    #[test]
    fn only_items_with_an_error_lose_their_words() {
        check("a = 1\nb = two\n", &[]);
        check("a = 1\nb-c = [two\n\nd = three\n", &["b-c", "two"]);
        check("a = \nb = 1\n", &["a"]);
    }
}
