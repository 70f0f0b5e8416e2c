//! Mutants of the standard library and of the cases: all of them are read, and what is wrong in one item is said there only.
//!
//! `PROPTEST_CASES` says how many; `make fuzz` says many.

#[path = "texts/mutants.rs"]
mod mutants;

use kiln_diag::{FileId, edited};
use kiln_syntax::{Parse, parse};
use mutants::{Random, items, mutant};

/// Returns how many mutants are tried.
#[expect(clippy::disallowed_methods, reason = "the number of cases comes from outside")]
fn n_cases(usual: u64) -> u64 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

fn assert_sound(text: &str) {
    let parse = parse(FileId(0), text);
    let joined: String = parse.tree.tokens().map(|token| token.text(text)).collect();
    assert_eq!(joined, text);
    let broken = parse.tree.walk().any(|(_, _, node)| node.kind.is_error());
    assert!(!broken || parse.has_errors(), "an error without a finding in {text:?}");
    assert!(parse.diagnostics.len() <= 20);
    for finding in &parse.diagnostics {
        assert!(finding.help.is_some(), "{finding} has no help in {text:?}");
        assert!(edited(FileId(0), text, &finding.edits).is_some(), "{finding} in {text:?}");
        for label in finding.primary.iter().chain(&finding.secondary) {
            let range = label.span.start as usize..label.span.end as usize;
            assert!(text.get(range).is_some(), "{finding} is outside of {text:?}");
        }
    }
}

#[test]
fn fuzz_mutants_are_read() {
    let items = items();
    for seed in 0..n_cases(10_000) {
        let mut random = Random::new(seed);
        let item = &items[random.below(items.len())];
        assert_sound(&mutant(item, &mut random));
    }
}

/// Returns the findings in a part of a text, with their places counted from its begin.
fn findings_in(parse: &Parse, part: std::ops::Range<usize>) -> Vec<String> {
    let place = |found: &&kiln_diag::Diagnostic| {
        found.primary.as_ref().map_or(usize::MAX, |label| label.span.start as usize)
    };
    let inside = parse.diagnostics.iter().filter(|found| part.contains(&place(found)));
    inside
        .map(|found| format!("{} {} {}", place(&found) - part.start, found.code, found.message))
        .collect()
}

#[test]
fn fuzz_a_mistake_in_one_item_says_nothing_of_others() {
    let before = "a = {\n  b = \n  c = [1, 2]\n}\nd = f(1 2)\n";
    let after = "e = 81voltd\ng = {\n  h = \"x\"\n  i = 1;\n}\n";
    let items: Vec<String> = items().into_iter().filter(|item| item.len() < 400).collect();
    let (mut n_same, n_all) = (0, n_cases(10_000));
    for seed in 0..n_all {
        let mut random = Random::new(seed);
        let item = &items[random.below(items.len())];
        // Where the item begins is no matter of its inside.
        let first = item.chars().next().map_or(0, char::len_utf8);
        let inside = format!("{}{}", &item[..first], mutant(&item[first..], &mut random));
        let texts = [item.clone(), inside].map(|item| format!("{before}{item}\n{after}"));
        let [whole, changed] = texts.map(|text| {
            let parse = parse(FileId(0), &text);
            (
                findings_in(&parse, 0..before.len()),
                findings_in(&parse, text.len() - after.len()..text.len()),
            )
        });
        n_same += u64::from(whole == changed);
    }
    assert!(n_same * 100 >= n_all * 99, "{n_same} of {n_all}");
}
