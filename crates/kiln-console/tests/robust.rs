//! Whatever comes in, nothing panics and nothing reaches the controls of a terminal.
#![expect(clippy::unwrap_used, unreachable_pub, dead_code, reason = "a test may fail")]

mod fixture;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use fixture::{Run, Step, built, ended, failed, planned, started};
use kiln_console::{Console, Mode, Size, Style, Ticker, report, sanitise};
use kiln_diag::{Code, Diagnostic, FileId, Span, Texts};
use proptest::prelude::*;

/// Removes the colours that kiln writes itself.
fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':');
        rest = rest.strip_prefix('m').unwrap();
    }
    plain + rest
}

fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n')
}

proptest! {
    #[test]
    fn sanitised_lines_hold_text_and_colours_only(line in "(\\PC|\\x1b|\\[|\\]|[0-9;m]|\\x07|\\r|\u{9b}|\u{e9})*") {
        prop_assert!(is_harmless(&sanitise(&line, false)));
        prop_assert!(is_harmless(&without_colors(&sanitise(&line, true))));
    }

    #[test]
    fn any_finding_can_be_rendered(
        text in "(\\PC|\\x1b|\n|\r|\t|\u{e9}|\u{4e2d})*",
        message in any::<String>(),
        label in any::<String>(),
        spans in proptest::collection::vec((0_u32..40, 0_u32..40), 1..5),
        color: bool,
        unicode: bool,
        width in 0_usize..200,
    ) {
        let mut texts = Texts::default();
        let file = texts.add("a.kiln", text);
        let mut finding = Diagnostic::error(Code(1), message).help(label.clone());
        finding = finding.at(Span::new(file, spans[0].0, spans[0].1), label.clone());
        for (start, end) in &spans[1..] {
            finding = finding.also(Span::new(file, *start, *end), label.clone());
        }
        finding = finding.also(Span::new(FileId(7), 0, 1), "nowhere");
        let drawn = report::finding(&finding, &texts, Style { color, unicode, width });
        prop_assert!(without_colors(&drawn).starts_with("error[K0001]: "));
        prop_assert!(drawn.ends_with('\n'));
        prop_assert!(is_harmless(&without_colors(&drawn)));
    }
}

#[test]
fn a_terminal_of_no_size_does_no_harm() {
    for size in [(0, 0), (1, 1), (3, 10), (u16::MAX, u16::MAX)] {
        let (rows, columns) = size;
        let mode = Mode::Terminal(Arc::new(move || Size { rows, columns }));
        let run = Run::new(mode, Style { color: true, unicode: true, width: 0 });
        run.play([
            planned(2, 0),
            started("a"),
            started("a-much-longer-name-than-the-screen"),
            Step::Wait(2_000),
            failed("a", 30),
            Step::Print("a report"),
            built("a-much-longer-name-than-the-screen", 2_000),
            ended(false, 1, 0, 1, 2_000),
        ]);
        assert!(run.text().contains("1 failed"), "{size:?}");
    }
}

#[test]
fn a_ticker_ticks_until_it_is_dropped() {
    let (ticked, ticks) = mpsc::channel();
    let clock = Arc::new(move || {
        let _nobody_listens = ticked.send(());
        Duration::ZERO
    });
    let console = Console::new(Mode::Plain, Style::PLAIN, clock, Box::new(std::io::sink()));
    let ticker = Ticker::start(Arc::new(console));
    ticks.recv().unwrap();
    ticks.recv().unwrap();
    drop(ticker);
    // The thread is gone, and with it the console and its clock: nothing sends any more.
    while ticks.recv().is_ok() {}
}
