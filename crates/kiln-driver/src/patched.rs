//! Notes which patched tree comes of which tree, so that patches are applied once.
//!
//! A note is a file that may be gone at any time. It says what it is of and ends with a hash of itself: one that is torn,
//! damaged or under another name is none. Whoever asks still looks whether the tree is there.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use kiln_digest::Digest;
use kiln_ir::PatchPin;
use kiln_source_local::forget_unused;

/// Folder of the notes below the cache; a new format is a new folder.
const FOLDER: &str = "patched-v1";

/// The notes of this user.
pub(crate) struct Notes {
    folder: PathBuf,
    /// Seconds since 1970.
    now: u64,
}

impl Notes {
    /// Returns those beside the downloads.
    pub(crate) fn beside(downloads: &Path, now: u64) -> Self {
        Self { folder: downloads.with_file_name(FOLDER), now }
    }

    /// Returns what a tree is with these patches applied, if that is noted.
    pub(crate) fn read(&self, tree: Digest, pins: &[&PatchPin]) -> Option<Digest> {
        let of = of(tree, pins);
        let text = fs::read_to_string(self.folder.join(of.hex())).ok()?;
        let patched: Digest = text.lines().nth(1)?.parse().ok()?;
        (text == note(of, patched)).then_some(patched)
    }

    /// Notes it. Without a note the patches are applied again, which is no reason to fail.
    pub(crate) fn keep(&self, tree: Digest, pins: &[&PatchPin], patched: Digest) {
        let of = of(tree, pins);
        let path = self.folder.join(of.hex());
        let beside = path.with_extension(std::process::id().to_string());
        let text = note(of, patched);
        let written = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&beside, text));
        if written.and_then(|()| fs::rename(&beside, &path)).is_err() {
            drop(fs::remove_file(&beside));
        }
        drop(forget_unused(&self.folder, UNIX_EPOCH + Duration::from_secs(self.now)));
    }
}

/// Returns what stands for a tree and patches: all that decides what comes of them.
fn of(tree: Digest, pins: &[&PatchPin]) -> Digest {
    let mut text = format!("patches {}\n{tree}\n", kiln_patch::RULES);
    for PatchPin { path: _, content, strip } in pins {
        // Writing to a text cannot fail.
        let _ok = writeln!(text, "{content} -p{strip}");
    }
    Digest::of(text.as_bytes())
}

fn note(of: Digest, patched: Digest) -> String {
    let text = format!("{of}\n{patched}\n");
    let sum = Digest::of(text.as_bytes()).hex();
    format!("{text}{sum}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(content: &str, strip: u32) -> PatchPin {
        PatchPin { path: "p".to_owned(), content: Digest::of(content.as_bytes()), strip }
    }

    #[test]
    fn a_note_is_of_one_tree_and_its_patches_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::beside(&folder.path().join("downloads"), 0);
        let (tree, other, patched) = (Digest::of(b"t"), Digest::of(b"o"), Digest::of(b"p"));
        let (a, b, c) = (pin("a", 1), pin("b", 1), pin("b", 0));
        assert_eq!(notes.read(tree, &[&a, &b]), None);
        notes.keep(tree, &[&a, &b], patched);
        assert_eq!(notes.read(tree, &[&a, &b]), Some(patched));
        let elsewhere = PatchPin { path: "q".to_owned(), ..a.clone() };
        assert_eq!(notes.read(tree, &[&elsewhere, &b]), Some(patched));
        assert_eq!(notes.read(other, &[&a, &b]), None);
        for pins in [&[&b, &a][..], &[&a, &c], &[&a], &[&a, &b, &b], &[]] {
            assert_eq!(notes.read(tree, pins), None, "{pins:?}");
        }
    }

    #[test]
    fn a_note_that_is_damaged_or_of_something_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::beside(&folder.path().join("downloads"), 0);
        let (tree, patched) = (Digest::of(b"t"), Digest::of(b"p"));
        let (a, b) = (pin("a", 1), pin("b", 1));
        notes.keep(tree, &[&a], patched);
        let path = |pin| notes.folder.join(of(tree, &[pin]).hex());
        let good = fs::read(path(&a)).unwrap();
        fs::write(path(&b), &good).unwrap();
        assert_eq!(notes.read(tree, &[&b]), None);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(path(&a), &bad).unwrap();
            assert_eq!(notes.read(tree, &[&a]), None, "{at}");
            fs::write(path(&a), &good[..at]).unwrap();
            assert_eq!(notes.read(tree, &[&a]), None, "{at}");
        }
        fs::write(path(&a), &good).unwrap();
        assert_eq!(notes.read(tree, &[&a]), Some(patched));
    }
}
