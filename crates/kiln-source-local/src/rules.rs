//! What belongs to a source, and how its places are called in messages.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kiln_tree::{Name, RelPath};
use rustix::fs::FileType;

use crate::ignored::Ignored;
use crate::{Local, LocalError};

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
    /// The folder from the project on: nothing, or with a slash at the end; none where no `.gitignore` counts.
    inside: Option<String>,
    /// What the `.gitignore` files above the folder say.
    ignored: Option<Arc<Ignored>>,
    /// Says which source it is, for all times.
    whose: String,
}

impl Rules {
    /// Finds the folder or file in the project.
    pub(crate) fn new(source: &Local<'_>) -> Result<Self, LocalError> {
        let Local { project, path, exclude, with_ignored, memory: _ } = *source;
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
        let mut rules = Self {
            folder,
            only,
            written: relative.to_string(),
            exclude,
            inside: None,
            ignored: None,
            whose,
        };
        if !with_ignored && rules.only.is_none() {
            rules.ignore(&project)?;
        }
        Ok(rules)
    }

    /// Takes the rules of all `.gitignore` files above the folder.
    fn ignore(&mut self, project: &Path) -> Result<(), LocalError> {
        let inside = self.folder.strip_prefix(project).unwrap_or(&self.folder);
        let inside = inside.to_str().ok_or_else(|| LocalError::NotUtf8 {
            path: inside.as_os_str().as_bytes().escape_ascii().to_string(),
        })?;
        let end = if inside.is_empty() { "" } else { "/" };
        let inside = format!("{inside}{end}");
        self.ignored = Ignored::above(project, &inside)?;
        self.inside = Some(inside);
        Ok(())
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

    pub(crate) fn ignored(&self) -> Option<&Arc<Ignored>> {
        self.ignored.as_ref()
    }

    /// Returns the rules of a folder of the source that has some, told those of the folder above it.
    pub(crate) fn ignored_in(
        &self,
        above: Option<&Arc<Ignored>>,
        folder: &str,
        open: impl AsFd,
    ) -> Result<Option<Arc<Ignored>>, LocalError> {
        let Some(inside) = &self.inside else { return Ok(None) };
        let end = if folder.is_empty() { "" } else { "/" };
        Ignored::below(above, &format!("{inside}{folder}{end}"), open)
    }

    /// Returns whether a name in a folder of the source is left out by `.gitignore`.
    pub(crate) fn ignores(
        &self,
        ignored: Option<&Ignored>,
        folder: &str,
        name: &Name,
        is_folder: bool,
    ) -> bool {
        let (Some(ignored), Some(inside)) = (ignored, &self.inside) else { return false };
        ignored.leaves_out(&format!("{inside}{}", Self::join(folder, name)), is_folder)
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
