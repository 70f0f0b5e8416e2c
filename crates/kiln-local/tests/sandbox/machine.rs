//! Machines on which something is missing or full.
//!
//! Such a case goes on in a user namespace where it has such a machine, in this program started once more.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use kiln_action::{Ending, Runner};
use kiln_digest::Digest;
use kiln_local::LocalRunner;
use kiln_sandbox::Launcher;

use crate::Case;
use crate::bench::{Bench, entries, launcher};

/// First argument of this program when it goes on in a namespace; the second one is a folder named for the case.
pub(crate) const ELSEWHERE: &str = "__elsewhere";

pub(crate) const CASES: &[Case] = &[
    ("a disk that is full at capture is one error", |bench| {
        go(bench, "full", "mount -t tmpfs -o size=12m none \"$1\"");
    }),
    ("refused user namespaces are told", |bench| {
        go(bench, "refused", "echo 0 > /proc/sys/user/max_user_namespaces");
    }),
    ("a missing bwrap is told", |bench| check_bwrap(bench, None, "K4001", "not on the path")),
    ("a bwrap that cannot be started is told", |bench| {
        check_bwrap(bench, Some("/no/bwrap"), "K4005", "`/no/bwrap`");
    }),
    ("a bwrap that fails is told", |bench| {
        check_bwrap(bench, Some("/bin/false"), "K4004", "exit status: 1");
    }),
];

/// Prepares a machine by a script in a user and mount namespace, and goes on there.
pub(crate) fn go(bench: &Bench, case: &str, prepare: &str) {
    let folder = bench.folder.join(case);
    std::fs::create_dir(&folder).unwrap();
    let script = format!("{prepare} && exec \"$0\" {ELSEWHERE} \"$1\"");
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .args([&std::env::current_exe().unwrap(), &folder])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Goes on with a terminal of its own; returns what was printed there.
pub(crate) fn on_a_terminal(bench: &Bench, case: &str) -> String {
    let folder = bench.folder.join(case);
    std::fs::create_dir(&folder).unwrap();
    let shell = bench.folder.join("shell");
    if shell.exists() {
        std::os::unix::fs::symlink(shell, folder.join("shell")).unwrap();
    }
    let program = std::env::current_exe().unwrap();
    let command = format!("'{}' {ELSEWHERE} '{}'", program.display(), folder.display());
    let output = Command::new("script").args(["-qec", &command, "/dev/null"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Goes on as an ordinary user, with this program and the shell where he can read them.
pub(crate) fn go_as_somebody(bench: &Bench, case: &str) {
    if !rustix::process::geteuid().is_root() {
        // He is the one who runs this.
        return;
    }
    let script = "mkdir \"$1\" && cp \"$0\" \"$1/program\" && cp -a \"$2\" \"$1/shell\" && \
                  chmod 755 \"$1/..\" && chown -R 65534:65534 \"$1\" && \
                  exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$1/program\" \"$3\" \"$1\"";
    let status = Command::new("sh")
        .args(["-c", script])
        .args([&std::env::current_exe().unwrap(), &bench.folder.join(case)])
        .args([&kiln_testkit::shell(), Path::new(ELSEWHERE)])
        .status()
        .unwrap();
    assert!(status.success());
}

pub(crate) fn go_on(folder: &str) -> ExitCode {
    let bench = Bench::new(Path::new(folder));
    call(folder.rsplit('/').next().unwrap_or_default(), &bench);
    ExitCode::SUCCESS
}

fn call(case: &str, bench: &Bench) {
    match case {
        "full" => full(bench),
        "refused" => check_error(bench, &bench.runner, "K4002", "user namespaces"),
        "overlay" => crate::ladder::on_overlay(bench),
        "somebody" => {
            crate::ladder::same(bench);
            assert_eq!(crate::run_cases(crate::PLAIN, bench, None), 0);
        }
        "typed" => crate::escape::typed(bench),
        other => panic!("no case {other:?}"),
    }
}

/// Checks the code and a part of the text of the error that every command has.
fn check_error(bench: &Bench, runner: &LocalRunner, code: &str, text: &str) {
    let Err(error) = runner.run(&bench.request("true")) else { panic!("it ran") };
    assert_eq!(error.code().unwrap().to_string(), code, "{error}");
    assert!(error.to_string().contains(text), "{error}");
    assert!(error.help().is_some());
    bench.assert_clean();
}

fn check_bwrap(bench: &Bench, bwrap: Option<&str>, code: &str, text: &str) {
    let launcher = Launcher { bwrap: bwrap.map(PathBuf::from), ..launcher() };
    let runner = LocalRunner::new(bench.cas.clone(), launcher, "other", 2).unwrap();
    check_error(bench, &runner, code, text);
}

fn full(bench: &Bench) {
    // The command itself succeeds; what is full is the place for what is to be kept.
    let fill = "mkdir /out/a; echo 1 > /out/a/1; dd if=/dev/zero of=/fill bs=64k 2> /dev/null || true; \
                dd if=/dev/zero of=/fill2 bs=1 2> /dev/null || true";
    let failing = format!("{fill}; exit 1");
    let Err(error) = bench.run(&bench.request(&failing)) else { panic!("recorded as its failure") };
    assert_eq!(error.code().unwrap().to_string(), "K4012");
    bench.assert_clean();
    let Err(error) = bench.run(&bench.request(fill)) else { panic!("kept on a full disk") };
    let code = error.code().unwrap().to_string();
    assert!(matches!(code.as_str(), "K5004" | "K5012"), "{code}: {error}");
    bench.assert_clean();
    for folder in entries(&bench.store().join("cas")) {
        for blob in entries(&folder) {
            let name =
                blob.file_name().unwrap().to_str().unwrap().trim_end_matches(".x").to_owned();
            let hex = Digest::of(&std::fs::read(&blob).unwrap()).hex();
            assert!(hex.ends_with(&name), "half-written: {}", blob.display());
        }
    }
    let run = bench.sh("echo 1 > /out/1");
    assert_eq!(run.outcome.ending, Ending::Exit(0), "there is space again: {}", run.text);
}
