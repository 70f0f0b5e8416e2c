//! Roots: integrated once, overlaps, what is staged elsewhere.

use kiln_artifact::{Index as _, Record};
use kiln_digest::Digest;
use kiln_exec::{ExecError, Purpose};
use kiln_tree::{Node, RelPath, Tree};

use crate::world::{World, name};

/// `b` and `c` have one root, in which the script of `a` is run.
const TWO: &str = "a=put usr/a 1=integrate:change_usr/cache_x
    b=hash b=a
    c=hash c=a";

#[track_caller]
fn check_file(tree: &Tree, path: &str, content: Option<&str>) {
    let digest = match tree.get(&RelPath::parse(path).unwrap()) {
        Some(Node::File(file)) => Some(file.digest),
        _ => None,
    };
    assert_eq!(digest, content.map(|content| Digest::of(content.as_bytes())), "{path}");
}

#[test]
fn a_root_is_integrated_once() {
    let mut world = World::new();
    world.slots = 3;
    let (words, report) = world.execute(TWO);
    assert_eq!(words.iter().filter(|word| word.starts_with("integrate:")).count(), 1, "{words:?}");
    assert_eq!((report.as_ref().unwrap().launched, report.unwrap().built), (4, 4));
    let seen = world.seen.into_inner().unwrap();
    let builds = seen.iter().filter(|seen| seen.lowers.len() == 3);
    assert_eq!(builds.clone().count(), 2);
    for build in builds {
        check_file(&build.root, "usr/cache", Some("x"));
        check_file(&build.lowers[2], "usr/cache", Some("x"));
        check_file(&build.lowers[2], "usr/a", None);
    }
}

#[test]
fn who_waits_for_an_integration_needs_no_slot() {
    let mut world = World::new();
    world.slots = 2;
    // `b` integrates the root, for which `c` waits; both come before `d`, which the integration has to meet.
    let lines = "a=put usr/a 1=integrate:meet\nb=hash b=a\nc=hash c=a\nd=meet=at:a
        e=hash e=b\nf=hash f=c";
    let (_, report) = world.execute(lines);
    assert_eq!(report.unwrap().built, 7);
}

#[test]
fn one_slot_is_enough_for_all_integrations() {
    let world = World::new();
    let lines = "a=put usr/a 1=integrate:change_usr/x_x\nb=hash b=a\nc=hash c=a\nd=put usr/d 1=a integrate:change_usr/y_y
        e=hash e=d\nf=hash f=d\ng==compose:d";
    let (words, report) = world.execute(lines);
    assert_eq!(
        (report.unwrap().built, words.iter().filter(|word| word.starts_with("integrate:")).count()),
        (8, 2)
    );
}

#[test]
fn an_integration_that_is_known_is_not_run() {
    let world = World::new();
    world.execute(TWO).1.unwrap();
    world.check(&TWO.replace("hash c", "hash d"), "launch:c");
    // Its result is lost: it is made again.
    world.cas.remove(Digest::of(b"x"));
    world.check(&TWO.replace("hash c", "hash e"), "integrate:c:1 launch:c launch:c");
}

#[test]
fn what_an_integration_removes_is_not_staged() {
    let world = World::new();
    world.check(
        "a=put usr/a 1=integrate:remove_usr/a\nb=hash b=a",
        "integrate:b:1 launch:a launch:b launch:b",
    );
    let seen = world.seen.into_inner().unwrap();
    let build = seen.last().unwrap();
    check_file(&build.root, "usr/a", None);
    check_file(&build.root, "bin/sh", Some("sh"));
    assert_eq!(build.lowers.len(), 1);
}

#[test]
fn an_integration_that_fails_fails_what_is_built_on_it() {
    let mut world = World::new();
    world.keep_going = true;
    let lines = "a=put usr/a 1=integrate:exit_3\nb=hash b=a\nc=hash c=a\nd=hash d=b";
    let report = world.check(
        lines,
        "failed:b:Some(3):one+two:false failed:c:Some(3):one+two:false integrate:b:1 launch:a launch:b \
         skipped:d<b",
    );
    assert_eq!((report.failed, report.skipped), (vec![name("b"), name("c")], vec![name("d")]));
    let Some(Record::Failed(failure)) = world.index.latest("p", "b").unwrap() else { panic!() };
    assert!(failure.run.build_tree.is_some());
    world.check(lines, "failed:b:Some(3):one+two:true failed:c:Some(3):one+two:true skipped:d<b");
    world.retry_failed = true;
    world.check(
        lines,
        "failed:b:Some(3):one+two:false failed:c:Some(3):one+two:false integrate:b:1 launch:b \
         skipped:d<b",
    );
}

#[test]
fn a_composition_is_integrated() {
    let world = World::new();
    let lines = "a=put usr/a 1=integrate:change_usr/cache_x integrate:change_bin/sh_evil
        image==compose:a";
    world.check(lines, "integrate:image:2 launch:a launch:image made:image");
    let image = world.index.latest("p", "image").unwrap().unwrap();
    let Record::Built(artifact) = image else { panic!() };
    let tree = kiln_cas::Cas::read_tree(&world.cas, artifact.out).unwrap();
    let paths: Vec<String> = tree.files().map(|(path, _)| path.to_string()).collect();
    // The base is not part of it.
    assert_eq!(paths, ["usr/a", "usr/cache"]);
}

#[test]
fn overlaps_are_told_once_and_may_be_denied() {
    let mut world = World::new();
    let lines = "a=put usr/x 1\nb=put usr/x 2\nc=hash c=a b\nd=hash d=a b";
    let warning = "K4104:`/usr/x` in the root of `c`: `b` replaces what `a` brings";
    world.check(lines, &format!("{warning} launch:a launch:b launch:c launch:d"));
    world.deny.insert("overlaps".to_owned());
    let lines = "a=put usr/x 1\nb=put usr/x 3=integrate:change_usr/y_x\nc=hash c=a b";
    let (words, report) = world.execute(lines);
    assert_eq!(words, ["launch:b"]);
    let error = report.unwrap_err();
    let listed = "overlaps in the root of `c`: `/usr/x`: `b` replaces what `a` brings";
    assert_eq!(error.to_string(), listed);
    world.check("a=put usr/x 1\nb=put usr/x 4=overlaps:/usr/*\nc=hash c=a b", "launch:b launch:c");
}

#[test]
fn warnings_may_be_denied() {
    let mut world = World::new();
    world.deny.insert("warnings".to_owned());
    let lines = "a=warn=b\nb=put b 1";
    let (_, report) = world.execute(lines);
    let denied = |report: Result<_, ExecError>| match report {
        Err(ExecError::Warnings { element, warnings }) => (element, warnings),
        other => panic!("{other:?}"),
    };
    let warned = (name("a"), vec!["a device was dropped".to_owned()]);
    assert_eq!(denied(report), warned);
    world.deny.clear();
    world.check(lines, "K4103:`a`: a device was dropped launch:a");
    // What is known of the action is no better.
    world.deny.insert("warnings".to_owned());
    let (words, report) = world.execute(&format!("{lines} #comment"));
    assert_eq!((words, denied(report)), (vec!["launch:b".to_owned()], warned));
}

#[test]
fn what_is_staged_elsewhere_is_there_and_not_integrated() {
    let world = World::new();
    world.check("a=put lib/a 1=integrate:change_lib/cache_x\nb=hash b=at:a", "launch:a launch:b");
    let seen = world.seen.into_inner().unwrap();
    let build = seen.last().unwrap();
    check_file(&build.root, "at/lib/a", Some("1"));
    check_file(&build.root, "lib/a", None);
}

#[test]
fn a_sandbox_is_prepared_without_running_it() {
    let world = World::new();
    let lines = "a=put usr/a 1=integrate:change_usr/cache_x\nb=put b 2=a";
    world.execute(lines).1.unwrap();
    let n_before = world.seen.lock().unwrap().len();
    let build = world.prepare(lines, "b", Purpose::Build).unwrap();
    let seen = world.seen.lock().unwrap();
    assert_eq!(build.action.input_root, seen.last().unwrap().root);
    assert_eq!(seen.len(), n_before);
    drop(seen);
    // With itself the root is another, which is integrated, too.
    let using = world.prepare(lines, "b", Purpose::Use).unwrap();
    for (path, content) in [("usr/cache", "x"), ("b", "2"), ("usr/a", "1")] {
        check_file(&using.action.input_root, path, Some(content));
    }
    assert_eq!(world.seen.lock().unwrap().len(), n_before + 1);
    let broken = lines.replace("change_usr/cache_x", "exit_1");
    world.execute("a=put usr/a 1=integrate:exit_1").1.unwrap();
    let error = world.prepare(&broken, "b", Purpose::Build).unwrap_err();
    assert!(matches!(error, ExecError::Integration { .. }), "{error}");
}
