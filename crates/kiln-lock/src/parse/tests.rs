//! Locks that are read, damaged and compared.

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
    let source = Source::Git { url, track, exclude, submodules, exclude_submodules: vec![name] };
    let id = ObjectId::parse(&tree.hex()).unwrap();
    let commit = Commit { id, describe: version.clone(), version };
    LockedSource { source, content: Content::Commit(commit), tree }
}

/// Returns a lock with one of every kind that is read quickly.
fn quick_lock() -> Lock {
    let url = || "a:x".to_owned();
    let (subdir, name) = (Some("in".to_owned()), "n".to_owned());
    let mut lock = Lock::default();
    for source in [
        Source::Tar { url: url(), strip: 1, subdir: None, sha256: None },
        Source::Tar { url: url(), strip: 1, subdir: subdir.clone(), sha256: None },
        Source::Zip { url: url(), strip: 10, subdir, sha256: None },
        Source::File { url: url(), name, executable: true, sha256: None },
        Source::Deb { url: url(), sha256: None },
        Source::Dsc { url: url(), sha256: None },
        Source::Rootfs { url: url(), strip: 0, sha256: None },
    ] {
        let content = Content::File(Digest::EMPTY);
        lock.put_source(LockedSource { source, content, tree: Digest::of(b"tree") });
    }
    let version = Some("1.0".to_owned());
    lock.put_source(locked_commit(url(), "v*".to_owned(), true, version, Digest::EMPTY));
    lock.put_input(locked_commit(url(), "main".to_owned(), false, None, Digest::EMPTY));
    let packages = vec!["gcc".to_owned(), "make".to_owned()];
    let (suite, arch, components) = ("s".to_owned(), "amd64".to_owned(), Vec::new());
    let base = Base::Debian { suite, arch, components, packages, assume: Vec::new() };
    let package = |name: &str| LockedPackage {
        name: name.to_owned(),
        version: "1:2-3".to_owned(),
        path: "debian:pool/x".to_owned(),
        content: Digest::of(b"package"),
    };
    let packages = ["gcc", "make"].map(package).to_vec();
    lock.put_base(LockedBase { base, fixups: 3, packages });
    lock
}

#[test]
fn what_is_printed_is_read_quickly() {
    let lock = quick_lock();
    assert_eq!(quick::read(&lock.to_string()), Some(lock));
    assert_eq!(quick::read(&Lock::default().to_string()), Some(Lock::default()));
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
        let text = lock.to_string();
        prop_assert_eq!(Lock::parse_toml(FileId(0), &text), Diagnosed::clean(Some(lock.clone())));
        prop_assert_eq!(quick::read(&text).unwrap_or_else(|| lock.clone()), lock);
    }

    #[test]
    fn fuzz_what_is_read_quickly_reads_the_same_as_toml(
        at in 0usize..3000, from in 0usize..3000, length in 0usize..80, with in "[\\PC]{0,3}|[\"\\\\\n\r\t 0+-]",
    ) {
        let good = quick_lock().to_string();
        let copied = good.get(from..(from + length).min(good.len())).unwrap_or("");
        for inserted in [&with, copied] {
            for cut in [0, 1, length] {
                let mut text = good.clone();
                let end = (at + cut).min(text.len());
                if text.is_char_boundary(at.min(end)) && text.is_char_boundary(end) {
                    text.replace_range(at.min(end)..end, inserted);
                }
                if let Some(lock) = quick::read(&text) {
                    prop_assert_eq!(Lock::parse_toml(FileId(0), &text), Diagnosed::clean(Some(lock)));
                }
            }
        }
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
