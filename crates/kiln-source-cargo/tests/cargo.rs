//! What is vendored is held to the suite of all kinds, and built by cargo itself.
#![expect(clippy::disallowed_methods, reason = "tests serve crates and run cargo and git")]
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kiln_cas::{Cas as _, MemoryCas};
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::{Source, Vendored};
use kiln_source::{Fetcher, Lockfile, Mirrors, Ports, Settings, Vendor};
use kiln_source_cargo::CargoVendor;
use kiln_source_git::{GitKind, GitProgram};
use kiln_testkit::conformance::{ALIAS, NoPause, OfLockfile, Subject, check};
use kiln_testkit::{FileServer, scratch};
use kiln_tree::{RelPath, Tree};

const INDEX: &str = "registry+https://r.example.org/rust-lang/the-index";

fn vendor(cache: &Path) -> CargoVendor {
    let git = GitProgram::new("git".into(), &BTreeMap::new());
    let git = GitKind { git: Box::new(git), mirrors: cache.join("git-v1") };
    let registries = [("sparse+https://far.example.org/".to_owned(), ALIAS.to_owned())].into();
    CargoVendor { git, alias: ALIAS.to_owned(), registries, n_threads: 2 }
}

/// Packs a crate, and returns its bytes.
fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// Packs a crate, has it served, and returns its sha256.
fn serve(folder: &Path, name: &str, files: &[(&str, &str)]) -> String {
    let top = format!("{name}-1.0.0");
    let paths: Vec<String> = files.iter().map(|(path, _)| format!("{top}/{path}")).collect();
    let files: Vec<_> =
        paths.iter().zip(files).map(|(path, (_, text))| (path.as_str(), *text)).collect();
    put(folder, name, &pack(&files))
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let place = folder.join(name).join("1.0.0");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("download"), bytes).unwrap();
    Digest::of(bytes).hex()
}

fn locked(crates: &[(&str, &str, &str)]) -> String {
    let package = |(name, index, sha256): &(&str, &str, &str)| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"{index}\"\nchecksum = \"{sha256}\"\n\n"
        )
    };
    let names: Vec<String> = crates.iter().map(|(name, ..)| format!("{name:?}")).collect();
    let app = format!(
        "[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [{}]\n",
        names.join(", ")
    );
    format!("version = 3\n\n{app}\n{}", crates.iter().map(package).collect::<String>())
}

/// Vendors what a lock file names.
fn vendored(lockfile: &[u8], server: &FileServer) -> Result<(Tree, MemoryCas), String> {
    vendored_from(lockfile, server.url())
}

fn vendored_from(lockfile: &[u8], mirror: String) -> Result<(Tree, MemoryCas), String> {
    let folder = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set(ALIAS, [mirror]).unwrap();
    let downloads = folder.path().join("downloads");
    let settings = Settings { folder: downloads, mirrors, n_threads: 4, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
    let cas = MemoryCas::default();
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    let lockfile = Lockfile { path: "Cargo.lock", bytes: lockfile };
    let tree = vendor(folder.path()).vendor(&lockfile, ports);
    let tree = tree.map_err(|error| format!("{}: {error}", error.code().unwrap()))?;
    Ok((tree, cas))
}

fn write_out(tree: &Tree, cas: &MemoryCas, folder: &Path) {
    for (path, file) in tree.files() {
        let place = folder.join(path.as_str());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, cas.read(file.digest).unwrap()).unwrap();
    }
}

fn text(tree: &Tree, cas: &MemoryCas, path: &str) -> Option<String> {
    let found = tree.files().find(|(at, _)| *at == RelPath::parse(path).unwrap())?;
    Some(String::from_utf8(cas.read(found.1.digest).unwrap()).unwrap())
}

const LIB: &str = "pub fn one() -> u32 { 1 }\n";

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2018\"\n{rest}")
}

#[test]
fn it_is_a_kind_as_all_others() {
    let folder = scratch();
    let bit =
        serve(folder.path(), "bit", &[("Cargo.toml", &manifest("bit", "")), ("src/lib.rs", LIB)]);
    let far =
        serve(folder.path(), "far", &[("Cargo.toml", &manifest("far", "")), ("src/lib.rs", LIB)]);
    let bytes = locked(&[("bit", INDEX, &bit), ("far", "sparse+https://far.example.org/", &far)])
        .into_bytes();
    let server = FileServer::start(folder.path());
    let kind = |cache: &Path| -> Box<dyn kiln_source::SourceKind> {
        let vendor = Box::new(vendor(cache));
        Box::new(OfLockfile { vendor, path: "Cargo.lock", bytes: bytes.clone() })
    };
    let source = Source::Crates(Vendored { lockfile: "Cargo.lock".to_owned(), of: None });
    check(&Subject { kind: &kind, source, server: Some(&server) });
}

#[test]
fn of_crates_for_other_systems_only_what_cargo_reads_is_kept() {
    let folder = scratch();
    let uses = "[target.'cfg(windows)'.dependencies]\nwin = \"1\"\n";
    let bit = serve(
        folder.path(),
        "bit",
        &[("Cargo.toml", &manifest("bit", uses)), ("src/lib.rs", LIB), ("a.bin", "x")],
    );
    let win = serve(
        folder.path(),
        "win",
        &[("Cargo.toml", &manifest("win", "")), ("src/lib.rs", LIB), ("a.bin", "x")],
    );
    let both = locked(&[("bit", INDEX, &bit), ("win", INDEX, &win)]);
    let server = FileServer::start(folder.path());
    // The project may use it itself: its own manifests are not here.
    let (tree, cas) = vendored(both.as_bytes(), &server).unwrap();
    assert!(text(&tree, &cas, "win-1.0.0/a.bin").is_some());
    let through = both
        .replace(", \"win\"]", "]")
        .replace(&format!("{bit}\"\n"), &format!("{bit}\"\ndependencies = [\"win\"]\n"));
    let (tree, cas) = vendored(through.as_bytes(), &server).unwrap();
    assert_eq!(text(&tree, &cas, "win-1.0.0/a.bin"), None);
    assert!(text(&tree, &cas, "bit-1.0.0/a.bin").is_some());
    assert_eq!(text(&tree, &cas, "win-1.0.0/src/lib.rs").as_deref(), Some(LIB));
    let checksum = text(&tree, &cas, "win-1.0.0/.cargo-checksum.json").unwrap();
    assert_eq!(checksum, format!("{{\"files\":{{}},\"package\":\"{win}\"}}"));
}

#[test]
fn what_is_not_the_crate_of_its_name_is_refused() {
    let folder = scratch();
    let check = |files: &[(&str, &str)], expected: &str| {
        let sha256 = put(folder.path(), "bit", &pack(files));
        let server = FileServer::start(folder.path());
        let found = vendored(locked(&[("bit", INDEX, &sha256)]).as_bytes(), &server);
        assert_eq!(found.map(|(tree, _)| tree.digest()), Err(expected.to_owned()));
    };
    let other = "K2609: the file of the crate `bit 1.0.0` holds something else";
    check(&[("bit-2.0.0/Cargo.toml", ""), ("bit-2.0.0/src/lib.rs", "")], other);
    check(&[("bit-1.0.0/Cargo.toml", ""), ("x", "")], other);
    check(&[("bit-1.0.0/src/lib.rs", "")], other);
    check(
        &[("bit-1.0.0/Cargo.toml", ""), ("bit-1.0.0/Cargo.toml", "")],
        "K2207: cannot unpack `bit 1.0.0`: the entry `bit-1.0.0/Cargo.toml` comes twice",
    );
}

#[test]
fn a_registry_says_how_urls_are_put_together() {
    let folder = scratch();
    let bit =
        serve(folder.path(), "bit", &[("Cargo.toml", &manifest("bit", "")), ("src/lib.rs", LIB)]);
    let place = folder.path().join("bi/bit");
    fs::create_dir_all(&place).unwrap();
    fs::rename(folder.path().join("bit/1.0.0/download"), place.join(format!("1.0.0-{bit}")))
        .unwrap();
    let server = FileServer::start(folder.path());
    let text = locked(&[("bit", INDEX, &bit)]);
    let template = format!("{}/bi/{{crate}}/{{version}}-{{sha256-checksum}}", server.url());
    let (tree, cas) = vendored_from(text.as_bytes(), template).unwrap();
    assert_eq!(self::text(&tree, &cas, "bit-1.0.0/src/lib.rs").as_deref(), Some(LIB));
}

#[test]
fn an_unknown_registry_is_named() {
    let folder = scratch();
    let server = FileServer::start(folder.path());
    let text = locked(&[("bit", "sparse+https://else.example.org/", &"7".repeat(64))]);
    let expected = "K2608: `bit 1.0.0` is of the registry `sparse+https://else.example.org/`, which kiln cannot find";
    assert_eq!(
        vendored(text.as_bytes(), &server).map(|(tree, _)| tree.digest()),
        Err(expected.to_owned())
    );
}

/// A folder with a project, crates as cargo vendors them, and what is served.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// Adds a crate to those served, and to the folder that cargo locks with.
    fn publish(&self, name: &str, files: &[(&str, &str)]) {
        let sha256 = serve(&self.path("served"), name, files);
        for (path, text) in files {
            self.write(&format!("known/{name}/{path}"), text);
        }
        let checksum = format!("{{\"files\":{{}},\"package\":\"{sha256}\"}}");
        self.write(&format!("known/{name}/.cargo-checksum.json"), &checksum);
    }

    fn cargo(&self, home: &Path, arguments: &[&str]) -> String {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).current_dir(self.path("app")).env("CARGO_HOME", home);
        cargo.env("CARGO_TARGET_DIR", self.path("app/target")).env_remove("RUSTFLAGS");
        output(&mut cargo)
    }
}

fn output(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{command:?} failed: {said}");
    String::from_utf8(out.stdout).unwrap()
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    output(Command::new("git").args(identity).args(arguments).current_dir(folder));
}

#[test]
fn cargo_builds_with_what_is_vendored_and_nothing_else() {
    let world = World { folder: scratch() };
    let on_windows = "[target.'cfg(windows)'.dependencies]\nwin = \"1\"\n";
    world.publish("bit", &[("Cargo.toml", &manifest("bit", on_windows)), ("src/lib.rs", LIB)]);
    let linked = "links = \"win\"\nbuild = \"build.rs\"\n";
    let win = [
        ("Cargo.toml", &*manifest("win", linked)),
        ("src/lib.rs", "compile_error!(\"never\");"),
        ("build.rs", "fn main() {}"),
        ("lib/win.a", "import library"),
    ];
    world.publish("win", &win);
    let repository = "[workspace]\nmembers = [\"crates/*\"]\n[workspace.package]\nversion = \"1.0.0\"\n\
                      [workspace.dependencies]\nbit = \"1\"\nnear = { path = \"crates/near\" }\n";
    world.write("repository/Cargo.toml", repository);
    let fork = "[package]\nname = \"fork\"\nversion.workspace = true\nedition = \"2021\"\n\
                [dependencies]\nbit.workspace = true\nnear.workspace = true\n";
    world.write("repository/crates/fork/Cargo.toml", fork);
    world.write(
        "repository/crates/fork/src/lib.rs",
        "pub fn two() -> u32 { bit::one() + near::one() }\n",
    );
    world.write("repository/crates/near/Cargo.toml", &manifest("near", ""));
    world.write("repository/crates/near/src/lib.rs", LIB);
    git(&world.path("repository"), &["init", "-q", "-b", "a/b"]);
    git(&world.path("repository"), &["add", "."]);
    git(&world.path("repository"), &["commit", "-q", "-m", "x"]);
    let url = format!("file://{}", world.path("repository").display());
    let app = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n\
         [dependencies]\nbit = \"1\"\nfork = {{ git = \"{url}\", branch = \"a/b\" }}\n"
    );
    world.write("app/Cargo.toml", &app);
    world.write("app/src/main.rs", "fn main() { println!(\"{}\", bit::one() + fork::two()); }\n");
    let known = format!(
        "[source.crates-io]\nreplace-with = \"known\"\n[source.known]\ndirectory = {:?}\n",
        world.path("known")
    );
    world.write("home/config.toml", &known);
    world.cargo(&world.path("home"), &["generate-lockfile"]);

    let lockfile = fs::read(world.path("app/Cargo.lock")).unwrap();
    let server = FileServer::start(&world.path("served"));
    let (tree, cas) = vendored(&lockfile, &server).unwrap();
    assert_eq!(text(&tree, &cas, "win-1.0.0/lib/win.a"), None);
    for gone in ["known", "repository", "home"] {
        fs::rename(world.path(gone), world.path(&format!("{gone}.away"))).unwrap();
    }
    drop(server);
    write_out(&tree, &cas, &world.path("app/vendor"));
    let ran = world.cargo(&world.path("app/vendor/.cargo"), &["run", "--frozen", "-q"]);
    assert_eq!(ran, "3\n");
    assert_eq!(fs::read(world.path("app/Cargo.lock")).unwrap(), lockfile);
}
