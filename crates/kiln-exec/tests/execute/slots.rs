//! Order, slots, shares, and what a failure does to what runs.

use crate::world::World;

#[test]
fn the_longest_way_goes_first() {
    let world = World::new();
    // Nothing is known: the chain is longer than the single ones.
    let lines = "a=put a 1\nb=put b 1\ny=put y 1=z\nz=put z 1";
    world.check_order(lines, "launch:z launch:a launch:b launch:y");
    // `b` took longest the last time.
    let lines = "a=put a 2\nb=took 9000000\ny=took 10=z\nz=took 10";
    world.execute(lines).1.unwrap();
    let lines = "a=put a 3\nb=put b 3\ny=put y 3=z\nz=put z 3";
    world.check_order(lines, "launch:b launch:z launch:y launch:a");
}

#[test]
fn actions_share_the_processors() {
    let check = |lines: &str, jobs: &[&str]| {
        let mut world = World::new();
        world.slots = 6;
        world.execute(lines).1.unwrap();
        let seen = world.seen.into_inner().unwrap();
        let mut seen: Vec<_> = seen.iter().map(|seen| seen.jobs.as_str()).collect();
        seen.sort_unstable();
        assert_eq!(seen, jobs);
    };
    check("a=put a 1\nb=put b 1=a", &["6", "6"]);
    check("a=meet\nb=meet", &["6", "6"]);
}

#[test]
fn sources_are_fetched_ahead() {
    let world = World::new();
    world.check(
        "a=fetched later\nb=put b 1=a tar:later\nc=put c 1=tar:sooner",
        "launch:a launch:b launch:c",
    );
    let mut supplied = world.supplied.into_inner().unwrap();
    supplied.sort();
    assert_eq!(supplied, ["later", "shell", "sooner"]);
}

#[test]
fn what_cannot_be_fetched_ends_the_run_when_it_is_needed() {
    let mut world = World::new();
    let (words, report) = world.execute("a=put a 1\nb=put b 1=a tar:broken");
    assert_eq!(
        (words.join(" "), report.unwrap_err().to_string()),
        ("launch:a".into(), "cannot get what `b` starts from".into())
    );
    // A failure before it is the one that is told.
    let (words, report) = world.execute("a=exit 1\nb=put b 1=a tar:broken");
    assert_eq!(words, ["launch:a", "failed:a:Some(1):one+two:false", "skipped:b<a"]);
    assert_eq!(report.unwrap().failed.len(), 1);
    world.keep_going = true;
    let (words, report) = world.execute("b=put b 1=tar:broken\nc=put c 1=b\nd=put d 1");
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words.contains(&"skipped:c<b".to_owned()) && words.contains(&"launch:d".to_owned()));
    report.unwrap_err();
}

#[test]
fn failing_fast_ends_what_runs() {
    let mut world = World::new();
    (world.slots, world.fail_fast) = (2, true);
    let report = world.check(
        "a=meet; exit 1\nb=meet; wait\nc=put c 1=b",
        "ended:b:7 failed:a:Some(1):one+two:false launch:a launch:b skipped:b<a",
    );
    assert!(!report.cancelled);
}
