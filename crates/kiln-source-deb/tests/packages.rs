//! Crafted binary packages of all forms: each becomes exactly one tree, or one error with nothing left.
//!
//! The cases are a table: what a package is called, how it is made, and the tree or the error that must come out of the
//! real kind of source, with a store on disk.
#![expect(
    clippy::disallowed_methods,
    reason = "tests write what they serve, and list what is left"
)]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use kiln_cas::{Cas, DiskCas};
use kiln_event::Silent;
use kiln_ir::Source;
use kiln_source::{Fetcher, Mirrors, Ports, Settings, SourceKind, ThreadPause};
use kiln_source_deb::DebKind;
use kiln_testkit::{files_below, listed, scratch};
use tar::{Builder, EntryType, Header};

/// A member: its name and its content.
type Member<'a> = (&'a str, Vec<u8>);

/// Writes an archive of words: `path=content`, `path->target`, `path=>hard link`, `path/`, `path!kind`.
fn tar(words: &[&str]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for word in words {
        let (mut header, mut content) = (Header::new_ustar(), "");
        header.set_mode(0o644);
        let (path, kind) = if let Some((path, target)) = word.split_once("->") {
            header.set_link_name_literal(target).unwrap();
            (path, EntryType::Symlink)
        } else if let Some((path, target)) = word.split_once("=>") {
            header.set_link_name_literal(target).unwrap();
            (path, EntryType::Link)
        } else if let Some((path, kind)) = word.split_once('!') {
            (path, EntryType::new(kind.as_bytes()[0]))
        } else if word.ends_with('/') {
            (*word, EntryType::Directory)
        } else {
            let (path, text) = word.split_once('=').unwrap_or((word, ""));
            content = text;
            // Bits that no build may have.
            header.set_mode(if path.ends_with('*') { 0o6755 } else { 0o640 });
            (path.trim_end_matches('*'), EntryType::Regular)
        };
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        // As it is: the builder would refuse what is hostile.
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// An archive of `./a` and of the program `./b`, in the one compression that these tests cannot write.
const BZ2: &str = "425a68393141592653597db1c3dc0000647b80c98000024001ff80000270001e00080820007509429a1883d41e8804949ea3\
    2062680da8fd77b032009cf08a4845726f06b6a123724662110020b6571c91451090a0840c20c7dc8b071136c1ed32825bd1\
    7d1c71c88907e2ee48a70a120fb6387b80";

/// Compresses bytes as files with this ending are.
fn compressed(ending: &str, plain: &[u8]) -> Vec<u8> {
    use liblzma::stream::{LzmaOptions, Stream};
    let lzma = |stream: Stream| {
        let mut out = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        out.write_all(plain).unwrap();
        out.finish().unwrap()
    };
    match ending {
        "" => plain.to_vec(),
        ".gz" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        ".bz2" => {
            let byte = |ix: usize| u8::from_str_radix(&BZ2[2 * ix..2 * ix + 2], 16).unwrap();
            (0..BZ2.len() / 2).map(byte).collect()
        }
        ".xz" => lzma(Stream::new_easy_encoder(6, liblzma::stream::Check::Crc64).unwrap()),
        ".lzma" => lzma(Stream::new_lzma_encoder(&LzmaOptions::new_preset(6).unwrap()).unwrap()),
        ".zst" => zstd::encode_all(plain, 3).unwrap(),
        _ => panic!("{ending}"),
    }
}

fn header(name: &str, size: &str) -> Vec<u8> {
    format!("{name:<16}0           0     0     100644  {size:<10}`\n").into_bytes()
}

fn ar(members: &[Member<'_>]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        bytes.extend(header(name, &content.len().to_string()));
        bytes.extend(content);
        bytes.extend(vec![b'\n'; content.len() % 2]);
    }
    bytes
}

fn version() -> Member<'static> {
    ("debian-binary", b"2.0\n".to_vec())
}

fn control() -> Member<'static> {
    ("control.tar", tar(&["./control=Package: app\n"]))
}

fn data(words: &[&str]) -> Member<'static> {
    ("data.tar", tar(words))
}

/// A whole package of these files.
fn deb(words: &[&str]) -> Vec<u8> {
    ar(&[version(), control(), data(words)])
}

/// Tracks a package; returns its listing, or its error with the code when nothing is left of it.
fn unpacked(package: &[u8]) -> String {
    let folder = scratch();
    fs::write(folder.path().join("app_1.deb"), package).unwrap();
    let store = folder.path().join("store");
    let mut mirrors = Mirrors::default();
    mirrors.set("up", [format!("file://{}", folder.path().display())]).unwrap();
    let settings =
        Settings { folder: folder.path().join("downloads"), mirrors, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    let disk = DiskCas::open(&store).unwrap();
    let before = files_below(&store);
    let ports = Ports { cas: &disk, fetcher: &fetcher, sink: &Silent };
    let source = Source::Deb { url: "up:app_1.deb".to_owned(), sha256: None };
    match DebKind.track(&source, ports) {
        Ok(pin) => listed(&disk.read_tree(pin.tree).unwrap(), &disk),
        Err(error) => {
            let left: Vec<PathBuf> = files_below(&store).difference(&before).cloned().collect();
            assert!(left.is_empty(), "`{error}` leaves {left:?}");
            assert!(error.help().is_some(), "{error}");
            let text = error.to_string();
            let text = text.rsplit_once(": ").map_or(text.clone(), |(_, what)| what.to_owned());
            format!("{} {text}", error.code().unwrap())
        }
    }
}

/// Compares all cases, and fails with all that are wrong.
#[track_caller]
fn check(cases: Vec<(&str, Vec<u8>, &str)>) {
    let mut wrong = String::new();
    for (name, package, expected) in cases {
        let found = unpacked(&package);
        if found != expected {
            writeln!(wrong, "{name}: {found}, not {expected}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_compressions_of_members_are_read() {
    for ending in ["", ".gz", ".xz", ".zst", ".bz2", ".lzma"] {
        let (control_name, data_name) =
            (format!("control.tar{ending}"), format!("data.tar{ending}"));
        let members = [
            version(),
            (&*control_name, compressed(ending, &control().1)),
            (&*data_name, compressed(ending, &tar(&["./a=1", "./b*=2"]))),
        ];
        check(vec![(ending, ar(&members), "a=1 b*=2")]);
        let [version, control, (name, whole)] = members;
        let cut = whole[..whole.len() / 2].to_vec();
        let found = unpacked(&ar(&[version, control, (name, cut)]));
        assert!(found.starts_with("K2202 "), "{ending}: {found}");
    }
    // The name says one thing, the bytes another: they count.
    let lies = ar(&[version(), control(), ("data.tar.xz", compressed(".gz", &tar(&["./a=1"])))]);
    check(vec![("another compression", lies, "a=1")]);
}

#[test]
fn outer_archives_that_are_malformed_are_refused() {
    let whole = deb(&["./a=1"]);
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let (none, first) =
        ("K2311 it is no ar archive", "K2311 it does not begin with `debian-binary`");
    check(vec![
        ("empty", Vec::new(), none),
        ("a page of text", b"<html>not found</html>".to_vec(), none),
        ("other magic", with(0, b"!<arcH>\n"), none),
        ("thin archive", with(0, b"!<thin>\n"), none),
        ("only the magic", whole[..8].to_vec(), first),
        ("half a header", whole[..40].to_vec(), none),
        ("cut content", whole[..whole.len() - 1].to_vec(), none),
        ("no mark of a header", with(66, b"xx"), none),
        ("a size with a sign", with(56, b"+4        "), none),
        ("a negative size", with(56, b"-4        "), none),
        ("no size", with(56, b"          "), none),
        ("a size beyond the end", with(56, b"9999999999"), none),
        ("a size of octal letters", with(56, b"0x4       "), none),
        ("a size that is too small", with(56, b"2         "), none),
        ("an odd size before", with(56, b"5         "), none),
        ("garbage after", [&whole[..], b"garbage"].concat(), none),
        ("an empty name", with(8, b"                "), none),
        ("a long name of GNU", with(8, b"/0              "), first),
        ("a long name of BSD", with(8, b"#1/13           "), first),
    ]);
}

#[test]
fn the_first_member_is_the_version_of_the_format() {
    let versioned = |text: &str| {
        ar(&[("debian-binary", text.as_bytes().to_vec()), control(), data(&["./a=1"])])
    };
    let other = "K2311 its `debian-binary` is not of version 2";
    let none = "K2311 it does not begin with `debian-binary`";
    check(vec![
        (
            "a slash after names",
            ar(&[("debian-binary/", b"2.0\n".to_vec()), control(), data(&["./a=1"])]),
            "a=1",
        ),
        ("a later version 2", versioned("2.1\n"), "a=1"),
        ("version 3", versioned("3.0\n"), other),
        ("version 20", versioned("20.0\n"), other),
        ("no line", versioned("2.0"), other),
        ("an empty version", versioned(""), other),
        ("a long version", versioned(&format!("2.{}\n", "0".repeat(100))), other),
        ("a binary version", ar(&[("debian-binary", vec![0xff; 4]), control(), data(&[])]), other),
        ("no version", ar(&[control(), data(&["./a=1"])]), none),
        ("version last", ar(&[control(), data(&["./a=1"]), version()]), none),
    ]);
}

#[test]
fn parts_are_one_each_and_in_their_order() {
    let extra = |name| ar(&[version(), control(), (name, b"x\n".to_vec()), data(&["./a=1"])]);
    let no_data = "K2311 it has not one `data.tar`";
    let no_control = "K2311 it has not one `control.tar`";
    check(vec![
        ("no control", ar(&[version(), data(&["./a=1"])]), no_control),
        ("two controls", ar(&[version(), control(), control(), data(&["./a=1"])]), no_control),
        ("no data", ar(&[version(), control()]), no_data),
        ("two data", ar(&[version(), control(), data(&["./a=1"]), data(&["./b=1"])]), no_data),
        (
            "two data of two compressions",
            ar(&[
                version(),
                control(),
                data(&["./a=1"]),
                ("data.tar.gz", compressed(".gz", &tar(&["./b=1"]))),
            ]),
            no_data,
        ),
        (
            "data first",
            ar(&[version(), data(&["./a=1"]), control()]),
            "K2311 its parts are not in their order",
        ),
        ("a signature", extra("_gpgorigin"), "a=1"),
        ("an unknown member", extra("more"), "K2311 kiln does not know its part `more`"),
        (
            "a member that only begins so",
            extra("data.tarx"),
            "K2311 kiln does not know its part `data.tarx`",
        ),
        (
            "an unknown compression",
            ar(&[version(), control(), ("data.tar.br", tar(&["./a=1"]))]),
            "K2311 kiln does not know its part `data.tar.br`",
        ),
        (
            "a name with an escape",
            extra("\u{1b}[2J"),
            "K2311 kiln does not know its part `\\u{1b}[2J`",
        ),
    ]);
}

#[test]
fn files_are_unpacked_as_strictly_as_of_any_archive() {
    check(vec![
        ("nothing", deb(&["./"]), ""),
        (
            "no bytes",
            ar(&[version(), control(), ("data.tar", Vec::new())]),
            "K2201 it is no tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd",
        ),
        ("bits and owners", deb(&["./a*=1", "./b=2"]), "a*=1 b=2"),
        (
            "links",
            deb(&["./a=1", "./b->a", "./c->/etc/passwd", "./d=>./a"]),
            "a=1 b->a c->/etc/passwd d=1",
        ),
        ("no dot before", deb(&["usr/", "usr/a=1"]), "usr/ usr/a=1"),
        (
            "an absolute name",
            deb(&["/etc/passwd=1"]),
            "K2203 the entry `/etc/passwd` has an absolute path",
        ),
        (
            "a name that climbs",
            deb(&["../a=1"]),
            "K2204 the entry `../a` climbs out of the archive",
        ),
        (
            "a name that climbs inside",
            deb(&["./d/", "./d/../../a=1"]),
            "K2204 the entry `./d/../../a` climbs out of the archive",
        ),
        ("a file twice", deb(&["./a=1", "./a=2"]), "K2207 the entry `./a` comes twice"),
    ]);
}

#[test]
fn links_and_devices_lead_nowhere() {
    check(vec![
        (
            "a file through a link",
            deb(&["./d->/tmp", "./d/a=1"]),
            "K2208 the entry `./d/a` goes through `d`, which is no folder",
        ),
        (
            "a file through a file",
            deb(&["./d=1", "./d/a=1"]),
            "K2208 the entry `./d/a` goes through `d`, which is no folder",
        ),
        ("a character device", deb(&["./null!3"]), "K2209 the entry `./null` is a device"),
        ("a block device", deb(&["./sda!4"]), "K2209 the entry `./sda` is a device"),
        ("a FIFO", deb(&["./pipe!6"]), "K2209 the entry `./pipe` is a FIFO"),
        (
            "a hard link to nothing",
            deb(&["./a=>./b"]),
            "K2210 the entry `./a` is a hard link to `./b`, which is no earlier file",
        ),
        (
            "a hard link outside",
            deb(&["./a=>../../etc/passwd"]),
            "K2204 the entry `../../etc/passwd` climbs out of the archive",
        ),
        (
            "an absolute hard link",
            deb(&["./a=>/etc/passwd"]),
            "K2203 the entry `/etc/passwd` has an absolute path",
        ),
        (
            "a hard link to a link",
            deb(&["./l->/etc/passwd", "./a=>./l"]),
            "K2210 the entry `./a` is a hard link to `./l`, which is no earlier file",
        ),
        (
            "an earlier file is not kept",
            deb(&["./a=1", "../b=1"]),
            "K2204 the entry `../b` climbs out of the archive",
        ),
        (
            "a page of text in it",
            ar(&[version(), control(), ("data.tar.xz", b"<html>".to_vec())]),
            "K2201 it is no tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd",
        ),
    ]);
}
