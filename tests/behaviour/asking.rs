//! `kiln repl` on a terminal: keys go in, what is drawn comes out.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use rustix::termios::{LocalModes, tcgetattr};

use crate::bench::Bench;

/// What is drawn when a line may be written.
const PROMPT: &str = "kiln> ";

/// A session on a terminal of its own.
struct Session {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    /// What was drawn and not looked at yet.
    drawn: String,
    terminal: Option<fs::File>,
}

impl Session {
    fn start(bench: &Bench) -> Self {
        let line = format!("tty; exec {} repl", env!("CARGO_BIN_EXE_kiln"));
        let mut command = bench.command("script");
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8").env("SHELL", "/bin/sh");
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("it starts");
        let keys = child.stdin.take().expect("it has a pipe");
        let screen = child.stdout.take().expect("it has a pipe");
        let mut session = Self { child, keys, screen, drawn: String::new(), terminal: None };
        let terminal = session.wait_for("\n");
        session.terminal = Some(fs::File::open(terminal.trim()).expect("it is our terminal"));
        session
    }

    /// Waits until keys make signals: while a line is edited they are letters like all others.
    fn wait_for_signals(&self) {
        let terminal = self.terminal.as_ref().expect("it has started");
        let makes_signals = || {
            let modes = tcgetattr(terminal).expect("it is a terminal").local_modes;
            modes.contains(LocalModes::ISIG)
        };
        while !makes_signals() {
            std::thread::yield_now();
        }
    }

    /// Reads until a text was drawn, and forgets what came up to it.
    #[track_caller]
    fn wait_for(&mut self, wanted: &str) -> String {
        let mut bytes = [0; 1024];
        loop {
            if let Some(at) = self.drawn.find(wanted) {
                let rest = self.drawn.split_off(at + wanted.len());
                return std::mem::replace(&mut self.drawn, rest);
            }
            let n_read = self.screen.read(&mut bytes).expect("the terminal is readable");
            assert!(n_read > 0, "it ended without {wanted:?}: {:?}", self.drawn);
            self.drawn.push_str(&String::from_utf8_lossy(&bytes[..n_read]));
        }
    }

    /// Enters a line and waits until it is the program's.
    #[track_caller]
    fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
        self.wait_for("\n");
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal reads");
        self.keys.flush().expect("the terminal reads");
    }
}

#[test]
fn a_line_is_edited_completed_and_answered() {
    let bench = Bench::new(&[("app", "Manual { install = \"true\", version = \"7.7\" }\n")]);
    let mut session = Session::start(&bench);
    session.wait_for(PROMPT);
    session.press("let kept-value = 40\r");
    session.wait_for("\n");
    session.wait_for(PROMPT);
    // Tab completes the only name that it may be.
    session.press("kept-\t + 2\r");
    session.wait_for("\n42");
    session.wait_for(PROMPT);
    session.press("app.vers\t\r");
    session.wait_for("\n\"7.7\"");
    session.wait_for(PROMPT);
    // Ctrl-C clears the line and ends nothing.
    session.press("nonsense\x03");
    session.wait_for(PROMPT);
    // An open bracket goes on in the next line.
    session.press("[1,\r");
    session.press("2 * 21]\r");
    session.wait_for("\n[1, 42]");
    session.wait_for(PROMPT);
    session.press("\x04");
    let status = session.child.wait().expect("it is our child");
    assert_eq!(status.code(), Some(0));
    let history = fs::read_to_string(bench.path("home/state/repl-history"));
    let history = history.or_else(|_| fs::read_to_string(bench.path("kiln/state/repl-history")));
    assert!(history.expect("it is kept").contains("let kept-value = 40"));
}

#[test]
fn ctrl_c_ends_an_evaluation_and_not_the_session() {
    let bench = Bench::new(&[("app", "Manual { install = \"true\" }\n")]);
    let mut session = Session::start(&bench);
    session.wait_for(PROMPT);
    // A long text that is searched often: few steps, much time. Nothing but the key ends it soon.
    for line in [
        "let twice = (x) => x + x",
        "let a = twice(twice(twice(twice(twice(\"0123456789abcdef\")))))",
        "let b = twice(twice(twice(twice(twice(a)))))",
        "let c = twice(twice(twice(twice(twice(b)))))",
        "let text = twice(twice(twice(twice(twice(c)))))",
        "let both = (x) => x ++ x",
        "let few = both(both(both(both(both(both([1, 2, 3, 4]))))))",
        "let many = both(both(both(both(both(both(both(both(few))))))))",
    ] {
        session.enter(line);
        session.wait_for(PROMPT);
    }
    loop {
        session.enter("many.map((x) => text.contains(\"!\")).len");
        session.wait_for_signals();
        session.press("\x03");
        // A key that came while the line was edited has cleared it: once more.
        if session.wait_for(PROMPT).contains("the evaluation was stopped") {
            break;
        }
    }
    // What was kept is there, and the next evaluation is not stopped.
    session.enter("few.len");
    session.wait_for("256");
    session.wait_for(PROMPT);
    session.press("\x04");
    assert_eq!(session.child.wait().expect("it is our child").code(), Some(0));
}
