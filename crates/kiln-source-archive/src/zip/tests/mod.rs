//! Crafted zip archives: each breaks one rule, or must not; and some of other programs.

mod entries;

use std::error::Error as _;
use std::io::Cursor;

use kiln_cas::{Cas, MemoryCas};
use kiln_digest::Digest;
use proptest::prelude::*;

use super::sample::{Form, Raw, Zip, deflated, file, folder, link};
use crate::{Limits, Unpack, extract_zip, strip};
use kiln_testkit::listed;

fn unpack(archive: &[u8], n_stripped: u32, limits: Limits) -> String {
    let cas = MemoryCas::default();
    let place = strip(n_stripped);
    let unpack = Unpack { name: "a", cas: &cas, limits, place: &place };
    let tree = match extract_zip(Cursor::new(archive), &unpack) {
        Ok(tree) => tree,
        Err(error) => {
            let text = error.to_string();
            let text = text.strip_prefix("cannot unpack `a`: ").unwrap();
            let cause = error.source().map(|cause| format!(": {cause}"));
            return format!("{text}{}", cause.unwrap_or_default());
        }
    };
    listed(&tree, &cas)
}

#[track_caller]
fn check_bytes(archive: &[u8], expected: &str) {
    assert_eq!(unpack(archive, 0, Limits::default()), expected);
}

#[track_caller]
fn check(entries: &[Raw<'_>], expected: &str) {
    check_bytes(&Zip::new(entries).bytes, expected);
}

/// Two entries, the second one deflated.
fn two() -> Zip {
    Zip::new(&[file("a", "1"), Raw { deflated: true, ..file("b", "2222") }])
}

#[test]
fn directory_and_headers_say_the_same() {
    let zip = two();
    let header = zip.headers[1];
    let differ = |at: usize, bytes: &[u8], what: &str| {
        let expected =
            format!("the directory and the header of `b` say two things about its {what}");
        check_bytes(&zip.clone().put(header + at, bytes).bytes, &expected);
    };
    differ(6, &[2], "flags");
    differ(8, &[0], "method");
    differ(14, &[0], "sum");
    differ(18, &[0], "size");
    differ(22, &[0], "size");
    differ(30, b"c", "name");
    check_bytes(
        &zip.clone().put(header, b"PK\x03\x05").bytes,
        "it is damaged at `b`: its header is malformed",
    );
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let zip = two();
    let (header, record) = (zip.headers[1], zip.records[1]);
    let flagged = |low: u8, high: u8| {
        zip.clone().put(header + 6, &[low, high]).put(record + 8, &[low, high]).bytes
    };
    check_bytes(&flagged(1, 0), "the entry `b` is encrypted");
    check_bytes(&flagged(0x40, 0), "the entry `b` is encrypted");
    check_bytes(&flagged(0, 0x20), "the entry `b` is encrypted");
    check_bytes(&flagged(0x20, 0), "the entry `b` is packed as a difference to another file");
    let packed =
        |method: u8| zip.clone().put(header + 8, &[method]).put(record + 10, &[method]).bytes;
    check_bytes(&packed(12), "the entry `b` is packed as bzip2");
    check_bytes(&packed(93), "the entry `b` is packed as zstd");
    check_bytes(&packed(99), "the entry `b` is encrypted");
    check_bytes(&packed(200), "the entry `b` is packed as a method of its own");
}

#[test]
fn contents_are_what_the_directory_says() {
    let zip = two();
    let both = |header_at: usize, record_at: usize, bytes: &[u8]| {
        let zip = zip.clone().put(zip.headers[1] + header_at, bytes);
        zip.put(two().records[1] + record_at, bytes).bytes
    };
    let other_sum = "it is damaged at `b`: its content has another sum than its directory says";
    let other_size = "it is damaged at `b`: its content has another size than its directory says";
    check_bytes(&both(14, 16, &[1, 2, 3, 4]), other_sum);
    check_bytes(&both(22, 24, &[3]), other_size);
    check_bytes(&both(22, 24, &[5]), other_size);
    let flipped = zip.clone().put(zip.headers[0] + 31, b"2").bytes;
    check_bytes(
        &flipped,
        "it is damaged at `a`: its content has another sum than its directory says",
    );
}

#[test]
fn a_content_that_is_refused_is_not_kept() {
    let zip = two();
    let flipped = zip.clone().put(zip.headers[0] + 31, b"3").bytes;
    let cas = MemoryCas::default();
    let place = strip(0);
    let unpack = Unpack { name: "a", cas: &cas, limits: Limits::default(), place: &place };
    extract_zip(Cursor::new(flipped), &unpack).unwrap_err();
    let (refused, later) = (Digest::of(b"3"), Digest::of(b"2222"));
    assert_eq!(cas.missing(&[refused, later]).unwrap(), [refused, later]);
}

#[test]
fn a_deflated_content_ends_where_its_bytes_end() {
    // Stored first, then called deflated: the bytes are given.
    let bytes_of = |packed: &[u8]| {
        let mut zip = Zip::new(&[Raw { content: packed, ..file("b", "") }]);
        let (header, record) = (zip.headers[0], zip.records[0]);
        let plain = Zip::new(&[file("b", "2222")]);
        let sum = plain.bytes[14..18].to_vec();
        for (at, sum_at, size_at) in
            [(header + 8, header + 14, header + 22), (record + 10, record + 16, record + 24)]
        {
            zip = zip.put(at, &[8]).put(sum_at, &sum).put(size_at, &[4]);
        }
        zip.bytes
    };
    let whole = deflated(b"2222");
    check_bytes(&bytes_of(&whole), "b=2222");
    let followed = [&whole[..], b"x"].concat();
    check_bytes(
        &bytes_of(&followed),
        "it is damaged at `b`: its content ends within the bytes it has",
    );
    // A block that is not the last one, and nothing after it.
    check_bytes(
        &bytes_of(b"\0\x04\0\xfb\xff2222"),
        "it is damaged at `b`: its content does not end",
    );
    check_bytes(&bytes_of(&whole[..2]), "it is damaged at `b`: its content does not end");
    let garbage = unpack(&bytes_of(b"\x07\x07\x07"), 0, Limits::default());
    assert!(garbage.starts_with("it is damaged at `b`: "), "{garbage}");
}

#[test]
fn entries_do_not_overlap() {
    let message = "the entry `a` overlaps what follows it";
    let same = two().put(two().records[1] + 42, &[0]);
    check_bytes(&same.bytes, message);
    // The first content reaches over the second entry.
    let zip = two();
    let reach = u8::try_from(zip.records[0] - 31).unwrap();
    let mut longer = zip.clone();
    for at in [zip.headers[0] + 18, zip.headers[0] + 22, zip.records[0] + 20, zip.records[0] + 24] {
        longer = longer.put(at, &[reach]);
    }
    check_bytes(&longer.bytes, message);
    // So does the first name.
    check_bytes(&zip.clone().put(zip.headers[0] + 26, &[40]).bytes, message);
    let below = zip.clone().put(zip.records[1] + 42, &[1]);
    check_bytes(&below.bytes, message);
}

#[test]
fn every_byte_belongs_to_something() {
    let zip = two();
    let nothing = |place| format!("there are bytes {place} that belong to nothing");
    check_bytes(&[b"#!/bin/sh\n", &zip.bytes[..]].concat(), &nothing("around its directory"));
    let prefixed = zip.clone().insert(0, b"#!/bin/sh\n").bytes;
    check_bytes(&prefixed, &nothing("before its first entry"));
    let gap = zip.clone().insert(zip.headers[1], b"x").bytes;
    check_bytes(&gap, &nothing("after `a`"));
    let gap = zip.clone().insert(zip.records[0], &[0; 100]).bytes;
    check_bytes(&gap, &nothing("after `b`"));
    // The directory holds an entry less than it has.
    let fewer = zip.clone().put(zip.end + 8, &[1, 0, 1]).bytes;
    check_bytes(&fewer, &nothing("in its directory"));
    let mut trailing = zip.bytes.clone();
    trailing.push(0);
    check_bytes(&trailing, "something follows the end of the archive");
    let commented = zip.clone().put(zip.end + 20, &[3]);
    check_bytes(&[&commented.bytes[..], b"hi!"].concat(), "a=1 b=2222");
    check_bytes(&[&commented.bytes[..], b"hi"].concat(), "it is damaged: its end is cut off");
}

#[test]
fn a_cut_archive_is_never_a_tree() {
    let zip = Zip::new(&[file("a", "1"), Raw { wide: true, deflated: true, ..file("b", "2") }]);
    check_bytes(&zip.bytes, "a=1 b=2");
    for n_bytes in 0..zip.bytes.len() {
        let found = unpack(&zip.bytes[..n_bytes], 0, Limits::default());
        let expected =
            if n_bytes < 2 { "it is no zip archive" } else { "it is damaged: its end is " };
        assert!(found.starts_with(expected), "{n_bytes}: {found}");
    }
}

#[test]
fn what_is_no_archive_is_refused() {
    check_bytes(b"", "it is no zip archive");
    check_bytes("<html>not found</html>".repeat(5000).as_bytes(), "it is no zip archive");
    check_bytes(&Zip::new(&[]).bytes, "it is empty");
    let alone = [b"x", &Zip::new(&[]).bytes[..]].concat();
    check_bytes(&alone, "there are bytes around its directory that belong to nothing");
}

#[test]
fn volumes_are_refused() {
    let zip = two();
    let message = "it is one volume of several";
    check_bytes(&zip.clone().put(zip.end + 4, &[1]).bytes, message);
    check_bytes(&zip.clone().put(zip.end + 6, &[1]).bytes, message);
    check_bytes(&zip.clone().put(zip.end + 8, &[1]).bytes, message);
    check_bytes(&zip.clone().put(zip.records[0] + 34, &[1]).bytes, message);
}

#[test]
fn zip64_is_read_to_the_letter() {
    let zip = Zip::new(&[file("a", "1"), Raw { wide: true, ..file("b", "2") }]);
    check_bytes(&zip.bytes, "a=1 b=2");
    let end = zip.end - 76;
    let bad = "it is damaged: its end of zip64 is malformed";
    check_bytes(&zip.clone().put(end, b"PK\x06\x05").bytes, bad);
    check_bytes(&zip.clone().put(end + 4, &[45]).bytes, bad);
    check_bytes(&zip.clone().put(end + 4, &[0xff; 8]).bytes, bad);
    check_bytes(&zip.clone().put(zip.end + 8, &[1, 0]).bytes, bad);
    check_bytes(&zip.clone().put(zip.end - 12, &[0xff; 8]).bytes, bad);
    check_bytes(&zip.clone().put(zip.end - 16, &[1]).bytes, "it is one volume of several");
    let far = zip.clone().put(end + 48, &[0xff; 8]).bytes;
    check_bytes(&far, "it is damaged: its directory goes beyond its end");
    // A number that no field needs, and a field without its number.
    let (header, record) = (zip.headers[1], zip.records[1]);
    let malformed = "an extended header is malformed";
    check_bytes(&zip.clone().put(record + 20, &[1, 0, 0, 0]).bytes, malformed);
    check_bytes(&zip.clone().put(record + 47, &[2]).bytes, malformed);
    let differ = "the directory and the header of `b` say two things about its size";
    check_bytes(&zip.clone().put(header + 35, &[7]).bytes, differ);
    check_bytes(&zip.clone().put(header + 18, &[7, 0, 0, 0]).bytes, differ);
}

#[test]
fn sizes_and_sum_may_follow_a_content() {
    for (marked, wide) in [(true, true), (true, false), (false, true), (false, false)] {
        let described = Some(Form { marked, wide });
        for deflated in [true, false] {
            let b = Raw { deflated, described, ..file("b", "2") };
            let zip = Zip::new(&[b, file("c", "3")]);
            check_bytes(&zip.bytes, "b=2 c=3");
            let last = zip.headers[1] - 1;
            let differ = "the directory and the header of `b` say two things about its sum or size";
            check_bytes(&zip.clone().put(last, &[9]).bytes, differ);
        }
    }
    let zip =
        Zip::new(&[Raw { described: Some(Form { marked: true, wide: true }), ..file("b", "2") }]);
    let gap = zip.clone().insert(zip.records[0], b"x").bytes;
    check_bytes(&gap, "there are bytes after `b` that belong to nothing");
    let (header, record) = (file("b", "2"), file("c", "3"));
    let missing = Zip::new(&[header, record]);
    let missing = missing.clone().put(6, &[8]).put(missing.records[0] + 8, &[8]);
    check_bytes(&missing.bytes, "it is damaged: `b` ends too early");
}

#[test]
fn the_directory_may_have_another_order_than_the_entries() {
    let zip = two();
    let (first, second) = (zip.records[0], zip.records[1]);
    let records = [&zip.bytes[second..zip.end], &zip.bytes[first..second]].concat();
    check_bytes(&zip.clone().put(first, &records).bytes, "a=1 b=2222");
}

#[test]
fn an_extra_field_comes_once() {
    let zip = Zip::new(&[Raw { wide: true, ..file("b", "2") }]);
    let field = [1, 0, 6, 0, 0, 0, 0, 0, 0, 0];
    let twice = zip.clone().put(31, &[field, field].concat()).bytes;
    check_bytes(&twice, "an extended header is malformed");
}

#[test]
fn a_second_name_says_the_same() {
    let zip = Zip::new(&[Raw { wide: true, ..file("b", "2") }]);
    // The field of zip64 in the header becomes one that has another name: its content stays 16 bytes long.
    let named = zip.clone().put(31, &[0x75, 0x70]).bytes;
    let differ = "the directory and the header of `b` say two things about its name";
    check_bytes(&named, differ);
    let named =
        zip.clone().put(zip.records[0] + 47, &[0x75, 0x70]).put(zip.records[0] + 20, &[0; 8]);
    check_bytes(&named.put(zip.records[0] + 42, &[0; 4]).bytes, differ);
}

#[test]
fn bombs_are_stopped_before_they_are_unpacked() {
    let zeros = "\0".repeat(1 << 20);
    let zip = Zip::new(&[Raw { deflated: true, ..file("a", &zeros) }, file("b", "1")]).bytes;
    let small = Limits { n_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(unpack(&zip, 0, small), "it has more than 1048576 bytes");
    let smaller = Limits { n_bytes: 1 << 19, ..Limits::default() };
    assert_eq!(unpack(&zip, 0, smaller), "`a` has more than 524288 bytes");
    let steep = Limits { ratio: 100, ratio_from: 1 << 16, ..Limits::default() };
    assert_eq!(unpack(&zip, 0, steep), "it grows more than 100 times when it is unpacked");
    // What claims to be small is read no further than that.
    let at = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let mut liar = zip;
    liar[22..26].copy_from_slice(&[1, 0, 0, 0]);
    liar[at + 24..at + 28].copy_from_slice(&[1, 0, 0, 0]);
    let message = "it is damaged at `a`: its content has another size than its directory says";
    assert_eq!(unpack(&liar, 0, steep), message);
}

#[test]
fn counts_names_and_depth_are_limited() {
    let few = |limits: Limits, entries: &[Raw<'_>]| unpack(&Zip::new(entries).bytes, 0, limits);
    let limits = Limits { n_entries: 1, ..Limits::default() };
    assert_eq!(few(limits, &[file("a", ""), file("b", "")]), "it has more than 1 entries");
    let limits = Limits { depth: 2, ..Limits::default() };
    assert_eq!(few(limits, &[file("a/b/c", "")]), "`a/b/c` lies deeper than 2 folders");
    let limits = Limits { name: 3, ..Limits::default() };
    assert_eq!(few(limits, &[file("abcd", "")]), "the name `abc…` has more than 3 bytes");
    assert_eq!(few(limits, &[link("a", "abcd")]), "the link `a` has more than 3 bytes");
    let limits = Limits { name: 3, n_bytes: 0, ..Limits::default() };
    assert_eq!(few(limits, &[file("abcd", "1")]), "the name `abc…` has more than 3 bytes");
    // Before it is read.
    let long = Zip::new(&[link("l", "x")]);
    let long = long.clone().put(22, &[1, 32]).put(long.records[0] + 24, &[1, 32]).bytes;
    check_bytes(&long, "the link `l` has more than 4096 bytes");
}

#[test]
fn leading_parts_are_stripped() {
    let zip = Zip::new(&[folder("top/"), file("top/a", "1"), file("top/d/b", "2")]).bytes;
    assert_eq!(unpack(&zip, 1, Limits::default()), "a=1 d/ d/b=2");
    let message = "the entry `top/a` lies above the stripped folders";
    assert_eq!(unpack(&zip, 2, Limits::default()), message);
}

#[test]
fn archives_of_other_programs_become_what_unzip_makes_of_them() {
    let text = "hello ".repeat(20);
    let expected = format!(
        "empty/ run*=#!/bin/sh\necho hi\n src/ src/link->../text src/nothing= src/ü=ü\n text={}",
        text.trim_end()
    );
    let check = |archive: &[u8], expected: &str| {
        assert_eq!(unpack(archive, 1, Limits::default()), expected);
    };
    check(include_bytes!("../../../tests/archives/infozip.zip"), &expected);
    check(include_bytes!("../../../tests/archives/infozip-zip64.zip"), &expected);
    check(include_bytes!("../../../tests/archives/python.zip"), &expected);
    // Without empty folders.
    let expected_git = expected.replace("empty/", "empty/ empty/.keep=");
    check(include_bytes!("../../../tests/archives/git.zip"), &expected_git);
    // Without modes, and so without links.
    let expected_jar = expected.replace("run*", "run").replace("->../text", &format!("={text}"));
    check(include_bytes!("../../../tests/archives/jar.zip"), &expected_jar);
}

proptest! {
    /// Damage is an error or another tree, never a panic.
    #[test]
    fn damage_is_no_panic(changes in prop::collection::vec((0usize..600, any::<u8>()), 1..6)) {
        let described = Some(Form { marked: true, wide: false });
        let mut archive = Zip::new(&[
            folder("d/"),
            Raw { deflated: true, ..file("d/short", "1111") },
            Raw { wide: true, ..link("d/l", "../short") },
            Raw { described, ..file("h", "name") },
        ]).bytes;
        for (at, byte) in changes {
            if let Some(place) = archive.get_mut(at) {
                *place = byte;
            }
        }
        let cas = MemoryCas::default();
        let place = strip(0);
        let limits = Limits { n_bytes: 1 << 20, ..Limits::default() };
        let unpack = Unpack { name: "a", cas: &cas, limits, place: &place };
        if let Ok(tree) = extract_zip(Cursor::new(&archive), &unpack) {
            cas.write_tree(&tree).unwrap();
            prop_assert_eq!(cas.read_tree(tree.digest()).unwrap(), tree);
        }
    }
}
