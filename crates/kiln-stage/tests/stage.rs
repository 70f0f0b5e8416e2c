//! Trees as folders: staged, copied, checked out.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed case")]
#![expect(clippy::disallowed_methods, reason = "cases look at the disk")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use kiln_cas::{Cas, DiskCas};
use kiln_digest::Digest;
use kiln_stage::{StageError, Taking, Target, Times, Trees, capture, checkout, write_copy};
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Time, Tree};
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
    cas: Arc<DiskCas>,
    trees: Trees,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let cas = Arc::new(DiskCas::open(&folder.path().join("store")).unwrap());
        Self { trees: Trees::new(cas.clone()), cas, folder }
    }

    fn file(&self, text: &str, executable: bool) -> File {
        File::new(self.cas.write(text.as_bytes()).unwrap(), executable)
    }

    /// A tool, a text, a link to nowhere and an empty folder.
    fn tree(&self) -> Tree {
        let mut draft = Draft::default();
        draft.put(&path("bin/tool"), self.file("same\n", true)).unwrap();
        draft.put(&path("share/text"), self.file("same\n", false)).unwrap();
        draft.put(&path("share/link"), Symlink::new("../nowhere")).unwrap();
        draft.make_folder(&path("empty")).unwrap();
        draft.seal()
    }

    fn captured(&self, folder: &Path) -> Tree {
        capture(&self.cas, folder, Times::Strip, Taking::Copy).unwrap().tree
    }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// Returns mode and time of an entry, a link for itself.
fn look(path: &Path) -> (u32, i64) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.mode() & 0o7777, found.mtime())
}

#[test]
fn a_tree_that_several_want_at_once_is_there_for_all() {
    for _ in 0..20 {
        let bench = Bench::new();
        let tree = bench.tree();
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    assert!(bench.trees.extract(&tree).unwrap().join("bin/tool").is_file());
                });
            }
        });
    }
}

#[test]
fn a_tree_is_staged_once_as_links_to_its_blobs() {
    let bench = Bench::new();
    let tree = bench.tree();
    let place = bench.trees.extract(&tree).unwrap();
    let staged = Time::STAGED.seconds;
    for (name, mode) in [("", 0o755), ("bin", 0o755), ("bin/tool", 0o755), ("share/text", 0o644)] {
        assert_eq!(look(&place.join(name)), (mode, staged), "{name}");
    }
    assert_eq!(look(&place.join("share/link")).1, staged);
    let blob = bench.cas.file(Digest::of(b"same\n"), true).unwrap();
    let ino = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(ino(&place.join("bin/tool")), ino(&blob));
    let first = fs::metadata(&place).unwrap().ino();
    assert_eq!(bench.trees.extract(&tree).unwrap(), place);
    assert_eq!(fs::metadata(&place).unwrap().ino(), first);
    assert_eq!(bench.captured(&place), tree);
}

#[test]
fn many_extract_one_tree() {
    let bench = Bench::new();
    let tree = bench.tree();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| bench.trees.extract(&tree).unwrap());
        }
    });
    assert_eq!(bench.captured(&bench.trees.extract(&tree).unwrap()), tree);
}

#[test]
fn more_equal_files_than_a_file_has_links() {
    let bench = Bench::new();
    let file = bench.file("", false);
    let entry = |n: u32| (kiln_tree::Name::parse(&n.to_string()).unwrap(), Node::File(file));
    let tree = Tree::new((0..65_100).map(entry).collect());
    let place = bench.trees.extract(&tree).unwrap();
    assert_eq!(fs::read_dir(place).unwrap().count(), 65_100);
}

#[test]
fn a_missing_blob_leaves_no_half_tree() {
    let bench = Bench::new();
    let mut draft = Draft::from(bench.tree());
    draft.put(&path("share/gone"), File::new(Digest::of(b"gone"), false)).unwrap();
    let tree = draft.seal();
    let error = bench.trees.extract(&tree).unwrap_err();
    assert!(matches!(error, StageError::Cas(kiln_cas::CasError::Missing { .. })), "{error}");
    bench.cas.write(b"gone").unwrap();
    assert_eq!(bench.captured(&bench.trees.extract(&tree).unwrap()), tree);
}

#[test]
fn a_copy_has_the_times_of_the_tree_and_files_of_its_own() {
    let bench = Bench::new();
    let time = Time { seconds: 1_500_000_000, nanos: 5 };
    let mut draft = Draft::from(bench.tree());
    let old = File { mtime: Some(time), ..bench.file("old\n", false) };
    draft.put(&path("share/old"), old).unwrap();
    let folder = bench.folder.path().join("copy");
    write_copy(&bench.cas, &draft.seal(), &folder).unwrap();
    assert_eq!(look(&folder.join("share/old")), (0o644, 1_500_000_000));
    assert_eq!(look(&folder.join("bin/tool")), (0o755, Time::STAGED.seconds));
    assert_eq!(look(&folder.join("share")), (0o755, Time::STAGED.seconds));
    assert_eq!(look(&folder), (0o755, Time::STAGED.seconds));
    fs::write(folder.join("bin/tool"), "changed").unwrap();
    assert_eq!(bench.cas.read(Digest::of(b"same\n")).unwrap(), b"same\n");
}

#[test]
fn a_checkout_goes_to_a_new_or_an_empty_folder() {
    let bench = Bench::new();
    let tree = bench.tree();
    let empty = bench.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for target in [empty.clone(), bench.folder.path().join("new/deep")] {
        checkout(&bench.cas, &tree, &target, Target::Empty).unwrap();
        assert_eq!(bench.captured(&target), tree);
    }
    let again = checkout(&bench.cas, &tree, &empty, Target::Empty).unwrap_err();
    assert!(matches!(again, StageError::NotEmpty { .. }), "{again}");
    let file = checkout(&bench.cas, &tree, &empty.join("bin/tool"), Target::Any).unwrap_err();
    assert!(matches!(file, StageError::NoFolder { .. }), "{file}");
}

#[test]
fn a_checkout_over_something_replaces_and_follows_no_link() {
    let bench = Bench::new();
    let target = bench.folder.path().join("target");
    let outside = bench.folder.path().join("outside");
    fs::create_dir_all(target.join("share/text/folder")).unwrap();
    fs::create_dir(&outside).unwrap();
    symlink(&outside, target.join("bin")).unwrap();
    fs::write(target.join("mine"), "mine").unwrap();
    checkout(&bench.cas, &bench.tree(), &target, Target::Any).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(target.join("mine")).unwrap(), "mine");
    fs::remove_file(target.join("mine")).unwrap();
    assert_eq!(bench.captured(&target), bench.tree());
}

#[test]
fn a_failed_checkout_leaves_nothing() {
    let bench = Bench::new();
    let mut draft = Draft::from(bench.tree());
    draft.put(&path("zzz"), File::new(Digest::of(b"gone"), false)).unwrap();
    let tree = draft.seal();
    let target = bench.folder.path().join("target");
    checkout(&bench.cas, &tree, &target, Target::Empty).unwrap_err();
    assert!(!target.exists());
    fs::create_dir(&target).unwrap();
    checkout(&bench.cas, &tree, &target, Target::Empty).unwrap_err();
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn modes_do_not_depend_on_what_was_there() {
    let bench = Bench::new();
    let target = bench.folder.path().join("target");
    fs::create_dir_all(target.join("bin")).unwrap();
    fs::set_permissions(target.join("bin"), fs::Permissions::from_mode(0o700)).unwrap();
    checkout(&bench.cas, &bench.tree(), &target, Target::Any).unwrap();
    assert_eq!(look(&target.join("bin")).0, 0o755);
}

#[test]
fn what_a_new_folder_inherits_is_put_right() {
    let bench = Bench::new();
    let target = bench.folder.path().join("target");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o2755)).unwrap();
    checkout(&bench.cas, &bench.tree(), &target, Target::Empty).unwrap();
    for name in ["", "bin", "share", "empty"] {
        assert_eq!(look(&target.join(name)).0, 0o755, "{name}");
    }
}

#[test]
fn a_blob_that_was_written_over_is_not_staged() {
    for executable in [false, true] {
        for over in ["SAME\n", "more than there was\n", ""] {
            let bench = Bench::new();
            let digest = bench.cas.write_file(b"same\n", executable).unwrap();
            let tree = bench.tree();
            let blob = bench.cas.file(digest, executable).unwrap();
            let other = bench.cas.file(digest, !executable).unwrap();
            fs::write(&blob, over).unwrap();
            fs::write(&other, over).unwrap();
            let error = bench.trees.extract(&tree).unwrap_err();
            assert!(
                matches!(error, StageError::Cas(kiln_cas::CasError::Corrupt { .. })),
                "{error}"
            );
            bench.cas.write_file(b"same\n", executable).unwrap();
            assert_eq!(bench.captured(&bench.trees.extract(&tree).unwrap()), tree);
        }
    }
}
