//! The tar archives, and the streams that hold them.

use kiln_source_archive::Limits;

use crate::sample::{Raw, compressed, file, folder, link, open_tar, raw, record, tar};
use crate::{Case, ENDINGS, case};

/// Returns all archives; each is tried in every compression.
pub(crate) fn cases() -> Vec<Case> {
    [places(), links(), kinds(), names(), extensions(), ends(), limits()]
        .into_iter()
        .flatten()
        .collect()
}

fn of(name: &'static str, entries: &[Raw<'_>], expected: &str) -> Case {
    case(name, tar(entries), expected)
}

fn places() -> Vec<Case> {
    vec![
        of("climbs", &[file("../a", "1")], "K2204"),
        of("climbs from a folder", &[file("b/../../a", "1")], "K2204"),
        of("climbs and comes back", &[file("b/../b/a", "1")], "K2204"),
        of("folder climbs", &[folder("b/..")], "K2204"),
        of("absolute", &[file("/etc/passwd", "1")], "K2203"),
        of("absolute twice over", &[file("//etc/passwd", "1")], "K2203"),
        of("same file twice", &[file("a", "1"), file("a", "1")], "K2207"),
        of("same file by another name", &[file("a", "1"), file("./a", "2")], "K2207"),
        of("folder over file", &[file("a", "1"), folder("a")], "K2207"),
        of("file over folder", &[folder("a"), file("a", "1")], "K2207"),
        of("file over parent", &[file("a/b", "1"), file("a", "2")], "K2207"),
        of("file below file", &[file("a", "1"), file("a/b", "2")], "K2208"),
        of("folder twice", &[folder("a"), file("a/b", "1"), folder("./a/")], "a/ a/b=1"),
        of("case clash", &[file("A", "1"), file("a", "2")], "A=1 a=2"),
        of("honest", &[folder("d/"), file("d/f", "1"), link(b'2', "l", "d/f")], "d/ d/f=1 l->d/f"),
    ]
}

fn links() -> Vec<Case> {
    let hard = |target| link(b'1', "h", target);
    let out = |target| link(b'2', "d", target);
    vec![
        of("write through absolute link", &[out("/tmp"), file("d/x", "1")], "K2208"),
        of("write through relative link", &[out("../out"), file("d/x", "1")], "K2208"),
        of("write through link to itself", &[out("d"), file("d/x", "1")], "K2208"),
        of("folder through link", &[out("."), folder("d/x")], "K2208"),
        of("link through link", &[out("."), link(b'2', "d/x", "y")], "K2208"),
        of("links in a loop", &[link(b'2', "a", "b"), link(b'2', "b", "a")], "a->b b->a"),
        of("link out of the tree stays text", &[out("../../etc")], "d->../../etc"),
        of("file over link", &[out("victim"), file("d", "1")], "K2207"),
        of("folder dot over link", &[out("victim"), folder("d/.")], "K2207"),
        of("link over file", &[file("d", "1"), out("x")], "K2207"),
        of("link over folder", &[folder("d"), out("x")], "K2207"),
        of("link to nothing", &[out("")], "K2206"),
        of("link with content", &[Raw { content: b"1", ..out("x") }], "K2212"),
        of("hard link", &[file("f", "1"), hard("./f")], "f=1 h=1"),
        of("hard link out", &[hard("../victim")], "K2204"),
        of("hard link absolute", &[hard("/etc/passwd")], "K2203"),
        of("hard link to later entry", &[hard("f"), file("f", "1")], "K2210"),
        of("hard link to link", &[link(b'2', "l", "x"), hard("l")], "K2210"),
        of("hard link through link", &[file("t/f", "1"), out("t"), hard("d/f")], "K2210"),
        of("hard link to folder", &[folder("f"), hard("f")], "K2210"),
        of("hard link to itself", &[hard("h")], "K2210"),
        of("hard link over its file", &[file("h", "1"), hard("h")], "K2207"),
        of(
            "hard link with content",
            &[file("f", "1"), Raw { content: b"2", ..hard("f") }],
            "K2212",
        ),
    ]
}

fn kinds() -> Vec<Case> {
    let setuid = Raw { mode: 0o6755, ..file("s", "1") };
    let big = Raw { size: Some(b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), ..raw(b'0', "a") };
    let sparse = Raw { size: big.size, ..raw(b'S', "a") };
    let pax = |records: &str| {
        let tar = tar(&[Raw { content: records.as_bytes(), ..raw(b'x', "x") }, file("s", "1")]);
        case("", tar, "K2211")
    };
    let minor = |minor| record("GNU.sparse.major", "1") + &record("GNU.sparse.minor", minor);
    let older = record("GNU.sparse.size", "9") + &record("GNU.sparse.numblocks", "0");
    vec![
        of("character device", &[raw(b'3', "c")], "K2209"),
        of("block device", &[raw(b'4', "b")], "K2209"),
        of("fifo", &[raw(b'6', "p")], "K2209"),
        of("volume label", &[raw(b'V', "v")], "K2209"),
        of("rest of another volume", &[raw(b'M', "m")], "K2209"),
        of("list of a folder", &[raw(b'D', "d")], "K2209"),
        of("header of another system", &[raw(b'X', "x")], "K2209"),
        of("setuid and setgid", &[setuid], "s*=1"),
        of("only the owner may run it", &[Raw { mode: 0o100, ..file("s", "1") }], "s*=1"),
        of("all but the owner may run it", &[Raw { mode: 0o677, ..file("s", "1") }], "s=1"),
        of("contiguous file", &[Raw { content: b"1", ..raw(b'7', "c") }], "c=1"),
        of("old file", &[Raw { content: b"1", ..raw(0, "c") }], "c=1"),
        of("old folder", &[raw(0, "c/")], "c/"),
        of("folder with content", &[Raw { content: b"1", ..folder("d") }], "K2212"),
        of("empty file", &[file("a", "")], "a="),
        of("file of 8 EiB", &[big], "K2215"),
        of("sparse file of 8 EiB", &[sparse], "K2211"),
        of("sparse file", &[raw(b'S', "s")], "K2211"),
        Case { name: "sparse file of PAX 0.1", ..pax(&older) },
        Case { name: "sparse file of PAX 1.0", ..pax(&minor("0")) },
        Case { name: "sparse file of PAX 1.1", ..pax(&minor("1")) },
    ]
}

fn names() -> Vec<Case> {
    let zero = record("path", "a\0b");
    vec![
        of("empty name", &[file("", "1")], "K2206"),
        of("dot", &[file(".", "1")], "K2206"),
        of("root folder", &[folder("./"), file("./a", "1")], "a=1"),
        of("only the root folder", &[folder("./")], "K2217"),
        of("trailing slash", &[file("a/", "")], "a/"),
        of("trailing slash with content", &[file("a/", "1")], "K2212"),
        of("many slashes", &[file("a///b", "1"), folder("c///")], "a/ a/b=1 c/"),
        of("not UTF-8", &[Raw { name: b"a\xff", ..file("", "1") }], "K2205"),
        of("link not UTF-8", &[Raw { link: b"\xfe", ..raw(b'2', "l") }], "K2205"),
        of("escape sequence", &[file("\x1b[2Ja", "1")], "\x1b[2Ja=1"),
        of("escape sequence that climbs", &[file("\x1b[2J/../../a", "1")], "K2204"),
        of(
            "NUL in a name",
            &[Raw { content: zero.as_bytes(), ..raw(b'x', "x") }, file("s", "1")],
            "K2206",
        ),
    ]
}

fn extensions() -> Vec<Case> {
    let long = format!("{}/file", "d".repeat(150));
    let listed = format!("{}/ {long}=1", "d".repeat(150));
    let gnu = format!("{long}\0");
    let pax = |records: &str, expected: &str| {
        let entries = [Raw { content: records.as_bytes(), ..raw(b'x', "x") }, file("a", "1")];
        of("", &entries, expected)
    };
    let own = |records: &'static str| [Raw { content: records.as_bytes(), ..raw(b'x', "x") }];
    let path = record("path", "x");
    let global = |records: &str, expected: &str| {
        let entries = [Raw { content: records.as_bytes(), ..raw(b'g', "g") }, file("a", "1")];
        of("", &entries, expected)
    };
    let gnu_name = Raw { content: b"x\0", ..raw(b'L', "L") };
    let pax_name = Raw { content: path.as_bytes(), ..raw(b'x', "x") };
    vec![
        of(
            "long name of GNU",
            &[Raw { content: gnu.as_bytes(), ..raw(b'L', "L") }, file("s", "1")],
            &listed,
        ),
        Case { name: "long name of PAX", ..pax(&record("path", &long), &listed) },
        Case { name: "path of PAX climbs", ..pax(&record("path", "../x"), "K2204") },
        Case { name: "path of PAX is absolute", ..pax(&record("path", "/x"), "K2203") },
        Case { name: "path of PAX is empty", ..pax(&record("path", ""), "K2206") },
        Case { name: "path of PAX comes twice", ..pax(&path.repeat(2), "K2213") },
        of("PAX then GNU name", &[pax_name, gnu_name, file("a", "1")], "K2213"),
        of("GNU then PAX name", &[gnu_name, pax_name, file("a", "1")], "K2213"),
        of("GNU name twice", &[gnu_name, gnu_name, file("a", "1")], "K2213"),
        Case { name: "size of PAX agrees", ..pax(&record("size", "1"), "a=1") },
        Case { name: "size of PAX differs", ..pax(&record("size", "513"), "K2213") },
        Case {
            name: "size of PAX overflows",
            ..pax(&record("size", "18446744073709551617"), "K2214")
        },
        Case { name: "size of PAX is negative", ..pax(&record("size", "-1"), "K2214") },
        Case { name: "size of PAX has a sign", ..pax(&record("size", "+1"), "K2214") },
        Case { name: "record of PAX is too long", ..pax("99 path=x\n", "K2214") },
        Case { name: "record of PAX overflows", ..pax("18446744073709551617 path=x\n", "K2214") },
        Case { name: "record of PAX has a sign", ..pax("+11 path=xy\n", "K2214") },
        Case { name: "record of PAX has no length", ..pax("0 path=x\n", "K2214") },
        Case { name: "record of PAX has no line end", ..pax("9 path=xy", "K2214") },
        of("PAX header at the end", &own("9 path=x\n"), "K2214"),
        Case { name: "path for all", ..global(&path, "K2214") },
        Case { name: "size for all", ..global(&record("size", "1"), "K2214") },
        Case { name: "comment for all", ..global(&record("comment", "x"), "a=1") },
        Case {
            name: "time and owner of PAX",
            ..pax(&(record("mtime", "1.5") + &record("uid", "0")), "a=1")
        },
    ]
}

fn ends() -> Vec<Case> {
    let ones = "1".repeat(600);
    let entries = [file("a", &ones), file("b", "2")];
    let whole = tar(&entries);
    let both = format!("a={ones} b=2");
    let mut sum = whole.clone();
    sum[1537] ^= 1;
    let mut first_sum = whole.clone();
    first_sum[0] ^= 1;
    let padded = [&whole[..], &[0; 9000]].concat();
    let followed = [&padded[..], b"x"].concat();
    let second = [tar(&[file("a", "1")]), tar(&[file("b", "2")])].concat();
    let lone = [open_tar(&entries[..1]), vec![0; 512], open_tar(&entries[1..])].concat();
    vec![
        case("sum of a header is wrong", sum, "K2202"),
        case("sum of the first header is wrong", first_sum, "K2201"),
        case("cut in a content", &whole[..700], "K2202"),
        case("cut in the padding", &whole[..1100], "K2202"),
        case("cut in a header", &whole[..1600], "K2202"),
        // GNU tar takes it too, and says nothing.
        case("cut between entries", &whole[..1536], &format!("a={ones}")),
        case("without an end", open_tar(&entries), &both),
        case("padded", padded, &both),
        case("something follows the end", followed, "K2216"),
        case("two archives", second, "K2216"),
        case("an entry after a lone block of zeros", lone, "K2216"),
        case("nothing but an end", [0; 1024], "K2201"),
        case("a page of text", "<html>not found</html>".repeat(100), "K2201"),
        case("nothing", [], "K2201"),
    ]
}

fn limits() -> Vec<Case> {
    let limited = |limits, case: Case| Case { limits, ..case };
    let plain = Limits::default();
    let many: Vec<String> = (0..3_000).map(|ix| format!("f{ix}")).collect();
    let many: Vec<Raw<'_>> = many.iter().map(|name| file(name, "")).collect();
    let deep = "d/".repeat(20_000);
    let deep_record = record("path", &deep);
    let deeper = "d/".repeat(2_000);
    let deeper_record = record("path", &deeper);
    let wide = record("path", &("d/".repeat(120) + "f"));
    let named = |records: &str| {
        tar(&[Raw { content: records.as_bytes(), ..raw(b'x', "x") }, file("a", "1")])
    };
    let huge = Raw { content: &vec![b'x'; 2 << 20], ..raw(b'x', "x") };
    let huge_name = Raw { content: &vec![b'x'; 2 << 20], ..raw(b'L', "L") };
    let target = "t".repeat(5_000);
    let long_link = Raw { content: target.as_bytes(), ..raw(b'K', "K") };
    vec![
        limited(Limits { n_entries: 2_999, ..plain }, of("too many entries", &many, "K2215")),
        case("20,000 folders deep", named(&deep_record), "K2215"),
        case("2,000 folders deep", named(&deeper_record), "K2215"),
        limited(
            Limits { names: 1_000, ..plain },
            case("too long paths of folders", named(&wide), "K2215"),
        ),
        of("huge header of PAX", &[huge, file("a", "1")], "K2215"),
        of("huge name of GNU", &[huge_name, file("a", "1")], "K2215"),
        of("long text of a link", &[long_link, link(b'2', "l", "x")], "K2215"),
    ]
}

/// Returns streams that are cut, followed or glued together, with what becomes of them.
pub(crate) fn streams() -> Vec<(String, Vec<u8>, &'static str)> {
    let plain = tar(&[file("a", "1")]);
    let mut all = Vec::new();
    for ending in &ENDINGS[1..] {
        let whole = compressed(ending, &plain);
        let named = |what: &str| format!("{what} {ending}");
        // `gzip -d` and the others read one stream after the other.
        let halves =
            [compressed(ending, &plain[..700]), compressed(ending, &plain[700..])].concat();
        // An lzma stream has no mark that another one could begin with.
        let (is_lzma, damaged) = (*ending == "lzma", "K2202");
        all.push((named("two streams of"), halves, if is_lzma { damaged } else { "a=1" }));
        let empty = [&whole[..], &compressed(ending, b"")].concat();
        all.push((named("an empty stream after"), empty, if is_lzma { damaged } else { "a=1" }));
        let twice = compressed("gz", &whole);
        all.push((named("compressed twice:"), twice, "K2201"));
        for n_left in [whole.len() - 1, whole.len() - 5, whole.len() / 2] {
            all.push((named("cut"), whole[..n_left].to_vec(), "K2202"));
        }
        all.push((named("only the mark of"), whole[..6].to_vec(), "K2202"));
        // Some programs are silent about it, some warn, and tar fails on some warnings.
        all.push((named("garbage after"), [&whole[..], b"garbage"].concat(), "K2202"));
        // The encoder of these tests writes no sum for zstd, and lzma knows none.
        if !matches!(*ending, "zst" | "lzma") {
            let mut flipped = whole;
            let last = flipped.len() - 4;
            flipped[last] ^= 1;
            all.push((named("a wrong sum of"), flipped, "K2202"));
        }
    }
    let name = tar(&[file("]", "1")]);
    all.push(("a name as lzma begins".to_owned(), name, "]=1"));
    all
}
