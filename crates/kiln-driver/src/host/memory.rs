//! What was found out before: digests of files by their stamps, packages by that of their list, facts by project.
//!
//! All of it may be gone at any time, and is then found out anew.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kiln_digest::{Digest, Hasher};
use kiln_source_local::Stamp;
use serde::{Deserialize, Serialize};

use crate::Session;

/// Folder below the cache; a new format is a new folder.
const FOLDER: &str = "host-v1";
/// Bytes that are read at a time.
const PIECE: usize = 1 << 17;

/// Digests of files, kept beside their stamps.
#[derive(Default)]
pub(crate) struct Memory {
    /// Nothing where nothing is kept.
    file: Option<PathBuf>,
    /// Nanoseconds since 1970, from before anything was looked at.
    clock: i64,
    old: Known,
    new: Known,
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Known {
    files: BTreeMap<String, Stamped<String>>,
    lists: BTreeMap<String, Stamped<BTreeMap<String, String>>>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Stamped<T> {
    stamp: String,
    value: T,
}

impl Memory {
    /// Reads what is known of a machine; of what is damaged, or somebody else's, nothing is.
    pub(crate) fn of(session: &Session, root: &Path) -> Self {
        let now = i64::try_from(session.environment.now).unwrap_or(0);
        Self::at(place(session, root, "files"), now.saturating_mul(1_000_000_000))
    }

    /// Reads what a file knows, when the clock shows so many nanoseconds since 1970.
    pub(super) fn at(file: Option<PathBuf>, clock: i64) -> Self {
        let bytes = file.as_ref().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        let old = serde_json::from_slice(&bytes).unwrap_or_default();
        Self { file, clock, old, new: Known::default() }
    }

    /// Returns the digest of a file that can be read.
    pub(crate) fn digest(&mut self, path: &Path) -> Option<Digest> {
        let (name, stamp) = (path.to_str()?, self.stamp(path)?);
        let known = self.old.files.get(name).filter(|known| known.stamp == stamp.text);
        if let Some(known) = known
            && let Ok(digest) = known.value.parse()
        {
            self.new.files.insert(name.to_owned(), known.clone());
            return Some(digest);
        }
        let digest = hash(path)?;
        if stamp.is_settled {
            let known = Stamped { stamp: stamp.text, value: digest.to_string() };
            self.new.files.insert(name.to_owned(), known);
        }
        Some(digest)
    }

    /// Returns what a list of packages says, none where there is no such list.
    pub(crate) fn packages(
        &mut self,
        path: &Path,
        parse: fn(&str) -> BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let (Some(name), Some(stamp)) = (path.to_str(), self.stamp(path)) else {
            return BTreeMap::new();
        };
        let known = self.old.lists.get(name).filter(|known| known.stamp == stamp.text);
        if let Some(known) = known {
            self.new.lists.insert(name.to_owned(), known.clone());
            return known.value.clone();
        }
        let bytes = fs::read(path).unwrap_or_default();
        let value = parse(&String::from_utf8_lossy(&bytes));
        if stamp.is_settled {
            let known = Stamped { stamp: stamp.text, value: value.clone() };
            self.new.lists.insert(name.to_owned(), known);
        }
        value
    }

    /// Keeps what is known now.
    pub(crate) fn keep(self) {
        if let Some(file) = self.file.filter(|_| self.new != self.old) {
            write(&file, &self.new);
        }
    }

    fn stamp(&self, path: &Path) -> Option<Text> {
        let found = rustix::fs::stat(path).ok()?;
        let stamp = Stamp::of(&found);
        Some(Text { text: format!("{stamp:?}"), is_settled: stamp.is_settled(self.clock) })
    }
}

/// A stamp as text.
struct Text {
    text: String,
    is_settled: bool,
}

fn hash(path: &Path) -> Option<Digest> {
    let mut file = File::open(path).ok()?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; PIECE];
    loop {
        let n_read = file.read(&mut buffer).ok()?;
        let Some(bytes) = buffer.get(..n_read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
    }
    Some(hasher.finish())
}

/// Returns the facts of a machine when a project was built on it last.
pub(crate) fn last_built_on(
    session: &Session,
    root: &Path,
    project: &str,
) -> Option<BTreeMap<String, String>> {
    let file = place(session, root, project)?;
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Remembers these facts for next time.
pub(crate) fn note_built_on(
    session: &Session,
    root: &Path,
    project: &str,
    facts: &BTreeMap<String, String>,
) {
    if last_built_on(session, root, project).as_ref() == Some(facts) {
        return;
    }
    if let Some(file) = place(session, root, project) {
        write(&file, facts);
    }
}

/// Returns the file for something about a machine, if the cache is this user's own.
fn place(session: &Session, root: &Path, what: &str) -> Option<PathBuf> {
    let cache = session.environment.cache().ok()?;
    let user = rustix::process::geteuid().as_raw();
    let is_own = |path: &Path| fs::metadata(path).map_or(true, |found| found.uid() == user);
    let folder = cache.join(FOLDER);
    let mut name = Digest::of(format!("{}\n{what}", root.display()).as_bytes()).hex();
    name.truncate(32);
    (is_own(&cache) && is_own(&folder)).then(|| folder.join(name))
}

fn write(file: &Path, value: &impl Serialize) {
    let beside = file.with_extension(std::process::id().to_string());
    let folder = file.parent().unwrap_or(Path::new("/"));
    let text = serde_json::to_vec(value).unwrap_or_default();
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&beside, text))
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // It is found out anew next time, which is no reason to fail.
        drop(fs::remove_file(&beside));
    }
}
