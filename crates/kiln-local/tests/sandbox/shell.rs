//! A person's command in the sandbox of an action, with pipes and on a pseudoterminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use kiln_action::Request;
use kiln_local::{LocalError, LocalRunner, Shell, Stdio};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::Case;
use crate::bench::Bench;

pub(crate) const CASES: &[Case] = &[
    ("a shell sees what the build sees", sees),
    ("a shell has the streams it is given", streams),
    ("the status of a shell's command comes back", statuses),
    ("what a shell writes is thrown away", thrown_away),
    ("a shell in a folder that is not there is an error", no_folder),
    ("a cancelled shell is gone", cancelled),
    ("the keys of a terminal reach jobs, not the shell", keys),
    ("the keys of a terminal reach a single command", single),
    ("a terminal has its size", size),
    ("a terminal shows what was said before the end", late),
    ("a terminal that hangs up ends what is on it", hang_up),
];

/// Makes the shell of a build.
pub(crate) fn shell(request: &Request, argv: &[&str]) -> Shell {
    Shell {
        action: request.action.clone(),
        staging: request.staging.clone(),
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        folder: "/build".to_owned(),
        advice: request.advice.clone(),
        cancel: request.cancel.clone(),
    }
}

/// Runs a command with some input, and returns its status, its output and its errors.
fn run(bench: &Bench, shell: &Shell, input: &str) -> Result<(i32, String, String), LocalError> {
    run_with(&bench.runner, bench, shell, input)
}

pub(crate) fn run_with(
    runner: &LocalRunner,
    bench: &Bench,
    shell: &Shell,
    input: &str,
) -> Result<(i32, String, String), LocalError> {
    let [path, output, errors] = ["in", "out", "err"].map(|name| bench.folder.join(name));
    std::fs::write(&path, input).unwrap();
    let made = [File::open(&path), File::create(&output), File::create(&errors)];
    let streams = made.map(|file| OwnedFd::from(file.unwrap()));
    let status = runner.shell(shell, Stdio::Given(streams))?;
    let [output, errors] = [output, errors].map(|path| std::fs::read_to_string(path).unwrap());
    Ok((status, output, errors))
}

fn sees(bench: &Bench) {
    // All but the script itself, which says where it is, and the arguments that differ.
    let script = "pwd; stat -c '%n %a %u %g' / /* /dev/*; cat source.txt; id; hostname; umask; env | sort; cat /proc/net/dev | wc -l; \
                  touch /bin/new; mount | wc -l; ls /proc/self/fd | wc -l";
    let mut request = bench.request(script);
    request.advice.insert("KILN_JOBS".to_owned(), "7".to_owned());
    request.action.command.environment.insert("CFLAGS".to_owned(), "-O2 x".to_owned());
    let built = bench.run(&request).unwrap();
    built.out();
    let shell = shell(&request, &["/bin/sh", "-e", "-c", script]);
    let (status, output, errors) = run(bench, &shell, "").unwrap();
    assert_eq!((status, errors.as_str()), (0, ""));
    // A build on this bench starts below `/` and goes there itself; `/kiln/run` opens the temporary folders.
    let alike = |text: &str| {
        text.replace("OLDPWD=/\n", "")
            .replace("/tmp 1777", "/tmp 755")
            .replace("/shm 1777", "/shm 755")
    };
    assert_eq!(alike(&output), alike(&built.text));
    assert!(output.contains("KILN_JOBS=7\n") && output.contains("CFLAGS=-O2 x\n"), "{output}");
    bench.assert_clean();
}

fn streams(bench: &Bench) {
    let script = "read line; echo out $line; echo err $line >&2; stat -c %a /tmp; ulimit -n";
    let request = bench.request("");
    let echo = shell(&request, &["/bin/sh", "-c", script]);
    let (status, output, errors) = run(bench, &echo, "hello\n").unwrap();
    assert_eq!((status, errors.as_str()), (0, "err hello\n"));
    assert_eq!(output, "out hello\n1777\n1024\n");
    // `/kiln/run`, which is not there, would have a broken pipe end the command; a shell ignores signals itself.
    let masks = shell(&request, &["/bin/sed", "-n", "s/^SigIgn:\t//p", "/proc/self/status"]);
    let ignored = run(bench, &masks, "").unwrap().1;
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).unwrap() & 0x7fff_ffff, 0);
}

fn statuses(bench: &Bench) {
    for (script, expected) in [("true", 0), ("exit 77", 77), ("kill -9 $$", 137)] {
        let shell = shell(&bench.request(""), &["/bin/sh", "-c", script]);
        assert_eq!(run(bench, &shell, "").unwrap().0, expected, "{script}");
    }
}

fn thrown_away(bench: &Bench) {
    let script = "test ! -e new; test ! -e /bin/new; echo x > new; echo x > /bin/new; rm source.txt; \
                  rm /bin/cat; mkdir -m 0 /closed";
    let shell = shell(&bench.request(""), &["/bin/sh", "-e", "-c", script]);
    for _ in 0..2 {
        assert_eq!(run(bench, &shell, "").unwrap().0, 0);
    }
    bench.assert_clean();
}

fn no_folder(bench: &Bench) {
    let mut shell = shell(&bench.request(""), &["/bin/true"]);
    shell.folder = String::from("/no/such");
    let error = run(bench, &shell, "").unwrap_err();
    assert!(error.to_string().starts_with("`bwrap` could not set the sandbox up"), "{error}");
    bench.assert_clean();
}

fn cancelled(bench: &Bench) {
    let shell = shell(&bench.request(""), &["/bin/sh", "-c", "trap '' TERM HUP; sleep 1000000"]);
    shell.cancel.set();
    assert_eq!(run(bench, &shell, "").unwrap().0, 137);
    bench.assert_clean();
}

/// A pseudoterminal: what is typed and shown.
pub(crate) struct Terminal {
    outer: File,
    shown: String,
}

impl Terminal {
    /// Makes one, and returns its inner side too.
    pub(crate) fn new() -> (Self, OwnedFd) {
        let outer = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&outer).unwrap();
        unlockpt(&outer).unwrap();
        let size = Winsize { ws_row: 41, ws_col: 107, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&outer, size).unwrap();
        let name = ptsname(&outer, Vec::new()).unwrap();
        let inner = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        (Self { outer: File::from(outer), shown: String::new() }, OwnedFd::from(inner))
    }

    fn type_in(&mut self, keys: &str) {
        self.outer.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until something is shown; what is shown up to it is not looked at again.
    fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            let mut bytes = [0; 4096];
            let n_read = self.outer.read(&mut bytes).unwrap();
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..n_read]));
        }
    }
}

/// Runs a command on a terminal while something is typed there, and returns its status.
fn on_terminal(bench: &Bench, argv: &[&str], person: impl FnOnce(&mut Terminal)) -> i32 {
    let shell = shell(&bench.request(""), argv);
    let (mut terminal, inner) = Terminal::new();
    let status = std::thread::scope(|scope| {
        let runner = &bench.runner;
        let run = scope.spawn(|| runner.shell(&shell, Stdio::Terminal(inner)).unwrap());
        person(&mut terminal);
        run.join().unwrap()
    });
    bench.assert_clean();
    status
}

/// Says that it runs, in words that are not among those that were typed, and then nothing for ever.
const FOREVER: &str = "sh -c 'echo run\"\"ning; exec sleep 1000000'\n";

fn keys(bench: &Bench) {
    let status = on_terminal(bench, &["/bin/sh", "-i"], |terminal| {
        terminal.type_in(FOREVER);
        terminal.wait_for("running\r\n");
        terminal.type_in("\x03");
        terminal.type_in("echo st\"\"atus $?\n");
        terminal.wait_for("status 130\r\n");
        terminal.type_in(FOREVER);
        terminal.wait_for("running\r\n");
        terminal.type_in("\x1a");
        terminal.wait_for("Stopped");
        terminal.type_in("kill -9 %1; fg; tty < /dev/tty; echo $PWD; exit 3\n");
        terminal.wait_for("/build\r\n");
    });
    assert_eq!(status, 3);
}

fn single(bench: &Bench) {
    let script = "trap 'echo; echo interrupted; exit 9' INT; echo running; while :; do :; done";
    let status = on_terminal(bench, &["/bin/sh", "-c", script], |terminal| {
        terminal.wait_for("running\r\n");
        // Nobody could wake what this would stop.
        terminal.type_in("\x1a");
        terminal.type_in("\x03");
        terminal.wait_for("interrupted\r\n");
    });
    assert_eq!(status, 9);
    // No shell of busybox before it: that one hears nothing of this key until it has become another program.
    let status = on_terminal(bench, &["/bin/yes", "running"], |terminal| {
        terminal.wait_for("running\r\n");
        terminal.type_in("\x1c");
    });
    assert_eq!(status, 131);
}

fn size(bench: &Bench) {
    let status = on_terminal(bench, &["/bin/stty", "size"], |terminal| {
        terminal.wait_for("41 107\r\n");
    });
    assert_eq!(status, 0);
}

fn late(bench: &Bench) {
    let shell = shell(&bench.request(""), &["/bin/seq", "2000"]);
    let (mut terminal, inner) = Terminal::new();
    assert_eq!(bench.runner.shell(&shell, Stdio::Terminal(inner)).unwrap(), 0);
    terminal.wait_for("\r\n1999\r\n2000\r\n");
}

fn hang_up(bench: &Bench) {
    let script = "trap '' HUP TERM; echo running; while :; do :; done";
    let status = on_terminal(bench, &["/bin/sh", "-c", script], |terminal| {
        terminal.wait_for("running\r\n");
        terminal.outer = File::open("/dev/null").unwrap();
    });
    assert_eq!(status, 137);
}
