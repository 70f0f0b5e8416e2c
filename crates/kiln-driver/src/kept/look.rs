//! Whether the texts of a project are those that are remembered.

use std::os::fd::OwnedFd;
use std::path::Path;

use kiln_diag::FileId;
use kiln_digest::Digest;
use kiln_project::{Member, PROJECT_FILE};
use kiln_source_local::Stamp;
use rustix::fs::{AtFlags, FileType, statat};

use crate::kept::form::{Folder, Record, Text};
use crate::kept::used;
use crate::loaded::Loaded;

/// A project that is looked at.
pub(super) struct Look<'a> {
    pub(super) root: &'a Path,
    pub(super) open: OwnedFd,
    /// Where the stamps of folders are believed: all of one file system that keeps them.
    pub(super) device: Option<u64>,
    /// What changed at this time or later may have changed once more without another stamp.
    pub(super) clock: i64,
}

impl Look<'_> {
    /// Takes down what an IR was made of. All of it was read after the clock was looked at: what has changed since has
    /// a stamp that is not believed.
    pub(super) fn record<'b>(
        &self,
        loaded: &'b Loaded,
        targets: &'b [String],
        ir: [u8; 32],
    ) -> Option<Record<'b>> {
        let looked = loaded.looked.as_ref().filter(|looked| !looked.is_odd)?;
        let folder = |path: &'b String| Some(Folder { path, stamp: self.folder(path)? });
        let folders = looked.folders.iter().map(folder).collect::<Option<_>>()?;
        let mut texts = Vec::new();
        for text in (0..loaded.n_texts).filter_map(|ix| loaded.texts.get(FileId(ix))) {
            let sha256 = Digest::of(text.text.as_bytes()).hash;
            texts.push(Text { path: &text.name, stamp: self.text(&text.name)?, sha256 });
        }
        let foreign = looked.foreign.iter().map(String::as_str).collect();
        let targets = targets.iter().map(String::as_str).collect();
        let inputs = loaded.inputs.iter().map(|input| used::of(input, &loaded.texts));
        let inputs = inputs.collect::<Option<_>>()?;
        let locks = if loaded.reads_lock { Some(used::locks(loaded)) } else { None };
        Some(Record { targets, clock: 0, folders, foreign, texts, inputs, locks, ir })
    }

    /// Answers when the texts are the same: whether their stamps said so. Where these did not, they are as now.
    pub(super) fn is_same(&self, record: &mut Record<'_>) -> Option<bool> {
        let mut is_fresh = true;
        for ix in 0..record.folders.len() {
            let Folder { path, stamp: known } = record.folders[ix];
            let found = self.folder(path)?;
            if found == known && self.device == Some(found.device) && found.is_settled(self.clock) {
                continue;
            }
            self.has_members(record, path)?;
            record.folders[ix].stamp = found;
            is_fresh = false;
        }
        for text in &mut record.texts {
            let found = self.text(text.path)?;
            if found == text.stamp && found.is_settled(self.clock) {
                continue;
            }
            let content = std::fs::read(self.root.join(text.path)).ok()?;
            if Digest::of(&content).hash != text.sha256 {
                return None;
            }
            text.stamp = found;
            is_fresh = false;
        }
        let is_foreign = |path: &&str| self.root.join(path).join(PROJECT_FILE).is_file();
        let is_same = record.foreign.iter().all(is_foreign) && used::are_same(record, self.root);
        is_same.then_some(is_fresh)
    }

    /// Answers when a folder has the members that are remembered.
    fn has_members(&self, record: &Record<'_>, folder: &str) -> Option<()> {
        let found = kiln_project::members(self.root, folder).ok()??;
        let is_in = |path: &str| {
            let above = path.rsplit_once('/').map_or("", |(above, _)| above);
            !path.is_empty() && path != PROJECT_FILE && above == folder
        };
        let texts = record.texts.iter().map(|text| text.path).filter(|path| is_in(path));
        let below = record.folders.iter().map(|folder| folder.path).filter(|path| is_in(path));
        let mut known: Vec<Member> = texts.map(|path| Member::File(path.to_owned())).collect();
        known.extend(below.map(|path| Member::Folder(path.to_owned())));
        known.sort_unstable();
        (found == known).then_some(())
    }

    fn folder(&self, path: &str) -> Option<Stamp> {
        let path = if path.is_empty() { "." } else { path };
        let found = statat(&self.open, path, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_folder = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        is_folder.then(|| Stamp::of(&found))
    }

    fn text(&self, path: &str) -> Option<Stamp> {
        // Only the file of the project itself may be a link.
        let is_project = path == PROJECT_FILE;
        let follow = if is_project { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let found = statat(&self.open, path, follow).ok()?;
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        is_file.then(|| Stamp::of(&found))
    }
}
