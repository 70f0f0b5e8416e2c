//! Sandboxes that a person walks into.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::bench::{Bench, Said};

/// What a phase sees of its surroundings, in one order. `SHLVL` counts the shells around it, `_` is the last command.
const SURROUNDINGS: &str = "id; pwd; hostname; umask; ulimit -S -n; ulimit -S -s; env | grep -v -e ^SHLVL= -e ^_= | sort; find / -xdev -path /proc -prune -o -print | sort | grep -v -e ^/meta -e ^/tmp";

fn bench() -> Bench {
    let bench = Bench::new(&[
        ("library", "Manual { install = \"echo library > $KILN_OUT/library\" }\n"),
        (
            "app",
            "Manual {\n  source = Local(./src)\n  build-deps = [library]\n  env = { \"CFLAGS\" = \"-O2\" }\n  build = \". ./step\"\n  install = \"true\"\n}\n",
        ),
    ]);
    bench.write("src/step", &format!("{SURROUNDINGS}\n"));
    bench
}

/// Returns a log without the lines of `/kiln/run`.
fn printed(log: &Said) -> String {
    assert_eq!(log.status, 0, "{log:?}");
    log.stdout.split_inclusive('\n').filter(|line| !line.starts_with("kiln: ")).collect()
}

#[test]
fn a_shell_has_the_surroundings_of_the_build() {
    let bench = bench();
    let built = bench.run(&["build", "app", "-j", "2"]);
    assert_eq!(built.status, 0, "{built:?}");
    let expected = printed(&bench.run(&["log", "app"]));
    assert!(expected.contains("CFLAGS=-O2\n") && expected.contains("/library\n"), "{expected}");
    let shell = ["shell", "--build", "app", "-j", "2", "--", "/bin/sh", "-e", "/kiln/00-build"];
    let said = bench.run(&shell);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    assert_eq!(said.stdout, expected);
    assert_eq!(bench.leftovers(), [""; 0]);
}

#[test]
fn a_failed_command_fails_again_in_the_same_words() {
    let bench = bench();
    bench.write("src/step", "echo done > state; cat nosuch\n");
    assert_eq!(bench.run(&["build", "app"]).status, 1);
    let expected = printed(&bench.run(&["log", "app"]));
    assert!(expected.contains("nosuch"), "{expected}");
    // Whatever became of the project since.
    bench.write("src/step", "true\n");
    bench.write("library.kiln", "Manual { install = \"echo other > $KILN_OUT/library\" }\n");
    let again = "/bin/sh -e /kiln/00-build 2>&1; status=$?; cat state /library >&2; exit $status";
    let said = bench.run(&["shell", "--failed", "app", "--", "sh", "-c", again]);
    assert_eq!((said.status, said.stdout), (1, expected));
    assert_eq!(said.stderr, "done\nlibrary\n");
}

/// A person's terminal with a shell of kiln on it.
struct Person {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    drawn: String,
}

impl Person {
    /// Runs a line of the shell on a terminal of its own.
    fn sits(bench: &Bench, line: &str) -> Self {
        let mut command = bench.command("script");
        command.args(["--quiet", "--return", "--command", line, "/dev/null"]);
        command.env("TERM", "xterm").env("SHELL", "/bin/sh").env("LC_ALL", "C.UTF-8");
        command.env("KILN", env!("CARGO_BIN_EXE_kiln"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let keys = child.stdin.take().expect("it has a pipe");
        let screen = child.stdout.take().expect("it has a pipe");
        Self { child, keys, screen, drawn: String::new() }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal reads");
    }

    /// Reads until a text was drawn, or all that is left.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        while !self.drawn.contains(text) {
            let mut piece = [0; 1_024];
            let n_bytes = self.screen.read(&mut piece).expect("it is our pipe");
            assert!(n_bytes > 0, "{text:?} was never drawn: {:?}", self.drawn);
            self.drawn.push_str(&String::from_utf8_lossy(&piece[..n_bytes]));
        }
    }

    /// Reads to the end; returns the exit status and all that was drawn.
    fn leaves(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.screen.read_to_end(&mut rest).expect("it is our pipe");
        let status = self.child.wait().expect("it is our child");
        (status.code(), self.drawn + &String::from_utf8_lossy(&rest))
    }
}

/// A line that says how the terminal is set after a command, and whether it is as before.
fn checked(command: &str) -> String {
    format!(
        "before=$(stty -g); {command}; status=$?; test \"$(stty -g)\" = \"$before\" && echo as before; exit $status"
    )
}

#[test]
fn a_shell_on_a_terminal_has_one_of_its_own() {
    let bench = bench();
    let mut person = Person::sits(&bench, &checked("stty rows 33 cols 77; $KILN shell app"));
    person.sees("the sandbox of app");
    person.types("stty size; echo $TERM-$((40 + 2))\n");
    person.sees("33 77");
    person.sees("xterm-42");
    // Ctrl-C is for what runs there, not for kiln.
    person.types(&format!("trap 'echo caught' INT; sleep {}\n", bench.mark()));
    let sleeping = format!("sleep {}", bench.mark());
    bench.wait_until("it sleeps", |bench| {
        bench.processes().iter().any(|process| process.contains(&sleeping))
    });
    person.types("\u{3}");
    person.sees("caught");
    person.types("exit 5\n");
    let (status, drawn) = person.leaves();
    assert_eq!(status, Some(5), "{drawn}");
    assert!(drawn.contains("as before"), "{drawn}");
    assert_eq!(bench.leftovers(), [""; 0]);
}

#[test]
fn a_shell_follows_the_size_of_the_window() {
    let bench = bench();
    let inside = "echo ready; until [ \"$(stty size)\" = '40 90' ]; do :; done; echo followed";
    let line = format!(
        "tty; stty rows 20 cols 80; $KILN shell app -- sh -c \"{}\"",
        inside.replace('"', "\\\"").replace('$', "\\$")
    );
    let mut person = Person::sits(&bench, &checked(&line));
    person.sees("ready");
    let terminal = person.drawn.lines().next().unwrap_or("").trim().to_owned();
    let resized = Command::new("stty").args(["-F", &terminal, "rows", "40", "cols", "90"]).status();
    assert!(resized.expect("every system has stty").success(), "{terminal}");
    person.sees("followed");
    let (status, drawn) = person.leaves();
    assert_eq!(status, Some(0), "{drawn}");
}

#[test]
fn a_shell_that_is_ended_from_outside_leaves_the_terminal_as_it_was() {
    let bench = bench();
    let line = "sh -c 'echo pid $$; exec $KILN shell app'";
    let mut person = Person::sits(&bench, &checked(line));
    person.sees("nothing of it is kept");
    person.types("echo $((40 + 2))\n");
    person.sees("42");
    let pid = person.drawn.split("pid ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let pid = pid.expect("it was printed").to_owned();
    let sent = Command::new("sh").args(["-c", &format!("kill -s TERM {pid}")]).status();
    assert!(sent.expect("every system has sh").success());
    let (status, drawn) = person.leaves();
    assert_eq!(status, Some(143), "{drawn}");
    assert!(drawn.contains("as before"), "{drawn}");
    assert_eq!(bench.leftovers(), [""; 0]);
}
