//! A project with a source of every kind: tracked from servers, carried in one file, built where there is no network.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_testkit::FileServer;

use crate::bench::{Bench, Said, said};
use crate::offline::Other;

/// Aliases of what plain files are enough for.
const SERVED: [&str; 5] = ["demo", "crates", "npm", "pypi", "goproxy"];

/// Where its files are.
fn case() -> PathBuf {
    kiln_testkit::project_root().join("tests/cases/source/kinds")
}

/// Makes the project and what is upstream of it.
fn project() -> Bench {
    let read = |name: &str| fs::read_to_string(case().join(name)).expect("the case has it");
    let texts = ["app", "small"].map(|name| (name, read(&format!("{name}.kiln"))));
    let bench = Bench::new(&texts.each_ref().map(|(name, text)| (*name, text.as_str())));
    for name in ["hello.patch", "own/text"] {
        bench.write(name, &read(name));
    }
    let mirrors = bench.path("mirrors");
    fs::create_dir(&mirrors).expect("the folder is ours");
    let made =
        said(bench.command("python3").arg(case().join("upstream.py")).arg(&mirrors).arg("."));
    assert_eq!(made.status, 0, "{made:?}");
    bench
}

/// Servers of all mirrors, and the arguments that name them.
struct Served {
    servers: Vec<FileServer>,
    arguments: Vec<String>,
}

fn serve(bench: &Bench) -> Served {
    let folder = bench.path("mirrors");
    let servers = SERVED.map(|alias| FileServer::start(&folder.join(alias)));
    let mut mirrors = vec![format!("git=file://{}", folder.join("git").display())];
    for (alias, server) in SERVED.iter().zip(&servers) {
        // An index of Python packages is a server's answer for a folder.
        let is_index = *alias == "pypi";
        let files = || format!("file://{}", folder.join(alias).display());
        mirrors.push(format!("{alias}={}", if is_index { files() } else { server.url() }));
    }
    let arguments = mirrors.into_iter().flat_map(|mirror| ["--mirror".to_owned(), mirror]);
    Served { servers: servers.into(), arguments: arguments.collect() }
}

impl Served {
    fn run(&self, bench: &Bench, home: &Path, arguments: &[&str]) -> Said {
        let mut kiln = bench.kiln();
        kiln.env("KILN_HOME", home).env("HOME", home.join("home"));
        said(kiln.args(arguments).args(&self.arguments))
    }

    fn n_requests(&self) -> usize {
        self.servers.iter().map(|server| server.requests().len()).sum()
    }
}

#[test]
fn a_bundle_carries_every_kind_of_source() {
    let bench = project();
    let served = serve(&bench);
    let (here, there) = (bench.path("kiln"), bench.path("another/place"));
    let ok = |home: &Path, arguments: &[&str]| {
        let said = served.run(&bench, home, arguments);
        assert_eq!(said.status, 0, "{arguments:?}: {said:?}");
    };
    ok(&here, &["track"]);
    ok(&here, &["bundle", "--file", "../all"]);
    let n_requests = served.n_requests();
    ok(&here, &["bundle", "--file", "../again"]);
    ok(&here, &["--offline", "bundle", "--file", "../offline"]);
    assert_eq!(served.n_requests(), n_requests, "what is here was fetched");
    // Another home, mirrors at other places, one source after the other: the same bytes.
    let elsewhere = serve(&bench);
    let fresh = elsewhere.run(&bench, &there, &["bundle", "small", "app", "--file", "../fresh"]);
    assert_eq!(fresh.status, 0, "{fresh:?}");
    let bytes = |name: &str| fs::read(bench.path(name)).expect("it was written");
    for other in ["again", "offline", "fresh"] {
        assert!(bytes("all") == bytes(other), "{other}");
    }
    let list = String::from_utf8_lossy(&bytes("all")[..4096]).into_owned();
    let own = bench.path("").display().to_string();
    assert!(!list.contains(&own) && !list.contains("127.0.0.1"), "{list}");
    ok(&here, &["bundle", "small", "--file", "../small"]);
    drop((served, elsewhere));
    fs::rename(bench.path("mirrors"), bench.path("gone")).expect("the folder is ours");
    for other in Other::all(&bench) {
        let lacks = other.run(&bench, &["build", "app", "--bundle", "../small"]);
        assert_eq!(lacks.status, 4, "{other:?}: {lacks:?}");
        let told = "error[K2056]: neither the bundle `../small` nor the cache has `Cargo.lock`, ";
        assert!(lacks.stderr.contains(told), "{other:?}: {lacks:?}");
        let built = other.run(&bench, &["build", "--bundle", "../all"]);
        assert_eq!(built.status, 0, "{other:?}: {}", built.stderr);
        assert!(built.stderr.contains("2 built, 1 cached"), "{other:?}: {}", built.stderr);
        let fetched = other.run(&bench, &["fetch"]);
        assert_eq!(fetched.status, 0, "{other:?}: {fetched:?}");
    }
}
