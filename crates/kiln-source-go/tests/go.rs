//! What is vendored is held to the suite of all kinds; sums are computed by a program that shares nothing with kiln.
#![expect(clippy::disallowed_methods, reason = "tests serve modules and run python")]
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::fs;
use std::path::Path;
use std::process::Command;

use kiln_cas::MemoryCas;
use kiln_event::Silent;
use kiln_ir::{Source, Vendored};
use kiln_source::{Fetcher, Lockfile, Mirrors, Ports, Settings, SourceKind, Vendor};
use kiln_source_go::GoVendor;
use kiln_testkit::conformance::{ALIAS, NoPause, OfLockfile, Subject, check};
use kiln_testkit::{FileServer, scratch};
use kiln_tree::Tree;

/// Packs a module as go does, below the folder that is served, and prints the lines of its sums.
const PUBLISH: &str = r##"
import base64, hashlib, os, re, sys, zipfile
folder, module, version, *extra = sys.argv[1:]
def escaped(text):
    return re.sub("[A-Z]", lambda m: "!" + m.group().lower(), text)
place = os.path.join(folder, escaped(module), "@v")
os.makedirs(place, exist_ok=True)
mod = f"module {module}\n".encode()
files = {"go.mod": mod, "b/b.go": b"package b\n", "a.go": b"package a\n", "A.md": b"# A\n"}
def h1(files):
    lines = "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
names = {f"{module}@{version}/{name}": data for name, data in files.items()}
with zipfile.ZipFile(f"{place}/{escaped(version)}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, data in names.items():
        archive.writestr(name, data)
open(f"{place}/{escaped(version)}.mod", "wb").write(mod)
print(module, version, h1(names))
print(module, version + "/go.mod", h1({"go.mod": mod}))
"##;

fn publish(folder: &Path, module: &str, version: &str) -> String {
    let mut python = Command::new("python3");
    let out = python.args(["-c", PUBLISH]).arg(folder).args([module, version]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn vendored(text: &str, server: &FileServer) -> Result<Tree, String> {
    let folder = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set(ALIAS, [server.url()]).unwrap();
    let downloads = folder.path().join("downloads");
    let settings = Settings { folder: downloads, mirrors, n_threads: 4, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
    let cas = MemoryCas::default();
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    let lockfile = Lockfile { path: "go.sum", bytes: text.as_bytes() };
    let tree = GoVendor { alias: ALIAS.to_owned() }.vendor(&lockfile, ports);
    tree.map_err(|error| format!("{}: {error}", error.code().unwrap()))
}

#[test]
fn it_is_a_kind_as_all_others() {
    let folder = scratch();
    let text = publish(folder.path(), "example.org/Bit", "v1.0.0")
        + &publish(folder.path(), "example.org/far/v2", "v2.1.0-RC1");
    let server = FileServer::start(folder.path());
    let kind = |_: &Path| -> Box<dyn SourceKind> {
        let vendor = Box::new(GoVendor { alias: ALIAS.to_owned() });
        Box::new(OfLockfile { vendor, path: "go.sum", bytes: text.clone().into_bytes() })
    };
    let source = Source::GoModules(Vendored { lockfile: "go.sum".to_owned(), of: None });
    check(&Subject { kind: &kind, source, server: Some(&server) });
}

#[test]
fn the_tree_is_that_of_a_proxy() {
    let folder = scratch();
    let text = publish(folder.path(), "example.org/Bit", "v1.0.0");
    let server = FileServer::start(folder.path());
    let paths = |text: &str| {
        let tree = vendored(text, &server).unwrap();
        tree.files().map(|(path, _)| path.to_string()).collect::<Vec<_>>()
    };
    let at = |ending: &str| format!("cache/download/example.org/!bit/@v/v1.0.0.{ending}");
    assert_eq!(paths(&text), [at("info"), at("mod"), at("zip")]);
    let only_mod = text.lines().last().unwrap();
    assert_eq!(paths(only_mod), [at("info"), at("mod")]);
}

#[test]
fn what_has_another_sum_is_refused() {
    let folder = scratch();
    let text = publish(folder.path(), "example.org/bit", "v1.0.0");
    let server = FileServer::start(folder.path());
    let place = folder.path().join("example.org/bit/@v");
    let said = |what: &str| {
        let error = vendored(&text, &server).unwrap_err();
        assert!(error.starts_with("K2005: "), "{error}");
        assert!(error.contains(what), "{error}");
    };
    fs::write(place.join("v1.0.0.mod"), "module example.org/other\n").unwrap();
    said("v1.0.0.mod` has other content");
    fs::write(place.join("v1.0.0.mod"), "module example.org/bit\n").unwrap();
    assert!(vendored(&text, &server).is_ok());
    fs::write(place.join("v1.0.0.zip"), "no archive").unwrap();
    said("it is no zip archive");
    // The same files under another name are another module.
    publish(&folder.path().join("other"), "example.org/far", "v1.0.0");
    fs::copy(folder.path().join("other/example.org/far/@v/v1.0.0.zip"), place.join("v1.0.0.zip"))
        .unwrap();
    said("v1.0.0.zip` has other content");
}
