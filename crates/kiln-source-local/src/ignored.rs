//! What `.gitignore` files leave out, by git's own rules: the deepest file that says something of a name decides.
//!
//! Only files of the project count. What else git would ask (its index, `.git/info/exclude`, the user's own list)
//! differs between two checkouts of one commit, and a source must not.

use std::ffi::CStr;
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{AtFlags, CWD, FileType, statat};

use crate::LocalError;
use crate::survey::open_file;

/// The name of such a file.
pub(crate) const GITIGNORE: &CStr = c".gitignore";

/// The largest that is read, in bytes.
const MOST: u64 = 1 << 20;

/// The rules of a folder, and those of the folders above it.
pub(crate) struct Ignored {
    /// From the project on: nothing, or with a slash at the end.
    folder: String,
    rules: Gitignore,
    above: Option<Arc<Self>>,
}

impl Ignored {
    /// Reads the rules of all folders above one, which is given from the project on, with a slash at the end.
    pub(crate) fn above(project: &Path, folder: &str) -> Result<Option<Arc<Self>>, LocalError> {
        let mut rules = None;
        let ends = folder.match_indices('/').map(|(ix, _)| &folder[..=ix]);
        let all = std::iter::once("").chain(ends).filter(|above| *above != folder);
        for folder in all {
            let place = project.join(folder).join(".gitignore");
            let is_file = statat(CWD, &place, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| is_regular(found.st_mode));
            if is_file {
                let opened = std::fs::File::open(&place);
                rules = Some(Self::of(folder, opened, rules)?);
            }
        }
        Ok(rules)
    }

    /// Adds the rules of a folder that has such a file; as for git, a link is none.
    pub(crate) fn below(
        above: Option<&Arc<Self>>,
        folder: &str,
        open: impl AsFd,
    ) -> Result<Option<Arc<Self>>, LocalError> {
        let found = statat(&open, GITIGNORE, AtFlags::SYMLINK_NOFOLLOW);
        if !found.is_ok_and(|found| is_regular(found.st_mode)) {
            return Ok(above.cloned());
        }
        Self::of(folder, open_file(open, GITIGNORE), above.cloned()).map(Some)
    }

    fn of(
        folder: &str,
        opened: io::Result<std::fs::File>,
        above: Option<Arc<Self>>,
    ) -> Result<Arc<Self>, LocalError> {
        let path = || format!("{folder}.gitignore");
        let mut bytes = Vec::new();
        opened
            .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
            .map_err(|cause| LocalError::Read { path: path(), cause })?;
        if bytes.len() as u64 > MOST {
            return Err(LocalError::Rules { path: path(), n_most: MOST });
        }
        let mut builder = GitignoreBuilder::new(".");
        for line in
            bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).split(|byte| *byte == b'\n')
        {
            // A line that is no pattern matches nothing, as with git; no name of a source has other bytes than UTF-8.
            if let Ok(line) = str::from_utf8(line) {
                let _is_pattern = builder.add_line(None, line.strip_suffix('\r').unwrap_or(line));
            }
        }
        let rules = builder.build().unwrap_or_else(|_none_can_be_used| Gitignore::empty());
        Ok(Arc::new(Self { folder: folder.to_owned(), rules, above }))
    }

    /// Returns whether a path below the folder is left out; `path` is from the project on.
    pub(crate) fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        let mut level = Some(self);
        while let Some(Self { folder, rules, above }) = level {
            let inside = path.strip_prefix(folder.as_str()).unwrap_or(path);
            match rules.matched(inside, is_folder) {
                Match::Ignore(_pattern) => return true,
                Match::Whitelist(_pattern) => return false,
                Match::None => level = above.as_deref(),
            }
        }
        false
    }
}

fn is_regular(mode: rustix::fs::RawMode) -> bool {
    FileType::from_raw_mode(mode) == FileType::RegularFile
}
