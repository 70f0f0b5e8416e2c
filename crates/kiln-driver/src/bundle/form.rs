//! The form of a bundle (`docs/spec/bundle.md`): a plain tar whose first member lists all others.
//!
//! Every byte of it follows from the list, but for the content of the members. A reader compares and has nothing to guess.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kiln_digest::Digest;

/// First line of the list.
const HEAD: &str = "kiln-bundle 1";
/// What the first line of every version begins with.
const HEAD_OF_ALL: &str = "kiln-bundle ";
/// Name of the member that is the list.
const LIST: &str = "kiln-bundle";
/// Size of a block of tar.
pub(super) const BLOCK: u64 = 512;
/// A block as bytes.
pub(super) const N_HEADER: usize = 512;
/// What stands before a member.
pub(super) type Header = [u8; N_HEADER];
/// A tar ends with so many bytes of nothing.
pub(super) const END: u64 = 2 * BLOCK;
/// No list is longer.
pub(super) const LONGEST_LIST: u64 = 256 << 20;
/// What fits into the octal digits of a header.
const LARGEST_OCTAL: u64 = 0o777_7777_7777;

/// What is in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct List {
    /// Downloads, each with a URL that it is from.
    pub(super) files: BTreeMap<Digest, String>,
    /// Sources that are not downloads, each with what it is called.
    pub(super) trees: BTreeMap<Digest, String>,
    /// The folders and files of the trees.
    pub(super) blobs: BTreeSet<Digest>,
}

/// Whether a member is a download or a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Blob,
}

/// One member but the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) digest: Digest,
    /// Where its header is.
    pub(super) at: u64,
}

/// Why a text is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It is none at all.
    Foreign,
    /// It is one of a kiln that is not this one.
    Version,
    Malformed,
}

impl List {
    /// Returns the text of the list.
    pub(super) fn text(&self) -> String {
        let Self { files, trees, blobs } = self;
        let mut text = format!("{HEAD}\n");
        // Writing to a text cannot fail.
        for (digest, url) in files {
            let _ok = writeln!(text, "file {digest} {}", clean(url));
        }
        for (digest, name) in trees {
            let _ok = writeln!(text, "tree {digest} {}", clean(name));
        }
        for digest in blobs {
            let _ok = writeln!(text, "blob {digest}");
        }
        text
    }

    /// Reads a list that is exactly as [`List::text`] writes it.
    pub(super) fn parse(text: &str) -> Result<Self, Bad> {
        let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
        if head != HEAD {
            return Err(if head.starts_with(HEAD_OF_ALL) { Bad::Version } else { Bad::Foreign });
        }
        let mut list = Self::default();
        for line in rest.lines() {
            let mut words = line.splitn(3, ' ');
            let (kind, digest, name) = (words.next(), words.next(), words.next());
            let digest: Digest =
                digest.and_then(|digest| digest.parse().ok()).ok_or(Bad::Malformed)?;
            match (kind, name) {
                (Some("file"), Some(url)) => drop(list.files.insert(digest, url.to_owned())),
                (Some("tree"), Some(name)) => drop(list.trees.insert(digest, name.to_owned())),
                (Some("blob"), None) => drop(list.blobs.insert(digest)),
                _ => return Err(Bad::Malformed),
            }
        }
        let is_whole = |tree: &Digest| *tree == Digest::EMPTY || list.blobs.contains(tree);
        // Another order, a line twice, another way to write a number: nobody wrote that.
        let is_right = list.trees.keys().all(is_whole) && list.text() == text;
        if is_right { Ok(list) } else { Err(Bad::Malformed) }
    }

    /// Returns all members behind the list, and the size of the whole; nothing if that is no size.
    pub(super) fn members(&self) -> Option<(Vec<Member>, u64)> {
        let mut at = BLOCK.checked_add(padded(self.text().len() as u64)?)?;
        let mut members = Vec::new();
        let files = self.files.keys().map(|digest| (Kind::File, *digest));
        let blobs = self.blobs.iter().map(|digest| (Kind::Blob, *digest));
        for (kind, digest) in files.chain(blobs) {
            members.push(Member { kind, digest, at });
            at = at.checked_add(BLOCK)?.checked_add(padded(digest.size)?)?;
        }
        Some((members, at.checked_add(END)?))
    }
}

impl Member {
    /// Returns the header of the member.
    pub(super) fn header(&self) -> Header {
        let folder = match self.kind {
            Kind::File => "files",
            Kind::Blob => "blobs",
        };
        header(&format!("{folder}/{}", self.digest.hex()), self.digest.size)
    }
}

/// Returns the header of the list.
pub(super) fn header_of_list(size: u64) -> Header {
    header(LIST, size)
}

/// Reads the size of the list from its header; nothing when it is another one.
pub(super) fn size_of_list(header: &Header) -> Option<u64> {
    let digits = std::str::from_utf8(header.get(124..135)?).ok()?;
    let size = u64::from_str_radix(digits, 8).ok().filter(|size| *size <= LONGEST_LIST)?;
    (header_of_list(size) == *header).then_some(size)
}

/// Returns a size with what fills its last block; nothing if that is no size.
pub(super) fn padded(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK)
}

/// Returns the ustar header of a file that says nothing but its name and size.
fn header(name: &str, size: u64) -> Header {
    let mut header = [0; N_HEADER];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size <= LARGEST_OCTAL {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        // As GNU tar writes it.
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    for (place, byte) in header.iter_mut().skip(148).zip(sum.as_bytes()) {
        *place = *byte;
    }
    header
}

/// Returns a name that is one line.
fn clean(name: &str) -> String {
    name.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let named = |name: &str| name.to_owned();
        List {
            files: [(a, named("demo:a b.tar"))].into(),
            trees: [(b, named("demo:app.git"))].into(),
            blobs: [a, b, Digest::of(&[0; 600])].into(),
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_in_no_other_way() {
        let text = list().text();
        assert_eq!(List::parse(&text), Ok(list()));
        assert_eq!(List::parse("kiln-bundle 1\n"), Ok(List::default()));
        let check = |text: &str, bad| assert_eq!(List::parse(text), Err(bad), "{text}");
        check("", Bad::Foreign);
        check("hello\n", Bad::Foreign);
        check("kiln-bundle 2\n", Bad::Version);
        check(&format!("{text}{}\n", text.lines().last().unwrap()), Bad::Malformed);
        check(&text.replace("blob ", "blob  "), Bad::Malformed);
        check(&text.replace("/1 ", "/01 "), Bad::Malformed);
        check(text.trim_end(), Bad::Malformed);
        check(&format!("{text}blob ../x\n"), Bad::Malformed);
        check(&format!("{text}link {}\n", Digest::EMPTY), Bad::Malformed);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(3, 4);
        check(&format!("{}\n", lines.join("\n")), Bad::Malformed);
    }

    #[test]
    fn every_place_follows_from_the_list() {
        let (members, size) = list().members().unwrap();
        let at: Vec<u64> = members.iter().map(|member| member.at).collect();
        assert_eq!(at[0], 1024 + 512 * (list().text().len() as u64 / 512));
        assert_eq!(
            size,
            at.last().unwrap() + BLOCK + padded(members[3].digest.size).unwrap() + END
        );
        let huge = Digest { size: u64::MAX - 5, ..Digest::EMPTY };
        assert_eq!(List { blobs: [huge].into(), ..List::default() }.members(), None);
    }

    #[test]
    fn a_header_says_its_size() {
        assert_eq!(size_of_list(&header_of_list(77)), Some(77));
        assert_eq!(size_of_list(&header("other", 77)), None);
        assert_eq!(size_of_list(&header_of_list(LONGEST_LIST + 1)), None);
        assert_eq!(size_of_list(&[0; 512]), None);
        let large = header("a", 1 << 40);
        assert_eq!(large[124..136], [0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    }
}
