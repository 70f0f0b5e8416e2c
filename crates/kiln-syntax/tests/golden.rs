//! The cases of `tests/lang/syntax`: texts with their typed syntax, texts with their errors.
//!
//! `SNAPSHOTS=overwrite cargo test -p kiln-syntax` writes the expected files anew.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]

use kiln_diag::FileId;
use kiln_syntax::{Parse, parse};
use snapbox::{Assert, Data};
use std::path::{Path, PathBuf};

fn cases(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang/syntax").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kiln"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", root.display());
    let text = |path: &Path| std::fs::read_to_string(path).expect("a readable case");
    paths.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

fn check(case: &Path, actual: String) {
    let expected = Data::read_from(&case.with_extension("txt"), None).raw();
    Assert::new().action_env("SNAPSHOTS").eq(actual, expected);
}

fn assert_lossless(parse: &Parse, text: &str) {
    let joined: String = parse.tree.tokens().map(|token| token.text(text)).collect();
    assert_eq!(joined, text);
}

fn printed(parse: &Parse) -> String {
    let lines: Vec<String> = parse.diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn good_texts_have_their_syntax_and_no_errors() {
    for (path, text) in cases("ok") {
        let parse = parse(FileId(0), &text);
        assert_lossless(&parse, &text);
        assert_eq!(printed(&parse), "", "{}", path.display());
        check(&path, parse.ast.debug());
    }
}

#[test]
fn bad_texts_have_their_errors_and_keep_the_rest() {
    for (path, text) in cases("err") {
        let parse = parse(FileId(0), &text);
        assert_lossless(&parse, &text);
        assert!(parse.has_errors(), "{}", path.display());
        check(&path, format!("{}\n---\n{}", printed(&parse), parse.ast.debug()));
    }
}
