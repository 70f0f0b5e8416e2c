//! Tracking on mirrors that are made for it: suites, architectures, components, by-hash, signatures.

use std::fs;
use std::path::Path;

use kiln_cas::MemoryCas;
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::Base;
use kiln_source::{Fetcher, Mirrors, Ports, Settings, ThreadPause};
use kiln_testkit::{FileServer, scratch};

use crate::{Trust, track};

/// An index of two packages; `{arch}` is that of the index.
const PACKAGES: &str = "Package: app\nVersion: 1:2-3\nArchitecture: {arch}\nDepends: lib (>= 1)\n\
                        Filename: pool/main/a/app/app_2-3_{arch}.deb\nSize: 5\nSHA256: {hash}\n\n\
                        Package: lib\nVersion: 1\nFilename: pool/main/l/lib/lib_1_all.deb\nSize: 5\n\
                        SHA256: {hash}\n";

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes a mirror of a suite whose index is plain text; returns where the index lies.
fn mirror(root: &Path, suite: &str, arch: &str, more: &str) -> String {
    let hash = Digest::of(b"bytes").hex();
    let index = PACKAGES.replace("{arch}", arch).replace("{hash}", &hash);
    let digest = Digest::of(index.as_bytes());
    let dists = root.join("dists").join(suite);
    let folder = format!("main/binary-{arch}");
    let release = format!(
        "Suite: x\nCodename: {suite}\n{more}SHA256:\n {} {} {folder}/Packages\n",
        digest.hex(),
        digest.size
    );
    write(&dists.join("InRelease"), release.as_bytes());
    write(&dists.join(&folder).join("Packages"), index.as_bytes());
    let by_hash = format!("{folder}/by-hash/SHA256/{}", digest.hex());
    write(&dists.join(&by_hash), index.as_bytes());
    by_hash
}

fn base(suite: &str, arch: &str) -> Base {
    Base::Debian {
        suite: suite.to_owned(),
        arch: arch.to_owned(),
        components: vec!["main".to_owned()],
        packages: vec!["app".to_owned()],
        assume: Vec::new(),
    }
}

/// Tracks a base without signatures; returns its packages and what the server was asked for.
fn tracked(root: &Path, base: &Base, trust: &Trust) -> (Result<String, String>, Vec<String>) {
    tracked_at(&[root], base, trust)
}

/// As [`tracked`], from several mirrors; returns what the last server was asked for.
fn tracked_at(
    roots: &[&Path],
    base: &Base,
    trust: &Trust,
) -> (Result<String, String>, Vec<String>) {
    let servers: Vec<FileServer> = roots.iter().map(|root| FileServer::start(root)).collect();
    let cache = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set("debian", servers.iter().map(FileServer::url)).unwrap();
    let folder = cache.path().to_owned();
    let settings = Settings { folder, mirrors, n_threads: 1, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    let cas = MemoryCas::default();
    let locked = track(base, trust, Ports { cas: &cas, fetcher: &fetcher, sink: &Silent });
    let told = locked.map_err(|error| error.to_string()).map(|locked| {
        let package = |package: &kiln_lock::LockedPackage| {
            format!("{} {} {}", package.name, package.version, package.path)
        };
        locked.packages.iter().map(package).collect::<Vec<_>>().join(", ")
    });
    let requests = servers.last().unwrap().requests();
    (told, requests.into_iter().map(|request| request.path).collect())
}

fn unsigned() -> Trust {
    Trust { unsigned: true, gpgv: "/no/gpgv".into(), ..Trust::default() }
}

#[test]
fn every_suite_and_architecture_is_tracked_alike() {
    for (suite, arch) in
        [("bookworm", "amd64"), ("bookworm", "arm64"), ("trixie", "amd64"), ("trixie", "arm64")]
    {
        let root = scratch();
        mirror(root.path(), suite, arch, "");
        let (told, _) = tracked(root.path(), &base(suite, arch), &unsigned());
        let expected = format!(
            "lib 1 debian:pool/main/l/lib/lib_1_all.deb, app 1:2-3 debian:pool/main/a/app/app_2-3_{arch}.deb"
        );
        assert_eq!(told, Ok(expected));
        let other = if arch == "amd64" { "arm64" } else { "amd64" };
        let (told, _) = tracked(root.path(), &base(suite, other), &unsigned());
        let expected = format!("the suite `{suite}` has no component `main` for `{other}`");
        assert_eq!(told, Err(expected));
    }
}

#[test]
fn indexes_are_asked_for_by_their_hash_where_the_mirror_has_them_so() {
    let root = scratch();
    let base = base("trixie", "arm64");
    let by_hash = mirror(root.path(), "trixie", "arm64", "Acquire-By-Hash: yes\n");
    let asked = |root: &Path| {
        let (told, asked) = tracked(root, &base, &unsigned());
        assert!(told.is_ok(), "{told:?}");
        asked.into_iter().filter(|path| !path.ends_with("InRelease")).collect::<Vec<_>>()
    };
    let (hashed, plain) =
        (format!("dists/trixie/{by_hash}"), "dists/trixie/main/binary-arm64/Packages".to_owned());
    assert_eq!(asked(root.path()), std::slice::from_ref(&hashed));
    // A mirror that says so and has them not is asked for the plain name.
    fs::remove_file(root.path().join("dists/trixie").join(&by_hash)).unwrap();
    assert_eq!(asked(root.path()), [hashed, plain.clone()]);
    mirror(root.path(), "trixie", "arm64", "");
    assert_eq!(asked(root.path()), [plain]);
}

#[test]
fn an_index_that_is_not_the_signed_one_is_refused() {
    let root = scratch();
    mirror(root.path(), "trixie", "arm64", "");
    let index = root.path().join("dists/trixie/main/binary-arm64/Packages");
    let text = fs::read_to_string(&index).unwrap().replace("1:2-3", "1:2-4");
    fs::write(&index, text).unwrap();
    let (told, _) = tracked(root.path(), &base("trixie", "arm64"), &unsigned());
    assert!(told.unwrap_err().contains("Packages"));
}

#[test]
fn a_mirror_with_no_good_index_does_not_stand_before_the_next_one() {
    let (portal, old, good) = (scratch(), scratch(), scratch());
    let page = portal.path().join("dists/trixie/InRelease");
    write(&page, b"<html>please log in</html>");
    mirror(old.path(), "bookworm", "arm64", "");
    fs::rename(old.path().join("dists/bookworm"), old.path().join("dists/trixie")).unwrap();
    mirror(good.path(), "trixie", "arm64", "");
    let base = base("trixie", "arm64");
    let roots = [portal.path(), old.path(), good.path()];
    let (told, asked) = tracked_at(&roots, &base, &unsigned());
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(asked[0], "dists/trixie/InRelease");
    // Where none is good, it is told what is wrong with the last one; without the means to look, nobody else is asked.
    let (told, _) = tracked_at(&roots[..2], &base, &unsigned());
    assert_eq!(told, Err("the mirror gave `bookworm` for the suite `trixie`".to_owned()));
    let blind = Trust { keyring: "/no/keys.gpg".into(), ..Trust::default() };
    let (told, asked) = tracked_at(&roots, &base, &blind);
    assert_eq!(
        (told, asked),
        (Err("the keyring `/no/keys.gpg` is missing".to_owned()), Vec::new())
    );
}

#[test]
fn without_a_signature_only_who_asks_for_it_gets_an_index() {
    let root = scratch();
    let base = base("trixie", "arm64");
    let late = "Valid-Until: Sun, 01 Nov 2026 00:00:10 UTC\n";
    mirror(root.path(), "trixie", "arm64", late);
    let (told, _) = tracked(root.path(), &base, &Trust { now: u64::MAX, ..unsigned() });
    assert!(told.is_ok(), "{told:?}");
    let (told, _) = tracked(root.path(), &base, &Trust::default());
    let keyring = Trust::default().keyring;
    let expected =
        format!("the index of `trixie` is not signed by a key of `{}`", keyring.display());
    assert_eq!(told, Err(expected));
}
