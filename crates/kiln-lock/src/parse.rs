//! The text of `kiln.lock`, read strictly: every mistake has a place.

use std::ops::Range;

use kiln_diag::{Code, Diagnosed, Diagnostic, FileId, Span};
use kiln_digest::Digest;
use kiln_ir::{Base, Commit, Content, ObjectId};
use serde::Deserialize;
use toml::Spanned;

use crate::form::{BaseText, ContentText, FileText, PackageText, SourceText, VersionText};
use crate::{Lock, LockedBase, LockedPackage, LockedSource, VERSION};

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
mod tests {
    use kiln_ir::{Source, Vendored};
    use proptest::prelude::*;
    use snapbox::str;

    use super::*;

    #[test]
    fn marks_of_a_merge_are_told_as_such() {
        let told = |text: &str| {
            let found = Lock::parse(FileId(0), text).diagnostics;
            found.first().and_then(|found| found.primary.clone()).map(|label| label.text)
        };
        let ours = format!("version = 1\n<<<<<<< ours\n{ENTRY}=======\n>>>>>>> theirs\n");
        for text in [&ours, "=======\n", ">>>>>>> x"] {
            assert_eq!(told(text).as_deref(), Some("of a merge"), "{text}");
        }
        check("version = 1\n# =======\n", "");
    }

    const ENTRY: &str = r#"
[[source]]
kind = "tar"
url = "debian:pool/a.tar.gz"
strip = 1
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
size = 0
tree = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0"
"#;

    #[track_caller]
    fn check(text: &str, expected: impl snapbox::IntoData) {
        let found = Lock::parse(FileId(0), text);
        assert_eq!(found.value.is_none(), !found.diagnostics.is_empty());
        let lines: Vec<String> = found.diagnostics.iter().map(ToString::to_string).collect();
        snapbox::assert_data_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn a_newer_version_is_refused_whatever_else_is_there() {
        check(
            "version = 2\nnew = true\n",
            str![[r"
error[K1102]: the lock has version 2, this kiln reads version 1
  at 0:10..11: unknown version
  help: use the kiln that wrote it, or run `kiln track` to write it again
"]],
        );
    }

    #[test]
    fn a_text_that_is_no_lock_has_a_place() {
        check(
            "version = 1\nnonsense\n",
            str![[r"
error[K1101]: the lock cannot be read: key with no value, expected `=`
  at 0:20..20: here
  help: take the file of the last commit, or run `kiln track` to write it again
"]],
        );
        check(
            "",
            str![[r"
error[K1101]: the lock cannot be read: missing field `version`
  at 0:0..0: here
  help: take the file of the last commit, or run `kiln track` to write it again
"]],
        );
        check(
            "version = 1\n[[source]]\nkind = \"rar\"\n",
            str![[r"
error[K1101]: the lock cannot be read: unknown variant `rar`, expected one of `tar`, `zip`, `file`, `git`, `deb`, `dsc`, `crates`, `pypi`, `npm`, `go-modules`, `rootfs`, `oci-image`
  at 0:30..35: here
  help: take the file of the last commit, or run `kiln track` to write it again
"]],
        );
    }

    #[test]
    fn a_bad_digest_is_found_in_its_entry() {
        let text = format!("version = 1\n{}", ENTRY.replacen("e3b0", "E3B0", 1));
        check(
            &text,
            str![[r"
error[K1103]: the digest of `sha256` in the lock is malformed
  at 0:13..23: in this entry
  help: take the file of the last commit, or run `kiln track` to write it again
"]],
        );
    }

    #[test]
    fn what_a_merge_doubled_is_found() {
        check(
            &format!("version = 1\n{ENTRY}{ENTRY}"),
            str![[r"
error[K1104]: the lock has two entries for `debian:pool/a.tar.gz`
  at 0:245..255: the second
  help: remove one of them, for example what is left of a merge
"]],
        );
    }

    fn digest() -> impl Strategy<Value = Digest> {
        (any::<[u8; 32]>(), 0u64..1 << 62).prop_map(|(hash, size)| Digest { hash, size })
    }

    fn locked_commit(
        url: String,
        name: String,
        submodules: bool,
        version: Option<String>,
        tree: Digest,
    ) -> LockedSource {
        let (track, exclude) = (name.clone(), vec![name.clone()]);
        let source =
            Source::Git { url, track, exclude, submodules, exclude_submodules: vec![name] };
        let id = ObjectId::parse(&tree.hex()).unwrap();
        let commit = Commit { id, describe: version.clone(), version };
        LockedSource { source, content: Content::Commit(commit), tree }
    }

    fn vendored(lockfile: String, url: String, strip: u32) -> Vendored {
        let tar = Source::Tar { url, strip, subdir: None, sha256: None };
        Vendored { lockfile, of: strip.is_multiple_of(2).then(|| Box::new(tar)) }
    }

    prop_compose! {
        fn source()(
            kind in 0..11, url in ".*", strip: u32, name in ".*", executable: bool,
            subdir in prop::option::of(".*"), content in digest(), tree in digest(),
        ) -> LockedSource {
            let source = match kind {
                0 => Source::Tar { url, strip, subdir, sha256: None },
                1 => Source::Zip { url, strip, subdir, sha256: None },
                2 => Source::File { url, name, executable, sha256: None },
                3 => Source::Deb { url, sha256: None },
                4 => Source::Dsc { url, sha256: None },
                5 => Source::Crates(vendored(url, name, strip)),
                6 => Source::Pypi(vendored(url, name, strip)),
                7 => Source::Npm(vendored(url, name, strip)),
                8 => Source::GoModules(vendored(url, name, strip)),
                9 => {
                    let (image, local, platform) = (url, executable, name);
                    Source::OciImage { image, local, platform, tag: subdir, sha256: None }
                }
                _ => return locked_commit(url, name, executable, subdir, tree),
            };
            LockedSource { source, content: content.into(), tree }
        }
    }

    prop_compose! {
        fn package()(name in ".*", version in ".*", path in ".*", content in digest())
            -> LockedPackage {
            LockedPackage { name, version, path, content }
        }
    }

    prop_compose! {
        fn base()(
            suite in ".*", arch in ".*", roots in prop::collection::vec(".*", 0..3), fixups: u32,
            packages in prop::collection::vec(package(), 0..3),
        ) -> LockedBase {
            let (components, assume) = (roots.clone(), roots.clone());
            let base = Base::Debian { suite, arch, components, packages: roots, assume };
            LockedBase { base, fixups, packages }
        }
    }

    proptest! {
        #[test]
        fn fuzz_what_is_printed_reads_back(
            sources in prop::collection::vec(source(), 0..4),
            bases in prop::collection::vec(base(), 0..3),
        ) {
            let mut lock = Lock::default();
            lock.merge(Lock { inputs: sources.clone(), sources, bases });
            let found = Lock::parse(FileId(0), &lock.to_string());
            prop_assert_eq!(found, Diagnosed::clean(Some(lock)));
        }

        #[test]
        fn fuzz_damage_is_never_a_panic(at in 0usize..300, byte: char) {
            let mut text = format!("version = 1\n{ENTRY}");
            if let Some(old) = text.get(at..).and_then(|rest| rest.chars().next()) {
                text.replace_range(at..at + old.len_utf8(), &byte.to_string());
            }
            let found = Lock::parse(FileId(0), &text);
            prop_assert_eq!(found.value.is_none(), found.has_errors());
        }
    }
}
