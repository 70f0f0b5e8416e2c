//! The cases of `tests/lang/syntax`: texts with their typed syntax, texts with their errors.
//!
//! `SNAPSHOTS=overwrite cargo test -p kiln-syntax` writes the expected files anew.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]

use kiln_diag::{Diagnostic, Edit, FileId, edited};
use kiln_syntax::{Parse, parse};
use snapbox::{Assert, Data, IntoData};
use std::path::{Path, PathBuf};

fn cases(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang/syntax").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kiln"))
        .filter(|path| !path.to_string_lossy().ends_with(".fixed.kiln"))
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

/// Returns a text after all edits that these findings propose, if each proposes some.
fn edited_by_all(parse: &Parse, text: &str) -> Option<String> {
    let edits: Vec<Edit> = parse.diagnostics.iter().flat_map(|d| d.edits.clone()).collect();
    let all = parse.diagnostics.iter().all(|finding| !finding.edits.is_empty());
    all.then(|| edited(FileId(0), text, &edits).expect("edits that fit each other"))
}

#[test]
fn what_a_help_proposes_mends_the_text() {
    let mut unfixed = Vec::new();
    for (path, text) in cases("err") {
        let fixed = path.with_extension("fixed.kiln");
        let found = parse(FileId(0), &text);
        if let Some(edited) = edited_by_all(&found, &text) {
            let expected = Data::read_from(&fixed, None).raw();
            Assert::new().action_env("SNAPSHOTS").eq(edited, expected);
        }
        // Where a decision is needed, a person has followed the help.
        let left = match std::fs::read_to_string(&fixed) {
            Ok(fixed) => printed(&parse(FileId(0), &fixed)),
            Err(error) => error.to_string(),
        };
        let helped = found.diagnostics.iter().all(|d| d.help.is_some());
        if !left.is_empty() || !helped {
            unfixed.push(format!("{}\n{left}", path.display()));
        }
    }
    assert_eq!(unfixed.join("\n"), "");
}

#[test]
fn the_edits_of_one_finding_take_it_away() {
    for (path, text) in cases("err") {
        let found = parse(FileId(0), &text);
        let same = |parse: &Parse, d: &Diagnostic| {
            let same = |other: &&Diagnostic| (other.code, &other.message) == (d.code, &d.message);
            parse.diagnostics.iter().filter(same).count()
        };
        for finding in found.diagnostics.iter().filter(|d| !d.edits.is_empty()) {
            let after = edited(FileId(0), &text, &finding.edits).expect("edits that fit");
            let left = same(&parse(FileId(0), &after), finding);
            assert!(left < same(&found, finding), "{}: {finding}\n{after}", path.display());
        }
    }
}

#[test]
fn the_lossless_tree_has_a_stable_form() {
    let text = "a = [b, # c\n  \"%{d}\"\n";
    let parse = parse(FileId(0), text);
    let expected = snapbox::str![[r##"
File@0..20
  Field@0..20
    Key@0..1
      Ident@0..1 "a"
    Whitespace@1..2 " "
    Assign@2..3 "="
    Whitespace@3..4 " "
    Expr@4..20
      Term@4..20
        List@4..20
          LeftBracket@4..5 "["
          ListItem@5..6
            Expr@5..6
              Term@5..6
                Ident@5..6 "b"
          Comma@6..7 ","
          Whitespace@7..8 " "
          Comment@8..11 "# c"
          Whitespace@11..14 "\n  "
          ListItem@14..20
            Expr@14..20
              Term@14..20
                String@14..20
                  Quote@14..15 "\""
                  Interpolation@15..19
                    InterpolationOpen@15..17 "%{"
                    Expr@17..18
                      Term@17..18
                        Ident@17..18 "d"
                    RightBrace@18..19 "}"
                  Quote@19..20 "\""
          Missing(Close)@20..20
  Whitespace@20..21 "\n"

"##]];
    Assert::new().eq(parse.tree.debug(Some(text)), expected.raw());
    assert!(
        parse
            .debug_tree()
            .starts_with("File@0..20\n  Field@0..20\n    Key@0..1\n      Ident@0..1\n")
    );
}

#[test]
fn every_rule_of_the_grammar_says_what_it_is() {
    let grammar = include_str!("../../../grammar/kiln.pest");
    let lines: Vec<&str> = grammar.lines().collect();
    let is_rule =
        |line: &str| line.contains("= ") && line.starts_with(|c: char| c.is_ascii_alphabetic());
    let rules = lines.windows(2).filter(|pair| is_rule(pair[1]));
    let silent: Vec<&str> =
        rules.clone().filter(|pair| !pair[0].starts_with("/// ")).map(|pair| pair[1]).collect();
    assert!(rules.count() > 130);
    assert_eq!(silent, Vec::<&str>::new());
}
