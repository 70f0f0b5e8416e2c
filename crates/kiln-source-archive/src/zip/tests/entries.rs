//! What an entry may be called, and what it may be.

use super::{check, check_bytes};
use crate::zip::sample::{Raw, Zip, file, folder, link};

#[test]
fn files_folders_and_links_become_a_tree() {
    check(
        &[
            folder("./"),
            folder("d/"),
            Raw { mode: 0o104_755, ..file("d/run", "1") },
            Raw { mode: 0o100_655, deflated: true, ..file("./d//plain", "2") },
            link("l", "/etc/../d"),
            Raw { deflated: true, ..link("deflated", "l") },
            folder("d/"),
            Raw { mode: 0, ..folder("empty/") },
            Raw { mode: 0o755, host: 0, ..file("dos", "") },
            Raw { mode: 0o100_755, host: 19, ..file("macos", "3") },
        ],
        "d/ d/plain=2 d/run*=1 deflated->l dos= empty/ l->/etc/../d macos*=3",
    );
}

#[test]
fn names_may_be_utf8_and_differ_only_in_case() {
    check(&[file("A", "1"), file("a", "2"), file("ü", "3")], "A=1 a=2 ü=3");
}

#[test]
fn names_stay_inside() {
    check(&[file("../a", "1")], "the entry `../a` climbs out of the archive");
    check(&[folder("b/../")], "the entry `b/../` climbs out of the archive");
    check(&[file("/a", "1")], "the entry `/a` has an absolute path");
    check(&[file("C:/a", "1")], "the entry `C:/a` has an absolute path");
    check(&[file("c:a", "1")], "the entry `c:a` has an absolute path");
    check(&[file("a\\b", "1")], r"the entry `a\\b` has a backslash in its name");
    check(&[file("..\\b", "1")], r"the entry `..\\b` has a backslash in its name");
    check(&[Raw { name: b"a\xff", ..file("", "1") }], r"the name `a\xff` is not UTF-8");
    check(&[file("", "1")], "the entry `` has an empty name or one with a NUL byte");
    check(&[file("a\0b", "1")], r"the entry `a\x00b` has an empty name or one with a NUL byte");
    check(&[file(".", "1")], "the entry `.` has an empty name or one with a NUL byte");
}

#[test]
fn a_place_is_taken_once_and_nothing_goes_through_a_link() {
    check(&[file("a", "1"), file("./a", "2")], "the entry `./a` comes twice");
    check(&[file("a", "1"), folder("a/")], "the entry `a/` comes twice");
    check(&[file("a/b", "1"), link("a", "c")], "the entry `a` comes twice");
    let message = "the entry `d/x` goes through `d`, which is no folder";
    check(&[link("d", "/tmp"), file("d/x", "1")], message);
    check(&[file("d", "1"), file("d/x", "1")], message);
}

#[test]
fn links_and_folders_are_held_to_what_they_are() {
    check(&[link("l", "")], "the entry `l` has an empty name or one with a NUL byte");
    check(&[Raw { content: b"\xff", ..link("l", "") }], r"the name `\xff` is not UTF-8");
    let long = "x".repeat(4097);
    check(&[link("l", &long)], "the link `l` has more than 4096 bytes");
    check(&[Raw { content: b"1", ..folder("d/") }], "the entry `d/` is no file but has content");
    check(&[Raw { deflated: true, ..folder("d/") }], "d/");
}

#[test]
fn kind_and_name_agree() {
    let two_kinds =
        |name| format!("the directory and the header of `{name}` say two things about its kind");
    check(&[folder("d")], &two_kinds("d"));
    check(&[file("f/", "")], &two_kinds("f/"));
    check(&[link("l/", "x")], &two_kinds("l/"));
    check(&[Raw { host: 0, ..link("l", "x") }], &two_kinds("l"));
    let dos = Zip::new(&[file("d", "")]);
    let at = dos.records[0] + 38;
    check_bytes(&dos.put(at, &[0x10]).bytes, &two_kinds("d"));
    check(&[Raw { mode: 0o010_644, ..file("p", "") }], "the entry `p` is a FIFO");
    check(&[Raw { mode: 0o020_644, ..file("c", "") }], "the entry `c` is a device");
    check(&[Raw { mode: 0o140_644, ..file("s", "") }], "the entry `s` is of an unknown type");
}
