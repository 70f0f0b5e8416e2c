//! What a run writes where nothing is redrawn: files, pipes, continuous integration.
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]
#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test may fail")]

mod fixture;

use fixture::{Run, Step, built, ended, failed, launched, log_line, name, phase, planned, started};
use kiln_console::{Mode, Style};
use kiln_event::Event;
use snapbox::data::Inline;
use snapbox::{IntoData as _, assert_data_eq, str};

fn check(steps: impl IntoIterator<Item = Step>, expected: Inline) {
    check_mode(Mode::Plain, Style::PLAIN, steps, expected);
}

fn check_mode(mode: Mode, style: Style, steps: impl IntoIterator<Item = Step>, expected: Inline) {
    let run = Run::new(mode, style);
    run.play(steps);
    assert_data_eq!(run.text().replace('\x1b', "<ESC>"), expected.raw());
}

#[test]
fn a_run_that_does_nothing_is_one_line() {
    check(
        [planned(3, 3), Step::Wait(12), ended(true, 0, 3, 0, 12)],
        str![[r#"
kiln: nothing to do, 3 cached, 12 ms

"#]],
    );
    let style = Style { unicode: true, ..Style::PLAIN };
    check_mode(
        Mode::Plain,
        style,
        [planned(3, 3), ended(true, 0, 3, 0, 12)],
        str![[r#"
kiln: nothing to do · 3 cached · 12 ms

"#]],
    );
}

#[test]
fn quick_work_is_a_line_at_its_end_and_long_work_one_at_its_start_too() {
    check(
        [
            planned(1_204, 1_202),
            started("quick"),
            launched("quick"),
            Step::Wait(900),
            built("quick", 900),
            started("slow"),
            launched("slow"),
            Step::Wait(3_200),
            built("slow", 3_200),
            ended(true, 2, 1_202, 0, 4_100),
        ],
        str![[r#"
built quick, 900 ms
building slow
built slow, 3.2 s
kiln: done, 2 built, 1,202 cached (99 %), 4.1 s

"#]],
    );
}

#[test]
fn silence_is_broken_every_ten_seconds_by_the_longest_runner() {
    check(
        [
            planned(3, 1),
            started("gcc"),
            launched("gcc"),
            Step::Wait(500),
            started("late"),
            Step::Wait(24_000),
            built("late", 24_000),
            Step::Wait(9_900),
        ],
        str![[r#"
building gcc
preparing late
still building gcc, 11.5 s, 1/3, 1 cached, 0 built, 2 running
still building gcc, 21.5 s, 1/3, 1 cached, 0 built, 2 running
built late, 24.0 s

"#]],
    );
}

#[test]
fn a_phase_that_takes_long_is_named() {
    check(
        [
            planned(1, 0),
            started("gcc"),
            launched("gcc"),
            phase("gcc", "build"),
            Step::Wait(11_200),
            phase("gcc", "check"),
            Step::Wait(1_000),
        ],
        str![[r#"
building gcc: build
still building gcc: build, 11.0 s, 0/1, 0 cached, 0 built, 1 running
building gcc: check

"#]],
    );
}

#[test]
fn fetches_are_named_when_they_take_long() {
    let fetch = |source: &str, bytes| Event::Fetched { source: source.into(), bytes };
    check(
        [
            Step::Take(Event::FetchStarted { source: "example.org/a.tar".into() }),
            Step::Take(Event::FetchStarted { source: "example.org/b.tar".into() }),
            Step::Wait(200),
            Step::Take(fetch("example.org/a.tar", 2_000)),
            Step::Take(Event::FetchRetried {
                source: "example.org/b.tar".into(),
                attempt: 2,
                message: "connection reset".into(),
            }),
            Step::Wait(2_000),
            Step::Take(fetch("example.org/b.tar", 3_000_000)),
            Step::Take(fetch("example.org/here-already.tar", 0)),
            Step::Take(Event::FetchFailed {
                source: "example.org/c.tar".into(),
                message: "404\x1b[2J".into(),
            }),
            ended(true, 0, 0, 0, 2_200),
        ],
        str![[r#"
trying example.org/b.tar again (2): connection reset
fetching example.org/b.tar
fetched example.org/b.tar, 2.8 MiB, 2.2 s
failed to fetch example.org/c.tar: 404
kiln: 2 fetched, 2.8 MiB, 2.2 s

"#]],
    );
}

#[test]
fn a_failure_is_a_block_with_what_matters_of_its_log_and_the_next_commands() {
    check(
        [planned(1, 0), started("zinc"), failed("zinc", 3), ended(false, 0, 0, 1, 5)],
        str![[r#"
failed: zinc in phase `build`: exit 2
  ran: make all
  1 | line 1
  2 | line 2
  3 | line 3
  log: /runs/1/zinc.log (3 lines)
  next: kiln shell --failed zinc
        kiln log zinc
        kiln debug failure zinc
kiln: 1 failed, 0 cached, 5 ms

"#]],
    );
}

#[test]
fn a_failure_that_other_output_buried_comes_again_at_the_end() {
    check(
        [
            planned(4, 0),
            failed("first", 1),
            built("between", 10),
            failed("last", 0),
            Step::Take(Event::ElementSkipped { element: name("above"), because: name("first") }),
            ended(false, 1, 0, 2, 1_500),
        ],
        str![[r#"
failed: first in phase `build`: exit 2
  ran: make all
  1 | line 1
  log: /runs/1/first.log (1 line)
  next: kiln shell --failed first
        kiln log first
        kiln debug failure first
built between, 10 ms
failed: last in phase `build`: exit 2
  ran: make all
  | (it wrote nothing)
  log: /runs/1/last.log (0 lines)
  next: kiln shell --failed last
        kiln log last
        kiln debug failure last
failed: first in phase `build`: exit 2
  ran: make all
  1 | line 1
  log: /runs/1/first.log (1 line)
  next: kiln shell --failed first
        kiln log first
        kiln debug failure first
kiln: 2 failed, 1 skipped, 1 built, 0 cached, 1.5 s

"#]],
    );
}

#[test]
fn a_recorded_failure_says_so_and_names_are_quoted_for_the_shell() {
    let Step::Take(Event::ElementFailed { element: _, key, mut failure }) = failed("x", 1) else {
        unreachable!()
    };
    failure.recorded = true;
    failure.exit = None;
    failure.phase = None;
    failure.reason = Some("no output for 1h".into());
    let element = name(r#"libs."gtk+""#);
    check(
        [Step::Take(Event::ElementFailed { element, key, failure })],
        str![[r#"
failed: libs."gtk+": no output for 1h
  it failed before with the same inputs and was not run again;
  `kiln build --retry-failed 'libs."gtk+"'` runs it
  ran: make all
  1 | line 1
  log: /runs/1/x.log (1 line)
  next: kiln shell --failed 'libs."gtk+"'
        kiln log 'libs."gtk+"'
        kiln debug failure 'libs."gtk+"'

"#]],
    );
}

#[test]
fn build_output_cannot_reach_the_terminal() {
    let Step::Take(Event::ElementFailed { element, key, mut failure }) = failed("x", 0) else {
        unreachable!()
    };
    failure.command = Some("\x1b[2Jmake".into());
    failure.excerpt = vec![
        log_line(9, "\x1b]0;title\x07\x1b[2Jcleared"),
        log_line(10, "\x1b[31mred"),
        log_line(11, "  1 %\r100 %"),
        log_line(12, ""),
    ];
    let event = Event::ElementFailed { element, key, failure };
    check(
        [Step::Take(event.clone())],
        str![[r#"
failed: x in phase `build`: exit 2
  ran: make
   9 | cleared
  10 | red
  11 | 100 %
  12 |
  log: /runs/1/x.log (0 lines)
  next: kiln shell --failed x
        kiln log x
        kiln debug failure x

"#]],
    );
    let style = Style { color: true, unicode: true, width: 80 };
    check_mode(
        Mode::Plain,
        style,
        [Step::Take(event)],
        str![[r#"
<ESC>[1;31m✗ failed<ESC>[0m: x in phase `build`: exit 2
  ran: make
  <ESC>[2m 9<ESC>[0m <ESC>[2m│<ESC>[0m cleared
  <ESC>[2m10<ESC>[0m <ESC>[2m│<ESC>[0m <ESC>[31mred<ESC>[0m
  <ESC>[2m11<ESC>[0m <ESC>[2m│<ESC>[0m 100 %
  <ESC>[2m12<ESC>[0m <ESC>[2m│<ESC>[0m
  log: /runs/1/x.log (0 lines)
  next: kiln shell --failed x
        kiln log x
        kiln debug failure x

"#]],
    );
}

#[test]
fn a_warning_is_said_once_and_counted() {
    let warning = || {
        Step::Take(Event::Warning { code: "K3010".into(), message: "`a` and `b` overlap".into() })
    };
    check(
        [planned(1, 1), warning(), warning(), warning(), ended(true, 0, 1, 0, 3)],
        str![[r#"
warning[K3010]: `a` and `b` overlap
warning[K3010]: `a` and `b` overlap (x3)
kiln: nothing to do, 1 cached, 1 warning, 3 ms

"#]],
    );
}

#[test]
fn a_stopped_run_and_one_that_only_fetched_say_so() {
    check(
        [planned(3, 1), built("a", 10), ended(false, 1, 1, 0, 10)],
        str![[r#"
built a, 10 ms
kiln: stopped, 1 built, 1 cached, 10 ms

"#]],
    );
    check(
        [
            Step::Take(Event::Fetched { source: "example.org/a".into(), bytes: 1_536 }),
            ended(true, 0, 0, 0, 10),
        ],
        str![[r#"
kiln: 1 fetched, 1.5 KiB, 10 ms

"#]],
    );
    check([ended(true, 0, 0, 0, 10)], str![]);
}

#[test]
fn a_cut_off_is_counted_and_not_listed() {
    use kiln_digest::{Digest, Key};
    let cut = Event::ElementCutOff {
        element: name("above"),
        key: Key([0; 32]),
        action: Digest::EMPTY,
        out: Digest::EMPTY,
    };
    check(
        [planned(4, 2), built("a", 10), Step::Take(cut), ended(true, 1, 2, 0, 10)],
        str![[r#"
built a, 10 ms
kiln: done, 1 built, 1 cut off, 2 cached (50 %), 10 ms

"#]],
    );
}

#[test]
fn quiet_is_failures_only() {
    let quiet = |steps: Vec<Step>, expected| {
        check_mode(Mode::Quiet, Style::PLAIN, steps, expected);
    };
    quiet(
        vec![
            planned(1, 0),
            started("a"),
            Step::Wait(30_000),
            built("a", 30_000),
            ended(true, 1, 0, 0, 1),
        ],
        str![],
    );
    quiet(
        vec![planned(2, 0), failed("a", 1), built("b", 1), ended(false, 1, 0, 1, 1)],
        str![[r#"
failed: a in phase `build`: exit 2
  ran: make all
  1 | line 1
  log: /runs/1/a.log (1 line)
  next: kiln shell --failed a
        kiln log a
        kiln debug failure a
kiln: 1 failed, 1 built, 0 cached, 1 ms

"#]],
    );
}

#[test]
fn a_stop_is_said_once() {
    let run = Run::new(Mode::Plain, Style::PLAIN);
    let run = Run { console: run.console.watching(|| true), ..run };
    run.play([planned(1, 0), started("a"), Step::Wait(300), ended(false, 0, 0, 0, 300)]);
    assert_data_eq!(
        run.text(),
        str![[r#"
stopping, 1 running; once more ends kiln at once
kiln: stopped, 0 cached, 300 ms

"#]]
    );
}

#[test]
fn printed_reports_stand_between_the_lines() {
    check(
        [planned(1, 0), Step::Print("error[K0101]: a report\n"), built("a", 10)],
        str![[r#"
error[K0101]: a report
built a, 10 ms

"#]],
    );
}
