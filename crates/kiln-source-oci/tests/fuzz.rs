//! Images that are damaged at random: a tree or one error with nothing left, never a panic.
//!
//! `make fuzz` does the same for minutes, in a process that may not have much memory.
#![expect(clippy::disallowed_methods, reason = "tests write the images they read")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![allow(dead_code, reason = "what images are made of is shared with the tests of cases")]

mod sample;
mod taking;

use std::fs;

use kiln_testkit::scratch;
use proptest::prelude::*;
use proptest::sample::Index;

use sample::{Image, file, folder, hard_link, saved, symlink, tar};
use taking::{source, taken};

/// What is put somewhere: texts as they stand in documents and headers, all of them ASCII, as the tests show contents.
const PIECES: [&str; 14] = [
    "\0",
    "-1",
    "9",
    "\"",
    "{",
    "}",
    "[",
    "../",
    "sha256:",
    ".wh.",
    "99999999999",
    "null",
    "/",
    "5",
];

#[derive(Clone, Debug)]
enum Damage {
    Put(Index, &'static str),
    Cut(Index),
    Drop(Index, Index),
    Repeat(Index, Index),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<Index>;
    let one = prop_oneof![
        6 => (at(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Damage::Put(at, piece)),
        1 => at().prop_map(Damage::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Drop(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ];
    prop::collection::vec(one, 0..5)
}

fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for damage in all.iter().filter(|_| !bytes.is_empty()).cloned().collect::<Vec<_>>() {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        let part = |a: Index, b: Index| {
            let (a, b) = (a.index(length), b.index(length));
            a.min(b)..a.max(b)
        };
        match damage {
            Damage::Put(at, piece) => {
                for (place, byte) in bytes[at.index(length)..].iter_mut().zip(piece.bytes()) {
                    *place = byte;
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

/// Two layers with all that layers have.
fn layers() -> [Vec<u8>; 2] {
    let lower = [folder("d/"), file("d/a", "1"), symlink("l", "d/a"), file("b", "2")];
    let upper =
        [file(".wh.b", ""), hard_link("h", "d/a"), folder("e/"), file("e/.wh..wh..opq", "")];
    [tar(&lower), tar(&upper)]
}

/// Makes the sums of headers right again, so that what is behind them is reached.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    for header in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

/// Takes an image of a folder, and one of an archive.
fn take(image: &Image, archive: &[u8]) {
    let asked = source(None, "linux/amd64");
    let project = scratch();
    image.write(&project.path().join("image"));
    taken(project.path(), &asked);
    let project = scratch();
    fs::write(project.path().join("image"), archive).unwrap();
    taken(project.path(), &asked);
}

/// Few by default, as each one is a store on disk; `PROPTEST_CASES` makes them more.
fn config() -> ProptestConfig {
    let all = ProptestConfig::default();
    ProptestConfig { cases: all.cases / 8, failure_persistence: None, ..all }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn fuzz_layers_whose_sums_are_right(damage in damage(), ix in 0_usize..2) {
        let mut layers = layers();
        layers[ix] = summed(damaged(layers[ix].clone(), &damage));
        let mut image = Image::default();
        let manifest = image.add_packed("amd64", &layers, |_ix, bytes| ("layer.v1.tar", bytes.to_vec()));
        let image = image.index(&[manifest]);
        take(&image, &image.archive());
    }

    #[test]
    fn fuzz_documents_and_archives(damage in damage(), which in any::<Index>(), of_archive in damage()) {
        let mut image = Image::default();
        let manifest = image.add_packed("amd64", &layers(), |_ix, bytes| ("layer.v1.tar", bytes.to_vec()));
        let mut image = image.index(&[manifest]);
        let whole = image.archive();
        let ix = which.index(image.files.len());
        image.files[ix].1 = damaged(image.files[ix].1.clone(), &damage);
        take(&image, &summed(damaged(whole, &of_archive)));
    }

    #[test]
    fn fuzz_what_docker_saves(damage in damage(), which in any::<Index>()) {
        let layer = vec![folder("d/"), file("d/a", "1"), symlink("l", "d/a")];
        let mut entries = saved("\"a:1\"", &[layer.clone(), layer]);
        let ix = which.index(entries.len());
        entries[ix].content = damaged(entries[ix].content.clone(), &damage);
        let archive = tar(&entries);
        take(&Image::default(), &archive);
        take(&Image::default(), &summed(damaged(archive, &damage)));
    }
}
