//! The zip archives.

use kiln_source_archive::Limits;

use crate::zip_sample::{Form, Raw, Zip, file, folder, link};
use crate::{Case, case};

/// Returns all archives.
pub(crate) fn cases() -> Vec<Case> {
    [names(), places(), kinds(), headers(), ends(), limits()].into_iter().flatten().collect()
}

fn of(name: &'static str, entries: &[Raw<'_>], expected: &str) -> Case {
    case(name, Zip::new(entries).bytes, expected)
}

fn names() -> Vec<Case> {
    vec![
        of("climbs", &[file("../a", "1")], "K2204"),
        of("climbs from a folder", &[file("b/../../a", "1")], "K2204"),
        of("folder climbs", &[folder("b/../")], "K2204"),
        of("absolute", &[file("/a", "1")], "K2203"),
        of("drive letter", &[file("C:/a", "1")], "K2203"),
        of("drive letter without root", &[file("c:a", "1")], "K2203"),
        of("backslash", &[file("a\\b", "1")], "K2227"),
        of("backslash that climbs", &[file("..\\b", "1")], "K2227"),
        of("two servers", &[file("\\\\host\\share", "1")], "K2227"),
        of("empty name", &[file("", "1")], "K2206"),
        of("dot", &[file(".", "1")], "K2206"),
        of("NUL in a name", &[file("a\0b", "1")], "K2206"),
        of("not UTF-8", &[Raw { name: b"a\xff", ..file("", "1") }], "K2205"),
        of("case clash", &[file("A", "1"), file("a", "2")], "A=1 a=2"),
        of("long name", &[file(&"n".repeat(5_000), "1")], "K2215"),
        of("deep", &[file(&"d/".repeat(1_000), "1")], "K2215"),
    ]
}

fn places() -> Vec<Case> {
    let through = |target| [link("d", target), file("d/x", "1")];
    vec![
        of("same file twice", &[file("a", "1"), file("a", "1")], "K2207"),
        of("folder over file", &[file("a", "1"), folder("a/")], "K2207"),
        of("file over folder", &[folder("a/"), file("a", "1")], "K2207"),
        of("file over link", &[link("a", "b"), file("a", "1")], "K2207"),
        of("write through absolute link", &through("/tmp"), "K2208"),
        of("write through relative link", &through("../out"), "K2208"),
        of("write through link to itself", &through("d"), "K2208"),
        of("links in a loop", &[link("a", "b"), link("b", "a")], "a->b b->a"),
        of("link to nothing", &[link("a", "")], "K2206"),
        of("long text of a link", &[link("a", &"x".repeat(5_000))], "K2215"),
        of("honest", &[folder("d/"), file("d/f", "1"), link("l", "d/f")], "d/ d/f=1 l->d/f"),
    ]
}

fn kinds() -> Vec<Case> {
    let mode = |mode, name| Raw { mode, ..file(name, "") };
    let inner = Zip::new(&[file("a", "1")]).bytes;
    let shown = String::from_utf8_lossy(&inner).into_owned();
    vec![
        of("character device", &[mode(0o020_644, "c")], "K2209"),
        of("block device", &[mode(0o060_644, "b")], "K2209"),
        of("fifo", &[mode(0o010_644, "p")], "K2209"),
        of("socket", &[mode(0o140_644, "s")], "K2209"),
        of("setuid", &[Raw { mode: 0o106_755, ..file("s", "1") }], "s*=1"),
        of("empty file", &[file("a", "")], "a="),
        of("folder with content", &[Raw { content: b"1", ..folder("d/") }], "K2212"),
        of("folder without slash", &[folder("d")], "K2223"),
        of("file with slash", &[file("f/", "")], "K2223"),
        // An archive in it is a file: it is not unpacked, so it may as well hold itself.
        of(
            "archive in the archive",
            &[Raw { content: &inner, ..file("a.zip", "") }],
            &format!("a.zip={shown}"),
        ),
    ]
}

fn two() -> Zip {
    Zip::new(&[file("a", "1"), Raw { deflated: true, ..file("b", "2222") }])
}

fn headers() -> Vec<Case> {
    let zip = two();
    let (header, record) = (zip.headers[1], zip.records[1]);
    let here = |at: usize, bytes: &[u8]| zip.clone().put(header + at, bytes).bytes;
    let both = |here: usize, there: usize, bytes: &[u8]| {
        zip.clone().put(header + here, bytes).put(record + there, bytes).bytes
    };
    let described = |marked, wide| {
        let form = Some(Form { marked, wide });
        Zip::new(&[Raw { described: form, deflated: true, ..file("b", "2") }])
    };
    let mut lying = described(true, false);
    let last = lying.records[0] - 1;
    lying.bytes[last] ^= 1;
    let wide = Zip::new(&[Raw { wide: true, ..file("b", "2") }]);
    vec![
        case("encrypted", both(6, 8, &[1]), "K2221"),
        case("strongly encrypted", both(6, 8, &[0x41]), "K2221"),
        case("encrypted by AES", both(8, 10, &[99]), "K2221"),
        case("packed by zstd", both(8, 10, &[93]), "K2222"),
        case("other name in its header", here(30, b"c"), "K2223"),
        case("other method in its header", here(8, &[0]), "K2223"),
        case("other size in its header", here(22, &[9]), "K2223"),
        case("other sum in its header", here(14, &[9]), "K2223"),
        case("other flags in its header", here(7, &[8]), "K2223"),
        case("sum is wrong", both(14, 16, &[1, 2, 3, 4]), "K2202"),
        case("content is longer than it says", both(22, 24, &[3]), "K2202"),
        case("content is shorter than it says", both(22, 24, &[5]), "K2202"),
        case("two entries are one", zip.clone().put(record + 42, &[0]).bytes, "K2224"),
        case("an entry begins in another", zip.clone().put(record + 42, &[1]).bytes, "K2224"),
        case(
            "an entry lies behind the end",
            zip.clone().put(record + 42, &[0xff; 4]).bytes,
            "K2214",
        ),
        case("sizes follow the content", described(true, false).bytes, "b=2"),
        case("wide sizes follow the content", described(false, true).bytes, "b=2"),
        case("other sizes follow the content", lying.bytes, "K2223"),
        case("zip64 that is not needed", wide.bytes.clone(), "b=2"),
        case("zip64 of another size", wide.clone().put(wide.headers[0] + 35, &[7]).bytes, "K2223"),
        case(
            "zip64 without its number",
            wide.clone().put(wide.records[0] + 49, &[8]).bytes,
            "K2214",
        ),
    ]
}

fn ends() -> Vec<Case> {
    let zip = two();
    let at_end = |at: usize, bytes: &[u8]| zip.clone().put(zip.end + at, bytes).bytes;
    let cut = |n_bytes: usize| zip.bytes[..n_bytes].to_vec();
    let followed = [&zip.bytes[..], b"x"].concat();
    vec![
        case("one of several volumes", at_end(4, &[1]), "K2226"),
        case("directory on another volume", at_end(6, &[1]), "K2226"),
        case("fewer entries than there are", at_end(8, &[1, 0, 1]), "K2225"),
        case("more entries than there are", at_end(8, &[3, 0, 3]), "K2202"),
        case("program before it", [b"#!/bin/sh\n", &zip.bytes[..]].concat(), "K2225"),
        case("gap between entries", zip.clone().insert(zip.headers[1], b"x").bytes, "K2225"),
        case("gap before the directory", zip.clone().insert(zip.records[0], b"x").bytes, "K2225"),
        case("something follows the end", followed, "K2216"),
        case("two archives", [&zip.bytes[..], &zip.bytes[..]].concat(), "K2225"),
        case("cut in the end", cut(zip.bytes.len() - 1), "K2202"),
        case("cut in the directory", cut(zip.end - 1), "K2202"),
        case("cut in an entry", cut(zip.headers[1] + 5), "K2202"),
        case("no entry", Zip::new(&[]).bytes, "K2217"),
        case("nothing", [], "K2220"),
        case("a page of text", "<html>not found</html>".repeat(100), "K2220"),
    ]
}

fn limits() -> Vec<Case> {
    let many: Vec<String> = (0..200).map(|ix| format!("f{ix}")).collect();
    let many: Vec<Raw<'_>> = many.iter().map(|name| file(name, "")).collect();
    let limits = Limits { n_entries: 199, ..Limits::default() };
    let few = Limits { names: 500, ..Limits::default() };
    vec![
        Case { limits, ..of("too many entries", &many, "K2215") },
        Case { limits: few, ..of("too long names", &many, "K2215") },
    ]
}
