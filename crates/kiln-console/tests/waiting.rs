//! An element that another process builds.
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]
#![expect(clippy::unwrap_used, unreachable_pub, dead_code, reason = "a test may fail")]

mod fixture;

use fixture::{Run, Step, built, ended, launched, name, planned, started};
use kiln_console::{Mode, Style};
use kiln_event::Event;
use snapbox::data::Inline;
use snapbox::{IntoData as _, assert_data_eq, str};

fn check(process: Option<u32>, then: impl IntoIterator<Item = Step>, expected: Inline) {
    let run = Run::new(Mode::Plain, Style::PLAIN);
    run.play([
        planned(1, 0),
        started("app"),
        Step::Wait(2_000),
        Step::Take(Event::ElementWaits { element: name("app"), process }),
        Step::Wait(12_000),
    ]);
    run.play(then);
    assert_data_eq!(run.text(), expected.raw());
}

#[test]
fn who_is_waited_for_is_said_and_then_what_one_does_oneself() {
    check(
        Some(4711),
        [launched("app"), Step::Wait(11_000), built("app", 25_000), ended(true, 1, 0, 0, 25_000)],
        str![[r#"
preparing app
waiting for another kiln (pid 4711) to build app
still waiting for another kiln (pid 4711) to build app, 12.1 s, 0/1, 0 cached, 0 built, 1 running
still building app, 22.1 s, 0/1, 0 cached, 0 built, 1 running
built app, 25.0 s
kiln: done, 1 built, 0 cached, 25.0 s

"#]],
    );
}

#[test]
fn another_slot_is_waited_for_too() {
    check(
        None,
        [ended(true, 0, 0, 0, 14_000)],
        str![[r#"
preparing app
waiting for another slot to build app
still waiting for another slot to build app, 12.1 s, 0/1, 0 cached, 0 built, 1 running
kiln: nothing to do, 0 cached, 14.0 s

"#]],
    );
}
