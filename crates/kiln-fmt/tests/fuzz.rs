//! The formatter on the standard library, on the examples, on mutants, and on a comment at every gap.
//!
//! `PROPTEST_CASES` says how many mutants; `make fuzz` says many.

#![expect(
    clippy::disallowed_methods,
    reason = "the texts are files, the number of cases comes from outside"
)]

#[path = "../../kiln-syntax/tests/texts/mutants.rs"]
mod mutants;

use kiln_diag::FileId;
use kiln_fmt::format;
use kiln_syntax::{Parse, SyntaxKind, parse};
use mutants::{Random, items, mutant};
use std::path::{Path, PathBuf};

fn formatted(text: &str) -> String {
    format(&parse(FileId(0), text), text)
}

/// Returns the tokens without trivia and commas; of strings only what is not their text.
fn words(parse: &Parse, text: &str) -> Vec<String> {
    let skipped = [SyntaxKind::Comma, SyntaxKind::TextChars];
    let tokens =
        parse.tokens().filter(|token| !token.kind.is_trivia() && !skipped.contains(&token.kind));
    tokens.map(|token| token.text(text).to_owned()).collect()
}

fn comments(parse: &Parse, text: &str) -> Vec<String> {
    let comments = parse.tokens().filter(|token| token.kind == SyntaxKind::Comment);
    comments.map(|token| token.text(text).trim_end().to_owned()).collect()
}

/// Asserts that nothing but the layout differs, and that formatting again changes nothing.
fn assert_same(text: &str) {
    let once = formatted(text);
    let (before, after) = (parse(FileId(0), text), parse(FileId(0), &once));
    assert_eq!(words(&before, text), words(&after, &once), "{text}\n---\n{once}");
    assert_eq!(comments(&before, text), comments(&after, &once), "{text}\n---\n{once}");
    if !before.has_errors() {
        assert_eq!(before.ast.debug(), after.ast.debug(), "{text}\n---\n{once}");
    }
    assert_eq!(formatted(&once), once, "{text}");
}

/// Returns the kiln files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of texts") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "kiln") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn what_the_project_ships_is_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shipped: Vec<PathBuf> =
        ["stdlib", "docs/examples"].iter().flat_map(|folder| files(&root.join(folder))).collect();
    assert!(shipped.len() > 40, "{}", shipped.len());
    let other = shipped.iter().filter(|path| {
        let text = std::fs::read_to_string(path).expect("a text");
        formatted(&text) != text
    });
    assert_eq!(other.collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "`kiln fmt` changes these");
}

#[test]
fn a_comment_at_every_gap_of_the_texts_survives() {
    for text in items().iter().filter(|text| text.len() < 600).step_by(3) {
        let whole = parse(FileId(0), text);
        let blanks = whole.tokens().filter(|token| token.kind == SyntaxKind::Whitespace);
        for at in blanks.map(|token| token.start as usize) {
            let commented = format!("{} # here\n  {}", &text[..at], &text[at..]);
            if !parse(FileId(0), &commented).has_errors() {
                assert_same(&commented);
            }
        }
    }
}

#[test]
fn fuzz_mutants_keep_their_words_and_are_stable() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let items = items();
    for seed in 0..cases.unwrap_or(4_000) {
        let mut random = Random::new(seed);
        let item = &items[random.below(items.len())];
        assert_same(&mutant(item, &mut random));
    }
}
