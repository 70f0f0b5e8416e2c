//! Globs of tags and of paths.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::GitError;

/// Globs of which one has to match.
pub(crate) struct Globs(GlobSet);

impl Globs {
    /// Reads globs; `*` stands for slashes too.
    pub(crate) fn new<T: AsRef<str>>(globs: &[T]) -> Result<Self, GitError> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let bad = |cause| GitError::BadGlob { glob: glob.as_ref().to_owned(), cause };
            let glob = GlobBuilder::new(glob.as_ref()).literal_separator(false).build();
            set.add(glob.map_err(bad)?);
        }
        let all = || globs.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
        Ok(Self(set.build().map_err(|cause| GitError::BadGlob { glob: all(), cause })?))
    }

    pub(crate) fn match_any(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}
