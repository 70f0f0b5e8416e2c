//! What is built, what is reused, what a failure does.

use kiln_artifact::Index as _;
use kiln_cas::Cas as _;
use kiln_digest::Digest;
use kiln_exec::ExecError;

use crate::world::{World, name};

const CHAIN: &str = "a=put a 1\nb=hash b=a\nc=hash c=b";

#[test]
fn a_second_run_has_nothing_to_do() {
    let world = World::new();
    let report = world.check(CHAIN, "launch:a launch:b launch:c");
    assert_eq!((report.built, report.cached, report.launched), (4, 0, 3));
    let report = world.check(CHAIN, "");
    assert_eq!((report.built, report.cached, report.launched), (0, 4, 0));
}

#[test]
fn an_edit_without_effect_ends_at_the_first() {
    let world = World::new();
    world.check(CHAIN, "launch:a launch:b launch:c");
    world.check("a=put a 1 #comment\nb=hash b=a\nc=hash c=b", "cutoff:b cutoff:c launch:a");
    world.check("a=put a 2\nb=hash b=a\nc=hash c=b", "launch:a launch:b launch:c");
}

#[test]
fn a_failure_is_recorded_and_skips_what_needs_it() {
    let mut world = World::new();
    let lines = "a=exit 3\nb=hash b=a\nc=hash c=b";
    let first = "failed:a:Some(3):one+two:false launch:a skipped:b<a skipped:c<a";
    let report = world.check(lines, first);
    assert_eq!(report.failed, [name("a")]);
    assert_eq!(report.skipped.len(), 2);
    world.check(lines, "failed:a:Some(3):one+two:true skipped:b<a skipped:c<a");
    world.retry_failed = true;
    world.check(lines, "failed:a:Some(3):one+two:false launch:a skipped:b<a skipped:c<a");
}

#[test]
fn going_on_builds_what_does_not_need_the_failure() {
    let mut world = World::new();
    let lines = "a=exit 1\nb=put b 1\nc=put c 1=a";
    world.keep_going = true;
    world.slots = 3;
    world.check(lines, "failed:a:Some(1):one+two:false launch:a launch:b skipped:c<a");
}

#[test]
fn lost_content_names_the_keys_to_make_anew() {
    let world = World::new();
    let (_, report) = world.execute(CHAIN);
    report.unwrap();
    let a = world.index.latest("p", "a").unwrap().unwrap();
    world.cas.remove(a.run().unwrap().out.unwrap());
    let (_, report) = world.execute("a=put a 1\nb=put b 5=a");
    assert!(matches!(report, Err(ExecError::Lost { keys }) if keys == [a.key()]));
    world.index.forget(a.key()).unwrap();
    world.check("a=put a 1\nb=put b 5=a", "launch:a launch:b");
}

#[test]
fn a_known_action_with_lost_content_runs_again() {
    let world = World::new();
    let lines = "a=put a 1\nb=put b 5=a";
    world.check(lines, "launch:a launch:b");
    world.cas.remove(Digest::of(b"5"));
    world.check("a=put a 1 #comment\nb=put b 5=a", "launch:a launch:b");
}

#[test]
fn steps_of_several_kinds_give_one_output() {
    let world = World::new();
    let check = |lines: &str, words: &str, expected: &[&str]| {
        world.check(lines, words);
        let artifact = world.index.latest("p", "a").unwrap().unwrap();
        let artifact = world.index.get(artifact.key()).unwrap().unwrap();
        let out = world.cas.read_tree(artifact.out).unwrap();
        let paths: Vec<String> = out.files().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, expected);
    };
    check("a=put a 1=import:/x", "launch:a", &["a", "x/bin/sh"]);
    // Another place for the import: the command is the same.
    check("a=put a 1=import:/y", "cutoff:a", &["a", "y/bin/sh"]);
    check("a=put a 1=import:/y\nb=put b 1=a", "launch:b", &["a", "y/bin/sh"]);
}
