//! The base `c-min` from the mirror of `make fixtures`: tracked, fetched, fixed up.

use std::fs;
use std::path::Path;

use kiln_cas::{Cas, MemoryCas};
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::{Base, Source};
use kiln_lock::{LockedBase, LockedPackage};
use kiln_source::{Download, Fetcher, Mirrors, Pin, Ports, Settings, SourceKind as _, ThreadPause};
use kiln_testkit::conformance::Impatient;
use kiln_testkit::{FileServer, debian_mirror, project_root, scratch};
use kiln_tree::{Node, RelPath, Tree};
use proptest::prelude::*;

use crate::alternatives::installed_by;
use crate::relation::groups;
use crate::stanza::{fields, stanzas};
use crate::sysroot::assemble;
use crate::version::compare_versions;
use crate::{DebError, DebKind, FIXUPS, Trust, fetch, track};

const ROOTS: &str = "gcc make libc6-dev libc-bin dash bash coreutils sed grep mawk findutils \
                     diffutils tar gzip";
const ASSUMED: &str = "dpkg debconf usrmerge usr-is-merged init-system-helpers adduser install-info \
                       procps libnsl-dev libtirpc-dev rpcsvc-proto";

fn base(suite: &str, component: &str, roots: &str) -> Base {
    let words = |text: &str| -> Vec<String> {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    Base::Debian {
        suite: suite.to_owned(),
        arch: "amd64".to_owned(),
        components: words(component),
        packages: words(roots),
        assume: words(ASSUMED),
    }
}

/// Gives ports of a fresh cache on the mirror, served on loopback.
pub(crate) fn with_ports<T>(cas: &dyn Cas, run: impl FnOnce(Ports<'_>) -> T) -> T {
    let server = FileServer::start(&debian_mirror());
    let cache = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set("debian", [server.url()]).unwrap();
    let folder = cache.path().to_owned();
    let settings = Settings { folder, mirrors, n_threads: 2, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    run(Ports { cas, fetcher: &fetcher, sink: &Silent })
}

fn tracked(base: &Base) -> Result<LockedBase, DebError> {
    with_ports(&MemoryCas::default(), |ports| track(base, &Trust::default(), ports))
}

fn told(tree: &Tree, cas: &dyn Cas, path: &str) -> String {
    match tree.get(&RelPath::parse(path).unwrap()) {
        None => "nothing".to_owned(),
        Some(Node::Directory(folder)) => format!("{} entries", folder.entries().len()),
        Some(Node::Symlink(link)) => format!("-> {}", link.target),
        Some(Node::File(file)) => {
            let missing = cas.missing(&[file.digest]).unwrap();
            let kind = if file.executable { "program" } else { "file" };
            if missing.is_empty() { kind.to_owned() } else { format!("lost {kind}") }
        }
    }
}

#[test]
fn c_min_becomes_a_sysroot() {
    let locked = tracked(&base("bookworm", "main", ROOTS)).unwrap();
    let listed = fs::read_to_string(project_root().join("tests/fixtures/c-min.txt")).unwrap();
    let listed: Vec<&str> = listed
        .lines()
        .filter(|line| !line.starts_with('#') && *line != "busybox-static" && !line.is_empty())
        .collect();
    let mut names: Vec<&str> =
        locked.packages.iter().map(|package| package.name.as_str()).collect();
    let place = |name: &str| names.iter().position(|found| *found == name).unwrap();
    assert!(place("libc6") < place("bash") && place("gcc-12") < place("gcc"));
    names.sort_unstable();
    assert_eq!(names, listed);

    let cas = MemoryCas::default();
    let tree = with_ports(&cas, |ports| fetch(&locked, 2, ports)).unwrap();
    let check =
        |path: &str, expected: &str| assert_eq!(told(&tree, &cas, path), expected, "{path}");
    check("bin", "-> usr/bin");
    check("lib64", "-> usr/lib64");
    check("usr/lib64/ld-linux-x86-64.so.2", "-> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    check("usr/bin/sh", "-> dash");
    check("usr/bin/cc", "-> /usr/bin/gcc");
    check("usr/bin/awk", "-> /usr/bin/mawk");
    check("usr/bin/c99", "-> /usr/bin/c99-gcc");
    check("usr/bin/which", "-> /usr/bin/which.debianutils");
    check("usr/lib/cpp", "-> /usr/bin/cpp");
    check("usr/sbin/rmt", "-> /usr/sbin/rmt-tar");
    check("usr/bin/bash", "program");
    check("usr/include/stdio.h", "file");
    check("usr/lib/locale/C.utf8/LC_CTYPE", "file");
    check("etc/passwd", "file");
    check("var/run", "-> /run");
    check("usr/share/man/man1/awk.1.gz", "nothing");
    assert_eq!(cas.read_tree(tree.digest()).unwrap(), tree);
    let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
    assert!(files.len() > 2_500 && cas.missing(&files).unwrap().is_empty());
}

#[test]
fn what_is_unpacked_can_be_stopped() {
    let locked = tracked(&base("bookworm", "main", "sed")).unwrap();
    let locked = LockedBase { packages: locked.packages[..1].to_vec(), ..locked };
    let url = locked.packages[0].path.clone();
    let told = with_ports(&MemoryCas::default(), |ports| {
        let ports = Ports { sink: &Impatient(ports.fetcher), ..ports };
        fetch(&locked, 1, ports).unwrap_err().to_string()
    });
    assert!(told.ends_with("was not fetched: kiln was asked to stop"), "{told}");
    let source = Source::Deb { url, sha256: None };
    let told = with_ports(&MemoryCas::default(), |ports| {
        let ports = Ports { sink: &Impatient(ports.fetcher), ..ports };
        DebKind.track(&source, ports).unwrap_err().to_string()
    });
    assert!(told.ends_with("was not fetched: kiln was asked to stop"), "{told}");
}

#[test]
fn what_the_lock_does_not_mean_is_not_kept() {
    let locked = tracked(&base("bookworm", "main", "sed")).unwrap();
    let source = Source::Deb { url: locked.packages[0].path.clone(), sha256: None };
    let cas = MemoryCas::default();
    let pin = with_ports(&cas, |ports| DebKind.track(&source, ports)).unwrap();
    let files = |tree: &Tree| tree.files().map(|(_, file)| file.digest).collect::<Vec<_>>();
    let mut files = files(&cas.read_tree(pin.tree).unwrap());
    files.push(pin.tree);
    files.sort();
    files.dedup();
    files.retain(|digest| *digest != Digest::EMPTY);
    let other = MemoryCas::default();
    let wrong = Pin { tree: Digest::of(b"other"), ..pin };
    let error = with_ports(&other, |ports| DebKind.fetch(&source, wrong, ports)).unwrap_err();
    assert!(error.to_string().contains("unpacks to the tree"), "{error}");
    let mut missing = other.missing(&files).unwrap();
    missing.sort();
    assert_eq!(missing, files);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let locked = tracked(&base("bookworm", "main", "sed tar")).unwrap();
    let made = |n_threads| {
        with_ports(&MemoryCas::default(), |ports| fetch(&locked, n_threads, ports)).unwrap()
    };
    assert_eq!(made(1), made(4));
}

#[test]
fn what_a_suite_does_not_have_is_told() {
    let check = |base: Base, expected: &str| {
        assert_eq!(tracked(&base).unwrap_err().to_string(), expected);
    };
    check(base("bookworm", "main", "gccc"), "no package is named `gccc`");
    check(
        base("bookworm", "extra", "gcc"),
        "the suite `bookworm` has no component `extra` for `amd64`",
    );
    check(base("sid", "main", "gcc"), "cannot fetch `debian:dists/sid/InRelease`");
}

#[test]
fn other_fixups_and_damaged_packages_are_refused() {
    let mut locked = tracked(&base("bookworm", "main", "sed")).unwrap();
    let failed = |locked: &LockedBase| {
        with_ports(&MemoryCas::default(), |ports| fetch(locked, 1, ports)).unwrap_err().to_string()
    };
    locked.fixups += 1;
    assert_eq!(failed(&locked), "the base is locked with fix-ups 3, kiln knows those up to 2");
    locked.fixups = 0;
    assert_eq!(failed(&locked), "the base is locked with fix-ups 0, kiln knows those up to 2");
    locked.fixups = 1;
    let release = debian_mirror().join("dists/bookworm/InRelease");
    let wrong = Digest::of(&fs::read(release).unwrap());
    for package in &mut locked.packages {
        package.path = "debian:dists/bookworm/InRelease".to_owned();
        package.content = wrong;
    }
    let error = failed(&locked);
    assert!(error.ends_with("is malformed: it is no ar archive"), "{error}");
}

/// Writes a package that brings some paths, as programs, and returns its entry in a lock.
fn package(folder: &Path, name: &str, paths: &[&str]) -> (LockedPackage, Download) {
    let tar = |paths: &[&str]| {
        let mut builder = tar::Builder::new(Vec::new());
        for path in paths {
            let mut header = tar::Header::new_gnu();
            header.set_size(name.len() as u64);
            header.set_mode(0o4755);
            builder.append_data(&mut header, path, name.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let mut bytes = b"!<arch>\n".to_vec();
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar", tar(&["control"])),
        ("data.tar", tar(paths)),
    ];
    for (member, content) in members {
        let head = format!("{member:<16}0           0     0     100644  {:<10}`\n", content.len());
        bytes.extend(head.into_bytes());
        bytes.extend(content);
    }
    let path = folder.join(name);
    fs::write(&path, &bytes).unwrap();
    let content = Digest::of(&bytes);
    let (version, name, url) = ("1".to_owned(), name.to_owned(), format!("debian:{name}"));
    (LockedPackage { name, version, path: url, content }, Download { path, content })
}

#[track_caller]
fn check_packages(contents: [&[&str]; 2], expected: &str) {
    let folder = scratch();
    let [a, b] = ["a", "b"];
    let (packages, downloads): (Vec<_>, Vec<_>) =
        [package(folder.path(), a, contents[0]), package(folder.path(), b, contents[1])]
            .into_iter()
            .unzip();
    let made = with_ports(&MemoryCas::default(), |ports| {
        assemble(&packages, FIXUPS, &downloads, 2, ports)
    });
    let found = match made {
        Ok(tree) => format!("{:?}", tree.subtree(&RelPath::parse("usr/bin").unwrap()).unwrap())
            .lines()
            .skip(1)
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect::<Vec<_>>()
            .join(", "),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

#[test]
fn packages_are_merged_below_usr() {
    check_packages([&["bin/a"], &["usr/bin/b"]], "x a, x b");
}

#[test]
fn a_path_belongs_to_one_package() {
    check_packages([&["bin/x"], &["usr/bin/x"]], "the packages `a` and `b` both bring `usr/bin/x`");
    check_packages(
        [&["bin/x"], &["usr/bin/x/y"]],
        "the packages `a` and `b` both bring `usr/bin/x`",
    );
    check_packages(
        [&["bin/x", "usr/bin/x"], &["y"]],
        "cannot unpack `debian:a`: the entry `usr/bin/x` comes twice",
    );
}

proptest! {
    #[test]
    fn texts_of_others_are_no_panic(
        text in "([ \t\n:,|()<>=~$#;{}\\\\\"'/.+a-c0-2é-]|Package|Depends|update-alternatives|--install|--slave){0,40}",
    ) {
        for (_, value) in stanzas(&text).flat_map(fields) {
            prop_assert_eq!(value, value.trim());
        }
        for relation in groups(&text).into_iter().flatten().flatten() {
            let told = relation.to_string();
            prop_assert_eq!(groups(&told), Some(vec![vec![relation]]));
        }
        for alternative in installed_by(&text) {
            prop_assert!(alternative.links.iter().all(|(link, target)| link.starts_with('/') && target.starts_with('/')));
        }
    }

    #[test]
    fn versions_are_ordered(left in "[0-2a-b.~:+é-]{0,8}", right in "[0-2a-b.~:+é-]{0,8}") {
        let order = compare_versions(&left, &right);
        prop_assert_eq!(compare_versions(&right, &left), order.reverse());
        prop_assert!(compare_versions(&left, &left).is_eq());
    }
}

/// Who raises the version of the fix-ups tracks the examples again: else their users see a change that is none of theirs.
#[test]
fn the_locks_of_the_examples_have_the_present_fixups() {
    let examples = fs::read_dir(project_root().join("docs/examples")).unwrap();
    let locks = examples
        .filter_map(|example| fs::read_to_string(example.unwrap().path().join("kiln.lock")).ok());
    let present = format!("fixups = {FIXUPS}");
    let mut n_bases = 0;
    for line in locks.flat_map(|lock| lock.lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(!line.contains("://"), "a lock names no host: {line}");
        if line.starts_with("fixups = ") {
            assert_eq!(line, present);
            n_bases += 1;
        }
    }
    assert!(n_bases > 1, "the examples have bases");
}
