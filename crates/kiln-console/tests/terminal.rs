//! What a run looks like on a terminal, by an emulator of one.
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]
#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test may fail")]

mod fixture;

use std::sync::Arc;

use fixture::{Run, Step, built, ended, failed, launched, phase, planned, started};
use kiln_console::{Mode, Size, Style};
use snapbox::data::Inline;
use snapbox::{IntoData as _, assert_data_eq, str};

const STYLE: Style = Style { color: false, unicode: true, width: 60 };

fn run(rows: u16, columns: u16) -> Run {
    Run::new(Mode::Terminal(Arc::new(move || Size { rows, columns })), STYLE)
}

/// Plays steps in turn and compares the screen after each turn.
fn check<const N: usize>(rows: u16, columns: u16, turns: [(Vec<Step>, Inline); N]) {
    let run = run(rows, columns);
    for (steps, expected) in turns {
        run.play(steps);
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        // As a terminal driver does, a line feed also returns to the first column.
        terminal.process(run.text().replace('\n', "\r\n").as_bytes());
        let screen: Vec<String> =
            terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        let screen = format!("{}\n", screen.join("\n").trim_end());
        assert_data_eq!(screen, expected.raw());
        // What is said stands in lines of its own, for those who copy it.
        let said = terminal.screen().contents();
        assert!(
            said.lines().all(|line| !line.contains("  next: ") || line.starts_with("  next: "))
        );
    }
}

#[test]
fn live_lines_stand_below_what_is_said_and_go_at_the_end() {
    check(
        24,
        60,
        [
            (
                vec![
                    planned(12, 8),
                    started("libs.zinc"),
                    launched("libs.zinc"),
                    started("libs.png"),
                    Step::Wait(1_000),
                    phase("libs.zinc", "build"),
                    Step::Wait(1_300),
                ],
                str![[r#"
    2 s  preparing libs.png
    2 s  building libs.zinc: build
8/12 · 8 cached · 0 built · 2 running · 2 s

"#]],
            ),
            (
                vec![built("libs.zinc", 2_300), Step::Wait(100)],
                str![[r#"
✓ built libs.zinc · 2.3 s
    2 s  preparing libs.png
9/12 · 8 cached · 1 built · 1 running · 2 s

"#]],
            ),
            (
                vec![built("libs.png", 2_400), ended(true, 2, 10, 0, 2_500)],
                str![[r#"
✓ built libs.zinc · 2.3 s
✓ built libs.png · 2.4 s
kiln: done · 2 built · 10 cached (83 %) · 2.5 s

"#]],
            ),
        ],
    );
}

#[test]
fn a_third_of_the_screen_is_the_most() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut steps = vec![planned(7, 0)];
    for name in names {
        steps.push(started(name));
        steps.push(Step::Wait(100));
    }
    steps.push(Step::Wait(1_000));
    check(
        12,
        40,
        [(
            steps,
            str![[r#"
    1 s  preparing a
    1 s  preparing b
         … and 5 more
0/7 · 0 cached · 0 built · 7 running ·…

"#]],
        )],
    );
}

#[test]
fn long_names_are_cut_to_the_screen() {
    let name = format!("libs.{}", "x".repeat(100));
    check(
        12,
        40,
        [(
            vec![planned(1, 0), started(&name), Step::Wait(1_500)],
            str![[r#"
    1 s  preparing libs.xxxxxxxxxxxxxx…
0/1 · 0 cached · 0 built · 1 running ·…

"#]],
        )],
    );
}

#[test]
fn a_failure_scrolls_above_the_live_lines_at_once() {
    check(
        24,
        60,
        [
            (
                vec![planned(3, 0), started("a"), started("b"), Step::Wait(200), failed("a", 3)],
                str![[r#"
✗ failed: a in phase `build`: exit 2
  ran: make all
  1 │ line 1
  2 │ line 2
  3 │ line 3
  log: /runs/1/a.log (3 lines)
  next: kiln shell --failed a
        kiln log a
        kiln debug failure a
         preparing b
1/3 · 0 cached · 0 built · 1 failed · 1 running · 0 s

"#]],
            ),
            (
                vec![ended(false, 0, 0, 1, 300)],
                str![[r#"
✗ failed: a in phase `build`: exit 2
  ran: make all
  1 │ line 1
  2 │ line 2
  3 │ line 3
  log: /runs/1/a.log (3 lines)
  next: kiln shell --failed a
        kiln log a
        kiln debug failure a
kiln: 1 failed · 0 cached · 300 ms

"#]],
            ),
        ],
    );
}

#[test]
fn a_printed_report_does_not_tear_the_live_lines() {
    let report = Step::Print("error[K0101]: `x` is not defined\n  help: define it\n");
    check(
        24,
        60,
        [(
            vec![planned(2, 0), started("a"), Step::Wait(1_000), report, Step::Wait(1_000)],
            str![[r#"
error[K0101]: `x` is not defined
  help: define it
    2 s  preparing a
0/2 · 0 cached · 0 built · 1 running · 2 s

"#]],
        )],
    );
}

#[test]
fn a_run_that_does_nothing_is_one_line_and_nothing_is_drawn() {
    let run = run(24, 60);
    run.play([planned(3, 3), ended(true, 0, 3, 0, 12)]);
    let text = run.text();
    check(
        24,
        60,
        [(
            vec![planned(3, 3), ended(true, 0, 3, 0, 12)],
            str![[r#"
kiln: nothing to do · 3 cached · 12 ms

"#]],
        )],
    );
    assert!(!text.contains("running"), "{text}");
}

#[test]
fn at_most_ten_draws_a_second() {
    let run = run(24, 80);
    run.play([planned(100_000, 0)]);
    for number in 0..10_000 {
        let name = format!("e{number}");
        run.play([started(&name), launched(&name)]);
        if number % 100 == 99 {
            run.play([Step::Wait(1)]);
        }
    }
    // A tenth of a second: two draws.
    let drawn = run.text().matches("running").count();
    assert!(drawn <= 2, "{drawn}");
}

#[test]
fn timers_are_drawn_once_a_second() {
    let run = run(24, 80);
    run.play([planned(4, 0), started("a"), started("b"), started("c"), started("d")]);
    run.play([Step::Wait(60_000)]);
    let text = run.text();
    let drawn = text.matches("4 running").count();
    assert!((58..=62).contains(&drawn), "{drawn}");
    assert!(text.len() < 30 * 1_024, "{} bytes in a minute", text.len());
}
