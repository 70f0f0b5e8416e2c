//! Many files on their way, in one line.
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]
#![expect(clippy::unwrap_used, unreachable_pub, dead_code, reason = "a test may fail")]

mod fixture;

use std::sync::Arc;

use fixture::{Run, Step, ended};
use kiln_console::{Mode, Size, Style};
use kiln_event::Event;
use snapbox::data::Inline;
use snapbox::{IntoData as _, assert_data_eq, str};

const MIB: u64 = 1 << 20;

fn progress(files: usize, of_files: usize, bytes: u64, of_bytes: u64) -> Step {
    Step::Take(Event::FetchProgress { files, of_files, bytes, of_bytes })
}

fn start(source: &str) -> Step {
    Step::Take(Event::FetchStarted { source: source.into() })
}

fn fetched(source: &str, bytes: u64) -> Step {
    Step::Take(Event::Fetched { source: source.into(), bytes })
}

fn check(mode: Mode, steps: impl IntoIterator<Item = Step>, expected: Inline) {
    let run = Run::new(mode, Style::PLAIN);
    run.play(steps);
    assert_data_eq!(run.text(), expected.raw());
}

/// Two files of which the second takes its time.
fn two(seconds: u64) -> Vec<Step> {
    vec![
        progress(0, 2, 0, 4 * MIB),
        start("debian:a"),
        start("debian:b"),
        Step::Wait(1_500),
        fetched("debian:a", MIB),
        progress(1, 2, MIB, 4 * MIB),
        Step::Wait(seconds * 1_000),
        fetched("debian:b", 3 * MIB),
        progress(2, 2, 4 * MIB, 4 * MIB),
    ]
}

#[test]
fn together_they_are_one_line() {
    let steps = two(2).into_iter().chain([ended(true, 0, 0, 0, 3_600)]);
    check(
        Mode::Plain,
        steps,
        str![[r#"
fetched 2 files, 4.0 MiB, 3.5 s
kiln: 2 fetched, 4.0 MiB, 3.6 s

"#]],
    );
}

#[test]
fn a_sign_of_life_tells_how_far_they_are() {
    check(
        Mode::Plain,
        two(9),
        str![[r#"
still fetching 1/2 files, 1.0 of 4.0 MiB, 30 s left, 10.0 s, 1 fetched, 1 running
fetched 2 files, 4.0 MiB, 10.5 s

"#]],
    );
}

#[test]
fn what_is_quick_or_quiet_is_not_said() {
    let quick = || [progress(0, 1, 0, MIB), Step::Wait(100), progress(1, 1, MIB, MIB)];
    check(Mode::Plain, quick(), str![""]);
    check(Mode::Quiet, two(20), str![""]);
}

#[test]
fn when_none_came_nothing_is_said_and_the_next_counts_anew() {
    let failed = [progress(0, 1, 0, MIB), Step::Wait(2_000), progress(0, 0, 0, 0)];
    check(
        Mode::Plain,
        failed.into_iter().chain([start("debian:c"), Step::Wait(1_200), fetched("debian:c", 7)]),
        str![[r#"
fetching debian:c
fetched debian:c, 7 B, 1.2 s

"#]],
    );
}

#[test]
fn on_a_terminal_the_line_stands_in_place_of_the_files() {
    let run = Run::new(
        Mode::Terminal(Arc::new(|| Size { rows: 24, columns: 60 })),
        Style { width: 60, ..Style::PLAIN },
    );
    let mut steps = two(2);
    steps.truncate(7);
    run.play(steps);
    let mut terminal = vt100::Parser::new(24, 60, 0);
    terminal.process(run.text().replace('\n', "\r\n").as_bytes());
    let rows = terminal.screen().rows(0, 60).map(|row| row.trim_end().to_owned());
    let screen = rows.filter(|row| !row.is_empty()).collect::<Vec<_>>().join("\n");
    assert_data_eq!(
        screen,
        str![[r#"
    2 s  fetching 1/2 files, 1.0 of 4.0 MiB, 7 s left
1 fetched, 1 running, 2 s
"#]]
        .raw()
    );
}
