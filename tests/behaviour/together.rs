//! Two kilns that want the same at once: one builds it, the other waits and takes it.

use std::path::PathBuf;
use std::process::Stdio;

use kiln_event::Event;

use crate::bench::{Bench, launched, records};
use crate::ending::{Started, signal};

/// Elements that wait until their own sleep is ended; each then ends with what the script says.
fn sleepers(elements: &[(&str, &str)]) -> Bench {
    let bench = Bench::new(&[]);
    for (name, then) in elements {
        let sleep = format!("{} & wait; {then}", sleep(&bench, name));
        let text = format!("Manual {{ install = \"{sleep}\" }}\n");
        bench.write(&format!("{name}.kiln"), &text);
    }
    bench
}

/// Returns the command of an element that sleeps: a number of seconds that no other has.
fn sleep(bench: &Bench, name: &str) -> String {
    let digits = name.bytes().map(|byte| byte.to_string());
    format!("sleep {}{}", bench.mark(), digits.collect::<String>())
}

/// A build that goes on beside the test.
struct Other {
    started: Started,
    run: PathBuf,
}

impl Other {
    /// Starts a build and waits for its record.
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let before = bench.runs();
        let mut command = bench.kiln();
        command.arg("build").args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Started(command.spawn().expect("kiln starts"));
        let mut run = None;
        bench.wait_until("the build has a record", |bench| {
            run = bench.runs().difference(&before).next().cloned();
            run.is_some()
        });
        Self { started, run: run.expect("it was just there") }
    }

    fn id(&self) -> u32 {
        self.started.0.id()
    }

    fn end(&mut self) -> Option<i32> {
        self.started.0.wait().expect("it is our child").code()
    }

    fn launched(&self) -> Vec<String> {
        launched(&records(&self.run))
    }

    /// The elements that were waited for, with the process that was named.
    fn waits(&self) -> Vec<(String, Option<u32>)> {
        let wait = |event: &Event| match event {
            Event::ElementWaits { element, process } => Some((element.to_string(), *process)),
            _ => None,
        };
        records(&self.run).iter().filter_map(wait).collect()
    }
}

/// Returns the processes that sleep for an element.
fn sleeping(bench: &Bench, name: &str) -> Vec<i64> {
    let word = sleep(bench, name);
    let processes = bench.processes().into_iter();
    let found = processes
        .filter(|process| process.split_once(' ').is_some_and(|(_, line)| line.trim() == word));
    let number = |process: String| process.split(' ').next()?.rsplit('/').next()?.parse().ok();
    found.filter_map(number).collect()
}

fn wait_for_sleep(bench: &Bench, name: &str) {
    bench.wait_until("the sandbox sleeps", |bench| !sleeping(bench, name).is_empty());
}

/// Ends the sleep of an element, so that its script goes on.
fn wake(bench: &Bench, name: &str) {
    wait_for_sleep(bench, name);
    for process in sleeping(bench, name) {
        signal("KILL", process);
    }
}

/// Starts two builds of one element, of which the second waits for the first.
fn two(bench: &Bench, name: &str, second: &[&str]) -> [Other; 2] {
    let first = Other::start(bench, &[name, "-j", "1"]);
    wait_for_sleep(bench, name);
    let arguments: Vec<&str> = [name].into_iter().chain(second.iter().copied()).collect();
    let second = Other::start(bench, &arguments);
    bench.wait_until("the second waits", |_| {
        second.waits() == [(name.to_owned(), Some(first.id()))]
    });
    [first, second]
}

#[test]
fn what_another_kiln_builds_is_waited_for_and_taken() {
    let bench = sleepers(&[("app", "echo 1 > $KILN_OUT/app")]);
    let [mut first, mut second] = two(&bench, "app", &["-j", "1"]);
    wake(&bench, "app");
    assert_eq!([first.end(), second.end()], [Some(0), Some(0)]);
    assert_eq!([first.launched(), second.launched()], [vec!["app".to_owned()], vec![]]);
    assert_eq!(bench.leftovers(), [""; 0]);
    let claims = bench.path("kiln/cache/store-v1/claims");
    assert_eq!(claims.read_dir().expect("it was used").count(), 0);
}

#[test]
fn what_a_killed_kiln_was_building_is_built_by_who_waits() {
    let bench = sleepers(&[("app", "echo 1 > $KILN_OUT/app")]);
    let [first, mut second] = two(&bench, "app", &[]);
    signal("KILL", i64::from(first.id()));
    bench.wait_until("the second builds", |_| second.launched() == ["app"]);
    wake(&bench, "app");
    assert_eq!(second.end(), Some(0));
    drop(first);
}

#[test]
fn what_failed_elsewhere_is_told_and_not_run_again_but_for_who_asks() {
    let bench = sleepers(&[("app", "exit 7")]);
    for (arguments, n_launched) in [(&[][..], 0), (&["--retry-failed"], 1)] {
        let [mut first, mut second] = two(&bench, "app", arguments);
        wake(&bench, "app");
        assert_eq!(first.end(), Some(1));
        if n_launched > 0 {
            bench.wait_until("the second builds", |_| second.launched() == ["app"]);
            wake(&bench, "app");
        }
        assert_eq!(second.end(), Some(1));
        assert_eq!(second.launched().len(), n_launched);
        // The next round must not know it.
        bench.write(
            "app.kiln",
            &std::fs::read_to_string(bench.path("project/app.kiln"))
                .expect("it is ours")
                .replace("exit 7", "exit 8"),
        );
    }
}

#[test]
fn what_was_stopped_elsewhere_is_built_by_who_waits() {
    let bench = sleepers(&[("app", "echo 1 > $KILN_OUT/app")]);
    let [mut first, mut second] = two(&bench, "app", &[]);
    signal("INT", i64::from(first.id()));
    assert_eq!(first.end(), Some(130));
    bench.wait_until("the second builds", |_| second.launched() == ["app"]);
    wake(&bench, "app");
    assert_eq!(second.end(), Some(0));
}

#[test]
fn ctrl_c_ends_who_waits_and_nobody_else() {
    let bench = sleepers(&[("app", "echo 1 > $KILN_OUT/app")]);
    let [mut first, mut second] = two(&bench, "app", &[]);
    signal("INT", i64::from(second.id()));
    assert_eq!(second.end(), Some(130));
    wake(&bench, "app");
    assert_eq!(first.end(), Some(0));
}

#[test]
fn two_kilns_that_want_what_the_other_has_both_end() {
    let bench = sleepers(&[("one", "echo 1 > $KILN_OUT/one"), ("two", "echo 2 > $KILN_OUT/two")]);
    let mut first = Other::start(&bench, &["one", "two", "-j", "1"]);
    wait_for_sleep(&bench, "one");
    // It finds the first one taken and begins with the other.
    let mut second = Other::start(&bench, &["one", "two", "-j", "1"]);
    wait_for_sleep(&bench, "two");
    assert_eq!(second.waits(), [("one".to_owned(), Some(first.id()))]);
    wake(&bench, "one");
    bench.wait_until("the first waits", |_| {
        first.waits() == [("two".to_owned(), Some(second.id()))]
    });
    wake(&bench, "two");
    assert_eq!([first.end(), second.end()], [Some(0), Some(0)]);
    assert_eq!([first.launched(), second.launched()], [["one"], ["two"]]);
}
