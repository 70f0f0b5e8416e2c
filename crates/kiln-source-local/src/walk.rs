//! The one walk behind importing and measuring.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kiln_cas::{Cas, CasError};
use kiln_digest::{Digest, Hasher};
use kiln_tree::{Draft, MAX_DEPTH, Name, Node, RelPath, Symlink, Tree};
use rustix::fs::OFlags;
use walkdir::WalkDir;

use crate::LocalError;

/// Names that are never part of a source.
const LEFT_OUT: [&str; 2] = [".git", ".kiln"];

/// What is done with the content of files.
pub(crate) enum Keep<'a> {
    Blobs(&'a dyn Cas),
    Nothing,
}

/// A folder or file about to be walked.
pub(crate) struct Walk<'a> {
    /// As it is on the disk, inside the project, its own links resolved.
    start: PathBuf,
    /// As it was written, for messages.
    written: String,
    exclude: GlobSet,
    keep: Keep<'a>,
}

impl<'a> Walk<'a> {
    /// Finds the folder or file in the project.
    pub(crate) fn new(
        project: &Path,
        path: &str,
        exclude: &[String],
        keep: Keep<'a>,
    ) -> Result<Self, LocalError> {
        let outside = || LocalError::Outside { path: path.to_owned() };
        let read = |cause| LocalError::Read { path: path.to_owned(), cause };
        let relative = if path.starts_with('/') { None } else { RelPath::in_root(path).ok() };
        let relative = relative.ok_or_else(outside)?;
        let project = project.canonicalize().map_err(read)?;
        let start =
            project.join(relative.as_str()).canonicalize().map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => LocalError::Absent { path: path.to_owned() },
                _ => read(cause),
            })?;
        if !start.starts_with(&project) {
            return Err(outside());
        }
        Ok(Self { start, written: relative.to_string(), exclude: globs(exclude)?, keep })
    }

    /// Takes the tree; a file becomes a tree with this one file.
    pub(crate) fn tree(&self) -> Result<Tree, LocalError> {
        let mut draft = Draft::default();
        let metadata = fs::symlink_metadata(&self.start)
            .map_err(|cause| LocalError::Read { path: self.written.clone(), cause })?;
        if !metadata.is_dir() {
            let name = self.start.file_name().unwrap_or_default();
            let node = self.node(&self.start, &self.written, metadata.file_type())?;
            self.put(&mut draft, &RelPath::from(self.name(name)?), node)?;
            return Ok(draft.seal());
        }
        let mut entries = WalkDir::new(&self.start).min_depth(1).follow_links(false).into_iter();
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            let shown = self.shown(entry.path());
            if LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                skip(&mut entries, &entry);
                continue;
            }
            let path = self.relative(entry.path())?;
            if self.exclude.is_match(path.as_str()) {
                skip(&mut entries, &entry);
                continue;
            }
            if entry.depth() > MAX_DEPTH {
                return Err(LocalError::Deep { path: shown });
            }
            if entry.file_type().is_dir() {
                self.put(&mut draft, &path, Tree::empty().into())?;
            } else {
                let node = self.node(entry.path(), &shown, entry.file_type())?;
                self.put(&mut draft, &path, node)?;
            }
        }
        Ok(draft.seal())
    }

    fn put(&self, draft: &mut Draft, path: &RelPath, node: Node) -> Result<(), LocalError> {
        // A folder comes before what it holds, so only a change during the walk can block a path.
        draft.put(path, node).map_err(|_blocked| LocalError::Changed { path: self.written.clone() })
    }

    fn node(&self, path: &Path, shown: &str, kind: fs::FileType) -> Result<Node, LocalError> {
        let read = |cause| LocalError::Read { path: shown.to_owned(), cause };
        if kind.is_symlink() {
            let target = fs::read_link(path).map_err(read)?;
            let target = target.to_str().ok_or_else(|| LocalError::NotUtf8 {
                path: target.as_os_str().as_bytes().escape_ascii().to_string(),
            })?;
            return Ok(Symlink::new(target).into());
        }
        if let Some(what) = special(kind) {
            return Err(LocalError::Special { path: shown.to_owned(), what });
        }
        let mut file = open(path).map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        if let Some(what) = special(metadata.file_type()) {
            return Err(LocalError::Special { path: shown.to_owned(), what });
        }
        let executable = metadata.permissions().mode() & 0o100 != 0;
        let digest = self.digest(&mut file, executable, shown)?;
        Ok(kiln_tree::File::new(digest, executable).into())
    }

    fn digest(&self, file: &mut File, executable: bool, shown: &str) -> Result<Digest, LocalError> {
        let path = shown.to_owned();
        match &self.keep {
            Keep::Blobs(cas) => cas.write_stream(file, executable).map_err(|cause| match cause {
                CasError::Stream { cause } => LocalError::Read { path, cause },
                cause => LocalError::Keep { path, cause },
            }),
            Keep::Nothing => {
                let mut hasher = Hasher::default();
                io::copy(file, &mut hasher).map_err(|cause| LocalError::Read { path, cause })?;
                Ok(hasher.finish())
            }
        }
    }

    fn unreadable(&self, error: walkdir::Error) -> LocalError {
        let path = error.path().map_or_else(|| self.written.clone(), |path| self.shown(path));
        LocalError::Read { path, cause: error.into() }
    }

    /// Returns the path of an entry inside the source.
    fn relative(&self, path: &Path) -> Result<RelPath, LocalError> {
        let below = path.strip_prefix(&self.start).unwrap_or(path);
        let mut relative = RelPath::default();
        for part in below {
            relative = relative.join(&self.name(part)?);
        }
        Ok(relative)
    }

    fn name(&self, name: &OsStr) -> Result<Name, LocalError> {
        Name::from_bytes(name.as_bytes())
            .map_err(|bad| LocalError::NotUtf8 { path: format!("{}/{}", self.written, bad.0) })
    }

    /// Returns a path as messages have it.
    fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.start).unwrap_or(path);
        let below =
            below.as_os_str().as_bytes().utf8_chunks().fold(String::new(), |text, chunk| {
                text + chunk.valid() + &chunk.invalid().escape_ascii().to_string()
            });
        if self.written == "." { below } else { format!("{}/{below}", self.written) }
    }
}

fn skip(entries: &mut walkdir::IntoIter, entry: &walkdir::DirEntry) {
    if entry.file_type().is_dir() {
        entries.skip_current_dir();
    }
}

/// Opens a regular file; a link or FIFO that took its place meanwhile is not followed or waited for.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

fn special(kind: fs::FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        Some("a FIFO")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

fn globs(exclude: &[String]) -> Result<GlobSet, LocalError> {
    let bad = |glob: &str| {
        let glob = glob.to_owned();
        move |cause| LocalError::BadGlob { glob, cause }
    };
    let mut set = GlobSetBuilder::new();
    for glob in exclude {
        let inner = glob.trim_end_matches('/');
        let anchored = match inner.strip_prefix('/') {
            Some(inner) => inner.to_owned(),
            None if inner.contains('/') => inner.to_owned(),
            None => format!("**/{inner}"),
        };
        set.add(GlobBuilder::new(&anchored).literal_separator(true).build().map_err(bad(glob))?);
    }
    set.build().map_err(bad(&exclude.join(", ")))
}
