//! Folders that nobody trusts.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed case")]
#![expect(clippy::disallowed_methods, reason = "cases look at the disk")]

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_cas::{Cas, DiskCas};
use kiln_stage::{
    Changes, StageError, Taking, Times, Trees, capture, capture_changes, capture_staged,
    empty_folder, remove_folder,
};
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Time, Tree};
use rustix::fs::{CWD, Mode, OFlags, XattrFlags, mkdirat, mkfifoat, openat, setxattr};
use tempfile::TempDir;

struct Bench {
    _folder: TempDir,
    cas: DiskCas,
    given: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let cas = DiskCas::open(&folder.path().join("store")).unwrap();
        let given = folder.path().join("given");
        fs::create_dir(&given).unwrap();
        Self { cas, given, _folder: folder }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.given.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.given.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn take(&self, taking: Taking) -> Result<(Tree, Vec<String>), StageError> {
        let captured = capture(&self.cas, &self.given, Times::Strip, taking)?;
        Ok((captured.tree, captured.warnings))
    }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn names(tree: &Tree) -> Vec<String> {
    tree.walk().map(|(path, _node)| path.to_string()).collect()
}

#[test]
fn moving_and_copying_see_the_same() {
    let bench = Bench::new();
    bench.write("a/x", "x\n");
    bench.write("a/tool", "#!\n");
    bench.mode("a/tool", 0o711);
    fs::hard_link(bench.given.join("a/x"), bench.given.join("y")).unwrap();
    symlink("a/x", bench.given.join("link")).unwrap();
    let (copied, _) = bench.take(Taking::Copy).unwrap();
    assert!(bench.given.join("a/tool").exists());
    let (moved, warnings) = bench.take(Taking::Move).unwrap();
    assert_eq!(copied, moved);
    assert_eq!(names(&moved), ["a", "a/tool", "a/x", "link", "y"]);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(bench.cas.read_tree(moved.digest()).unwrap(), moved);
    for (_path, file) in moved.files() {
        bench.cas.read(file.digest).unwrap();
    }
}

#[test]
fn many_capture_the_same_at_once() {
    for _ in 0..20 {
        let folder = TempDir::new().unwrap();
        let store = folder.path().join("store");
        let start = std::sync::Barrier::new(4);
        let capture_one = &|n: usize| {
            let cas = Arc::new(DiskCas::open(&store).unwrap());
            let given = folder.path().join(n.to_string());
            fs::create_dir_all(given.join("d")).unwrap();
            fs::write(given.join("d/x"), "same").unwrap();
            fs::write(given.join("empty"), "").unwrap();
            let trees = Trees::new(cas.clone());
            start.wait();
            let tree = capture_staged(&cas, &trees, &given).unwrap().tree;
            assert_eq!(fs::read(trees.extract(&tree).unwrap().join("d/x")).unwrap(), b"same");
            cas.read_tree(tree.digest()).unwrap()
        };
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|n| scope.spawn(move || capture_one(n))).collect();
            let found: Vec<_> = runs.into_iter().map(|run| run.join().unwrap()).collect();
            assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
        });
    }
}

/// Equal files, hard links that may not be read, and links in more folders than one thread walks.
fn fill(bench: &Bench) {
    bench.write("first", "#!\n");
    for n in 0..120 {
        bench.write(&format!("{}/{n}/same", n % 7), "same\n");
        bench.write(&format!("{}/{n}/own", n % 7), &n.to_string());
        let folder = bench.given.join(format!("{}/{n}", n % 7));
        fs::hard_link(bench.given.join("first"), folder.join("tool")).unwrap();
        symlink("tool", folder.join("link")).unwrap();
    }
    bench.mode("first", 0o111);
}

#[test]
fn many_folders_are_captured_as_one_thread_would() {
    let bench = Bench::new();
    fill(&bench);
    let (tree, warnings) = bench.take(Taking::Move).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    let tool = File::new(bench.cas.write(b"#!\n").unwrap(), true);
    let mut draft = Draft::default();
    draft.put(&path("first"), tool).unwrap();
    for n in 0..120 {
        let mut put = |name: &str, node: Node| {
            draft.put(&path(&format!("{}/{n}/{name}", n % 7)), node).unwrap();
        };
        put("same", File::new(bench.cas.write(b"same\n").unwrap(), false).into());
        put("own", File::new(bench.cas.write(n.to_string().as_bytes()).unwrap(), false).into());
        put("tool", tool.into());
        put("link", Symlink::new("tool").into());
    }
    assert_eq!(tree, draft.seal());
}

#[test]
fn every_folder_left_behind_has_the_one_time() {
    let bench = Bench::new();
    fill(&bench);
    bench.take(Taking::Move).unwrap();
    let mut waiting = vec![bench.given.clone()];
    while let Some(folder) = waiting.pop() {
        let found = fs::symlink_metadata(&folder).unwrap();
        assert_eq!(found.mtime(), Time::STAGED.seconds, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().mtime(), Time::STAGED.seconds);
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
            }
        }
    }
}

#[test]
fn special_files_are_dropped_and_never_opened() {
    for taking in [Taking::Copy, Taking::Move] {
        let bench = Bench::new();
        // To open it for reading would never return.
        mkfifoat(CWD, bench.given.join("fifo"), Mode::RWXU).unwrap();
        let _socket = UnixListener::bind(bench.given.join("socket")).unwrap();
        let (tree, mut warnings) = bench.take(taking).unwrap();
        warnings.sort();
        assert_eq!(tree, Tree::empty());
        assert_eq!(warnings, ["dropped the FIFO `fifo`", "dropped the socket `socket`"]);
    }
}

#[test]
fn attributes_are_taken_away() {
    let bench = Bench::new();
    bench.write("d/x", "x");
    for name in ["d", "d/x"] {
        for attribute in ["user.overlay.opaque", "user.kiln"] {
            let place = bench.given.join(name);
            setxattr(&place, attribute, b"y", XattrFlags::empty()).unwrap();
        }
    }
    let (_tree, mut warnings) = bench.take(Taking::Move).unwrap();
    warnings.sort();
    let expected =
        ["d/x", "d"].map(|name| format!("dropped the attribute `user.kiln` of `{name}`"));
    assert_eq!(warnings, expected);
    let mut list = [0u8; 256];
    let left = rustix::fs::listxattr(bench.given.join("d/x"), &mut list).unwrap();
    assert!(!list[..left].windows(5).any(|part| part == b"user."));
}

#[test]
fn a_million_warnings_are_not_kept() {
    let bench = Bench::new();
    for n in 0..150 {
        mkfifoat(CWD, bench.given.join(n.to_string()), Mode::RWXU).unwrap();
    }
    let (_tree, warnings) = bench.take(Taking::Move).unwrap();
    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings[100], "and 50 more like these");
}

/// Checks the error and its code for a folder.
fn check_error(make: fn(&Path), code: &str, text: &str) {
    let bench = Bench::new();
    make(&bench.given);
    let error = bench.take(Taking::Copy).unwrap_err();
    let found = miette::Diagnostic::code(&error).unwrap().to_string();
    assert_eq!((found.as_str(), error.to_string().as_str()), (code, text));
}

#[test]
fn what_no_tree_holds_is_an_error() {
    check_error(
        |given| {
            fs::write(given.join(std::ffi::OsString::from_vec(b"a\xff\n".to_vec())), "").unwrap();
        },
        "K5013",
        "the name `a\\xff\\n` is not UTF-8",
    );
    check_error(
        |given| symlink(std::ffi::OsString::from_vec(b"\xfe".to_vec()), given.join("l")).unwrap(),
        "K5014",
        "the link `l` leads to `\\xfe`, which is not UTF-8",
    );
    check_error(
        |given| fs::create_dir_all(given.join("d/".repeat(257))).unwrap(),
        "K5015",
        &format!(
            "`{}…` lies deeper than 256 folders or its path is longer than 4096 bytes",
            "d/".repeat(40)
        ),
    );
}

#[test]
fn a_capture_needs_a_folder() {
    let bench = Bench::new();
    fs::remove_dir(&bench.given).unwrap();
    assert!(matches!(bench.take(Taking::Move), Err(StageError::Missing { .. })));
    symlink("/etc", &bench.given).unwrap();
    let error = bench.take(Taking::Move).unwrap_err();
    assert!(matches!(error, StageError::NoFolder { found: "link", .. }), "{error}");
}

#[test]
fn changes_lie_on_what_was_below() {
    let bench = Bench::new();
    let mut below = Draft::default();
    let file = File::new(bench.cas.write(b"old").unwrap(), false);
    for name in ["keep", "d/in", "e/in"] {
        below.put(&path(name), file).unwrap();
    }
    let below = below.seal();
    bench.write("d/new", "new");
    bench.write("e/new", "new");
    let opaque = "user.overlay.opaque";
    setxattr(bench.given.join("e"), opaque, b"y", XattrFlags::empty()).unwrap();
    let changes = capture_changes(&bench.cas, &bench.given).unwrap();
    assert_eq!(names(&changes.apply(&below)), ["d", "d/in", "d/new", "e", "e/new", "keep"]);
    let gone = Changes { removed: [path("d"), path("absent/x")].into(), ..changes };
    assert_eq!(names(&gone.apply(&below)), ["d", "d/new", "e", "e/new", "keep"]);
    assert!(matches!(gone.apply(&below).get(&path("keep")), Some(Node::File(_))));
}

/// Makes folders within each other, more than a path can name.
fn dig(top: &Path, depth: usize) {
    let mut folder = openat(CWD, top, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&folder, "d", Mode::RWXU).unwrap();
        folder = openat(&folder, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
}

#[test]
fn the_deepest_folder_is_removed() {
    let bench = Bench::new();
    dig(&bench.given, 3_000);
    bench.write(".deep-0/x", "a name that the remover wants");
    remove_folder(&bench.given).unwrap();
    assert!(!bench.given.exists());
    remove_folder(&bench.given).unwrap();
}

#[test]
fn closed_folders_are_removed_and_links_are_not_followed() {
    let bench = Bench::new();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("x"), "mine").unwrap();
    symlink(outside.path(), bench.given.join("link")).unwrap();
    bench.write("a/b/x", "x");
    bench.mode("a/b", 0);
    bench.mode("a", 0);
    empty_folder(&bench.given).unwrap();
    assert_eq!(fs::read_dir(&bench.given).unwrap().count(), 0);
    symlink(outside.path(), bench.given.join("link")).unwrap();
    remove_folder(&bench.given.join("link")).unwrap();
    assert!(outside.path().join("x").exists());
}

#[test]
fn closed_files_and_folders_are_captured() {
    let bench = Bench::new();
    bench.write("a/b/x", "x");
    for name in ["a/b/x", "a/b", "a", ""] {
        bench.mode(name, 0);
    }
    let (tree, _) = bench.take(Taking::Move).unwrap();
    assert_eq!(names(&tree), ["a", "a/b", "a/b/x"]);
}
