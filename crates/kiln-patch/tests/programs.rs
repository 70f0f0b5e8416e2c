//! What `diff` and `git` write, applied as `patch` applies it.

#![expect(clippy::disallowed_methods, reason = "these tests run other programs on files")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use kiln_digest::Digest;
use kiln_patch::{Failed, PatchError, Text, apply};
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Tree};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    File { text: String, executable: bool },
    Link(String),
}

/// A line that comes before another one, or goes.
type Edit = (usize, Option<&'static str>);

/// Which file is edited and how.
type FileEdits = (usize, Vec<Edit>);

/// The files of a folder by path; folders without any do not count.
type Files = BTreeMap<String, Entry>;

fn write(files: &Files, folder: &Path) {
    for (path, entry) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match entry {
            Entry::Link(target) => symlink(target, path).unwrap(),
            Entry::File { text, executable } => {
                fs::write(&path, text).unwrap();
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }
    fs::create_dir_all(folder).unwrap();
}

fn read(folder: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().to_str().unwrap());
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            read(&entry.path(), &format!("{path}/"), files);
        } else if meta.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            files.insert(path, Entry::Link(target.to_str().unwrap().to_owned()));
        } else {
            let text = fs::read_to_string(entry.path()).unwrap();
            let executable = meta.permissions().mode() & 0o100 != 0;
            files.insert(path, Entry::File { text, executable });
        }
    }
}

fn tree(files: &Files) -> Tree {
    let mut draft = Draft::default();
    for (path, entry) in files {
        let node: Node = match entry {
            Entry::Link(target) => Symlink::new(target.as_str()).into(),
            Entry::File { text, executable } => {
                File::new(Digest::of(text.as_bytes()), *executable).into()
            }
        };
        draft.put(&RelPath::parse(path).unwrap(), node).unwrap();
    }
    draft.seal()
}

/// Applies a patch by the crate.
fn ours(files: &Files, strip: u32, patch: &[u8]) -> Result<Files, PatchError> {
    let texts = files.values().filter_map(|entry| match entry {
        Entry::File { text, .. } => Some((Digest::of(text.as_bytes()), text.clone())),
        Entry::Link(_) => None,
    });
    let mut texts: BTreeMap<Digest, String> = texts.collect();
    let read = |digest| Ok::<_, ()>(texts[&digest].clone().into_bytes());
    let text = Text { name: "p", strip, bytes: patch };
    let patched = apply(&tree(files), &[text], &read).map_err(|failed| match failed {
        Failed::Patch(error) => error,
        Failed::Read(()) => unreachable!("reading never fails here"),
    })?;
    for file in patched.files {
        texts.insert(Digest::of(&file.bytes), String::from_utf8(file.bytes).unwrap());
    }
    let entry = |(path, node): (RelPath, Node)| match node {
        Node::Directory(_) => None,
        Node::Symlink(link) => Some((path.to_string(), Entry::Link(link.target.to_string()))),
        Node::File(file) => {
            let text = texts[&file.digest].clone();
            Some((path.to_string(), Entry::File { text, executable: file.executable }))
        }
    };
    Ok(patched.tree.walk().filter_map(entry).collect())
}

fn run(folder: &Path, program: &str, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.current_dir(folder).args(args).env("TZ", "UTC").env("LC_ALL", "C");
    command.env("PATH", kiln_testkit::path_with_tools());
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap()
}

/// Applies a patch by `patch`; nothing where it fails.
fn theirs(files: &Files, patch: &[u8]) -> Option<Files> {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    write(files, &tree);
    fs::write(folder.path().join("p"), patch).unwrap();
    let args = ["-p1", "-F0", "-N", "--batch", "-s", "--no-backup-if-mismatch", "-r-", "-i../p"];
    let output = run(&tree, "patch", &args);
    if !output.status.success() {
        return None;
    }
    let mut patched = Files::new();
    read(&tree, "", &mut patched);
    Some(patched)
}

/// Compares two folders by a program.
fn difference(old: &Files, new: &Files, program: &str, args: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write(old, &folder.path().join("a"));
    write(new, &folder.path().join("b"));
    let output = run(folder.path(), program, args);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    output.stdout
}

/// Few different lines, so that hunks fit at several places.
fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec!["", "a", "b", "c", "-- x", "++ y", "{", "}", "a\r", " "]);
    (vec(line, 0..24), any::<bool>()).prop_map(|(lines, ended)| {
        let text = lines.join("\n");
        if ended && !lines.is_empty() { text + "\n" } else { text }
    })
}

/// A text and what becomes of it: most lines stay.
fn edits() -> impl Strategy<Value = Vec<Edit>> {
    vec((0_usize..24, prop::option::of(prop::sample::select(vec!["a", "n", "{", "m\r"]))), 0..4)
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    for (at, line) in edits {
        let at = at % lines.len();
        match line {
            Some(line) => lines.insert(at, line),
            None => drop(lines.remove(at)),
        }
        if lines.is_empty() {
            lines.push("");
        }
    }
    lines.join("\n")
}

const PATHS: [&str; 5] = ["f", "d/g", "d/e/h", "with space", "q\"uo\u{e4}te"];

fn plain(n_paths: usize) -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    btree_map(prop::sample::select(PATHS[..n_paths].to_vec()), text(), 0..=n_paths)
}

fn files(texts: &BTreeMap<&'static str, String>) -> Files {
    let file = |text: &String| Entry::File { text: text.clone(), executable: false };
    texts.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect()
}

/// Changes texts: those that are there are edited, few come and go.
fn change(
    texts: &BTreeMap<&'static str, String>,
    changes: &[FileEdits],
    added: &BTreeMap<&'static str, String>,
    removed: Option<usize>,
) -> BTreeMap<&'static str, String> {
    let mut new = texts.clone();
    for (which, edits) in changes {
        if let Some(text) = new.get_mut(PATHS[which % PATHS.len()]) {
            *text = edited(text, edits);
        }
    }
    for (path, text) in added {
        new.entry(path).or_insert_with(|| text.clone());
    }
    if let Some(which) = removed {
        new.remove(PATHS[which % PATHS.len()]);
    }
    new
}

fn changes() -> impl Strategy<Value = Vec<FileEdits>> {
    vec((0_usize..5, edits()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// The names of the last two paths are quoted by `diff`, which `patch` understands too.
    #[test]
    fn a_difference_makes_the_new_folder_of_the_old(
        old in plain(5), changes in changes(), added in plain(5), removed in prop::option::of(0_usize..5),
        context in 0_usize..4,
    ) {
        let new = files(&change(&old, &changes, &added, removed));
        let old = files(&old);
        let patch = difference(&old, &new, "diff", &["-Nar", &format!("-U{context}"), "a", "b"]);
        let shown = String::from_utf8_lossy(&patch).into_owned();
        // A file without lines that comes or goes is none for `diff -N`.
        let is_empty = |entry: &Entry| matches!(entry, Entry::File { text, .. } if text.is_empty());
        let lasting = |from: &Files, other: &Files| -> Files {
            let counts = |path: &String, entry: &Entry| !is_empty(entry) || other.contains_key(path);
            from.iter().filter(|(path, entry)| counts(path, entry)).map(|(path, entry)| (path.clone(), entry.clone())).collect()
        };
        let (old, new) = (lasting(&old, &new), lasting(&new, &old));
        let found = ours(&old, 1, &patch);
        prop_assert_eq!(found.as_ref(), Ok(&new), "{}", shown);
        let theirs = theirs(&old, &patch);
        prop_assert_eq!(theirs.as_ref(), Some(&new), "{}", shown);
    }

    /// The files were changed since: hunks lie elsewhere, or fit no more.
    #[test]
    fn a_patch_fits_where_it_fits_for_patch(
        old in plain(3), changes1 in changes(), added in plain(3), removed in prop::option::of(0_usize..3),
        changes2 in changes(), added2 in plain(3), context in 1_usize..4,
    ) {
        let new = files(&change(&old, &changes1, &added, removed));
        let since = files(&change(&old, &changes2, &added2, None));
        let old = files(&old);
        let patch = difference(&old, &new, "diff", &["-Nar", &format!("-U{context}"), "a", "b"]);
        let shown = String::from_utf8_lossy(&patch).into_owned();
        let (ours, theirs) = (ours(&since, 1, &patch), theirs(&since, &patch));
        match (&ours, &theirs) {
            // A last line without an end is none in the middle of a file.
            (Err(_), Some(_)) if shown.contains("\n\\ No newline") => {}
            _ => prop_assert_eq!(ours.as_ref().ok(), theirs.as_ref(), "{:?}\n{}", ours, shown),
        }
    }

    #[test]
    fn what_git_writes_makes_the_new_folder_of_the_old(
        old in plain(5), changes in changes(), added in plain(5), removed in prop::option::of(0_usize..5),
        moved in prop::option::of((0_usize..5, 0_usize..5)), executable in vec(0_usize..10, 0..3), links in vec(0_usize..10, 0..2),
    ) {
        let mut new = change(&old, &changes, &added, removed);
        if let Some((from, to)) = moved && let Some(text) = new.remove(PATHS[from]) {
            new.insert(PATHS[to], text);
        }
        let (mut old, mut new) = (files(&old), files(&new));
        for which in executable {
            let side = if which < 5 { &mut old } else { &mut new };
            if let Some(Entry::File { executable, .. }) = side.get_mut(PATHS[which % 5]) {
                *executable = true;
            }
        }
        for which in links {
            let side = if which < 5 { &mut old } else { &mut new };
            if let Some(entry) = side.get_mut(PATHS[which % 5]) {
                *entry = Entry::Link(format!("to {which}"));
            }
        }
        let args = ["diff", "--no-index", "-M", "-C", "--find-copies-harder", "a", "b"];
        let patch = difference(&old, &new, "git", &args);
        let shown = String::from_utf8_lossy(&patch).into_owned();
        let found = ours(&old, 2, &patch);
        prop_assert_eq!(found.as_ref(), Ok(&new), "{}", shown);
    }

    #[test]
    fn no_text_is_too_odd(
        words in vec(prop::sample::select(vec![
            "--- a/f\n", "+++ b/f\n", "@@ -1 +1 @@\n", "@@ -1,2 +0,9 @@\n", "@@ -0,0 +1 @@\n", "-a\n", "+b\n", " a\n", "\\ No\n", "\n",
            "diff --git a/f b/f\n", "rename from f\n", "rename to g\n", "new file mode 120000\n", "deleted file mode 100644\n",
            "--- /dev/null\n", "+++ /dev/null\n", "a", "\r\n", "\"", "@@ -4294967295,4294967295 +1 @@\n", "@@ -4294967295 +1 @@\n",
        ]), 0..24),
    ) {
        let text: String = words.concat();
        let old = files(&BTreeMap::from([("f", "a\nb\na\n".to_owned())]));
        let _any = ours(&old, 1, text.as_bytes());
    }
}
