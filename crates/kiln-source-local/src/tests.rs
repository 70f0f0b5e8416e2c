//! Walks of small projects.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use kiln_cas::{Cas, MemoryCas};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use crate::{LocalError, import, measure};

/// Makes a project of `path=content`, `path*=content` (executable), `path->target` and `path/` words.
fn project(words: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for word in words.split_whitespace() {
        let place = |path: &str| {
            let place = folder.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            place
        };
        if let Some((path, target)) = word.split_once("->") {
            symlink(target, place(path)).unwrap();
        } else if let Some((path, content)) = word.split_once('=') {
            let file = place(path.trim_end_matches('*'));
            fs::write(&file, content).unwrap();
            let mode = if path.ends_with('*') { 0o700 } else { 0o655 };
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        } else {
            fs::create_dir_all(folder.path().join(word)).unwrap();
        }
    }
    folder
}

fn told(project: &Path, path: &str, exclude: &[&str]) -> Result<String, LocalError> {
    let exclude: Vec<String> = exclude.iter().map(|glob| (*glob).to_owned()).collect();
    let cas = MemoryCas::default();
    let tree = import(&cas, project, path, &exclude)?;
    assert_eq!(measure(project, path, &exclude)?, tree);
    assert_eq!(cas.read_tree(tree.digest()).unwrap(), tree);
    let files: Vec<_> = tree.files().map(|(_, file)| file.digest).collect();
    assert!(cas.missing(&files).unwrap().is_empty());
    let lines = format!("{tree:?}");
    let words = lines.lines().skip(1).map(|line| match line.split_once(' ') {
        Some(("l", link)) => link.replace(" -> ", "->"),
        Some(("d", folder)) => format!("{folder}/"),
        Some((mark, file)) => {
            format!("{}{}", file.split_once(' ').unwrap().0, if mark == "x" { "*" } else { "" })
        }
        None => line.to_owned(),
    });
    Ok(words.collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn check(words: &str, path: &str, exclude: &[&str], expected: &str) {
    let project = project(words);
    let found = told(project.path(), path, exclude).unwrap_or_else(|error| error.to_string());
    assert_eq!(found, expected);
}

#[test]
fn files_links_and_empty_folders_are_taken() {
    check(
        "src/a=1 src/b*=2 src/sub/c=3 src/empty/ src/l->../../out top=4",
        "src",
        &[],
        "a b* empty/ l->../../out sub/ sub/c",
    );
    check("src/a=1 top=2", ".", &[], "src/ src/a top");
    check("src/tool*=1 src/b=2", "src/tool", &[], "tool*");
}

#[test]
fn what_belongs_to_git_and_kiln_is_left_out() {
    check(".git/HEAD=x .kiln/x=1 sub/.git=gitdir a=1", ".", &[], "a sub/");
}

#[test]
fn globs_leave_out_names_anywhere_and_paths_from_the_folder() {
    let words = "src/a.o=1 src/a.c=2 src/sub/b.o=3 src/sub/a.c=4 src/build/x=5 src/sub/build/y=6";
    check(words, "src", &["*.o", "/build/"], "a.c sub/ sub/a.c sub/build/ sub/build/y");
    check(words, "src", &["sub/a.c", "build"], "a.c a.o sub/ sub/b.o");
    check(words, "src", &["**"], "");
    check(words, "src", &["a[b"], "`a[b` is no glob");
}

#[test]
fn a_path_that_leaves_the_project_is_refused() {
    check("a=1", "../x", &[], "the source `../x` is not inside the project");
    check("a=1", "/etc", &[], "the source `/etc` is not inside the project");
    check("a=1", "", &[], "the source `` is not inside the project");
    check("out->/etc", "out", &[], "the source `out` is not inside the project");
    check("out->/etc", "out/apt", &[], "the source `out/apt` is not inside the project");
    check("in->src src/a=1", "in", &[], "a");
    check("a=1", "b", &[], "there is no `b` in the project");
}

#[test]
fn a_fifo_is_refused_and_not_opened() {
    let project = project("src/a=1");
    let fifo = project.path().join("src/pipe");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let error = told(project.path(), "src", &[]).unwrap_err();
    assert_eq!(error.to_string(), "`src/pipe` is a FIFO, no file, folder or link");
    assert_eq!(told(project.path(), "src", &["pipe"]).unwrap(), "a");
}

#[test]
fn a_name_that_is_not_utf8_is_refused_by_its_escaped_name() {
    let project = project("src/a=1");
    let name = std::ffi::OsStr::from_bytes(b"b\xff");
    fs::write(project.path().join("src").join(name), "1").unwrap();
    let error = told(project.path(), "src", &[]).unwrap_err();
    assert_eq!(error.to_string(), "the name `src/b\\xff` is not UTF-8");
}

#[test]
fn a_folder_below_the_limit_is_refused() {
    let project = project(&format!("src/{}a=1", "d/".repeat(256)));
    let error = told(project.path(), "src", &[]).unwrap_err().to_string();
    assert!(error.ends_with("lies deeper than 256 folders"), "{error}");
    check(&format!("src/{}", "d/".repeat(9)), "src/d/d/d/d/d/d/d", &[], "d/ d/d/");
}
