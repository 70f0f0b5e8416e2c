//! Findings that only follow from items that could not be read.
//!
//! Never: says what is wrong with those.

use kiln_diag::{Code, Diagnostic, FileId};
use kiln_syntax::{is_called, is_written, may_be};
use std::collections::{BTreeMap, BTreeSet};

/// Names so short are near to all others.
const SHORT: usize = 2;

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
        if self.by_file.is_empty() {
            return false;
        }
        let names: Vec<&str> = finding.message.split('`').skip(1).step_by(2).collect();
        let Some((missing, owners)) = names.split_last() else {
            return finding.code == Code(209) && self.lacks_a_name(finding);
        };
        match finding.code {
            // A key may be of any file, a plain name is of the same one or of the project.
            Code(307 | 402) => {
                self.may_have_had(None, missing, owners) || self.is_written(None, missing)
            }
            Code(101 | 110 | 209) => {
                let short = missing.len() <= SHORT && self.has_nameless(file_of(finding));
                short
                    || self.lacks_a_name(finding)
                    || self.may_have_had(file_of(finding), missing, owners)
            }
            // Keys that depend on themselves are those of what is spread, which may be lost.
            Code(304) => self.words(file_of(finding)).next().is_some(),
            Code(204 | 302 | 501) => self.is_written(file_of(finding), missing),
            Code(203) => self.is_written(file_of(finding), names[0]),
            _ => false,
        }
    }

    /// Returns whether what a finding misses may be an item that lost all of its name: without another name nearby.
    fn lacks_a_name(&self, finding: &Diagnostic) -> bool {
        finding.edits.is_empty() && self.has_nameless(file_of(finding))
    }

    fn has_nameless(&self, file: Option<FileId>) -> bool {
        self.words(file).any(|word| word == "…")
    }

    /// Returns whether what is missing, or whose it should be, is an item that could not be read.
    fn may_have_had(&self, file: Option<FileId>, missing: &str, owners: &[&str]) -> bool {
        let mut missing = missing.split('.');
        let mut owners = owners.iter().flat_map(|owner| owner.split('.'));
        missing.any(|name| self.may_be(file, name))
            || owners.any(|name| self.words(file).any(|word| is_called(word, name)))
    }

    fn is_written(&self, file: Option<FileId>, name: &str) -> bool {
        self.words(file).any(|word| is_written(word, name))
    }

    /// Returns what was lost in a file and in those of projects; without a file in all.
    fn words(&self, file: Option<FileId>) -> impl Iterator<Item = &str> {
        let concerns =
            move |of: &FileId| file.is_none_or(|file| *of == file) || self.projects.contains(of);
        let files = self.by_file.iter().filter(move |(of, _)| concerns(of));
        files.flat_map(|(_, words)| words).map(String::as_str)
    }
}

fn file_of(finding: &Diagnostic) -> Option<FileId> {
    finding.primary.as_ref().map(|label| label.span.file)
}
