//! What a person sees: transcripts of the program, under `tests/cases/<verb>/<case>/`.
//!
//! A case is a folder: a small project, and `case.txt` with the commands of a session and what they print.
//! `SNAPSHOTS=overwrite cargo test -p kiln-cli --test golden` writes what is printed now into the cases.
//! `CASES=build/` runs only the cases whose path has this text.
//!
//! | line | meaning |
//! |---|---|
//! | `# text` | for the reader |
//! | `% command` | preparation by `/bin/sh`; it must succeed and prints nothing |
//! | `$ command` | what is shown, by `/bin/sh`; `kiln` is the program under test |
//! | `> text` | a line of stdout |
//! | `! text` | a line of stderr |
//! | `? status` | the exit status, when it is not 0 |
//!
//! The commands run in a copy of the folder with an environment of their own. They have `$SHELL_TREE` (the static
//! shell), `$WORLD` (the folder above the project, for mirrors and the like), `$KILN_HOME`, and the words
//! `demo-project` (makes the folder a project whose elements have that shell as their base), `no-namespaces` and
//! `no-tools` (run a command where the kernel has no namespaces, where `PATH` has no programs).
#![expect(
    clippy::disallowed_methods,
    reason = "starts the program under test in folders of its own"
)]

#[path = "golden/blocks.rs"]
mod blocks;
#[path = "golden/book.rs"]
mod book;
#[path = "golden/case.rs"]
mod case;
#[path = "golden/world.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use snapbox::{Assert, Data};

use world::World;

/// Cases at a time: most of their time is spent in sandboxes.
const AT_ONCE: usize = 3;

/// All folders with a `case.txt`, in order.
fn cases(root: &Path) -> Vec<PathBuf> {
    let folders = |of: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(of).expect("the cases are readable");
        let mut paths: Vec<_> =
            entries.map(|entry| entry.expect("the cases are readable").path()).collect();
        paths.retain(|path| path.is_dir());
        paths.sort();
        paths
    };
    let all: Vec<PathBuf> = folders(root).iter().flat_map(|verb| folders(verb)).collect();
    for case in &all {
        assert!(case.join("case.txt").is_file(), "`{}` has no case.txt", case.display());
    }
    all
}

/// Runs a case; complains with the difference when it prints something else than it should.
fn judge(folder: &Path) -> Result<(), String> {
    let file = folder.join("case.txt");
    let text = fs::read_to_string(&file).expect("the cases are readable");
    let world = World::new(folder);
    let actual = case::replay(&text, &world)?;
    let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
    let expected = Data::read_from(&file, Some(snapbox::data::DataFormat::Text));
    assert
        .try_eq(None, Data::text(actual), expected.raw())
        .map_err(|difference| difference.to_string())
}

#[test]
fn every_case_prints_what_it_says() {
    let root = kiln_testkit::project_root().join("tests/cases");
    let wanted = std::env::var("CASES").unwrap_or_default();
    let name = |path: &Path| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    let mut all = cases(&root);
    all.retain(|path| name(path).contains(&wanted));
    assert!(!all.is_empty(), "no case is named `{wanted}`");
    let next = AtomicUsize::new(0);
    let complaints = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(path) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(complaint) = judge(path) {
                        let complaint = format!("--- {}\n{complaint}", name(path));
                        complaints.lock().expect("no thread panics with it").push(complaint);
                    }
                }
            });
        }
    });
    let complaints = complaints.into_inner().expect("no thread panics with it");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
