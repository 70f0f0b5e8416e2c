//! Packages, descriptions and indexes that are damaged at random: an answer or one error, never a panic.
//!
//! `make fuzz` does the same for minutes, in a process that may not have much memory.

use std::fs;

use kiln_cas::MemoryCas;
use kiln_source::{Fetcher, Settings, ThreadPause};
use kiln_source_archive::strip;
use kiln_testkit::scratch;
use proptest::prelude::*;
use proptest::sample::Index;
use tar::{Builder, Header};

use crate::alternatives::installed_by;
use crate::dsc::Description;
use crate::index::Index as Packages;
use crate::package::PackageFile;
use crate::resolve::closure;

/// What is put somewhere.
const PIECES: [&[u8]; 14] = [
    b"`\n",
    b"!<arch>\n",
    b"data.tar",
    b"control.tar.gz",
    b"debian-binary",
    b"-1",
    b"9999999999",
    b"\n\n",
    b" ",
    b"\xff\xff",
    b"../",
    b"$",
    b"|",
    b"(>= ",
];

#[derive(Clone, Debug)]
enum Damage {
    Byte(Index, u8),
    Put(Index, &'static [u8]),
    Cut(Index),
    Drop(Index, Index),
    Repeat(Index, Index),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<Index>;
    let one = prop_oneof![
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        4 => (at(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Damage::Put(at, piece)),
        1 => at().prop_map(Damage::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Drop(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ];
    prop::collection::vec(one, 0..6)
}

fn damaged(bytes: &[u8], all: Vec<Damage>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for damage in all {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        let part = |a: Index, b: Index| {
            let (a, b) = (a.index(length), b.index(length));
            a.min(b)..a.max(b)
        };
        match damage {
            Damage::Byte(at, byte) => bytes[at.index(length)] = byte,
            Damage::Put(at, piece) => {
                for (place, byte) in bytes[at.index(length)..].iter_mut().zip(piece) {
                    *place = *byte;
                }
            }
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Drop(from, to) => drop(bytes.drain(part(from, to))),
            Damage::Repeat(from, to) => {
                let again = bytes[part(from, to)].to_vec();
                bytes.extend(again);
            }
        }
    }
    bytes
}

fn archive(name: &str, content: &str) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

fn package() -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar", archive("./postinst", SCRIPT)),
        ("data.tar", archive("./usr/bin/app", "app")),
    ];
    for (member, content) in members {
        let head = format!("{member:<16}0           0     0     100644  {:<10}`\n", content.len());
        bytes.extend(head.into_bytes());
        bytes.extend(content);
    }
    bytes
}

const SCRIPT: &str =
    "ver=1\nupdate-alternatives --install /usr/bin/a a /usr/bin/a-${ver} 5 \\\n  --slave /b b /c\n";

const DESCRIPTION: &str = "Format: 3.0 (quilt)\nSource: app\nVersion: 1-1\nChecksums-Sha256:\n \
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 app_1.orig.tar.gz\n \
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 app_1-1.debian.tar.xz\n";

const INDEX: &str = "Package: app\nVersion: 1:2-3\nDepends: lib (>= 1) | other, virtual\nFilename: pool/a.deb\nSize: 5\n\
    SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\nPackage: lib\nVersion: 1~rc\n\
    Provides: virtual (= 2)\nConflicts: app (<< 1)\nFilename: pool/l.deb\nSize: 5\n\
    SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn fuzz_packages(damage in damage()) {
        let folder = scratch();
        let path = folder.path().join("a.deb");
        fs::write(&path, damaged(&package(), damage)).unwrap();
        let cas = MemoryCas::default();
        let fetcher = Fetcher::new(Settings::default(), Box::new(ThreadPause)).unwrap();
        if let Ok(package) = PackageFile::open("a", "up:a.deb", &path, &fetcher) {
            let _scripts = package.postinst().map(|script| script.map(|script| installed_by(&script)));
            let _files = package.files(&cas, &strip(0));
        }
    }

    #[test]
    fn fuzz_texts(damage in damage()) {
        let _description = Description::read("up:a.dsc", &damaged(DESCRIPTION.as_bytes(), damage.clone()));
        let script = damaged(SCRIPT.as_bytes(), damage.clone());
        let _alternatives = installed_by(&String::from_utf8_lossy(&script));
        let texts = [String::from_utf8_lossy(&damaged(INDEX.as_bytes(), damage)).into_owned()];
        if let Ok(index) = Packages::new(&texts) {
            let _closure = closure(&index, &["app".to_owned(), "lib".to_owned()], &[]);
        }
    }
}
