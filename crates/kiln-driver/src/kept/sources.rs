//! Digests of small sources, kept beside the stamps of all that is in them: one file for a thousand.
//!
//! A source whose stamps are the same is the same. Any other is measured, as one that is large: `kiln-source-local` has
//! its own memory of each, and finds out what of it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source_local::{Stamp, stamps_folders};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

use crate::Session;
use crate::kept::form::{begin, open, seal};
use crate::kept::{Kept, write};

/// A source with more than this is left to its own memory.
const N_MOST: usize = 32;

/// What the small sources of a project were.
pub(crate) struct KeptSources {
    file: PathBuf,
    whose: String,
    clock: i64,
    root: OwnedFd,
    /// The file system whose folders are believed by their stamps.
    device: u64,
    /// By path and what is left out.
    known: BTreeMap<String, Known>,
    /// Folders above sources that are folders indeed.
    above: BTreeSet<String>,
    /// Folders above sources, and what their `.gitignore` is.
    ignores: BTreeMap<String, Option<Stamp>>,
    is_changed: bool,
}

/// What a source was.
struct Known {
    digest: Digest,
    /// Nanoseconds since 1970, from before it was looked at.
    clock: i64,
    /// It and all that is in it, by path from the project on.
    entries: Vec<(String, Stamp)>,
    /// The `.gitignore` files of the folders above it, where their rules count.
    ignores: Vec<(String, Stamp)>,
}

impl KeptSources {
    /// Reads what is kept; where it is not believed, there is none.
    pub(crate) fn of(session: &Session, root: &Path) -> Option<Self> {
        Self::at(&Kept::of(session, root)?)
    }

    pub(super) fn at(kept: &Kept) -> Option<Self> {
        let root = kept.open()?;
        let device = rustix::fs::fstat(&root).ok()?.st_dev;
        if !stamps_folders(&root) {
            return None;
        }
        let file = kept.file.with_extension("sources");
        let known = std::fs::read(&file).ok().and_then(|bytes| read(&bytes, &kept.whose));
        let (whose, clock) = (kept.whose.clone(), kept.clock);
        let (known, above) = (known.unwrap_or_default(), BTreeSet::new());
        let ignores = BTreeMap::new();
        Some(Self { file, whose, clock, root, device, known, above, ignores, is_changed: false })
    }

    /// Returns the digest of a source that is as it was.
    pub(crate) fn recall(&mut self, source: &Source) -> Option<Digest> {
        let (path, key) = key(source)?;
        if !self.known.contains_key(&key) || !self.is_below_folders(path) {
            return None;
        }
        let ignores = self.ignores(source);
        let known = self.known.get(&key)?;
        let are_same = ignores == known.ignores
            && ignores.iter().all(|(_path, stamp)| stamp.is_settled(known.clock));
        let is_same = |(path, known_stamp): &(String, Stamp)| {
            let found = statat(&self.root, path.as_str(), AtFlags::SYMLINK_NOFOLLOW);
            let stamp = found.map(|found| Stamp::of(&found));
            stamp.is_ok_and(|stamp| stamp == *known_stamp && stamp.is_settled(known.clock))
        };
        (are_same && known.entries.iter().all(is_same)).then_some(known.digest)
    }

    /// Notes what a source is that was measured just now. All that changed since the clock was looked at has a stamp that
    /// is not believed.
    pub(crate) fn note(&mut self, source: &Source, digest: Digest) {
        let Some((path, key)) = key(source) else { return };
        let mut entries = Vec::new();
        let is_small = self.is_below_folders(path) && self.look(path, &mut entries).is_some();
        self.is_changed |= is_small | self.known.remove(&key).is_some();
        if is_small {
            let ignores = self.ignores(source);
            self.known.insert(key, Known { digest, clock: self.clock, entries, ignores });
        }
    }

    /// Writes what is kept, where something of it is new; what was of sources that are gone is left out.
    pub(crate) fn write(mut self) {
        if !self.is_changed {
            return;
        }
        let (root, clock) = (&self.root, self.clock);
        self.known.retain(|_key, known| {
            let first = known.entries.first().map_or("", |(path, _)| path.as_str());
            known.clock == clock || statat(root, first, AtFlags::SYMLINK_NOFOLLOW).is_ok()
        });
        let mut out = begin(&self.whose);
        let all: Vec<(&String, &Known)> = self.known.iter().collect();
        out.list(&all, |out, (key, Known { digest, clock, entries, ignores })| {
            out.text(key);
            out.digest(*digest);
            out.number(clock.cast_unsigned());
            for stamps in [entries, ignores] {
                out.list(stamps, |out, (path, stamp)| {
                    out.text(path);
                    out.stamp(*stamp);
                });
            }
        });
        // Without it the next run measures again, which is no reason to fail.
        let _kept = write(&self.file, &seal(out));
    }

    /// Returns whether all above a path are folders, not links to some.
    fn is_below_folders(&mut self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(ix, _)| &path[..ix]);
        for above in ends {
            if self.above.contains(above) {
                continue;
            }
            let found = statat(&self.root, above, AtFlags::SYMLINK_NOFOLLOW);
            let kind = found.map(|found| FileType::from_raw_mode(found.st_mode));
            if kind != Ok(FileType::Directory) {
                return false;
            }
            self.above.insert(above.to_owned());
        }
        true
    }

    /// Returns the `.gitignore` files of the folders above a source. Those in it are among its files.
    fn ignores(&mut self, source: &Source) -> Vec<(String, Stamp)> {
        let Source::Local { path, with_ignored: false, .. } = source else { return Vec::new() };
        let mut found = Vec::new();
        for folder in above(path) {
            if !self.ignores.contains_key(folder) {
                let file = format!("{folder}.gitignore");
                let stamp = statat(&self.root, file.as_str(), AtFlags::SYMLINK_NOFOLLOW);
                self.ignores.insert(folder.to_owned(), stamp.ok().map(|found| Stamp::of(&found)));
            }
            if let Some(Some(stamp)) = self.ignores.get(folder) {
                found.push((folder.to_owned(), *stamp));
            }
        }
        found
    }

    /// Takes the stamps of a path and all in it; nothing when it is much, or lies on other file systems.
    fn look(&self, path: &str, entries: &mut Vec<(String, Stamp)>) -> Option<()> {
        let found = statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let kind = FileType::from_raw_mode(found.st_mode);
        let is_source = entries.is_empty();
        if entries.len() == N_MOST || found.st_dev != self.device {
            return None;
        }
        entries.push((path.to_owned(), Stamp::of(&found)));
        match kind {
            FileType::RegularFile => return Some(()),
            // A link is what it says; but where the source itself is one, that is what it leads to.
            FileType::Symlink if !is_source => return Some(()),
            FileType::Directory => {}
            _ => return None,
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(&self.root, path, flags, Mode::empty()).ok()?;
        for entry in Dir::read_from(&folder).ok()? {
            let entry = entry.ok()?;
            let name = entry.file_name().to_str().ok()?;
            // The latter two are never part of a source.
            if !matches!(name, "." | ".." | ".git" | ".kiln") {
                self.look(&format!("{path}/{name}"), entries)?;
            }
        }
        Some(())
    }
}

/// Returns the path of a local source and what it is kept by.
fn key(source: &Source) -> Option<(&str, String)> {
    match source {
        Source::Local { path, .. } if path.starts_with('/') || path.contains("..") => None,
        Source::Local { path, exclude, with_ignored } => {
            let mut key = path.clone();
            for glob in exclude {
                key.extend(["\0", glob]);
            }
            if *with_ignored {
                key.push_str("\0\0");
            }
            Some((path, key))
        }
        _ => None,
    }
}

/// Returns the folders above a path, from the project on: nothing, or with a slash at the end.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let is_whole = path == ".";
    let ends = path.match_indices('/').map(|(ix, _)| &path[..=ix]);
    std::iter::once("").chain(ends).filter(move |_folder| !is_whole)
}

fn read(bytes: &[u8], whose: &str) -> Option<BTreeMap<String, Known>> {
    let mut from = open(bytes, whose)?;
    let known = from.list(|from| {
        let (key, digest, clock) = (from.text()?, from.digest()?, from.signed()?);
        let mut stamps = || from.list(|from| Some((from.text()?.to_owned(), from.stamp()?)));
        let (entries, ignores) = (stamps()?, stamps()?);
        Some((key.to_owned(), Known { digest, clock, entries, ignores }))
    })?;
    from.is_at_end().then(|| known.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    /// Later than all files of the tests.
    const LATER: i64 = 4_000_000_000_000_000_000;

    struct Case {
        home: TempDir,
        project: TempDir,
    }

    impl Case {
        /// Makes a project with a source of a file, a link and a folder, and a source that is a file.
        fn new() -> Self {
            let case =
                Self { home: tempfile::tempdir().unwrap(), project: tempfile::tempdir().unwrap() };
            for folder in ["src/a/sub/.git", "other"] {
                fs::create_dir_all(case.path(folder)).unwrap();
            }
            for file in ["src/a/file", "src/a/sub/file", "src/b"] {
                fs::write(case.path(file), "1").unwrap();
            }
            symlink("file", case.path("src/a/link")).unwrap();
            case
        }

        fn path(&self, path: &str) -> PathBuf {
            self.project.path().join(path)
        }

        fn kept(&self, clock: i64) -> KeptSources {
            let (file, root) = (self.home.path().join("kept"), self.project.path().to_owned());
            KeptSources::at(&Kept { file, root, whose: "kiln 1".to_owned(), clock }).unwrap()
        }

        fn note(&self, path: &str, clock: i64) {
            let mut kept = self.kept(clock);
            kept.note(&source(path), Digest::of(path.as_bytes()));
            kept.write();
        }

        fn is_known(&self, path: &str) -> bool {
            let recalled = self.kept(LATER).recall(&source(path));
            assert!(recalled.is_none_or(|digest| digest == Digest::of(path.as_bytes())));
            recalled.is_some()
        }
    }

    fn source(path: &str) -> Source {
        Source::Local { path: path.to_owned(), exclude: Vec::new(), with_ignored: false }
    }

    /// Notes a source, changes the project and checks whether the source is known still.
    #[track_caller]
    fn check(path: &str, change: impl FnOnce(&Case), is_known: bool) {
        let case = Case::new();
        assert!(!case.is_known(path));
        case.note(path, LATER);
        change(&case);
        assert_eq!(case.is_known(path), is_known);
    }

    #[test]
    fn a_source_is_known_until_something_in_it_changes() {
        check("src/a", |_same| {}, true);
        check("src/b", |_same| {}, true);
        check("src/a", |case| fs::write(case.path("src/b"), "2").unwrap(), true);
        check("src/a", |case| fs::write(case.path("src/a/sub/.git/x"), "2").unwrap(), true);
        check("src/b", |case| fs::write(case.path("src/b"), "2").unwrap(), false);
        check("src/a", |case| fs::write(case.path("src/a/file"), "2").unwrap(), false);
        check("src/a", |case| fs::write(case.path("src/a/sub/file"), "2").unwrap(), false);
        check("src/a", |case| fs::write(case.path("src/a/sub/new"), "").unwrap(), false);
        check("src/a", |case| fs::remove_file(case.path("src/a/link")).unwrap(), false);
        check("src/a", |case| fs::create_dir(case.path("src/a/new")).unwrap(), false);
        for folder in [".", "src", "src/a"] {
            let file = format!("{folder}/.gitignore");
            check("src/a", |case| fs::write(case.path(&file), "*.o").unwrap(), false);
        }
        check("src/a", |case| fs::write(case.path("other/.gitignore"), "*.o").unwrap(), true);
        let mode = fs::Permissions::from_mode(0o755);
        check("src/a", |case| fs::set_permissions(case.path("src/a/file"), mode).unwrap(), false);
        let again = |case: &Case| {
            fs::remove_file(case.path("src/a/link")).unwrap();
            symlink("other", case.path("src/a/link")).unwrap();
        };
        check("src/a", again, false);
    }

    #[test]
    fn a_source_that_a_link_leads_to_is_not_known() {
        let moved = |case: &Case| {
            fs::rename(case.path("src"), case.path("other/src")).unwrap();
            symlink("other/src", case.path("src")).unwrap();
        };
        check("src/a", moved, false);
        check("src/a/link", |_same| {}, false);
        let case = Case::new();
        moved(&case);
        case.note("src/a", LATER);
        assert!(!case.is_known("src/a"));
        case.note("../x", LATER);
        assert!(!case.is_known("../x"));
    }

    #[test]
    fn a_large_source_is_left_to_its_own_memory() {
        let many = |n: usize| {
            let case = Case::new();
            (0..n).for_each(|ix| fs::write(case.path(&format!("other/{ix}")), "").unwrap());
            case.note("other", LATER);
            case.is_known("other")
        };
        assert_eq!([N_MOST - 1, N_MOST].map(many), [true, false]);
    }

    #[test]
    fn what_is_left_out_is_part_of_what_is_known() {
        let case = Case::new();
        case.note("src/a", LATER);
        let exclude = vec!["file".to_owned()];
        let other = Source::Local { path: "src/a".to_owned(), exclude, with_ignored: false };
        assert_eq!(case.kept(LATER).recall(&other), None);
    }

    #[test]
    fn what_changed_in_the_tick_of_the_clock_is_not_believed() {
        let stamp_of = |case: &Case| {
            let mut kept = case.kept(LATER);
            kept.note(&source("src/b"), Digest::EMPTY);
            kept.known.values().next().unwrap().entries[0].1
        };
        let known = |later: i64| {
            let case = Case::new();
            let stamp = stamp_of(&case);
            case.note("src/b", stamp.mtime.max(stamp.ctime) + later);
            case.is_known("src/b")
        };
        assert_eq!([-1, 0, 1].map(known), [false, false, true]);
    }

    #[test]
    fn sources_that_are_gone_are_left_out_and_the_others_stay() {
        let case = Case::new();
        case.note("src/b", LATER - 1);
        case.note("src/a", LATER - 1);
        fs::remove_file(case.path("src/b")).unwrap();
        case.note("src/a/sub", LATER);
        let kept = case.kept(LATER);
        assert_eq!(kept.known.keys().collect::<Vec<_>>(), ["src/a", "src/a/sub"]);
    }

    #[test]
    fn a_damaged_or_foreign_file_holds_nothing() {
        let case = Case::new();
        case.note("src/b", LATER);
        let good = fs::read(case.home.path().join("kept.sources")).unwrap();
        assert!(read(&good, "kiln 1").is_some());
        assert!(read(&good, "kiln 2").is_none());
        for ix in 0..good.len() {
            let mut bad = good.clone();
            bad[ix] ^= 1;
            assert!(read(&bad, "kiln 1").is_none() && read(&good[..ix], "kiln 1").is_none());
        }
    }
}
