//! Archives that are damaged at random: a tree or one error with nothing left, never a panic, never much memory.
//!
//! `make fuzz` does the same for minutes, in a process that may not have much memory.

use kiln_source_archive::Limits;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::sample::{compressed, field};
use crate::{ENDINGS, Form, tars, unpacked, zips};

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Damage {
    Byte(Index, u8),
    Bit(Index, u8),
    /// Zeros, or all bits set, or a sign, where a number may stand.
    Number(Index, &'static [u8]),
    Cut(Index),
    /// A part stands twice.
    Repeat(Index, Index),
    /// A part is missing.
    Drop(Index, Index),
    /// A block of 512 bytes changes its place with another.
    Swap(Index, Index),
}

const NUMBERS: [&[u8]; 8] = [
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xff",
    b"-1",
    b"+7",
    b"99999999999",
    b"../",
];

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        4 => (at(), 0u8..8).prop_map(|(at, bit)| Damage::Bit(at, bit)),
        3 => (at(), prop::sample::select(&NUMBERS[..])).prop_map(|(at, n)| Damage::Number(at, n)),
        1 => at().prop_map(Damage::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Drop(from, to)),
        2 => (at(), at()).prop_map(|(from, to)| Damage::Swap(from, to)),
    ]
}

fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for damage in all {
        let length = bytes.len();
        if length < 2 {
            break;
        }
        let part = |a: &Index, b: &Index| {
            let (a, b) = (a.index(length), b.index(length));
            a.min(b)..a.max(b)
        };
        match damage {
            Damage::Byte(at, byte) => bytes[at.index(length)] = *byte,
            Damage::Bit(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Damage::Number(at, number) => {
                for (place, byte) in bytes[at.index(length)..].iter_mut().zip(*number) {
                    *place = *byte;
                }
            }
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Repeat(from, to) => {
                let again = bytes[part(from, to)].to_vec();
                bytes.extend(again);
            }
            Damage::Drop(from, to) => drop(bytes.drain(part(from, to))),
            Damage::Swap(a, b) => {
                let n_blocks = length / 512;
                if n_blocks > 1 {
                    let (a, b) = (a.index(n_blocks) * 512, b.index(n_blocks) * 512);
                    for ix in 0..512 {
                        bytes.swap(a + ix, b + ix);
                    }
                }
            }
        }
    }
    bytes
}

/// Makes the sums of headers right again, so that what is behind them is reached.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    for header in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        field(header, 148, b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        field(header, 148, format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

/// Small, so that much is tried, and whatever grows is seen.
fn limits() -> Limits {
    let n_bytes = 4 << 20;
    Limits { n_bytes, n_entries: 2_000, names: 1 << 20, header: 1 << 16, ..Limits::default() }
}

fn one_of(cases: Vec<crate::Case>) -> impl Strategy<Value = Vec<u8>> {
    let archives = cases.into_iter().map(|case| case.archive);
    let small: Vec<Vec<u8>> = archives.filter(|archive| archive.len() < 100_000).collect();
    prop::sample::select(small)
}

/// Few by default, as each one is a store on disk; `PROPTEST_CASES` makes them more.
fn config() -> ProptestConfig {
    let all = ProptestConfig::default();
    ProptestConfig { cases: all.cases / 4, failure_persistence: None, ..all }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damaged_tar_archives_are_a_tree_or_an_error(
        archive in one_of(tars::cases()),
        other in one_of(tars::cases()),
        damage in prop::collection::vec(damage(), 0..8),
    ) {
        // Two after the other meet entries that never stand together.
        let mut both = archive;
        both.truncate(both.len().saturating_sub(1024));
        both.extend(other);
        unpacked(Form::Tar, &summed(damaged(both, &damage)), limits());
    }

    #[test]
    fn damaged_streams_are_a_tree_or_an_error(
        archive in one_of(tars::cases()),
        ending in prop::sample::select(&ENDINGS[1..]),
        damage in prop::collection::vec(damage(), 1..4),
    ) {
        unpacked(Form::Tar, &damaged(compressed(ending, &archive), &damage), limits());
    }

    #[test]
    fn damaged_zip_archives_are_a_tree_or_an_error(
        archive in one_of(zips::cases()),
        damage in prop::collection::vec(damage(), 1..6),
    ) {
        unpacked(Form::Zip, &damaged(archive, &damage), limits());
    }

    #[test]
    fn random_bytes_are_an_error(
        start in prop::sample::select(vec![&b""[..], b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x5d\0\0\x80\0", b"BZh9", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"]),
        bytes in prop::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let bytes = [start, &bytes].concat();
        for form in [Form::Tar, Form::Zip] {
            prop_assert!(unpacked(form, &bytes, limits()).starts_with("K22"));
        }
    }
}
