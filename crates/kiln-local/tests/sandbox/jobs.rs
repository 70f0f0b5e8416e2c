//! Recipes of GNU make in several sandboxes at a time.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::thread::Scope;

use kiln_action::Request;
use kiln_local::{Shell, Stdio};
use kiln_stage::{Taking, Times, capture};
use kiln_tree::Tree;

use crate::Case;
use crate::bench::{Bench, entries};

pub(crate) const CASES: &[Case] = &[
    ("make runs its recipes beside each other", beside),
    ("two makes share the job tokens", share),
    ("a make that was killed costs no token", killed),
    ("a make that makes up tokens leaves none", made_up),
];

/// Brings GNU make with its C library from the packages of `make fixtures`.
fn make(bench: &Bench) -> Tree {
    let folder = bench.folder.join("make");
    if !folder.exists() {
        let pool = kiln_testkit::project_root().join("target/mirror/debian/pool/main");
        for (package, name) in [("g/glibc", "libc6_"), ("m/make-dfsg", "make_")] {
            let is_it = |path: &&std::path::PathBuf| {
                path.file_name().unwrap().to_str().unwrap().starts_with(name)
            };
            let packages = entries(&pool.join(package));
            let package = packages.iter().find(is_it).expect("`make fixtures` brought it");
            let unpacked = Command::new("dpkg-deb").arg("-x").args([package, &folder]).status();
            assert!(unpacked.unwrap().success());
        }
        for unneeded in ["usr/share", "usr/lib", "usr/include"] {
            std::fs::remove_dir_all(folder.join(unneeded)).ok();
        }
    }
    capture(&bench.cas, &folder, Times::Strip, Taking::Copy).unwrap().tree
}

/// Makes the request of a build that has a makefile.
fn request(bench: &Bench, makefile: &str, script: &str) -> Request {
    let upper = bench.upper(&[("build/Makefile", makefile)]);
    let mut request = bench.request_on(script, vec![bench.shell.clone(), make(bench)], upper);
    request.action.command.environment.insert("PATH".to_owned(), "/bin:/usr/bin".to_owned());
    request
}

/// Each of its two recipes waits for the other one.
const PAIR: &str = "both: a b\na:\n\t@touch a; while [ ! -e b ]; do :; done\n\
                    b:\n\t@touch b; while [ ! -e a ]; do :; done\n";

fn beside(bench: &Bench) {
    let run = bench.run(&request(bench, PAIR, "make")).unwrap();
    run.out();
    assert_eq!(run.text, "", "neither `-j` nor the tokens are anything to warn about");
}

/// Four recipes that say when they start and when they end; in between they wait to be let go on.
const FOUR: &str = "all: 1 2 3 4\n1 2 3 4:\n\t@echo s; read line <&9; \
                    i=0; while [ $$i -lt 40000 ]; do i=$$((i+1)); done; echo e\n";

/// A make in a shell, whose recipes go on when something is written.
struct Making {
    go_on: PipeWriter,
}

impl Making {
    fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        bench: &'scope Bench,
        request: &Request,
        said: &PipeWriter,
    ) -> Self {
        let (input, go_on) = pipe().unwrap();
        let streams = [OwnedFd::from(input), said.try_clone().unwrap().into(), errors(bench)];
        let shell = Shell {
            action: request.action.clone(),
            staging: request.staging.clone(),
            argv: ["/bin/sh", "-c", "exec 9<&0; exec make"].map(str::to_owned).to_vec(),
            folder: "/build".to_owned(),
            advice: request.advice.clone(),
            cancel: request.cancel.clone(),
        };
        let runner = &bench.runner;
        scope.spawn(move || {
            assert_eq!(runner.shell(&shell, Stdio::Given(streams)).unwrap(), 0);
        });
        Self { go_on }
    }
}

fn errors(bench: &Bench) -> OwnedFd {
    File::options().append(true).create(true).open(bench.folder.join("errors")).unwrap().into()
}

fn share(bench: &Bench) {
    let request = request(bench, FOUR, "");
    let (mut heard, said) = pipe().unwrap();
    let (mut n_running, mut most) = (0_i32, 0);
    std::thread::scope(|scope| {
        let mut makes = [(); 2].map(|()| Making::start(scope, bench, &request, &said));
        drop(said);
        let mut n_started = 0;
        let mut word = [0; 2];
        // All recipes of both, one line for its start and one for its end.
        for _ in 0..16 {
            heard.read_exact(&mut word).unwrap();
            n_running += if &word == b"s\n" { 1 } else { -1 };
            most = most.max(n_running);
            n_started += i32::from(&word == b"s\n");
            if n_started == 2 && n_running == 2 {
                // Both tokens are in use; from now on nobody waits.
                for making in &mut makes {
                    making.go_on.write_all(b"\n\n\n\n").unwrap();
                }
            }
        }
    });
    assert_eq!((n_running, most), (0, 2));
    check_rest(&mut heard);
}

/// Checks that nothing else was said.
fn check_rest(heard: &mut PipeReader) {
    let mut rest = String::new();
    heard.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

fn killed(bench: &Bench) {
    // The shell kills a make that has both tokens: its own, and the one that it took.
    let script =
        "make & make=$!; while [ ! -e a ] || [ ! -e b ]; do :; done; kill -9 $make; exit 3";
    let forever = "both: a b\na b:\n\t@touch $@; while :; do :; done\n";
    let run = bench.run(&request(bench, forever, script)).unwrap();
    assert_eq!(run.outcome.ending, kiln_action::Ending::Exit(3), "{}", run.text);
    beside(bench);
    let cancelled = request(bench, forever, "make");
    let cancel = cancelled.cancel.clone();
    std::thread::scope(|scope| {
        let runner = &bench.runner;
        let run = scope.spawn(|| kiln_action::Runner::run(runner, &cancelled).unwrap().ending);
        cancel.set();
        assert_eq!(run.join().unwrap(), kiln_action::Ending::Cancelled);
    });
    beside(bench);
}

fn made_up(bench: &Bench) {
    bench.sh("head -c 9000 /dev/zero >&4").out();
    share(bench);
}
