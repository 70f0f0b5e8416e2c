//! Files of an output that name a folder which only the build has: a fault that shows much later, somewhere else.
//!
//! Only what says where other files are is looked at: programs and libraries, the first line of scripts, what
//! `pkg-config` and `libtool` read, scripts that tell compiler flags. Debug symbols may name what they like.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use kiln_cas::DiskCas;
use kiln_tree::{RelPath, Tree};

use crate::elf::{HEAD, Linked, linked};

/// The code of these warnings.
const CODE: Code = Code(4108);

/// The code of the warning that nothing came out, as it went elsewhere.
const ELSEWHERE: Code = Code(4110);

/// Folders at the top of a root that kiln itself fills, or that are made to be written.
const OWN: [&str; 12] =
    ["build", "dev", "etc", "home", "kiln", "meta", "out", "proc", "root", "run", "tmp", "var"];

/// Folders that are there while a build runs, and nowhere else.
const FOLDERS: [&str; 3] = ["/build", "/out", "/tmp"];

/// Those of them that no text names for another reason.
const NAMED: [&str; 2] = ["/build", "/out"];

/// What a text may have right before such a path and still name it: flags of compilers.
const FLAGS: [&str; 4] = ["-L", "-I", "-R", "-F"];

/// The longest text that is searched, in bytes.
const MAX_TEXT: u64 = 256 << 10;

/// So much of a name is told.
const MAX_TOLD: usize = 200;

/// How many files are told; a build could make a million.
const MAX_FILES: usize = 10;

/// A code, told as `K` and its digits.
struct Code(u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "K{:04}", self.0)
    }
}

/// Returns a line for each file that names a folder of the build alone, of many for the first.
pub(crate) fn strays(cas: &DiskCas, tree: &Tree) -> Vec<String> {
    let mut told = Vec::new();
    let mut n_strays = 0;
    // One file with many names is looked at once.
    let mut seen = BTreeSet::new();
    for (path, file) in tree.files() {
        let is_text = is_text(&path);
        let may_be_program = file.executable || is_library(&path);
        if !(is_text || may_be_program) || !seen.insert(file.digest) {
            continue;
        }
        // Whoever needs a file that is gone from the store will say so.
        let opened = cas.file(file.digest, file.executable).ok().map(File::open);
        let Some(Ok(opened)) = opened else { continue };
        if let Some(stray) = stray(&opened, file.digest.size, is_text) {
            n_strays += 1;
            if n_strays <= MAX_FILES {
                let path = shortened(path.as_str());
                told.push(format!("{CODE}: `/{path}` {stray}, which is gone after the build"));
            }
        }
    }
    if n_strays > MAX_FILES {
        let more = n_strays - MAX_FILES;
        told.push(format!("{CODE}: {more} more files name folders that are gone after the build"));
    }
    told
}

/// Returns a line where nothing is in an output, but folders beside it were written: what takes the changes of a command
/// has only those.
pub(crate) fn elsewhere(upper: &Path, tree: &Tree) -> Option<String> {
    if *tree != Tree::empty() {
        return None;
    }
    let names = std::fs::read_dir(upper)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.filter(|name| !OWN.contains(&name.as_str())).min()?;
    let folder = shortened(&name);
    Some(format!(
        "{ELSEWHERE}: nothing is in `/out`, but the script wrote to `/{folder}`, which is not kept"
    ))
}

fn is_text(path: &RelPath) -> bool {
    [".pc", ".la", "-config"].iter().any(|end| path.as_str().ends_with(end))
}

fn is_library(path: &RelPath) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    name.split('.').skip(1).any(|part| part == "so")
}

/// Says in words what a file names.
fn stray(file: &File, size: u64, is_text: bool) -> Option<String> {
    let mut head = [0; HEAD];
    let n_read = file.read_at(&mut head, 0).ok()?;
    let head = &head[..n_read];
    if head.starts_with(b"\x7fELF") {
        return of_program(&linked(file, head)?);
    }
    if let Some(interpreter) = head.strip_prefix(b"#!") {
        let line = interpreter.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let program = line.split_whitespace().next().filter(|program| is_in(program, &FOLDERS));
        if let Some(program) = program {
            return Some(format!("is run by `{}`", shortened(program)));
        }
    }
    if !is_text || size > MAX_TEXT {
        return None;
    }
    let mut text = head.to_vec();
    text.resize(usize::try_from(size).ok()?, 0);
    if size > n_read as u64 {
        file.read_exact_at(&mut text[n_read..], n_read as u64).ok()?;
    }
    named(&String::from_utf8_lossy(&text)).map(|path| format!("names `{}`", shortened(path)))
}

fn of_program(linked: &Linked) -> Option<String> {
    let mut folders = linked.run_paths.iter().flat_map(|list| list.split(':'));
    if let Some(folder) = folders.find(|folder| is_in(folder, &FOLDERS)) {
        return Some(format!("looks for libraries in `{}`", shortened(folder)));
    }
    let library = linked.by_path.iter().find(|library| is_in(library, &FOLDERS))?;
    Some(format!("needs the library `{}`", shortened(library)))
}

/// Returns whether a path is one of the folders or below one.
fn is_in(path: &str, folders: &[&str]) -> bool {
    let below = |folder: &&str| path.strip_prefix(folder);
    folders.iter().filter_map(below).any(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the first path in a text that is one of the folders or below one.
fn named(text: &str) -> Option<&str> {
    let first = |folder: &&str| {
        let mut places = text.match_indices(folder);
        places.find_map(|(at, _)| {
            let (before, path) = text.split_at(at);
            let begins = !before.ends_with(is_of_path) || FLAGS.iter().any(|f| before.ends_with(f));
            let end = path.find(|c| !is_of_path(c)).unwrap_or(path.len());
            Some(&path[..end]).filter(|path| begins && is_in(path, &[folder]))
        })
    };
    NAMED.iter().find_map(first)
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '~' | '}' | ')' | '@' | '%')
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TOLD).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use kiln_cas::Cas;
    use kiln_tree::Draft;

    use super::*;
    use crate::elf::tests::library;

    /// Checks what is told of files: names with their content, executable where they end with `*`.
    #[track_caller]
    fn check(files: &[(&str, &[u8])], expected: &[&str]) {
        let store = tempfile::tempdir().unwrap();
        let cas = DiskCas::open(store.path()).unwrap();
        let mut draft = Draft::default();
        for (name, content) in files {
            let executable = name.ends_with('*');
            let digest = cas.write_file(content, executable).unwrap();
            let path = RelPath::parse(name.trim_end_matches('*')).unwrap();
            draft.put(&path, kiln_tree::File::new(digest, executable)).unwrap();
        }
        assert_eq!(strays(&cas, &draft.seal()), expected);
    }

    fn of(run_path: &str, needs: &[&str]) -> Vec<u8> {
        library(true, false, run_path, needs)
    }

    #[test]
    fn a_run_path_of_the_build_is_told() {
        let bad = of("/usr/lib/app:/build/src/.libs", &[]);
        check(
            &[("usr/bin/app*", &bad), ("usr/lib/libapp.so.1", &of("/out/usr/lib", &["libc.so"]))],
            &[
                "K4108: `/usr/bin/app` looks for libraries in `/build/src/.libs`, which is gone after the build",
                "K4108: `/usr/lib/libapp.so.1` looks for libraries in `/out/usr/lib`, which is gone after the build",
            ],
        );
        let needs = of("", &["libc.so.6", "/build/libx.so"]);
        check(
            &[("usr/bin/app*", &needs)],
            &[
                "K4108: `/usr/bin/app` needs the library `/build/libx.so`, which is gone after the build",
            ],
        );
    }

    #[test]
    fn run_paths_that_last_are_not_told() {
        for run_path in ["$ORIGIN/../lib", "/usr/lib/build", "/builds/x:/outer", "", "build"] {
            check(&[("usr/bin/app*", &of(run_path, &["libc.so.6", "/usr/lib/libx.so"]))], &[]);
        }
        // Neither a program nor a library: nobody loads it.
        check(&[("usr/share/app/file.o", &of("/build", &[]))], &[]);
    }

    #[test]
    fn texts_that_tell_places_are_searched() {
        let stray = |name: &str, text: &str, found: &str| {
            let path = name.trim_end_matches('*');
            let line = format!("K4108: `/{path}` names `{found}`, which is gone after the build");
            check(&[(name, text.as_bytes())], &[&line]);
        };
        stray(
            "usr/lib/pkgconfig/a.pc",
            "prefix=/build/inst\nlibdir=${prefix}/lib\n",
            "/build/inst",
        );
        stray("usr/lib/liba.la", "dependency_libs=' -L/build/src/.libs -lz'\n", "/build/src/.libs");
        stray("usr/lib/libb.la", "libdir='/out/usr/lib'\n", "/out/usr/lib");
        stray("usr/bin/a-config*", "#!/bin/sh\necho \"-I/build\"\n", "/build");
        let long = "x".repeat(HEAD) + "\nlibs=/build/a\n";
        stray("usr/lib/pkgconfig/long.pc", &long, "/build/a");
    }

    #[test]
    fn texts_that_name_something_else_are_left_alone() {
        for text in ["prefix=/usr\n", "/usr/build /builds ${x}/build a/out /output", "", "\0\u{1b}"]
        {
            check(&[("usr/lib/pkgconfig/a.pc", text.as_bytes())], &[]);
        }
        check(
            &[("usr/share/doc/notes", b"/build/a"), ("usr/bin/tool*", b"#!/bin/sh\ncd /build/a\n")],
            &[],
        );
        let too_long = [&vec![b'x'; 300 << 10][..], b" /build/a"].concat();
        check(&[("a.pc", &too_long)], &[]);
    }

    #[test]
    fn an_interpreter_of_the_build_is_told() {
        check(
            &[
                ("usr/bin/tool*", b"#! /build/venv/bin/python3 -s\n"),
                ("usr/bin/t*", b"#!/bin/sh /build\n"),
            ],
            &[
                "K4108: `/usr/bin/tool` is run by `/build/venv/bin/python3`, which is gone after the build",
            ],
        );
    }

    #[test]
    fn what_went_elsewhere_is_told_where_nothing_came_out() {
        let upper = tempfile::tempdir().unwrap();
        let check = |tree: &Tree, expected: Option<&str>| {
            assert_eq!(elsewhere(upper.path(), tree).as_deref(), expected);
        };
        for name in OWN {
            std::fs::create_dir(upper.path().join(name)).unwrap();
        }
        check(&Tree::empty(), None);
        std::fs::create_dir(upper.path().join("usr")).unwrap();
        let line = "K4110: nothing is in `/out`, but the script wrote to `/usr`, which is not kept";
        check(&Tree::empty(), Some(line));
        let mut draft = Draft::default();
        let file = kiln_tree::File::new(kiln_digest::Digest::EMPTY, false);
        draft.put(&RelPath::parse("a").unwrap(), file).unwrap();
        check(&draft.seal(), None);
    }

    #[test]
    fn of_many_the_first_are_told_and_one_content_once() {
        let files: Vec<(String, Vec<u8>)> =
            (10..23).map(|n| (format!("f{n}*"), of(&format!("/build/{n}"), &[]))).collect();
        let mut names: Vec<(&str, &[u8])> = files.iter().map(|(n, c)| (&n[..], &c[..])).collect();
        names.push(("zzz*", &files[0].1));
        let line = |n: u32| {
            format!(
                "K4108: `/f{n}` looks for libraries in `/build/{n}`, which is gone after the build"
            )
        };
        let mut expected: Vec<String> = (10..20).map(line).collect();
        expected.push("K4108: 3 more files name folders that are gone after the build".to_owned());
        check(&names, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
