//! Walks of small projects.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use kiln_cas::{Cas, MemoryCas};
use kiln_digest::Digest;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use crate::memory::Memory;
use crate::rules::Rules;
use crate::survey::{Walk, What};
use crate::{Local, LocalError, Remember, import, measure};

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
    let source = Local { project, path, exclude: &exclude, with_ignored: false, memory: None };
    let tree = import(&cas, &source)?;
    assert_eq!(measure(&source, None)?, tree.digest());
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

/// Later than all files of the tests: what did not change is not read again.
const LATER: u64 = 4_000_000_000;

fn local<'a>(project: &'a Path, memory: Option<&'a Remember>) -> Local<'a> {
    Local { project, path: "src", exclude: &[], with_ignored: false, memory }
}

/// Remembers a source, changes it and checks that the change is seen.
#[track_caller]
fn check_change(words: &str, change: fn(&Path)) {
    let project = project(words);
    let folder = tempfile::tempdir().unwrap();
    let remember = Remember { folder: folder.path().to_owned(), now: LATER };
    let source = local(project.path(), Some(&remember));
    let first = measure(&source, None).unwrap();
    assert_eq!(measure(&source, None).unwrap(), first);
    change(&project.path().join("src"));
    for _again in 0..2 {
        let expected = measure(&local(project.path(), None), None).unwrap();
        assert_eq!(measure(&source, None).unwrap(), expected);
        assert_ne!(expected, first);
    }
}

#[test]
fn a_change_of_what_is_remembered_is_seen() {
    check_change("src/a.o=1 src/b=2", |src| fs::write(src.join(".gitignore"), "*.o").unwrap());
    check_change("src/a.o=1 src/.gitignore=*.o", |src| {
        fs::remove_file(src.join(".gitignore")).unwrap();
    });
    check_change("src/a.o=1 .gitignore=*.o", |src| {
        fs::write(src.join("../.gitignore"), "*.c").unwrap();
    });
    check_change("src/a=1 src/b=2", |src| fs::write(src.join("a"), "longer").unwrap());
    check_change("src/a=1 src/b=2", |src| fs::write(src.join("aa"), "").unwrap());
    check_change("src/a=1 src/b=2 src/c=3", |src| fs::remove_file(src.join("b")).unwrap());
    check_change("src/a=1 src/b=2", |src| fs::rename(src.join("b"), src.join("c")).unwrap());
    check_change("src/a=1 src/b=2", |src| fs::rename(src.join("b"), src.join("a")).unwrap());
    check_change("src/a/b=1", |src| fs::create_dir(src.join("a/c")).unwrap());
    check_change("src/a/b=1 src/c/", |src| fs::remove_dir(src.join("c")).unwrap());
    check_change("src/a/b=1 src/c=1", |src| fs::rename(src.join("a"), src.join("d")).unwrap());
    check_change("src/a=1", |src| {
        fs::set_permissions(src.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    check_change("src/l->1 src/a=1", |src| {
        fs::remove_file(src.join("l")).unwrap();
        symlink("longer", src.join("l")).unwrap();
    });
    check_change("src/a=1", |src| {
        fs::remove_file(src.join("a")).unwrap();
        fs::create_dir(src.join("a")).unwrap();
    });
}

/// Counts the files that are kept; writes one of them while it is kept, as somebody might.
#[derive(Default)]
struct Watching {
    blobs: MemoryCas,
    n_kept: AtomicUsize,
    meddled: Option<PathBuf>,
}

impl Cas for Watching {
    fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, kiln_cas::CasError> {
        self.blobs.missing(digests)
    }

    fn read(&self, digest: Digest) -> Result<Vec<u8>, kiln_cas::CasError> {
        self.blobs.read(digest)
    }

    fn write(&self, bytes: &[u8]) -> Result<Digest, kiln_cas::CasError> {
        self.blobs.write(bytes)
    }

    fn write_stream(
        &self,
        from: &mut dyn std::io::Read,
        executable: bool,
    ) -> Result<Digest, kiln_cas::CasError> {
        self.n_kept.fetch_add(1, Ordering::Relaxed);
        let kept = self.blobs.write_stream(from, executable);
        if let Some(meddled) = &self.meddled {
            fs::write(meddled, "longer").unwrap();
        }
        kept
    }

    fn batch(&self) -> Result<Box<dyn kiln_cas::Batch + '_>, kiln_cas::CasError> {
        self.blobs.batch()
    }
}

#[test]
fn only_what_changed_is_read_and_what_the_store_lost_is_read_again() {
    let project = project("src/a=1 src/b=2 src/sub/c=3 src/sub/d=4");
    let folder = tempfile::tempdir().unwrap();
    let remember = Remember { folder: folder.path().to_owned(), now: LATER };
    let source = local(project.path(), Some(&remember));
    let cas = Watching::default();
    let n_read = |expected: usize| {
        assert_eq!(cas.n_kept.swap(0, Ordering::Relaxed), expected);
    };
    let first = measure(&source, Some(&cas)).unwrap();
    n_read(4);
    assert_eq!(import(&cas, &source).unwrap().digest(), first);
    assert_eq!(measure(&source, Some(&cas)).unwrap(), first);
    n_read(0);
    fs::write(project.path().join("src/sub/c"), "longer").unwrap();
    let tree = import(&cas, &source).unwrap();
    n_read(1);
    cas.blobs.remove(Digest::of(b"2"));
    assert!(kiln_source::whole(&cas, tree.digest()).is_none());
    assert_eq!(import(&cas, &source).unwrap(), tree);
    assert_eq!(kiln_source::whole(&cas, tree.digest()), Some(tree));
}

/// Remembers a file as `aaaa` that is `bbbb` by now and has the very times it had then, as if both were written in one
/// tick; the clock showed `later` more than that tick. Returns what is believed to be in it.
fn believed(later: i64) -> &'static str {
    let project = project("src/a=bbbb");
    let folder = tempfile::tempdir().unwrap();
    let remember = Remember { folder: folder.path().to_owned(), now: 0 };
    let source = local(project.path(), Some(&remember));
    let rules = Rules::new(&local(project.path(), None)).unwrap();
    let walk = Walk { rules: &rules, memory: None, keep: None, n_threads: 1 };
    let mut folders = walk.run().unwrap().folders;
    let What::File { stamp, digest } = &mut folders[0].entries[0].what else { panic!("no file") };
    *digest = Digest::of(b"aaaa");
    let tick = stamp.ctime.max(stamp.mtime);
    let old = crate::seal(&folders).digest();
    let packed = Memory::pack(&folders, old, tick + later, rules.whose()).unwrap();
    crate::memory::write(&remember.place(&rules), &packed).unwrap();
    let found = measure(&source, None).unwrap();
    if found == old { "aaaa" } else { "bbbb" }
}

#[test]
fn a_file_changed_in_the_tick_of_the_clock_is_read_again() {
    assert_eq!(believed(-1), "bbbb");
    assert_eq!(believed(0), "bbbb");
    assert_eq!(believed(1), "aaaa", "a stamp from before the clock is enough");
}

#[test]
fn a_damaged_or_foreign_memory_is_none() {
    let [project, other] = ["src/a=1 src/l->2", "src/a=3 src/l->2"].map(project);
    let folder = tempfile::tempdir().unwrap();
    let remember = Remember { folder: folder.path().to_owned(), now: LATER };
    let [place, foreign] = [&project, &other].map(|project| {
        measure(&local(project.path(), Some(&remember)), None).unwrap();
        remember.place(&Rules::new(&local(project.path(), None)).unwrap())
    });
    let expected = measure(&local(project.path(), None), None).unwrap();
    let good = fs::read(&place).unwrap();
    let whose = Rules::new(&local(project.path(), None)).unwrap().whose().to_owned();
    assert!(Memory::read(&place, &whose, remember.time()).is_some());
    let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    bad.extend((0..good.len()).map(|ix| {
        let mut bytes = good.clone();
        bytes[ix] ^= 1;
        bytes
    }));
    bad.push(fs::read(&foreign).unwrap());
    for bytes in bad {
        fs::write(&place, &bytes).unwrap();
        assert!(Memory::read(&place, &whose, remember.time()).is_none());
    }
    assert_eq!(measure(&local(project.path(), Some(&remember)), None).unwrap(), expected);
    assert_eq!(fs::read(&place).unwrap(), good, "it is written anew");
}

#[test]
fn what_changes_while_it_is_read_is_not_believed() {
    let project = project("src/a=1");
    let rules = Rules::new(&local(project.path(), None)).unwrap();
    let meddled = Some(project.path().join("src/a"));
    let meddling = Watching { meddled, ..Watching::default() };
    let walk = Walk { rules: &rules, memory: None, keep: Some(&meddling), n_threads: 1 };
    let survey = walk.run().unwrap();
    let What::File { stamp, digest } = &survey.folders[0].entries[0].what else { panic!() };
    assert_eq!(*digest, Digest::of(b"1"));
    assert!(!stamp.is_settled(i64::MAX));
}

#[test]
fn many_folders_are_walked_by_many_threads() {
    let words: Vec<String> = (0..300).map(|n| format!("src/{}/{n}/f={n}", n % 7)).collect();
    let project = project(&words.join(" "));
    let rules = Rules::new(&local(project.path(), None)).unwrap();
    let sealed = [1, 2, 8].map(|n_threads| {
        let walk = Walk { rules: &rules, memory: None, keep: None, n_threads };
        crate::seal(&walk.run().unwrap().folders)
    });
    assert_eq!(sealed[0].files().count(), 300);
    assert!(sealed.iter().all(|tree| *tree == sealed[0]));
}

#[test]
fn what_is_used_is_not_forgotten() {
    let project = project("src/a=1");
    let folder = tempfile::tempdir().unwrap();
    let remember = Remember { folder: folder.path().to_owned(), now: LATER };
    let source = local(project.path(), Some(&remember));
    let place = remember.place(&Rules::new(&local(project.path(), None)).unwrap());
    for is_used in [true, false] {
        measure(&source, None).unwrap();
        let file = fs::File::options().write(true).open(&place).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        if is_used {
            measure(&source, None).unwrap();
        }
        drop(fs::remove_file(folder.path().join("looked")));
        crate::forget_unused(folder.path(), remember.time()).unwrap();
        assert_eq!(place.exists(), is_used);
    }
}
