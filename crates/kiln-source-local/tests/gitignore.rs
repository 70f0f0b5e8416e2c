//! What `.gitignore` files leave out of a source, beside what git itself leaves out.
#![expect(clippy::disallowed_methods, reason = "tests write their own projects")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use kiln_cas::MemoryCas;
use kiln_source_local::{Local, import};
use proptest::prelude::*;

/// Makes a project of files; what is in one is its text, `.gitignore` files have a rule a word.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let place = project.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    project
}

fn taken(project: &Path, path: &str, with_ignored: bool) -> BTreeSet<String> {
    let source = Local { project, path, exclude: &[], with_ignored, memory: None };
    let tree = import(&MemoryCas::default(), &source).unwrap();
    tree.files().map(|(path, _)| path.to_string()).collect()
}

/// Compares what is taken of `path` with words, but for the `.gitignore` files themselves.
#[track_caller]
fn check(files: &[(&str, &str)], path: &str, expected: &str) {
    let mut taken = taken(project(files).path(), path, false);
    taken.retain(|path| !path.ends_with(".gitignore"));
    assert_eq!(Vec::from_iter(taken).join(" "), expected);
}

#[test]
fn patterns_leave_out_what_they_name() {
    let rules =
        |rules| [(".gitignore", rules), ("a.c", ""), ("a.o", ""), ("out/a.o", ""), ("out/b", "")];
    check(&rules(""), ".", "a.c a.o out/a.o out/b");
    check(&rules("*.o"), ".", "a.c out/b");
    check(&rules("/*.o"), ".", "a.c out/a.o out/b");
    check(&rules("out/"), ".", "a.c a.o");
    check(&rules("# a.c\n\\#\nb  \r\na.c/\n"), ".", "a.c a.o out/a.o");
    check(&rules("*.o\n!a.o"), ".", "a.c a.o out/a.o out/b");
    check(&rules("\u{feff}a.c"), ".", "a.o out/a.o out/b");
    check(&rules("out/*\n!out/b"), ".", "a.c a.o out/b");
    check(&rules("out\n!out/b"), ".", "a.c a.o");
    check(&rules("[\na.c"), ".", "a.o out/a.o out/b");
}

#[test]
fn the_deepest_file_decides_and_those_above_the_source_count() {
    let files = [
        (".gitignore", "*.o\n/src/x"),
        ("src/.gitignore", "!b.o"),
        ("src/a.o", ""),
        ("src/b.o", ""),
        ("src/x", ""),
        ("src/deep/b.o", ""),
        ("src/deep/.gitignore", "*"),
        ("src/deep/c", ""),
    ];
    check(&files, ".", "src/b.o");
    check(&files, "src", "b.o");
    check(&files, "src/deep", "");
    check(&files, "src/x", "x");
}

#[test]
fn a_source_that_is_ignored_itself_is_taken() {
    let files = [(".gitignore", "dist/\n*.o"), ("dist/app", ""), ("dist/app.o", "")];
    check(&files, ".", "");
    check(&files, "dist", "app");
    check(&files, "dist/app.o", "app.o");
    let project = project(&files);
    let all = BTreeSet::from(["app".to_owned(), "app.o".to_owned()]);
    assert_eq!(taken(project.path(), "dist", true), all);
}

#[test]
fn what_is_no_file_has_no_rules_and_one_that_is_too_large_is_told() {
    let project = project(&[("rules", "*"), ("a", ""), ("b/a", "")]);
    std::os::unix::fs::symlink("rules", project.path().join(".gitignore")).unwrap();
    fs::create_dir(project.path().join("b/.gitignore")).unwrap();
    assert_eq!(Vec::from_iter(taken(project.path(), ".", false)).join(" "), "a b/a rules");
    fs::write(project.path().join("rules"), "#".repeat((1 << 20) + 1)).unwrap();
    fs::rename(project.path().join("rules"), project.path().join(".gitignore")).unwrap();
    for path in [".", "b"] {
        let source = Local {
            project: project.path(),
            path,
            exclude: &[],
            with_ignored: false,
            memory: None,
        };
        let error = import(&MemoryCas::default(), &source).unwrap_err();
        assert_eq!(error.to_string(), "`.gitignore` is larger than 1048576 bytes");
    }
}

fn git(folder: &Path, words: &[&str]) -> Vec<u8> {
    let ended = Command::new("git")
        .args(["-c", "core.excludesFile=/dev/null"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    ended.stdout
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Files and patterns of few letters, so that they meet often.
    #[test]
    fn git_leaves_out_the_same(
        files in prop::collection::btree_set("([abc]/){0,3}[abc](\\.[oc])?", 1..24),
        rules in prop::collection::vec(("([abc]/){0,2}", prop::collection::vec("!?/?(\\*\\*/)?([abc*?]|\\[ab\\]){1,2}(/[abc*]|\\.o|/\\*\\*)?/?", 0..4)), 1..4),
    ) {
        let project = tempfile::tempdir().unwrap();
        for file in &files {
            let place = project.path().join(file);
            // A name that is a folder already cannot be a file, and the other way round.
            if place.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()) {
                drop(fs::write(place, ""));
            }
        }
        for (folder, rules) in &rules {
            drop(fs::write(project.path().join(folder).join(".gitignore"), rules.join("\n")));
        }
        git(project.path(), &["init", "-q"]);
        let listed = git(project.path(), &["ls-files", "--others", "--exclude-standard", "-z"]);
        let listed = String::from_utf8(listed).unwrap();
        let listed: BTreeSet<String> =
            listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        prop_assert_eq!(taken(project.path(), ".", false), listed);
    }
}
