//! Sources that are one downloaded file, from a mirror that is a folder.

use std::fs;
use std::path::Path;

use kiln_cas::{Cas as _, MemoryCas};
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::{Content, Source};
use kiln_source::{Fetcher, Mirrors, Pin, Ports, Settings, SourceKind, ThreadPause};
use kiln_testkit::conformance::Impatient;
use kiln_testkit::{debian_mirror, scratch};
use kiln_tree::{Node, Tree};

use crate::ArchiveKind;
use crate::zip::sample::{Zip, file, folder, link};

const HELLO: &str = "debian:pool/main/h/hello/hello_2.10.orig.tar.gz";

fn with_mirror(alias: &str, mirror: &Path, check: impl FnOnce(Ports<'_>)) {
    let cache = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set(alias, [format!("file://{}", mirror.display())]).unwrap();
    let folder = cache.path().to_owned();
    let settings = Settings { folder, mirrors, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    check(Ports { cas: &MemoryCas::default(), fetcher: &fetcher, sink: &Silent });
}

fn hello(sha256: Option<&str>) -> Source {
    let sha256 = sha256.map(str::to_owned);
    Source::Tar { url: HELLO.to_owned(), strip: 1, subdir: None, sha256 }
}

#[test]
fn hello_has_the_tree_that_other_programs_see() {
    with_mirror("debian", &debian_mirror(), |ports| {
        let pin = ArchiveKind.track(&hello(None), ports).unwrap();
        let content = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b/725946";
        assert_eq!(pin.content, Content::File(content.parse().unwrap()));
        // Taken from the folder that GNU tar makes, by another program.
        let tree = "51a7862db4a5a19a755ed7a086e4814e4ccdb7e743f578c0ca519b2e6454780c/2477";
        assert_eq!(pin.tree.to_string(), tree);
        let tree = ArchiveKind.fetch(&hello(None), pin.clone(), ports).unwrap();
        assert_eq!(tree.digest(), pin.tree);
    });
}

#[test]
fn what_is_unpacked_can_be_stopped() {
    let folder = scratch();
    mirror(folder.path());
    let (strip, subdir, sha256) = (0, None, None);
    let tar = "up:app.tar".to_owned();
    let file =
        Source::File { url: tar.clone(), name: "app".to_owned(), executable: false, sha256: None };
    for source in [
        Source::Tar { url: tar, strip, subdir: subdir.clone(), sha256: sha256.clone() },
        Source::Zip { url: "up:app.zip".to_owned(), strip, subdir, sha256 },
        file,
    ] {
        with_mirror("up", folder.path(), |ports| {
            let ports = Ports { sink: &Impatient(ports.fetcher), ..ports };
            let told = ArchiveKind.track(&source, ports).unwrap_err().to_string();
            assert_eq!(told, format!("`{source}` was not fetched: kiln was asked to stop"));
        });
    }
}

#[test]
fn a_pin_that_does_not_hold_is_an_error() {
    with_mirror("debian", &debian_mirror(), |ports| {
        let pin = ArchiveKind.track(&hello(None), ports).unwrap();
        let found = pin.tree;
        let tree = Digest::of(b"other");
        let error = ArchiveKind.fetch(&hello(None), Pin { tree, ..pin }, ports).unwrap_err();
        let message = format!("`{HELLO}` unpacks to the tree `{found}`, the lock has `{tree}`");
        assert_eq!(error.to_string(), message);
        let other = ArchiveKind.track(&hello(Some(&Digest::EMPTY.hex())), ports).unwrap_err();
        assert!(other.to_string().contains("has other content"), "{other}");
        let bad = ArchiveKind.track(&hello(Some("12\n")), ports).unwrap_err();
        assert_eq!(bad.to_string(), format!("`12\\n` is no sha256 of `{HELLO}`"));
    });
}

/// Makes a mirror with the same entries as `app.zip` and as `app.tar`.
fn mirror(at: &Path) {
    let zip = Zip::new(&[
        folder("app-1/"),
        file("app-1/top", "1"),
        folder("app-1/src/"),
        file("app-1/src/main", "2"),
        link("app-1/src/link", "../top"),
    ]);
    fs::write(at.join("app.zip"), zip.bytes).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut entry = |name: &str, kind, content: &str, target: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if !target.is_empty() {
            header.set_link_name(target).unwrap();
        }
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    };
    entry("app-1/top", tar::EntryType::Regular, "1", "");
    entry("app-1/src/main", tar::EntryType::Regular, "2", "");
    entry("app-1/src/link", tar::EntryType::Symlink, "", "../top");
    fs::write(at.join("app.tar"), tar.into_inner().unwrap()).unwrap();
}

fn listed(tree: &Tree) -> String {
    let line = |node: &Node| match node {
        Node::Directory(_) => "/".to_owned(),
        Node::Symlink(link) => format!("->{}", link.target),
        Node::File(file) => format!(" {} {}", file.digest.size, file.executable),
    };
    let lines: Vec<String> =
        tree.walk().map(|(path, node)| format!("{path}{}", line(&node))).collect();
    lines.join(", ")
}

#[test]
fn tar_and_zip_are_stripped_and_cut_alike() {
    let folder = scratch();
    mirror(folder.path());
    with_mirror("a", folder.path(), |ports| {
        let check = |strip: u32, subdir: Option<&str>, expected: &str| {
            let subdir = subdir.map(str::to_owned);
            let (zip, tar) = ("a:app.zip".to_owned(), "a:app.tar".to_owned());
            let zip = Source::Zip { url: zip, strip, subdir: subdir.clone(), sha256: None };
            let tar = Source::Tar { url: tar, strip, subdir, sha256: None };
            for source in [zip, tar] {
                let found = match ArchiveKind.track(&source, ports) {
                    Ok(pin) => listed(&ports.cas.read_tree(pin.tree).unwrap()),
                    Err(error) => error.to_string().replace(".zip", ".tar"),
                };
                assert_eq!(found, expected, "{source}");
            }
        };
        check(1, None, "src/, src/link->../top, src/main 1 false, top 1 false");
        check(1, Some("src"), "link->../top, main 1 false");
        check(0, Some("app-1/src"), "link->../top, main 1 false");
        check(1, Some("lib"), "cannot unpack `a:app.tar`: it has no folder `lib`");
        check(1, Some("top"), "cannot unpack `a:app.tar`: it has no folder `top`");
        check(1, Some(".."), "cannot unpack `a:app.tar`: it has no folder `..`");
        let stripped =
            "cannot unpack `a:app.tar`: the entry `app-1/top` lies above the stripped folders";
        check(2, None, stripped);
    });
}

#[test]
fn a_file_has_the_name_and_mode_that_were_asked_for() {
    let folder = scratch();
    fs::write(folder.path().join("run-1.sh"), "#!/bin/sh\n").unwrap();
    with_mirror("a", folder.path(), |ports| {
        let file = |name: &str, executable, sha256: Option<&str>| {
            let (url, name) = ("a:run-1.sh".to_owned(), name.to_owned());
            Source::File { url, name, executable, sha256: sha256.map(str::to_owned) }
        };
        let run = file("run", true, None);
        let pin = ArchiveKind.track(&run, ports).unwrap();
        assert_eq!(pin.content, Content::File(Digest::of(b"#!/bin/sh\n")));
        let other = MemoryCas::default();
        let tree = ArchiveKind.fetch(&run, pin, Ports { cas: &other, ..ports }).unwrap();
        assert_eq!(listed(&tree), "run 10 true");
        assert_eq!(other.read(Digest::of(b"#!/bin/sh\n")).unwrap(), b"#!/bin/sh\n");
        let plain = ArchiveKind.track(&file("a b", false, None), ports).unwrap();
        assert_eq!(listed(&ports.cas.read_tree(plain.tree).unwrap()), "a b 10 false");
        let bad = ArchiveKind.track(&file("../run", true, None), ports).unwrap_err();
        assert_eq!(bad.to_string(), "`../run` is no name for the file `a:run-1.sh`");
        let wrong = file("run", true, Some(&Digest::EMPTY.hex()));
        let wrong = ArchiveKind.track(&wrong, ports).unwrap_err();
        assert!(wrong.to_string().contains("has other content"), "{wrong}");
    });
}
