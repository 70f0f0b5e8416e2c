//! What is vendored is held to the suite of all kinds, and installed by pip itself.
#![expect(clippy::disallowed_methods, reason = "tests serve packages and run python")]
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kiln_cas::{Cas as _, MemoryCas};
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::{Source, Vendored};
use kiln_source::{Fetcher, Lockfile, Mirrors, Ports, Settings, SourceKind, Vendor};
use kiln_source_pypi::PypiVendor;
use kiln_testkit::conformance::{ALIAS, NoPause, OfLockfile, Subject, check};
use kiln_testkit::{FileServer, scratch};
use kiln_tree::Tree;

fn vendor(cache: &Path) -> PypiVendor {
    PypiVendor { alias: ALIAS.to_owned(), notes: cache.join("pypi-v1") }
}

/// Vendors what a lock file names.
fn vendored(path: &str, text: &str, server: &FileServer) -> Result<(Tree, MemoryCas), String> {
    let folder = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set(ALIAS, [format!("{}/simple", server.url())]).unwrap();
    let downloads = folder.path().join("downloads");
    let settings = Settings { folder: downloads, mirrors, n_threads: 4, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
    let cas = MemoryCas::default();
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    let tree = vendor(folder.path()).vendor(&Lockfile { path, bytes: text.as_bytes() }, ports);
    let tree = tree.map_err(|error| format!("{}: {error}", error.code().unwrap()))?;
    Ok((tree, cas))
}

fn names(tree: &Tree) -> Vec<String> {
    tree.files().map(|(path, _)| path.to_string()).collect()
}

/// Serves files below `packages` and a page of them, and returns their sha256.
fn publish(folder: &Path, page: &str, project: &str, files: &[(&str, &[u8])]) -> Vec<String> {
    let packages = folder.join("packages");
    fs::create_dir_all(&packages).unwrap();
    fs::create_dir_all(folder.join(page).join(project)).unwrap();
    let mut links = String::new();
    let mut hashes = Vec::new();
    for (name, bytes) in files {
        fs::write(packages.join(name), bytes).unwrap();
        let hex = Digest::of(bytes).hex();
        let up = "../".repeat(page.split('/').filter(|part| !part.is_empty()).count() + 1);
        links.extend([format!("<a href=\"{up}packages/{name}#sha256={hex}\">{name}</a><br/>\n")]);
        hashes.push(hex);
    }
    let html = format!("<!DOCTYPE html><html><body>{links}</body></html>");
    fs::write(folder.join(page).join(project).join("index.html"), html).unwrap();
    hashes
}

const WHEEL: &str = "bit-1.0-py3-none-any.whl";

/// Makes a wheel with Python's own zip.
fn wheel(folder: &Path) -> Vec<u8> {
    let metadata = "Metadata-Version: 2.1\nName: bit\nVersion: 1.0\n";
    let tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let files = [
        ("bit.py", "def one():\n    return 1\n"),
        ("bit-1.0.dist-info/METADATA", metadata),
        ("bit-1.0.dist-info/WHEEL", tags),
        ("bit-1.0.dist-info/RECORD", ""),
    ];
    for (path, text) in files {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), text).unwrap();
    }
    let mut zip = Command::new("python3");
    zip.args(["-m", "zipfile", "-c", WHEEL, "bit.py", "bit-1.0.dist-info"]);
    run(zip.current_dir(folder));
    fs::read(folder.join(WHEEL)).unwrap()
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{command:?} failed: {said}");
    String::from_utf8(out.stdout).unwrap()
}

fn subject(path: &'static str, text: String, server: &FileServer) {
    let kind = move |cache: &Path| -> Box<dyn SourceKind> {
        let (vendor, bytes) = (Box::new(vendor(cache)), text.clone().into_bytes());
        Box::new(OfLockfile { vendor, path, bytes })
    };
    let source = Source::Pypi(Vendored { lockfile: path.to_owned(), of: None });
    check(&Subject { kind: &kind, source, server: Some(server) });
}

#[test]
fn requirements_are_a_kind_as_all_others() {
    let folder = scratch();
    let bit = publish(folder.path(), "", "bit", &[("bit-1.tar.gz", b"source archive of bit")]);
    let far = publish(folder.path(), "", "far", &[("far-1.tar.gz", b"source archive of far")]);
    let text = format!("bit==1 --hash=sha256:{}\nfar==1 --hash=sha256:{}\n", bit[0], far[0]);
    subject("requirements.txt", text, &FileServer::start(folder.path()));
}

#[test]
fn uv_locks_are_a_kind_as_all_others() {
    let folder = scratch();
    let bit = publish(folder.path(), "", "bit", &[("bit-1.tar.gz", b"source archive of bit")]);
    let server = FileServer::start(folder.path());
    let url = format!("{}/packages/bit-1.tar.gz", server.url());
    let text = format!(
        "version = 1\n[[package]]\nname = \"bit\"\nversion = \"1\"\nsource = {{ registry = \"{}\" }}\n\
         sdist = {{ url = \"{url}\", hash = \"sha256:{}\" }}\n",
        server.url(),
        bit[0]
    );
    subject("uv.lock", text, &server);
}

#[test]
fn a_mirror_comes_before_the_index_of_a_lock() {
    let folder = scratch();
    let bit =
        publish(folder.path(), "simple", "bit", &[("bit-1.tar.gz", b"source archive of bit")]);
    let server = FileServer::start(folder.path());
    let gone = "http://127.0.0.1:1/packages/bit-1.tar.gz";
    let text = format!(
        "lock-version = \"1.0\"\n[[packages]]\nname = \"bit\"\nindex = \"http://127.0.0.1:1/simple\"\n\
         [packages.sdist]\nurl = \"{gone}\"\nhashes = {{ sha256 = \"{}\" }}\n",
        bit[0]
    );
    let (tree, _) = vendored("pylock.toml", &text, &server).unwrap();
    assert_eq!(names(&tree), ["bit-1.tar.gz"]);
}

#[test]
fn what_is_of_no_use_here_is_left_out_and_what_is_missing_is_told() {
    let folder = scratch();
    let files: [(&str, &[u8]); 3] = [
        ("bit-1.tar.gz", b"a"),
        ("bit-1-cp311-cp311-win_amd64.whl", b"b"),
        ("bit-1-cp311-cp311-manylinux2014_x86_64.whl", b"c"),
    ];
    let bit = publish(folder.path(), "simple", "bit", &files);
    let server = FileServer::start(folder.path());
    let of = |hashes: &[String]| {
        let words = hashes.iter().map(|hex| format!("--hash=sha256:{hex}"));
        let words: Vec<String> = words.collect();
        vendored("r.txt", &format!("Bit==1 {}\n", words.join(" ")), &server)
            .map(|(tree, _)| names(&tree))
    };
    let all = ["bit-1-cp311-cp311-manylinux2014_x86_64.whl", "bit-1.tar.gz"].map(str::to_owned);
    assert_eq!(of(&bit), Ok(all.to_vec()));
    assert_eq!(of(&bit[1..2]), Err("K2620: `r.txt` has no file of `bit` for Linux".to_owned()));
    let other = "7".repeat(64);
    let said = format!("K2617: the index has no file of `bit` with the sha256 `{other}`");
    assert_eq!(of(&[other]), Err(said));
}

#[test]
fn pip_installs_what_is_vendored_and_nothing_else() {
    let folder = scratch();
    let made = folder.path().join("made");
    let bytes = wheel(&made);
    let served = folder.path().join("served");
    let bit = publish(&served, "simple", "bit", &[(WHEEL, &bytes)]);
    let text = format!("bit==1.0 \\\n    --hash=sha256:{}\n", bit[0]);
    let (tree, cas) = vendored("requirements.txt", &text, &FileServer::start(&served)).unwrap();
    let wheels: PathBuf = folder.path().join("wheels");
    fs::create_dir_all(&wheels).unwrap();
    for (path, file) in tree.files() {
        fs::write(wheels.join(path.as_str()), cas.read(file.digest).unwrap()).unwrap();
    }
    fs::write(folder.path().join("requirements.txt"), &text).unwrap();
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--isolated",
        "--quiet",
        "--no-index",
        "--find-links",
        "wheels",
    ]);
    pip.args(["--require-hashes", "--target", "out", "-r", "requirements.txt"]);
    run(pip.current_dir(folder.path()));
    let mut python = Command::new("python3");
    python
        .args(["-c", "import bit; print(bit.one())"])
        .env("PYTHONPATH", folder.path().join("out"));
    assert_eq!(run(&mut python), "1\n");
}
