//! Builds that end early, and builds at the same time.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use kiln_event::Event;

use crate::bench::{Bench, Said, launched, records, said};

/// An element that sleeps for ever and hears no signal when it gets one processor, and is quick with two: the number is
/// in no key.
pub(crate) fn sleeper() -> Bench {
    let bench = Bench::new(&[]);
    let text = format!(
        "Manual {{\n  source = Local(./src)\n  install = \"trap '' INT TERM HUP; if [ $KILN_JOBS = 1 ]; then sleep {} & wait; fi; cat text > $KILN_OUT/text\"\n}}\n",
        bench.mark()
    );
    bench.write("app.kiln", &text);
    bench.write("src/text", "zero\n");
    bench
}

/// Sends a signal to a process, or to a group of a negative number.
pub(crate) fn signal(name: &str, process: i64) {
    let sent = Command::new("sh").args(["-c", &format!("kill -s {name} -- {process}")]).status();
    assert!(sent.expect("every system has sh").success());
}

/// A build that does not outlive its test.
pub(crate) struct Started(pub(crate) Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Started {
    fn kill(&mut self) {
        self.0.kill().expect("it sleeps and cannot have ended");
        self.0.wait().expect("it is our child");
    }
}

/// Starts `kiln build -j 1` in a group of its own.
fn start(bench: &Bench) -> Started {
    let mut command = bench.kiln();
    command.args(["build", "app", "-j", "1"]).process_group(0);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Started(command.spawn().expect("kiln starts"))
}

/// Whether the sandbox of the sleeper is there and sleeps.
pub(crate) fn is_launched(bench: &Bench) -> bool {
    bench.runs().iter().any(|run| !launched(&records(run)).is_empty())
        && bench.processes().iter().any(|process| process.contains("sleep"))
}

/// The build works, as if nothing had been, and leaves nothing behind.
#[track_caller]
fn builds(bench: &Bench, expected: &str) {
    let said = bench.run(&["build", "app", "-j", "2"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    let out = bench.path("checkout");
    let said = bench.run(&["checkout", "app", &out.display().to_string()]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(fs::read_to_string(out.join("text")).expect("it was built"), expected);
    fs::remove_dir_all(out).expect("the folder is ours");
    assert_eq!(bench.leftovers(), [""; 0]);
}

/// Kills builds at moments of a fixed series; what follows must not notice.
fn killed(seed: u64, rounds: u64) {
    let bench = sleeper();
    let mut random = seed;
    for round in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let text = format!("{round}\n");
        bench.write("src/text", &text);
        let mut child = start(&bench);
        // Nothing depends on where in the build this is, only that it is somewhere else each time.
        thread::park_timeout(Duration::from_millis((random >> 33) % 500));
        child.kill();
        bench.wait_until("no process is left", |bench| bench.processes().is_empty());
        builds(&bench, &text);
    }
}

#[test]
fn builds_that_were_killed_leave_nothing_that_matters() {
    thread::scope(|scope| {
        for seed in [1, 2] {
            scope.spawn(move || killed(seed, 10));
        }
    });
}

#[test]
fn a_build_killed_in_its_sandbox_leaves_no_process() {
    let bench = sleeper();
    let mut child = start(&bench);
    bench.wait_until("the sandbox runs", is_launched);
    child.kill();
    bench.wait_until("no process is left", |bench| bench.processes().is_empty());
    builds(&bench, "zero\n");
}

#[test]
fn ctrl_c_ends_a_build_and_all_it_started() {
    for (name, expected) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let bench = sleeper();
        let mut child = start(&bench);
        bench.wait_until("the sandbox runs", is_launched);
        signal(name, -i64::from(child.0.id()));
        let status = child.0.wait().expect("it is our child");
        assert_eq!(status.code(), Some(expected), "{name}");
        assert_eq!(bench.leftovers(), [""; 0]);
        builds(&bench, "zero\n");
    }
}

/// Starts a build that waits for a mirror, which never answers.
fn waiting_for_a_mirror(bench: &Bench, mirror: &TcpListener) -> (Started, TcpStream) {
    bench.write("mirror/a-1.0/file", "content\n");
    let folder = bench.path("project/mirror");
    let tar = Command::new("tar").current_dir(&folder).args(["-cf", "a-1.0.tar", "a-1.0"]).status();
    assert!(tar.expect("every system has tar").success());
    bench.write("fetched.kiln", "Manual { source = Tar(\"far:a-1.0.tar\"), install = \"true\" }\n");
    let near = format!("far=file://{}", folder.display());
    let tracked = bench.run(&["track", "fetched", "--mirror", &near]);
    assert_eq!(tracked.status, 0, "{tracked:?}");
    fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
    let far = format!("far=http://{}", mirror.local_addr().expect("it listens"));
    let mut command = bench.kiln();
    command.args(["build", "fetched", "--mirror", &far]).process_group(0);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = Started(command.spawn().expect("kiln starts"));
    let (connection, _) = mirror.accept().expect("kiln asks the mirror");
    (child, connection)
}

#[test]
fn ctrl_c_ends_a_download_and_a_second_one_everything() {
    for n_signals in [1, 2] {
        let bench = Bench::new(&[]);
        let mirror = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let (mut child, connection) = waiting_for_a_mirror(&bench, &mirror);
        for _ in 0..n_signals {
            signal("INT", -i64::from(child.0.id()));
        }
        let mut status = None;
        bench.wait_until("the build ends", |_| {
            status = child.0.try_wait().expect("it is our child");
            status.is_some()
        });
        assert_eq!(status.and_then(|status| status.code()), Some(130), "{n_signals}");
        let runs = bench.runs();
        let ended = |run: &PathBuf| matches!(records(run).last(), Some(Event::RunEnded { .. }));
        // It came to its end by itself: nobody lost his patience, and after one signal nobody else ended it.
        assert!(n_signals == 2 || runs.iter().all(ended), "{runs:?}");
        drop(connection);
    }
}

#[test]
fn two_builds_of_one_target_at_once_both_succeed() {
    let bench = sleeper();
    for round in 0..5 {
        let text = format!("{round}\n");
        bench.write("src/text", &text);
        let both: Vec<Said> = thread::scope(|scope| {
            let build = || said(bench.kiln().args(["build", "app", "-j", "2"]));
            let both = [scope.spawn(build), scope.spawn(build)];
            both.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
        });
        for said in both {
            assert_eq!(said.status, 0, "{}", said.stderr);
        }
        builds(&bench, &text);
    }
}

#[test]
fn each_kind_of_end_has_its_exit_status() {
    let bench = sleeper();
    bench.write("bad.kiln", "Manual { install = \"exit 77\" }\n");
    bench.write("fetched.kiln", "Manual { source = Tar(\"nowhere:a.tar\"), install = \"true\" }\n");
    let check = |arguments: &[&str], expected: i32| {
        let said = bench.run(arguments);
        assert_eq!(said.status, expected, "{arguments:?}: {}", said.stderr);
    };
    check(&["build", "app", "-j", "2"], 0);
    check(&["build", "bad"], 1);
    check(&["build", "--no-such-flag"], 2);
    check(&["build", "no-such-element"], 3);
    check(&["track", "fetched"], 4);
    let cache = bench.path("spoilt/cache");
    fs::create_dir_all(cache.parent().expect("it lies in the bench")).expect("the folder is ours");
    fs::write(&cache, "").expect("the folder is ours");
    let broken = said(bench.kiln().arg("show").arg("app").env("KILN_HOME", bench.path("spoilt")));
    assert_eq!(broken.status, 5, "{}", broken.stderr);
    bench.write("src/text", "for want of bubblewrap\n");
    let bare = said(bench.kiln().args(["build", "app"]).env("PATH", bench.path("home")));
    assert_eq!(bare.status, 6, "{}", bare.stderr);
}
