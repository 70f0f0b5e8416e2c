//! Findings and failures as people read them.
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io;

use kiln_console::{Style, report};
use kiln_diag::{Code, Diagnostic, Span, Texts};
use miette::{NamedSource, SourceSpan};
use snapbox::data::Inline;
use snapbox::{IntoData as _, assert_data_eq, str};

const UNICODE: Style = Style { color: false, unicode: true, width: 80 };

/// Marks are written `[text]` in the source; they become the spans given to `make`, in order.
fn check(style: Style, source: &str, make: impl Fn(&[Span]) -> Diagnostic, expected: Inline) {
    let mut texts = Texts::default();
    let (mut text, mut starts, mut ranges) = (String::new(), Vec::new(), Vec::new());
    for c in source.chars() {
        match c {
            '[' => starts.push(text.len()),
            ']' => ranges.push((starts.pop().unwrap(), text.len())),
            c => text.push(c),
        }
    }
    ranges.sort_unstable();
    let file = texts.add("elements/app.kiln", text);
    let at = |at: usize| u32::try_from(at).unwrap();
    let spans: Vec<Span> =
        ranges.into_iter().map(|(start, end)| Span::new(file, at(start), at(end))).collect();
    let drawn = report::finding(&make(&spans), &texts, style);
    assert_data_eq!(drawn.replace('\x1b', "<ESC>"), expected.raw());
}

fn undefined(spans: &[Span]) -> Diagnostic {
    Diagnostic::error(Code(101), "`zincb` is not defined")
        .at(spans[0], "unknown name")
        .help("did you mean `zinc`?")
}

#[test]
fn a_finding_has_code_place_marks_and_help() {
    let source = "App = Element {\n  deps = [[zincb]]\n}\n".replace("[[zincb]]", "([zincb])");
    check(
        UNICODE,
        &source,
        undefined,
        str![[r#"
error[K0101]: `zincb` is not defined
   ╭─[elements/app.kiln:2:11]
 2 │   deps = (zincb)
   ·           ──┬──
   ·             ╰── unknown name
   ╰────
  help: did you mean `zinc`?

"#]],
    );
    check(
        Style::PLAIN,
        &source,
        undefined,
        str![[r#"
error[K0101]: `zincb` is not defined
   ,-[elements/app.kiln:2:11]
 2 |   deps = (zincb)
   :           ^^|^^
   :             `-- unknown name
   `----
  help: did you mean `zinc`?

"#]],
    );
    check(
        Style { color: true, ..Style::PLAIN },
        &source,
        undefined,
        str![[r#"
<ESC>[1;31merror[K0101]<ESC>[0m: `zincb` is not defined
   ,-[<ESC>[36;1;4melements/app.kiln:2:11<ESC>[0m]
 <ESC>[2m2<ESC>[0m |   deps = (zincb)
   : <ESC>[35;1m          ^^|^^<ESC>[0m
   :             <ESC>[35;1m`-- <ESC>[35;1munknown name<ESC>[0m<ESC>[0m
   `----
  <ESC>[1;36mhelp<ESC>[0m: did you mean `zinc`?

"#]],
    );
}

#[test]
fn a_column_counts_characters() {
    check(
        UNICODE,
        "x = \"\u{e9}\u{e9}\" + [zincb]",
        undefined,
        str![[r#"
error[K0101]: `zincb` is not defined
   ╭─[elements/app.kiln:1:12]
 1 │ x = "éé" + zincb
   ·            ──┬──
   ·              ╰── unknown name
   ╰────
  help: did you mean `zinc`?

"#]],
    );
}

#[test]
fn further_places_of_the_same_text_are_shown_with_it() {
    let twice = |spans: &[Span]| {
        Diagnostic::warning(Code(204), "`a` is defined twice")
            .at(spans[1], "again here")
            .also(spans[0], "first here")
    };
    check(
        UNICODE,
        "[a] = 1\nb = 2\n[a] = 3\n",
        twice,
        str![[r#"
warning[K0204]: `a` is defined twice
   ╭─[elements/app.kiln:3:1]
 3 │ a = 3
   · ┬
   · ╰── again here
   ╰────
   ╭─[elements/app.kiln:1:1]
 1 │ a = 1
   · ┬
   · ╰── first here
   ╰────

"#]],
    );
    check(
        UNICODE,
        "[a] = 1\n\n\n\n\n\n\n\n\n[a] = 3\n",
        twice,
        str![[r#"
warning[K0204]: `a` is defined twice
    ╭─[elements/app.kiln:10:1]
 10 │ a = 3
    · ┬
    · ╰── again here
    ╰────
   ╭─[elements/app.kiln:1:1]
 1 │ a = 1
   · ┬
   · ╰── first here
   ╰────

"#]],
    );
}

#[test]
fn a_place_over_several_lines_and_one_at_the_end_of_the_text() {
    let one = |spans: &[Span]| Diagnostic::error(Code(1), "not closed").at(spans[0], "this block");
    check(
        UNICODE,
        "a = [{\n  b = 1\n\n]",
        one,
        str![[r#"
error[K0001]: not closed
   ╭─[elements/app.kiln:1:5]
 1 │ ╭─▶ a = {
 2 │ │     b = 1
 3 │ ├─▶
   · ╰──── this block
   ╰────

"#]],
    );
    check(
        UNICODE,
        "a = [{\n  b = 1\n  c = 1\n  d = 1\n  e = 1\n}]\n",
        one,
        str![[r#"
error[K0001]: not closed
   ╭─[elements/app.kiln:1:5]
 1 │ a = {
   ·     ┬
   ·     ╰── this block
   ╰────

"#]],
    );
    check(
        UNICODE,
        "a = {\n[]",
        one,
        str![[r#"
error[K0001]: not closed
   ╭─[elements/app.kiln:2:1]
 2 │
   · ▲
   · ╰── this block
   ╰────

"#]],
    );
    check(
        UNICODE,
        "[]",
        one,
        str![[r#"
error[K0001]: not closed
   ╭─[elements/app.kiln:1:1]
 1 │
   · ▲
   · ╰── this block
   ╰────

"#]],
    );
}

#[test]
fn a_place_in_an_endless_line_is_only_named() {
    let source = format!("a = \"{}\" + [zincb]", "x".repeat(5_000));
    check(
        UNICODE,
        &source,
        undefined,
        str![[r#"
error[K0101]: `zincb` is not defined
  at elements/app.kiln:1:5010: unknown name
  help: did you mean `zinc`?

"#]],
    );
}

#[test]
fn source_text_cannot_reach_the_terminal() {
    let one =
        |spans: &[Span]| Diagnostic::error(Code(1), "bad \x1b[2J text").at(spans[0], "here\x07");
    check(
        UNICODE,
        "a\x1b(2J\t[b]\u{202e} c\r\n",
        one,
        str![[r#"
error[K0001]: bad \u{1b}[2J text
   ╭─[elements/app.kiln:1:7]
 1 │ a (2J   b� c
   ·         ┬
   ·         ╰── here\u{7}
   ╰────

"#]],
    );
}

#[test]
fn a_place_in_another_text_has_its_own_snippet() {
    let mut texts = Texts::default();
    let left = texts.add("a.kiln", "a = b\n");
    let right = texts.add("b.kiln", "b = a\n");
    let cycle = Diagnostic::error(Code(306), "`a` needs itself")
        .at(Span::new(left, 4, 5), "needs `b`")
        .also(Span::new(right, 4, 5), "needs `a`")
        .also(Span::new(kiln_diag::FileId(9), 4, 5), "lost");
    assert_data_eq!(
        report::finding(&cycle, &texts, UNICODE),
        str![[r#"
error[K0306]: `a` needs itself
   ╭─[a.kiln:1:5]
 1 │ a = b
   ·     ┬
   ·     ╰── needs `b`
   ╰────
   ╭─[b.kiln:1:5]
 1 │ b = a
   ·     ┬
   ·     ╰── needs `a`
   ╰────

"#]]
    );
}

#[test]
fn spans_beside_the_text_do_no_harm() {
    let mut texts = Texts::default();
    let file = texts.add("a.kiln", "\u{e9}");
    for (start, end) in [(0, 1), (1, 1), (1, 99), (50, 99), (9, 3)] {
        let finding = Diagnostic::error(Code(1), "odd").at(Span::new(file, start, end), "here");
        let drawn = report::finding(&finding, &texts, UNICODE);
        assert!(drawn.contains("a.kiln:") && drawn.contains("here"), "{drawn}");
    }
}

#[test]
fn only_so_many_findings_are_shown() {
    let texts = Texts::default();
    let findings: Vec<Diagnostic> =
        (0..4).map(|number| Diagnostic::error(Code(number), format!("no {number}"))).collect();
    assert_data_eq!(
        report::findings(&findings, &texts, UNICODE, 2),
        str![[r#"
error[K0000]: no 0

error[K0001]: no 1

and 2 more; mend these first

"#]]
    );
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum Outer {
    #[error("cannot stage `zinc`")]
    #[diagnostic(code("K5012"))]
    Stage {
        #[diagnostic_source]
        #[source]
        cause: Inner,
    },
    #[error("`kiln.lock` cannot be read")]
    #[diagnostic(code("K1001"), help("first\nsecond"))]
    Lock {
        #[source_code]
        text: NamedSource<String>,
        #[label("here")]
        span: SourceSpan,
    },
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write `/store/x`")]
#[diagnostic(code("K5004"), help("is the disk full?"))]
struct Inner {
    #[source]
    cause: io::Error,
}

#[test]
fn a_failure_shows_its_causes_and_the_nearest_help() {
    let cause = Inner { cause: io::Error::other("no space left on device") };
    assert_data_eq!(
        report::failure(&Outer::Stage { cause }, UNICODE),
        str![[r#"
error[K5012]: cannot stage `zinc`
  cause: cannot write `/store/x`
  cause: no space left on device
  help: is the disk full?

"#]]
    );
}

#[test]
fn a_failure_with_a_text_of_its_own_shows_it() {
    let text = NamedSource::new("kiln.lock", "version = 1\n\n[[sauce]]\n".to_owned());
    let failure = Outer::Lock { text, span: (15, 5).into() };
    assert_data_eq!(
        report::failure(&failure, UNICODE),
        str![[r#"
error[K1001]: `kiln.lock` cannot be read
   ╭─[kiln.lock:3:3]
 3 │ [[sauce]]
   ·   ──┬──
   ·     ╰── here
   ╰────
  help: first
        second

"#]]
    );
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("two files cannot be written")]
struct Several(#[related] Vec<Inner>);

#[test]
fn related_failures_follow() {
    let one = |text: &str| Inner { cause: io::Error::other(text) };
    let several = Several(vec![one("no space"), one("not permitted")]);
    assert_data_eq!(
        report::failure(&several, UNICODE),
        str![[r#"
error: two files cannot be written

error[K5004]: cannot write `/store/x`
  cause: no space
  help: is the disk full?

error[K5004]: cannot write `/store/x`
  cause: not permitted
  help: is the disk full?

"#]]
    );
}
