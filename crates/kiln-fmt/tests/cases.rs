//! The formatter on the cases of `tests/lang/syntax` and on small texts.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]

use kiln_diag::FileId;
use kiln_fmt::format;
use kiln_syntax::{Parse, SyntaxKind, parse};
use std::path::Path;

fn formatted(text: &str) -> String {
    format(&parse(FileId(0), text), text)
}

fn check(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected);
    assert_same(text, expected);
}

/// The words of a text: tokens without trivia and commas; a block string as one word.
fn words(parse: &Parse, text: &str) -> Vec<String> {
    let skipped = |kind: SyntaxKind| kind.is_trivia() || kind == SyntaxKind::Comma;
    let inside_of_block = |kind| matches!(kind, SyntaxKind::TextChars);
    let tokens =
        parse.tokens().filter(|token| !skipped(token.kind) && !inside_of_block(token.kind));
    tokens.map(|token| token.text(text).to_owned()).collect()
}

fn comments(parse: &Parse, text: &str) -> Vec<String> {
    let comments = parse.tokens().filter(|token| token.kind == SyntaxKind::Comment);
    comments.map(|token| token.text(text).trim_end().to_owned()).collect()
}

/// Asserts that nothing but the layout differs, and that formatting again changes nothing.
fn assert_same(text: &str, formatted_text: &str) {
    let (before, after) = (parse(FileId(0), text), parse(FileId(0), formatted_text));
    assert_eq!(
        words(&before, text),
        words(&after, formatted_text),
        "{text}\n---\n{formatted_text}"
    );
    assert_eq!(comments(&before, text), comments(&after, formatted_text));
    assert_eq!(before.ast.debug(), after.ast.debug(), "{text}\n---\n{formatted_text}");
    assert_eq!(formatted(formatted_text), formatted_text);
}

fn cases(folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang/syntax").join(folder);
    let paths = std::fs::read_dir(root)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "kiln")).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a case")).collect()
}

#[test]
fn the_cases_keep_their_words_and_are_stable() {
    let cases = cases("ok");
    assert!(cases.len() > 30);
    for text in cases {
        assert_same(&text, &formatted(&text));
    }
}

#[test]
fn broken_texts_keep_their_words_and_are_stable() {
    for text in cases("err") {
        let once = formatted(&text);
        assert_eq!(words(&parse(FileId(0), &text), &text), words(&parse(FileId(0), &once), &once));
        assert_eq!(formatted(&once), once);
    }
}

#[test]
fn a_comment_at_every_gap_survives() {
    for text in cases("ok").iter().filter(|text| text.len() < 250) {
        let parse = parse(FileId(0), text);
        let blanks = parse.tokens().filter(|token| token.kind == SyntaxKind::Whitespace);
        for at in blanks.map(|token| token.start as usize) {
            let commented = format!("{} # here\n  {}", &text[..at], &text[at..]);
            if !kiln_syntax::parse(FileId(0), &commented).has_errors() {
                assert_same(&commented, &formatted(&commented));
            }
        }
    }
}

#[test]
fn a_text_without_one_of_its_tokens_keeps_the_others_and_is_stable() {
    for text in cases("ok").iter().filter(|text| text.len() < 150) {
        for token in parse(FileId(0), text).tokens() {
            let cut = format!("{}{}", &text[..token.range().start], &text[token.range().end..]);
            let once = formatted(&cut);
            assert_eq!(
                words(&parse(FileId(0), &cut), &cut),
                words(&parse(FileId(0), &once), &once)
            );
            assert_eq!(formatted(&once), once, "{cut}");
        }
    }
}

#[test]
fn operators_and_brackets_get_their_blanks() {
    check("a=1+2*-3\n", "a = 1 + 2 * -3\n");
    check("a  =  f( x ,y=1 )[ 0 ].b\n", "a = f(x, y = 1)[0].b\n");
    check("a={x=1,y=[ 1,2 ],}\nb={ }\nc=[ ]\n", "a = { x = 1, y = [1, 2] }\nb = {}\nc = []\n");
    check("f( a:Int,b=2 ):{String}=x=={y=1}\n", "f(a: Int, b = 2): {String} = x == { y = 1 }\n");
    check("type T={a:Int,b ?:[ String ]}|null\n", "type T = { a: Int, b?: [String] } | null\n");
    check(
        "a=if!b then(x)=>x else ..., c=[..d,e for f in g if h]\n",
        "a = if !b then (x) => x else ...\nc = [..d, e for f in g if h]\n",
    );
}

#[test]
fn what_had_several_lines_has_one_item_a_line() {
    check("a = {\n x = 1, y = 2 }\n", "a = {\n  x = 1\n  y = 2\n}\n");
    check("a = f(\n 1,\n   x = 2 ,)\n", "a = f(\n  1,\n  x = 2\n)\n");
    check("a = [b, {\n c = 1\n}]\n", "a = [b, {\n  c = 1\n}]\n");
}

#[test]
fn a_list_keeps_the_lines_that_its_writer_gave_it() {
    check("a = [b,c ,\n d, e\n\n f]\n", "a = [\n  b, c\n  d, e\n\n  f\n]\n");
    check("a = [\n b, {\n c = 1 }, d, e ]\n", "a = [\n  b\n  {\n    c = 1\n  }\n  d, e\n]\n");
    check("a = [b, # c\n d, e # f\n , g\n # h\n]\n", "a = [\n  b # c\n  d, e # f\n  g\n  # h\n]\n");
    check(
        "a = [b,\n if c then d else e, if f then g else h]\n",
        "a = [\n  b,\n  if c then d else e, if f then g else h\n]\n",
    );
    check(
        "a = [\n  if b # c\n    then d else e\n  , if f then g else h\n]\n",
        "a = [\n  if b # c\n    then d else e,\n  if f then g else h\n]\n",
    );
    check("a = [\n  b if c, d for e in f\n]\n", "a = [\n  b if c, d for e in f\n]\n");
    let long = "b".repeat(40);
    check(
        &format!("a = [\n  {long}, {long}, {long}\n  c\n]\n"),
        &format!("a = [\n  {long}, {long}\n  {long}\n  c\n]\n"),
    );
}

#[test]
fn a_row_that_does_not_fit_is_broken_from_the_outside() {
    let long = "a".repeat(40);
    check(
        &format!("x = K {{ b = f({long}, y = [{long}, c]) , d = 1 }}\n"),
        &format!("x = K {{\n  b = f({long}, y = [{long}, c])\n  d = 1\n}}\n"),
    );
    check(
        &format!("x = f({long}, {long}, y = {long})\n"),
        &format!("x = f(\n  {long},\n  {long},\n  y = {long}\n)\n"),
    );
}

#[test]
fn a_line_end_inside_of_an_expression_stays() {
    check("a = b\n    .c\n      .d({\n x = 1 })\n", "a = b\n  .c\n  .d({\n    x = 1\n  })\n");
    check("a = 1\n   +  2\n  - 3\n", "a = 1\n  + 2\n  - 3\n");
}

#[test]
fn comments_and_blank_lines_stay() {
    check(
        "# a\n\n\n\n## b\na = {   # c\n  # d\n\n  x = 1   # e\n\n\n\n  y = 2\n\n  # f\n}\n# g\n",
        "# a\n\n## b\na = { # c\n  # d\n\n  x = 1 # e\n\n  y = 2\n\n  # f\n}\n# g\n",
    );
}

#[test]
fn a_block_string_moves_with_its_item() {
    check(
        "a = {\n      b = \"\"\"\n            x\n              y\n            \"\"\"\n}\n",
        "a = {\n  b = \"\"\"\n    x\n      y\n  \"\"\"\n}\n",
    );
    check("a = \"\"\"\n      x\n      \"\"\"\n", "a = \"\"\"\n  x\n  \"\"\"\n");
}

#[test]
fn a_chunk_with_an_error_is_left_alone() {
    check("a=1\nb={ x = ,\n   y=2 }\nc=3\n", "a = 1\nb={ x = ,\n   y=2 }\nc = 3\n");
}
