//! Sources that are Debian packages: held to what all kinds promise, and compared with `dpkg-source`.
#![expect(clippy::disallowed_methods, reason = "tests write what they serve and run dpkg-source")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use kiln_cas::MemoryCas;
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::Source;
use kiln_source::{Fetcher, Mirrors, Ports, Settings, SourceKind, ThreadPause};
use kiln_source_deb::DebKind;
use kiln_testkit::conformance::{Subject, check};
use kiln_testkit::{FileServer, debian_mirror, path_with_tools, project_root, scratch};
use kiln_tree::{Node, Tree};

/// A file of an archive: name, whether it is a program, content.
type Entry<'a> = (&'a str, bool, &'a str);

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, is_program, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if *is_program { 0o755 } else { 0o644 });
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn deb(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar", tar(&[("./control", false, "Package: app\nVersion: 1-1\n")])),
        ("data.tar", tar(entries)),
    ];
    for (member, content) in members {
        let head = format!("{member:<16}0           0     0     100644  {:<10}`\n", content.len());
        bytes.extend(head.into_bytes());
        bytes.extend(content);
    }
    bytes
}

/// Writes a source package: files, and what describes them.
fn write_dsc(folder: &Path, format: &str, files: &[(&str, Vec<u8>)]) {
    let mut text = format!("Format: {format}\nSource: app\nVersion: 1-1\nChecksums-Sha256:\n");
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
        writeln!(text, " {} {} {name}", Digest::of(bytes).hex(), bytes.len()).unwrap();
    }
    fs::write(folder.join("app_1-1.dsc"), text).unwrap();
}

fn kind(_cache: &Path) -> Box<dyn SourceKind> {
    Box::new(DebKind)
}

/// Holds the source of a folder to the promises.
fn conforms(folder: &Path, source: Source) {
    let server = FileServer::start(folder);
    check(&Subject { kind: &kind, source, server: Some(&server) });
}

fn quilt_files() -> [(&'static str, Vec<u8>); 3] {
    let patch = "--- a/src/main.c\n+++ b/src/main.c\n@@ -1 +1,2 @@\n int a;\n+int b;\n";
    let debian = [
        ("debian/rules", false, "#!/usr/bin/make -f\n"),
        ("debian/patches/series", false, "# one\nb.patch\n"),
        ("debian/patches/b.patch", false, patch),
    ];
    [
        (
            "app_1.orig.tar",
            tar(&[("app-1/src/main.c", false, "int a;\n"), ("app-1/run", true, "")]),
        ),
        ("app_1.orig-more.tar", tar(&[("x/more.txt", false, "more")])),
        ("app_1-1.debian.tar", tar(&debian)),
    ]
}

/// Names as the description has them: kiln finds the compression by the content.
fn named(files: [(&'static str, Vec<u8>); 3]) -> [(&'static str, Vec<u8>); 3] {
    let [main, more, debian] = files;
    [
        ("app_1.orig.tar.gz", main.1),
        ("app_1.orig-more.tar.xz", more.1),
        ("app_1-1.debian.tar.xz", debian.1),
    ]
}

#[test]
fn binary_packages_keep_the_promises() {
    let folder = scratch();
    fs::write(folder.path().join("app_1.deb"), deb(&[("./usr/bin/app", true, "#!/bin/sh\n")]))
        .unwrap();
    conforms(folder.path(), Source::Deb { url: "up:app_1.deb".into(), sha256: None });
}

#[test]
fn source_packages_keep_the_promises() {
    let folder = scratch();
    write_dsc(folder.path(), "3.0 (quilt)", &named(quilt_files()));
    conforms(folder.path(), Source::Dsc { url: "up:app_1-1.dsc".into(), sha256: None });
}

/// Tracks a source of a folder and returns its tree, or the error with its causes.
fn tracked(folder: &Path, source: &Source) -> Result<(Tree, MemoryCas), String> {
    let server = FileServer::start(folder);
    let cache = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set("up", [server.url()]).unwrap();
    let settings =
        Settings { folder: cache.path().to_owned(), mirrors, n_threads: 2, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    let cas = MemoryCas::default();
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    let pin = DebKind.track(source, ports).map_err(|error| error.to_string())?;
    let tree = kiln_cas::Cas::read_tree(&cas, pin.tree).unwrap();
    Ok((tree, cas))
}

fn dsc(name: &str) -> Source {
    Source::Dsc { url: format!("up:{name}"), sha256: None }
}

/// Returns a line for each file, link and folder.
fn listed(tree: &Tree) -> BTreeMap<String, String> {
    let line = |node: Node| match node {
        Node::Directory(_) => "folder".to_owned(),
        Node::Symlink(link) => format!("-> {}", link.target),
        Node::File(file) => format!("{} {}", if file.executable { "x" } else { "-" }, file.digest),
    };
    tree.walk().map(|(path, node)| (path.to_string(), line(node))).collect()
}

fn told(folder: &Path, name: &str) -> String {
    match tracked(folder, &dsc(name)) {
        Ok((tree, _)) => {
            let files = listed(&tree).into_iter().filter(|(_, line)| line != "folder");
            let line = |(path, line): (String, String)| {
                let (kind, content) = line.split_once(' ').unwrap();
                let size = content.split_once('/').map_or(content, |(_, size)| size);
                format!("{path} {kind}{size}")
            };
            files.map(line).collect::<Vec<_>>().join(", ")
        }
        Err(error) => error,
    }
}

#[track_caller]
fn check_dsc(format: &str, files: &[(&str, Vec<u8>)], expected: &str) {
    let folder = scratch();
    write_dsc(folder.path(), format, files);
    assert_eq!(told(folder.path(), "app_1-1.dsc"), expected);
}

#[test]
fn archives_of_a_quilt_package_are_laid_over_each_other_and_patched() {
    check_dsc(
        "3.0 (quilt)",
        &named(quilt_files()),
        "debian/patches/b.patch -64, debian/patches/series -14, debian/rules x19, more/more.txt -4, \
         run x0, src/main.c -14",
    );
}

#[test]
fn what_upstream_has_for_debian_is_replaced() {
    let [(main, _), more, debian] = named(quilt_files());
    let files = tar(&[
        ("src/main.c", false, "int a;\n"),
        ("debian/old", false, "old"),
        ("more/old", false, "old"),
        (".pc/applied-patches", false, "b.patch"),
    ]);
    check_dsc(
        "3.0 (quilt)",
        &[(main, files), more, debian],
        "debian/patches/b.patch -64, debian/patches/series -14, debian/rules x19, more/more.txt -4, \
         src/main.c -14",
    );
}

#[test]
fn the_one_patch_of_the_old_format_is_applied() {
    let diff = "--- app-1.orig/main.c\n+++ app-1/main.c\n@@ -1 +1,2 @@\n int a;\n+int b;\n\
                --- app-1.orig/debian/rules\n+++ app-1/debian/rules\n@@ -0,0 +1 @@\n+all:\n";
    let main = tar(&[("app-1.orig/main.c", false, "int a;\n")]);
    check_dsc(
        "1.0",
        &[("app_1.orig.tar.gz", main.clone()), ("app_1-1.diff.gz", diff.into())],
        "debian/rules x5, main.c -14",
    );
    check_dsc("1.0", &[("app_1.tar.gz", main.clone())], "main.c -7");
    check_dsc("3.0 (native)", &[("app_1.tar.xz", main)], "main.c -7");
}

#[test]
fn what_does_not_fit_is_told() {
    let [main, more, (debian, _)] = named(quilt_files());
    let series = tar(&[("debian/patches/series", false, "gone.patch\n")]);
    check_dsc(
        "3.0 (quilt)",
        &[main.clone(), more.clone(), (debian, series)],
        "`debian/patches/series` lists `debian/patches/gone.patch`, which is no file",
    );
    let patch = "--- a/none.c\n+++ b/none.c\n@@ -1 +1 @@\n-x\n+y\n";
    let patches = [("debian/patches/series", false, "p\n"), ("debian/patches/p", false, patch)];
    check_dsc(
        "3.0 (quilt)",
        &[main, more, (debian, tar(&patches))],
        "`debian/patches/p` (line 1) cannot change `none.c`: there is no such file",
    );
}

#[test]
fn files_are_those_that_the_description_has() {
    let folder = scratch();
    write_dsc(folder.path(), "3.0 (native)", &[("app_1.tar.xz", tar(&[("a", false, "a")]))]);
    fs::write(folder.path().join("app_1.tar.xz"), tar(&[("a", false, "b")])).unwrap();
    let error = told(folder.path(), "app_1-1.dsc");
    assert!(error.contains("app_1.tar.xz"), "{error}");
    let dsc = fs::read_to_string(folder.path().join("app_1-1.dsc")).unwrap();
    fs::write(folder.path().join("app_1-1.dsc"), dsc.replace("app_1.tar", "../app_1.tar")).unwrap();
    let error = told(folder.path(), "app_1-1.dsc");
    assert!(error.ends_with("is no file of it"), "{error}");
}

/// Returns what `dpkg-source` makes of a package, without the notes of quilt.
fn by_dpkg(dsc: &Path) -> BTreeMap<String, String> {
    let folder = scratch();
    let root = folder.path().join("out");
    let libraries = project_root().join("target/tools/usr/share/perl5");
    let output = Command::new("dpkg-source")
        .args(["--no-check", "-q", "-x"])
        .args([dsc, &root])
        .env("PATH", path_with_tools())
        .env("PERL5LIB", libraries)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = BTreeMap::new();
    list(&root, "", &mut found);
    found.retain(|path, _| path != ".pc" && !path.starts_with(".pc/"));
    found
}

fn list(folder: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        let shown = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type().unwrap();
        let line = if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().to_str().unwrap())
        } else if kind.is_dir() {
            list(&path, &shown, found);
            "folder".to_owned()
        } else {
            let is_program = entry.metadata().unwrap().permissions().mode() & 0o100 != 0;
            let digest = Digest::of(&fs::read(&path).unwrap());
            format!("{} {digest}", if is_program { "x" } else { "-" })
        };
        found.insert(shown, line);
    }
}

/// Returns the description of a package of the mirror, relative to it.
fn description(name: &str) -> PathBuf {
    let start = if name.starts_with("lib") { &name[..4] } else { &name[..1] };
    let folder = Path::new("pool/main").join(start).join(name);
    let found = fs::read_dir(debian_mirror().join(&folder)).unwrap();
    let mut files = found.map(|entry| PathBuf::from(entry.unwrap().file_name()));
    folder.join(files.find(|file| file.extension().is_some_and(|end| end == "dsc")).unwrap())
}

#[test]
fn real_packages_become_what_dpkg_source_makes_of_them() {
    let names = fs::read_to_string(project_root().join("tests/fixtures/sources.txt")).unwrap();
    for name in names.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let path = description(name);
        let (tree, _) = tracked(&debian_mirror(), &dsc(path.to_str().unwrap())).unwrap();
        let (ours, theirs) = (listed(&tree), by_dpkg(&debian_mirror().join(&path)));
        assert!(ours.len() > 3, "{name} has {} files", ours.len());
        let differs = |path: &&String| ours.get(*path) != theirs.get(*path);
        let paths: Vec<&String> = ours.keys().chain(theirs.keys()).filter(differs).collect();
        assert!(paths.is_empty(), "{name} differs in {paths:?}");
    }
}
