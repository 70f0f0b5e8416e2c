//! Elements whose sources are patched.

use kiln_cas::Cas as _;
use kiln_digest::Digest;
use kiln_exec::ExecError;
use kiln_tree::{Draft, File, Node, RelPath};

use crate::world::World;

const LINES: &str = "a=put x y=import:/src patch:p";

fn patched(text: &str) -> World {
    let mut world = World::new();
    change(&mut world, text);
    world
}

fn change(world: &mut World, text: &str) {
    world.patches.insert("p".to_owned(), text.as_bytes().to_vec());
}

fn make(path: &str) -> String {
    format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+new\n")
}

#[test]
fn patches_are_applied_before_the_first_phase_and_before_an_import() {
    let world = patched(&make("d/f"));
    world.check(LINES, "launch:a");
    let built = kiln_artifact::Index::latest(&world.index, "p", "a").unwrap().unwrap();
    let out = world.cas.read_tree(built.run().unwrap().out.unwrap()).unwrap();
    assert_eq!(out.files().count(), 1);
    let artifact = kiln_artifact::Index::get(&world.index, built.key()).unwrap().unwrap();
    let out = world.cas.read_tree(artifact.out).unwrap();
    let root = world.seen.lock().unwrap()[0].root.clone();
    for (tree, path) in [(&root, "build/d/f"), (&out, "src/d/f")] {
        let Some(Node::File(file)) = tree.get(&RelPath::parse(path).unwrap()) else {
            panic!("no {path}");
        };
        assert_eq!(world.cas.read(file.digest).unwrap(), b"new\n");
    }
}

#[test]
fn another_patch_with_the_same_effect_runs_nothing() {
    let lines = "a=put x y=patch:p";
    let mut world = patched(&make("f"));
    world.check(lines, "launch:a");
    change(&mut world, &format!("Makes f.\n{}", make("f")));
    world.check(lines, "cutoff:a");
    change(&mut world, &make("g"));
    world.check(lines, "launch:a");
}

#[test]
fn a_patch_that_does_not_fit_ends_the_run() {
    let world = patched(&make("bin/sh"));
    let (words, report) = world.execute(LINES);
    assert!(words.is_empty(), "{words:?}");
    let Err(ExecError::Patch { element, cause }) = report else { panic!("{report:?}") };
    assert_eq!(element.as_str(), "a");
    let message =
        "`p` (line 1) cannot change `bin/sh`: the patch makes it, and it is there already";
    assert_eq!(cause.to_string(), message);
}

/// Returns how often a patch was read since this was asked last.
fn n_read(world: &World) -> usize {
    let supplied = std::mem::take(&mut *world.supplied.lock().unwrap());
    supplied.iter().filter(|name| name.starts_with("patch")).count()
}

#[test]
fn the_same_patches_of_the_same_tree_are_applied_once() {
    let mut world = patched(&make("f"));
    world.check("a=put x y=patch:p", "launch:a");
    assert_eq!(n_read(&world), 1);
    world.check("a=put x z=patch:p", "launch:a");
    world.check("a=put x z=patch:p\nb=put b b=patch:p", "launch:b");
    assert_eq!(n_read(&world), 0);
    let roots: Vec<_> = world.seen.lock().unwrap().iter().map(|seen| seen.root.clone()).collect();
    let path = RelPath::parse("build").unwrap();
    assert_eq!(roots.len(), 3);
    assert!(roots.iter().all(|root| root.subtree(&path) == roots[0].subtree(&path)));
    change(&mut world, &make("g"));
    world.check("a=put x y=patch:p", "launch:a");
    assert_eq!(n_read(&world), 1);
}

#[test]
fn what_is_remembered_counts_only_while_all_of_it_is_there() {
    let world = patched(&make("f"));
    world.check("a=put x y=patch:p", "launch:a");
    let right = world.remembered.lock().unwrap().clone();
    // A tree that is not there, and one of which a file is not there.
    let mut draft = Draft::default();
    let lost = File::new(Digest::of(b"lost"), false);
    draft.put(&RelPath::parse("f").unwrap(), lost).unwrap();
    let torn = draft.seal();
    for (script, written) in [("put x z", false), ("put x u", true)] {
        if written {
            world.cas.write_tree(&torn).unwrap();
        }
        world.remembered.lock().unwrap().values_mut().for_each(|tree| *tree = torn.digest());
        n_read(&world);
        world.check(&format!("a={script}=patch:p"), "launch:a");
        assert_eq!(n_read(&world), 1, "{script}");
        assert_eq!(*world.remembered.lock().unwrap(), right);
    }
}
