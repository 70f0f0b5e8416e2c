//! Crafted archives: each breaks one rule, or must not.

use std::io::{self, Read};

use kiln_cas::{Cas, MemoryCas};
use kiln_testkit::listed;
use proptest::prelude::*;

use crate::sample::{Raw, compressed, field, file, folder, link, raw, record, tar};
use crate::{Limits, Unpack, extract, strip};

fn unpack(archive: &[u8], n_stripped: u32, limits: Limits) -> String {
    let cas = MemoryCas::default();
    let place = strip(n_stripped);
    let found = extract(archive, &Unpack { name: "a", cas: &cas, limits, place: &place });
    let tree = match found {
        Ok(tree) => tree,
        Err(error) => {
            let text = error.to_string();
            return text.strip_prefix("cannot unpack `a`: ").unwrap().to_owned();
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
    check_bytes(&tar(entries), expected);
}

#[test]
fn files_folders_and_links_become_a_tree() {
    check(
        &[
            folder("./"),
            folder("./d/"),
            Raw { mode: 0o4755, ..file("./d/run", "1") },
            Raw { mode: 0o655, ..file("d//plain", "2") },
            link(b'2', "l", "/etc/../d"),
            link(b'1', "again", "./d/run"),
            folder("d"),
            folder("empty/"),
            raw(b'0', "old-folder/"),
            Raw { content: b"3", ..raw(b'\0', "old") },
        ],
        "again*=1 d/ d/plain=2 d/run*=1 empty/ l->/etc/../d old=3 old-folder/",
    );
}

#[test]
fn names_that_differ_only_in_case_stay_apart() {
    check(&[file("A", "1"), file("a", "2")], "A=1 a=2");
}

#[test]
fn a_name_that_climbs_is_refused() {
    check(&[file("../a", "1")], "the entry `../a` climbs out of the archive");
    check(&[file("b/../../a", "1")], "the entry `b/../../a` climbs out of the archive");
    check(&[folder("b/..")], "the entry `b/..` climbs out of the archive");
}

#[test]
fn an_absolute_name_is_refused() {
    check(&[file("/etc/passwd", "1")], "the entry `/etc/passwd` has an absolute path");
}

#[test]
fn nothing_goes_through_a_link_or_a_file() {
    let message = "the entry `d/x` goes through `d`, which is no folder";
    check(&[link(b'2', "d", "/tmp"), file("d/x", "1")], message);
    check(&[link(b'2', "d", "../out"), file("d/x", "1")], message);
    check(&[link(b'2', "d", "d"), file("d/x", "1")], message);
    check(&[file("d", "1"), folder("d/x")], message);
    check(&[file("t", "1"), link(b'2', "d", "."), link(b'1', "d/x", "t")], message);
}

#[test]
fn a_name_may_come_once() {
    check(&[file("a", "1"), file("./a", "2")], "the entry `./a` comes twice");
    check(&[link(b'2', "a", "victim"), file("a", "2")], "the entry `a` comes twice");
    check(&[folder("a"), link(b'2', "a", "b")], "the entry `a` comes twice");
    check(&[link(b'2', "a", "b"), folder("a/.")], "the entry `a/.` comes twice");
    check(&[file("a/b", "1"), file("a", "2")], "the entry `a` comes twice");
    check(&[file("a", "1"), link(b'1', "a", "a")], "the entry `a` comes twice");
}

#[test]
fn a_hard_link_leads_to_an_earlier_file_only() {
    let told = |target: &str| {
        format!("the entry `h` is a hard link to `{target}`, which is no earlier file")
    };
    check(&[link(b'1', "h", "later"), file("later", "1")], &told("later"));
    check(&[link(b'2', "l", "x"), link(b'1', "h", "l")], &told("l"));
    check(&[folder("d"), link(b'1', "h", "d")], &told("d"));
    check(&[link(b'1', "h", "h")], &told("h"));
    check(&[link(b'1', "h", "../victim")], "the entry `../victim` climbs out of the archive");
    check(&[link(b'1', "h", "/etc/passwd")], "the entry `/etc/passwd` has an absolute path");
    check(
        &[file("a", "1"), Raw { content: b"2", ..link(b'1', "h", "a") }],
        "the entry `h` is no file but has content",
    );
}

#[test]
fn devices_and_other_types_are_refused() {
    check(&[raw(b'3', "c")], "the entry `c` is a device");
    check(&[raw(b'4', "b")], "the entry `b` is a device");
    check(&[raw(b'6', "p")], "the entry `p` is a FIFO");
    check(&[raw(b'V', "v")], "the entry `v` is of an unknown type");
    check(&[raw(b'M', "m")], "the entry `m` is of an unknown type");
}

#[test]
fn sparse_files_are_refused() {
    check(&[raw(b'S', "s")], "the entry `s` is a sparse file");
    let records = record("GNU.sparse.major", "1") + &record("GNU.sparse.realsize", "8000000000");
    check(
        &[Raw { content: records.as_bytes(), ..raw(b'x', "x") }, file("s", "1")],
        "the entry `s` is a sparse file",
    );
}

#[test]
fn a_size_beyond_the_limit_is_refused_before_it_is_read() {
    let eight_exbibytes = b"\x80\0\0\0\x80\0\0\0\0\0\0\0";
    check(
        &[Raw { size: Some(eight_exbibytes), ..raw(b'0', "a") }],
        "`a` has more than 68719476736 bytes",
    );
    let all = b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
    check(
        &[Raw { size: Some(all), ..raw(b'0', "a") }],
        "it is no tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd",
    );
}

#[test]
fn a_folder_or_link_has_no_content() {
    check(&[Raw { content: b"1", ..folder("d") }], "the entry `d` is no file but has content");
    check(
        &[Raw { content: b"1", ..link(b'2', "l", "x") }],
        "the entry `l` is no file but has content",
    );
}

#[test]
fn names_are_utf8_without_nul_and_not_empty() {
    check(&[Raw { name: b"a\xff\n", ..file("", "1") }], r"the name `a\xff\n` is not UTF-8");
    check(&[Raw { link: b"\xfe", ..raw(b'2', "l") }], r"the name `\xfe` is not UTF-8");
    check(&[file("", "1")], "the entry `` has an empty name or one with a NUL byte");
    check(&[file(".", "1")], "the entry `.` has an empty name or one with a NUL byte");
    check(&[raw(b'2', "l")], "the entry `l` has an empty name or one with a NUL byte");
    let records = record("path", "a\0b");
    check(
        &[Raw { content: records.as_bytes(), ..raw(b'x', "x") }, file("s", "1")],
        r"the entry `a\x00b` has an empty name or one with a NUL byte",
    );
}

#[test]
fn long_names_come_from_gnu_and_pax_headers() {
    let long = format!("{}/file", "d".repeat(150));
    let target = "t".repeat(200);
    let gnu = |kind, text: &str| (kind, format!("{text}\0"));
    let (name_kind, name) = gnu(b'L', &long);
    let (link_kind, link_text) = gnu(b'K', &target);
    let expected = format!("{0}/ {long}->{target}", "d".repeat(150));
    check(
        &[
            Raw { content: name.as_bytes(), ..raw(name_kind, "././@LongLink") },
            Raw { content: link_text.as_bytes(), ..raw(link_kind, "././@LongLink") },
            link(b'2', "short", "short"),
        ],
        &expected,
    );
    let records = record("mtime", "1.5") + &record("path", &long) + &record("linkpath", &target);
    check(
        &[
            Raw { content: record("comment", "x").as_bytes(), ..raw(b'g', "pax_global_header") },
            Raw { content: records.as_bytes(), ..raw(b'x', "x") },
            link(b'2', "short", "short"),
        ],
        &expected,
    );
}

#[test]
fn extended_headers_are_read_to_the_letter() {
    let pax = |records: &str| {
        let archive = tar(&[Raw { content: records.as_bytes(), ..raw(b'x', "x") }, file("a", "1")]);
        unpack(&archive, 0, Limits::default())
    };
    let malformed = "an extended header is malformed";
    assert_eq!(pax(&record("size", "1")), "a=1");
    assert_eq!(pax(&record("size", "7")), "the entry `a` has two names, links or sizes");
    assert_eq!(pax(&record("size", "99999999999999999999")), malformed);
    assert_eq!(pax(&record("path", "x").repeat(2)), "the entry `x` has two names, links or sizes");
    assert_eq!(pax("99 path=x\n"), malformed);
    assert_eq!(pax("18446744073709551617 path=x\n"), malformed);
    assert_eq!(pax("3 \n"), malformed);
    assert_eq!(pax("0 path=x\n"), malformed);
    check(&[Raw { content: record("path", "x").as_bytes(), ..raw(b'x', "x") }], malformed);
    check(
        &[Raw { content: record("path", "x").as_bytes(), ..raw(b'g', "g") }, file("a", "1")],
        malformed,
    );
    check(
        &[
            Raw { content: b"x\0", ..raw(b'L', "L") },
            Raw { content: b"y\0", ..raw(b'L', "L") },
            file("a", "1"),
        ],
        "the entry `x` has two names, links or sizes",
    );
}

#[test]
fn damage_and_ends_are_found() {
    let whole = tar(&[file("a", &"1".repeat(600)), file("b", "2")]);
    let mut flipped = whole.clone();
    flipped[1537] ^= 1;
    check_bytes(&flipped, "it is damaged");
    check_bytes(&whole[..700], "it is damaged: `a` ends too early");
    check_bytes(&whole[..1600], "it is damaged");
    let mut trailing = whole.clone();
    trailing.resize(whole.len() + 9000, 0);
    assert_eq!(unpack(&trailing, 0, Limits::default()), unpack(&whole, 0, Limits::default()));
    trailing.push(1);
    check_bytes(&trailing, "something follows the end of the archive");
    let mut second = tar(&[file("a", "1")]);
    second.extend(tar(&[file("b", "2")]));
    check_bytes(&second, "something follows the end of the archive");
}

#[test]
fn what_is_no_archive_is_refused() {
    let message = "it is no tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd";
    check_bytes(b"", message);
    check_bytes(b"<html>", message);
    check_bytes("<html>not found</html>".repeat(100).as_bytes(), message);
    check_bytes(&[0; 1024], message);
    check_bytes(b"\x1f\x8bgarbage", "it is damaged");
}

#[test]
fn compressions_are_found_by_their_first_bytes_and_read_to_the_end() {
    let plain = tar(&[file("a", "1")]);
    for kind in ["gz", "xz", "lzma", "bz2", "zst"] {
        let archive = compressed(kind, &plain);
        assert_eq!(unpack(&archive, 0, Limits::default()), "a=1", "{kind}");
        let cut = &archive[..archive.len() - 3];
        let found = unpack(cut, 0, Limits::default());
        assert!(found.starts_with("it is "), "{kind}: {found}");
        let mut followed = archive.clone();
        followed.extend(b"garbage");
        let found = unpack(&followed, 0, Limits::default());
        assert!(found != "a=1", "{kind}: {found}");
    }
}

#[test]
fn bombs_are_stopped_by_size_and_ratio() {
    let zeros = "\0".repeat(1 << 20);
    let plain = tar(&[file("a", &zeros)]);
    let small = Limits { n_bytes: 1 << 19, ..Limits::default() };
    let steep = Limits { ratio: 100, ratio_from: 1 << 16, ..Limits::default() };
    for kind in ["gz", "xz", "lzma", "bz2", "zst"] {
        let bomb = compressed(kind, &plain);
        assert_eq!(unpack(&bomb, 0, small), "`a` has more than 524288 bytes");
        let found = unpack(&bomb, 0, steep);
        assert_eq!(found, "it grows more than 100 times when it is unpacked", "{kind}");
    }
    let mut padded = tar(&[file("a", "1")]);
    padded.resize(1 << 20, 0);
    assert_eq!(unpack(&padded, 0, small), "it has more than 524288 bytes");
}

#[test]
fn counts_names_and_depth_are_limited() {
    let few = |limits: Limits, entries: &[Raw<'_>]| unpack(&tar(entries), 0, limits);
    let limits = Limits { n_entries: 1, ..Limits::default() };
    assert_eq!(few(limits, &[file("a", ""), file("b", "")]), "it has more than 1 entries");
    let limits = Limits { depth: 2, ..Limits::default() };
    assert_eq!(few(limits, &[file("a/b/c", "")]), "`a/b/c` lies deeper than 2 folders");
    let limits = Limits { name: 3, ..Limits::default() };
    assert_eq!(few(limits, &[file("abcd", "")]), "the name `abc…` has more than 3 bytes");
    assert_eq!(few(limits, &[link(b'2', "a", "abcd")]), "the link `a` has more than 3 bytes");
    let limits = Limits { header: 8, ..Limits::default() };
    let long = Raw { content: b"123456789", ..raw(b'L', "L") };
    let message = "it has an extended header of more than 8 bytes";
    assert_eq!(few(limits, &[long, file("a", "")]), message);
}

#[test]
fn leading_parts_are_stripped() {
    let archive = tar(&[
        folder("top/"),
        file("top/a", "1"),
        file("top/d/b", "2"),
        link(b'1', "top/h", "top/a"),
    ]);
    assert_eq!(unpack(&archive, 1, Limits::default()), "a=1 d/ d/b=2 h=1");
    let message = "the entry `top/a` lies above the stripped folders";
    assert_eq!(unpack(&archive, 2, Limits::default()), message);
    let clash = tar(&[file("x/a", "1"), file("y/a", "2")]);
    assert_eq!(unpack(&clash, 1, Limits::default()), "the entry `y/a` comes twice");
    assert_eq!(unpack(&tar(&[folder("top")]), 1, Limits::default()), "it is empty");
}

#[test]
fn a_failing_read_is_no_panic() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let cas = MemoryCas::default();
    let place = strip(0);
    let unpack = Unpack { name: "a", cas: &cas, limits: Limits::default(), place: &place };
    let from = Read::chain(&b"12"[..], Failing);
    assert_eq!(extract(from, &unpack).unwrap_err().to_string(), "cannot unpack `a`: it is damaged");
}

proptest! {
    /// Damage is an error or another tree, never a panic.
    #[test]
    fn damaged_headers_are_no_panic(changes in prop::collection::vec((0usize..4096, any::<u8>()), 1..6)) {
        let records = record("path", "long/name") + &record("mtime", "1");
        let mut archive = tar(&[
            folder("d/"),
            Raw { content: records.as_bytes(), ..raw(b'x', "x") },
            file("short", "1"),
            link(b'2', "d/l", "../short"),
            link(b'1', "h", "long/name"),
        ]);
        for (at, byte) in changes {
            if let Some(place) = archive.get_mut(at) {
                *place = byte;
            }
        }
        // The sums of the headers are made right again, so that the damage is reached.
        for header in archive.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            field(header, 148, b"        ");
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            field(header, 148, format!("{sum:06o}\0 ").as_bytes());
        }
        let cas = MemoryCas::default();
        let place = strip(0);
        let limits = Limits { n_bytes: 1 << 20, ..Limits::default() };
        let found = extract(&archive[..], &Unpack { name: "a", cas: &cas, limits, place: &place });
        if let Ok(tree) = found {
            cas.write_tree(&tree).unwrap();
            prop_assert_eq!(cas.read_tree(tree.digest()).unwrap(), tree);
        }
    }
}
