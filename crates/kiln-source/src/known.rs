//! What places had when they were asked last, so that whoever tracks a file again asks only whether it changed.
//!
//! A record is one small file beside the downloads, under the hash of its place. Whatever is wrong with one only costs
//! the download that it would have saved.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;

use crate::transport::Validator;

/// Folder of the records below the downloads.
const FOLDER: &str = "known";

/// The file that a place had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) content: Digest,
    pub(crate) validator: Validator,
}

impl Known {
    /// Returns what a place had last.
    pub(crate) fn of(downloads: &Path, place: &str) -> Option<Self> {
        let text = fs::read_to_string(path(downloads, place)).ok()?;
        let (content, validator) = text.split_once('\n')?;
        let content = content.parse().ok()?;
        Some(Self { content, validator: Validator::from_text(validator)? })
    }

    /// Notes what a place has.
    pub(crate) fn keep(&self, downloads: &Path, place: &str) -> io::Result<()> {
        let path = path(downloads, place);
        let text = format!("{}\n{}", self.content, self.validator.as_str());
        if fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        fs::create_dir_all(downloads.join(FOLDER))?;
        // Two that fetch one place at once are kept apart by the lock of the part.
        let fresh = path.with_extension("new");
        fs::write(&fresh, text)?;
        fs::rename(fresh, path)
    }
}

fn path(downloads: &Path, place: &str) -> PathBuf {
    downloads.join(FOLDER).join(Digest::of(place.as_bytes()).hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_kept_and_a_broken_one_is_none() {
        let folder = kiln_testkit::scratch();
        let known =
            Known { content: Digest::EMPTY, validator: Validator::from_text("\"a\"").unwrap() };
        assert_eq!(Known::of(folder.path(), "https://a.example.org/b"), None);
        known.keep(folder.path(), "https://a.example.org/b").unwrap();
        assert_eq!(Known::of(folder.path(), "https://a.example.org/b"), Some(known));
        assert_eq!(Known::of(folder.path(), "https://a.example.org/c"), None);
        for broken in ["", "x\n\"a\"", "\n\n"] {
            fs::write(path(folder.path(), "https://a.example.org/b"), broken).unwrap();
            assert_eq!(Known::of(folder.path(), "https://a.example.org/b"), None, "{broken}");
        }
    }
}
