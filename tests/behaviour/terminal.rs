//! Streams and terminals: who gets what.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::bench::{Bench, said};
use crate::ending::{is_launched, sleeper};

fn bench() -> Bench {
    let bench = Bench::new(&[(
        "app",
        "Manual { source = Local(./src), build = \"cat text\", install = \"true\" }\n",
    )]);
    bench.write("src/text", "\u{1b}]0;a title\u{7}hello\n");
    bench
}

#[test]
fn results_go_to_stdout_and_nothing_else_does() {
    let bench = bench();
    let built = bench.run(&["build"]);
    assert_eq!((built.status, built.stdout.as_str()), (0, ""));
    assert!(!built.stderr.contains('\u{1b}'), "no colours without a terminal: {:?}", built.stderr);
    let log = bench.run(&["log", "app"]);
    assert_eq!((log.status, log.stderr.as_str()), (0, ""));
    assert!(log.stdout.contains("hello\n"), "{log:?}");
    for arguments in [&["show"][..], &["plan"], &["debug", "ir"], &["debug", "graph"]] {
        let shown = bench.run(arguments);
        assert_eq!((shown.status, shown.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(!shown.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(bench.run(&["build", "--quiet"]).stderr, "");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let bench = bench();
    let mut child = bench
        .kiln()
        .args(["debug", "ir"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kiln starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it is our child");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stderr, b"");
}

/// Returns a command that runs kiln on a terminal of its own and prints all that is drawn.
fn terminal(bench: &Bench, words: &str) -> Command {
    let line = format!("{} {words}", env!("CARGO_BIN_EXE_kiln"));
    let mut command = bench.command("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env("SHELL", "/bin/sh");
    command
}

fn on_a_terminal(bench: &Bench, words: &str) -> (i32, String) {
    let said = said(&mut terminal(bench, words));
    (said.status, said.stdout)
}

/// The cursor is not left hidden, and what comes next has a line of its own.
#[track_caller]
fn is_left_clean(drawn: &str) {
    let (hidden, shown) = (drawn.rfind("\u{1b}[?25l"), drawn.rfind("\u{1b}[?25h"));
    assert!(hidden.is_none() || shown > hidden, "the cursor is back: {drawn:?}");
    // What is left is the summary, on a line that was cleared.
    let last = drawn.rsplit("\u{1b}[2K").next().unwrap_or("");
    assert!(last.contains("kiln: ") && !last.contains("building"), "{last:?}");
    assert!(last.ends_with("\r\n"), "{last:?}");
}

#[test]
fn ctrl_c_on_a_terminal_leaves_it_clean() {
    let bench = sleeper();
    let mut command = terminal(&bench, "build app -j 1");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    bench.wait_until("the sandbox runs", is_launched);
    let mut keys = child.stdin.take().expect("it has a pipe");
    keys.write_all(b"\x03").expect("the terminal reads");
    let output = child.wait_with_output().expect("it is our child");
    drop(keys);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    is_left_clean(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(bench.leftovers(), [""; 0]);
}

#[test]
fn progress_is_drawn_on_a_terminal_and_taken_away() {
    let bench = Bench::new(&[("app", "Manual { install = \"sleep 2\" }\n")]);
    let (status, drawn) = on_a_terminal(&bench, "build app");
    assert_eq!(status, 0, "{drawn}");
    assert!(drawn.contains("1/2"), "the number of what is done is shown: {drawn:?}");
    assert!(drawn.contains("building app"), "what runs is shown: {drawn:?}");
    assert!(drawn.contains("\u{1b}[2K"), "lines are drawn over: {drawn:?}");
    is_left_clean(&drawn);
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let bench = Bench::new(&[("app", "Manual { install = \"true\" }\n")]);
    let drawn = |words: &str| on_a_terminal(&bench, words).1;
    let coloured = drawn("build nothing-like-it");
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    let plain = drawn("build nothing-like-it --color never");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let forced = bench.run(&["build", "nothing-like-it", "--color", "always"]);
    assert!(forced.stderr.contains("\u{1b}["), "{forced:?}");
    let refused = said(bench.kiln().args(["check", "--ir", "none"]).env("NO_COLOR", "1"));
    assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
}

#[test]
fn what_a_build_prints_cannot_command_the_terminal() {
    let bench = bench();
    bench.write("src/text", "\u{1b}]0;a title\u{7}hello\u{1b}[2J\n");
    bench.write("bad.kiln", "Manual { source = Local(./src), install = \"cat text; exit 1\" }\n");
    let (status, drawn) = on_a_terminal(&bench, "build bad");
    assert_eq!(status, 1, "{drawn}");
    assert!(drawn.contains("hello"), "{drawn:?}");
    assert!(!drawn.contains("\u{1b}]0;") && !drawn.contains("\u{1b}[2J"), "{drawn:?}");
}
