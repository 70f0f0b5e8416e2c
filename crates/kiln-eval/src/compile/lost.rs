//! Findings that only follow from items that could not be read.
//!
//! Never: says what is wrong with those.

use kiln_diag::{Code, Diagnostic, FileId};
use kiln_syntax::{is_called, may_be};
use std::collections::{BTreeMap, BTreeSet};

/// What items that could not be read may have been called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost {
    by_file: BTreeMap<FileId, BTreeSet<String>>,
    /// The files whose names all others see: those of projects.
    projects: BTreeSet<FileId>,
}

impl Lost {
    /// Adds what a file lost.
    pub(crate) fn add<'a>(
        &mut self,
        file: FileId,
        is_project: bool,
        words: impl Iterator<Item = &'a str>,
    ) {
        let words: BTreeSet<String> = words.map(str::to_owned).collect();
        if is_project && !words.is_empty() {
            self.projects.insert(file);
        }
        if !words.is_empty() {
            self.by_file.insert(file, words);
        }
    }

    /// Returns whether a name that is missing in a file may be one of those.
    pub(crate) fn may_be(&self, file: Option<FileId>, name: &str) -> bool {
        self.words(file).any(|word| may_be(word, name))
    }

    /// Returns whether a finding may only follow from an item that could not be read: it misses a name that stood there.
    pub(crate) fn may_follow_from(&self, finding: &Diagnostic) -> bool {
        let misses = matches!(finding.code, Code(101 | 110 | 209 | 304 | 307 | 402));
        if self.by_file.is_empty() || !misses {
            return false;
        }
        // A key may be of any file, a plain name is of the same one or of the project.
        let file = finding.primary.as_ref().map(|label| label.span.file);
        let file = file.filter(|_| finding.code != Code(402));
        // Without a name nearby it may be that of an item that lost all of its own.
        if finding.edits.is_empty() && self.words(file).any(|word| word == "…") {
            return true;
        }
        // What is missing is named last; in front of it stands whose it should be.
        let names: Vec<&str> = finding.message.split('`').skip(1).step_by(2).collect();
        let Some((missing, owners)) = names.split_last() else { return false };
        let mut missing = missing.split('.');
        let mut owners = owners.iter().flat_map(|owner| owner.split('.'));
        missing.any(|name| self.may_be(file, name))
            || owners.any(|name| self.words(file).any(|word| is_called(word, name)))
    }

    /// Returns what was lost in a file and in those of projects; without a file in all.
    fn words(&self, file: Option<FileId>) -> impl Iterator<Item = &str> {
        let concerns =
            move |of: &FileId| file.is_none_or(|file| *of == file) || self.projects.contains(of);
        let files = self.by_file.iter().filter(move |(of, _)| concerns(of));
        files.flat_map(|(_, words)| words).map(String::as_str)
    }
}
