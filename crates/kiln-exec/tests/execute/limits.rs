//! Limits, and whose build trees are kept.

use kiln_artifact::{Index as _, Record};
use kiln_cas::Cas as _;
use kiln_exec::BuildTrees;

use crate::world::World;

#[test]
fn what_a_limit_ended_is_kept_and_runs_again() {
    let check = |script: &str, reason: &str| {
        let world = World::new();
        let lines = format!("a={script}\nb=hash b=a");
        let words = format!("ended:a:7 failed:a:None:one+two:false{reason} launch:a skipped:b<a");
        world.check(&lines, &words);
        let Some(Record::Failed(failure)) = world.index.latest("p", "a").unwrap() else { panic!() };
        assert_eq!(failure.stopped.as_deref(), Some(reason));
        assert!(failure.run.build_tree.is_some());
        world.cas.read_tree(failure.run.input_root).unwrap();
        world.cas.read(failure.run.action).unwrap();
        world.check(&lines, &words);
    };
    check("limit", "it ran longer than the limit of 2 s; `--time-limit` sets another");
    check(
        "memory",
        "it failed while the kernel killed processes for want of memory; fewer `--jobs` need less",
    );
    check("silent", "it printed nothing for 60 s; `--silence-limit` sets another");
}

#[test]
fn build_trees_are_kept_by_policy() {
    let check = |build_trees, of_success: bool, of_failure: bool| {
        let mut world = World::new();
        world.build_trees = build_trees;
        world.execute("a=put a 1\nb=exit 1").1.unwrap();
        let kept = |element| {
            let record = world.index.latest("p", element).unwrap().unwrap();
            record.run().unwrap().build_tree.is_some()
        };
        assert_eq!((kept("a"), kept("b")), (of_success, of_failure), "{build_trees:?}");
    };
    check(BuildTrees::Failure, false, true);
    check(BuildTrees::Always, true, true);
    check(BuildTrees::Never, false, false);
}

#[test]
fn what_exists_is_not_built_again_for_its_build_tree() {
    let mut world = World::new();
    world.check("a=put a 1", "launch:a");
    world.build_trees = BuildTrees::Always;
    world.check("a=put a 1", "");
}
