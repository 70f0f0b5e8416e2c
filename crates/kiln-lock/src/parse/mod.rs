//! The text of `kiln.lock`, read strictly: every mistake has a place.

use std::ops::Range;

use kiln_diag::{Code, Diagnosed, Diagnostic, FileId, Span};
use kiln_digest::Digest;
use kiln_ir::{Base, Commit, Content, ObjectId};
use serde::Deserialize;
use toml::Spanned;

use crate::form::{BaseText, ContentText, FileText, PackageText, SourceText, VersionText};
use crate::{Lock, LockedBase, LockedPackage, LockedSource, VERSION, quick};

/// The text is not of the form of a lock.
const BAD_FORM: Code = Code(1101);
/// The lock has a version that this kiln does not know.
const BAD_VERSION: Code = Code(1102);
/// A value in the lock cannot be.
const BAD_VALUE: Code = Code(1103);
/// Two entries have one key.
const TWICE: Code = Code(1104);

/// How a line starts that a merge put between its two sides.
const MARKS: [&str; 3] = ["<<<<<<< ", ">>>>>>> ", "=======\n"];
const TAKE_A_SIDE: &str = "keep the entries of both sides, or take one side (`git checkout --ours kiln.lock`) and run \
     `kiln track ELEMENT` for what the other one changed";

const TRACK_ALL: &str = "take the file of the last commit, or run `kiln track` to write it again";

impl Lock {
    /// Reads the text of a lock; nothing when it is too broken to be used. Entries may be in any order.
    pub fn parse(file: FileId, text: &str) -> Diagnosed<Option<Self>> {
        // What kiln printed itself needs no closer look.
        quick::read(text)
            .map_or_else(|| Self::parse_toml(file, text), |lock| Diagnosed::clean(Some(lock)))
    }

    /// Reads the text as TOML.
    fn parse_toml(file: FileId, text: &str) -> Diagnosed<Option<Self>> {
        let mut reading = Reading { file, diagnostics: Vec::new() };
        let lock = reading.lock(text).filter(|_| reading.diagnostics.is_empty());
        Diagnosed { value: lock, diagnostics: reading.diagnostics }
    }
}

struct Reading {
    file: FileId,
    diagnostics: Vec<Diagnostic>,
}

/// Returns where the first mark of a merge stands.
fn conflict(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if MARKS.iter().any(|mark| line.starts_with(mark)) {
            return Some(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}

impl Reading {
    fn lock(&mut self, text: &str) -> Option<Lock> {
        if let Some(at) = conflict(text) {
            let message = "the lock has both sides of a merge".to_owned();
            self.report(BAD_FORM, message, at, "of a merge", TAKE_A_SIDE);
            return None;
        }
        let version: VersionText = self.toml(text)?;
        if *version.version.get_ref() != i64::from(VERSION) {
            let message = format!(
                "the lock has version {}, this kiln reads version {VERSION}",
                version.version.get_ref()
            );
            let help = "use the kiln that wrote it, or run `kiln track` to write it again";
            self.report(BAD_VERSION, message, version.version.span(), "unknown version", help);
            return None;
        }
        let file: FileText = self.toml(text)?;
        let mut lock = Lock::default();
        for entry in file.source {
            let Some((locked, span)) = self.source(entry) else { continue };
            if lock.source(&locked.source).is_some() {
                self.twice(&locked.source.to_string(), span);
                continue;
            }
            lock.put_source(locked);
        }
        for entry in file.base {
            self.base(&mut lock, entry);
        }
        for entry in file.input {
            let Some((locked, span)) = self.source(entry) else { continue };
            if lock.input(&locked.source).is_some() {
                self.twice(&locked.source.to_string(), span);
                continue;
            }
            lock.put_input(locked);
        }
        Some(lock)
    }

    fn toml<T: for<'de> Deserialize<'de>>(&mut self, text: &str) -> Option<T> {
        match toml::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let message = format!("the lock cannot be read: {}", one_line(error.message()));
                self.report(BAD_FORM, message, error.span().unwrap_or(0..0), "here", TRACK_ALL);
                None
            }
        }
    }

    fn source(&mut self, entry: Spanned<SourceText>) -> Option<(LockedSource, Range<usize>)> {
        let span = entry.span();
        let (source, content, tree) = entry.into_inner().into_parts();
        let content = match content {
            ContentText::File { sha256, size } => {
                self.digest(&format!("{sha256}/{size}"), "sha256", &span).map(Content::File)
            }
            ContentText::Commit { commit, describe, version } => {
                let id = self.commit(&commit, &span);
                id.map(|id| Content::Commit(Commit { id, describe, version }))
            }
        };
        let tree = self.digest(tree.strip_prefix("sha256:").unwrap_or(""), "tree", &span);
        let (content, tree) = (content?, tree?);
        Some((LockedSource { source, content, tree }, span))
    }

    fn base(&mut self, lock: &mut Lock, entry: Spanned<BaseText>) {
        let span = entry.span();
        let BaseText::Debian { suite, arch, components, packages, assume, fixups, closure } =
            entry.into_inner();
        let base = Base::Debian { suite, arch, components, packages, assume };
        let mut locked = LockedBase { base, fixups, packages: Vec::new() };
        for package in closure {
            let PackageText { name, version, path, size, sha256 } = package;
            let Some(content) = self.digest(&format!("{sha256}/{size}"), &name, &span) else {
                continue;
            };
            locked.packages.push(LockedPackage { name, version, path, content });
        }
        if lock.base(&locked.base).is_some() {
            self.twice(&locked.base.to_string(), span);
            return;
        }
        lock.put_base(locked);
    }

    fn digest(&mut self, text: &str, what: &str, span: &Range<usize>) -> Option<Digest> {
        let digest = text.parse().ok();
        if digest.is_none() {
            let message = format!("the digest of `{}` in the lock is malformed", one_line(what));
            self.report(BAD_VALUE, message, span.clone(), "in this entry", TRACK_ALL);
        }
        digest
    }

    fn commit(&mut self, text: &str, span: &Range<usize>) -> Option<ObjectId> {
        let id = ObjectId::parse(text).ok();
        if id.is_none() {
            let message = "the commit in the lock is malformed".to_owned();
            self.report(BAD_VALUE, message, span.clone(), "in this entry", TRACK_ALL);
        }
        id
    }

    fn twice(&mut self, what: &str, span: Range<usize>) {
        let message = format!("the lock has two entries for `{}`", one_line(what));
        let help = "remove one of them, for example what is left of a merge";
        self.report(TWICE, message, span, "the second", help);
    }

    fn report(&mut self, code: Code, message: String, at: Range<usize>, label: &str, help: &str) {
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        let span = Span::new(self.file, offset(at.start), offset(at.end));
        self.diagnostics.push(Diagnostic::error(code, message).at(span, label).help(help));
    }
}

/// Returns a text without line breaks and other control characters.
fn one_line(text: &str) -> String {
    text.trim().replace(char::is_control, " ")
}

#[cfg(test)]
mod tests;
