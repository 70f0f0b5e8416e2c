//! What belongs to a source, and how its places are called in messages.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kiln_tree::{Name, RelPath};
use rustix::fs::FileType;

use crate::LocalError;

/// Names that are never part of a source, and the two that every folder has.
const LEFT_OUT: [&[u8]; 4] = [b".", b"..", b".git", b".kiln"];

/// A folder or file of a project, found.
pub(crate) struct Rules {
    /// The folder as it is on the disk, inside the project, its own links resolved.
    folder: PathBuf,
    /// The only name in the folder that counts, where the source is a file.
    only: Option<CString>,
    /// As it was written, for messages.
    written: String,
    exclude: GlobSet,
    /// Says which source it is, for all times.
    whose: String,
}

impl Rules {
    /// Finds the folder or file in the project.
    pub(crate) fn new(project: &Path, path: &str, exclude: &[String]) -> Result<Self, LocalError> {
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
        let whose =
            format!("{}\0{}", start.as_os_str().as_bytes().escape_ascii(), exclude.join("\0"));
        let is_folder = start.symlink_metadata().map_err(read)?.is_dir();
        let (folder, only) = match (start.parent(), start.file_name()) {
            (Some(parent), Some(name)) if !is_folder => {
                let name = CString::new(name.as_bytes()).map_err(|cause| read(cause.into()))?;
                (parent.to_owned(), Some(name))
            }
            _ => (start, None),
        };
        let exclude = globs(exclude)?;
        Ok(Self { folder, only, written: relative.to_string(), exclude, whose })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn only(&self) -> Option<&CStr> {
        self.only.as_deref()
    }

    pub(crate) fn whose(&self) -> &str {
        &self.whose
    }

    pub(crate) fn is_left_out(name: &[u8]) -> bool {
        LEFT_OUT.contains(&name)
    }

    /// Returns whether a name in a folder of the source is excluded.
    pub(crate) fn excludes(&self, folder: &str, name: &Name) -> bool {
        self.only.is_none()
            && !self.exclude.is_empty()
            && self.exclude.is_match(Self::join(folder, name))
    }

    pub(crate) fn name(&self, name: &[u8]) -> Result<Name, LocalError> {
        Name::from_bytes(name)
            .map_err(|bad| LocalError::NotUtf8 { path: format!("{}/{}", self.written, bad.0) })
    }

    /// Returns the path of a name in a folder, from the source on.
    pub(crate) fn join(folder: &str, name: &Name) -> String {
        if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") }
    }

    /// Returns a path as messages have it.
    pub(crate) fn shown(&self, folder: &str, name: &Name) -> String {
        self.shown_path(&Self::join(folder, name))
    }

    pub(crate) fn read_error(&self, path: &str, cause: io::Error) -> LocalError {
        LocalError::Read { path: self.shown_path(path), cause }
    }

    fn shown_path(&self, path: &str) -> String {
        match (self.written.as_str(), path) {
            (written, "") => written.to_owned(),
            (written, _) if self.only.is_some() => written.to_owned(),
            (".", path) => path.to_owned(),
            (written, path) => format!("{written}/{path}"),
        }
    }
}

/// Names what no source holds.
pub(crate) fn special(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::Symlink => "a link",
        FileType::Directory => "a folder",
        _ => "a device",
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
