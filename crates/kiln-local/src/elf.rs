//! Where a program or library says that its libraries are, read from its few bytes that tell.
//!
//! Never: trusts a file. Each number in it is only a place to look at, and so much is read and no more.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// How much of the start of a file is read at once; most have their program headers there.
pub(crate) const HEAD: usize = 4096;

/// The most program headers and entries of a dynamic section that are looked at.
const MAX_ENTRIES: usize = 4096;

/// The longest text that is read, in bytes, and how much of it is tried first.
const MAX_TEXT: usize = 4096;
const SHORT_TEXT: usize = 128;

/// Kinds of program headers.
const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;

/// Kinds of entries in a dynamic section.
const NEEDED: u64 = 1;
const TEXTS: u64 = 5;
const RUN_PATHS: [u64; 2] = [15, 29];

/// What the dynamic linker is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Linked {
    /// Lists of folders, as they are written.
    pub(crate) run_paths: Vec<String>,
    /// Libraries that are named by a path.
    pub(crate) by_path: Vec<String>,
}

/// Reads what a file with this start tells; nothing when it is none of these.
pub(crate) fn linked(file: &File, head: &[u8]) -> Option<Linked> {
    let elf = Elf::new(file, head)?;
    let headers = elf.headers()?;
    let dynamic = headers.iter().find(|header| header.kind == DYNAMIC)?;
    let entries = elf.entries(dynamic)?;
    let texts = entries.iter().find(|(kind, _)| *kind == TEXTS)?.1;
    let text = |at: u64| elf.text(&headers, texts.checked_add(at)?);
    let mut linked = Linked::default();
    for (kind, at) in entries {
        if RUN_PATHS.contains(&kind) {
            linked.run_paths.extend(text(at));
        } else if kind == NEEDED {
            linked.by_path.extend(text(at).filter(|text| text.contains('/')));
        }
    }
    Some(linked)
}

/// A file in the one format of four that it says.
struct Elf<'a> {
    file: &'a File,
    head: &'a [u8],
    /// Whether its numbers have 64 bits.
    is_wide: bool,
    /// Whether they begin with the highest byte.
    is_big: bool,
}

/// A part of the file, and where it is in memory.
struct Header {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

impl<'a> Elf<'a> {
    fn new(file: &'a File, head: &'a [u8]) -> Option<Self> {
        let format = head.strip_prefix(b"\x7fELF")?;
        let is_wide = match format.first()? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let is_big = match format.get(1)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        Some(Self { file, head, is_wide, is_big })
    }

    fn headers(&self) -> Option<Vec<Header>> {
        let (start, length, count) = if self.is_wide { (32, 54, 56) } else { (28, 42, 44) };
        let start = self.word(self.head, start)?;
        let length = usize::try_from(self.number(self.head, length, 2)?).ok()?;
        let count = usize::try_from(self.number(self.head, count, 2)?).ok()?;
        let bytes = self.bytes(start, length.checked_mul(count.min(MAX_ENTRIES))?)?;
        let (offset, address, size) = if self.is_wide { (8, 16, 32) } else { (4, 8, 16) };
        let header = |bytes: &[u8]| {
            Some(Header {
                kind: self.number(bytes, 0, 4)?,
                offset: self.word(bytes, offset)?,
                address: self.word(bytes, address)?,
                size: self.word(bytes, size)?,
            })
        };
        bytes.chunks_exact(length.max(1)).map(header).collect()
    }

    /// Reads the entries of a dynamic section: kinds with their values.
    fn entries(&self, dynamic: &Header) -> Option<Vec<(u64, u64)>> {
        let width = if self.is_wide { 8 } else { 4 };
        let size = usize::try_from(dynamic.size).unwrap_or(usize::MAX).min(MAX_ENTRIES * 2 * width);
        let bytes = self.bytes(dynamic.offset, size)?;
        let entry = |bytes: &[u8]| Some((self.word(bytes, 0)?, self.word(bytes, width)?));
        let entries = bytes.chunks_exact(2 * width).map_while(entry);
        Some(entries.take_while(|(kind, _)| *kind != 0).collect())
    }

    /// Reads the text at an address.
    fn text(&self, headers: &[Header], address: u64) -> Option<String> {
        let offset = |header: &Header| {
            let inside = address.checked_sub(header.address).filter(|at| *at < header.size)?;
            header.offset.checked_add(inside)
        };
        let mut loaded = headers.iter().filter(|header| header.kind == LOAD);
        let at = loaded.find_map(offset)?;
        [SHORT_TEXT, MAX_TEXT].into_iter().find_map(|size| {
            let mut bytes = self.bytes(at, size)?;
            bytes.truncate(bytes.iter().position(|byte| *byte == 0)?);
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    }

    /// Reads up to so many bytes.
    fn bytes(&self, at: u64, size: usize) -> Option<Vec<u8>> {
        let known =
            usize::try_from(at).ok().and_then(|at| self.head.get(at..at.checked_add(size)?));
        if let Some(known) = known {
            return Some(known.to_vec());
        }
        let mut bytes = vec![0; size];
        let mut n_read = 0;
        while n_read < size {
            match self.file.read_at(&mut bytes[n_read..], at.checked_add(n_read as u64)?).ok()? {
                0 => break,
                read => n_read += read,
            }
        }
        bytes.truncate(n_read);
        Some(bytes)
    }

    /// Reads a number of the width of the file.
    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        self.number(bytes, at, if self.is_wide { 8 } else { 4 })
    }

    fn number(&self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(width)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;

    /// Makes a library with texts: 0 is its run path, the others are libraries it needs.
    pub(crate) fn library(is_wide: bool, is_big: bool, run_path: &str, needs: &[&str]) -> Vec<u8> {
        let width = if is_wide { 8 } else { 4 };
        let number = |value: u64, width: usize| {
            let bytes = value.to_le_bytes()[..width].to_vec();
            if is_big { bytes.into_iter().rev().collect() } else { bytes }
        };
        let word = |value: u64| number(value, width);
        let (head, header) = if is_wide { (64, 56) } else { (52, 32) };
        let dynamic_at = head + 2 * header;
        let n_entries = needs.len() as u64 + 3;
        let texts_at = dynamic_at + n_entries * 2 * width as u64;
        let mut texts = b"\0".to_vec();
        let mut add = |text: &str| {
            let at = texts.len() as u64;
            texts.extend([text.as_bytes(), b"\0"].concat());
            at
        };
        let mut entries = vec![(29, add(run_path)), (5, 0x10_000 + texts_at)];
        entries.extend(needs.iter().map(|needed| (1, add(needed))));
        entries.push((0, 0));
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([if is_wide { 2 } else { 1 }, if is_big { 2 } else { 1 }, 1]);
        bytes.resize(if is_wide { 32 } else { 28 }, 0);
        bytes.extend(word(head));
        bytes.resize(if is_wide { 54 } else { 42 }, 0);
        bytes.extend([number(header, 2), number(2, 2)].concat());
        bytes.resize(usize::try_from(head).unwrap(), 0);
        let end = texts_at + texts.len() as u64;
        for (kind, offset, size) in [(1, 0, end), (2, dynamic_at, n_entries * 2 * width as u64)] {
            let start = bytes.len();
            bytes.extend(number(kind, 4));
            bytes.resize(start + width, 0);
            bytes.extend([word(offset), word(0x10_000 + offset), word(0), word(size)].concat());
            bytes.resize(start + usize::try_from(header).unwrap(), 0);
        }
        for (kind, value) in entries {
            bytes.extend([word(kind), word(value)].concat());
        }
        [bytes, texts].concat()
    }

    fn read(bytes: &[u8]) -> Option<Linked> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        linked(&file, &bytes[..bytes.len().min(HEAD)])
    }

    #[test]
    fn all_four_formats_are_read() {
        for (is_wide, is_big) in [(true, false), (true, true), (false, false), (false, true)] {
            let needs = ["libc.so.6", "/build/libx.so"];
            let found = read(&library(is_wide, is_big, "/build/.libs:/usr/lib/app", &needs));
            let run_paths = vec!["/build/.libs:/usr/lib/app".to_owned()];
            let by_path = vec!["/build/libx.so".to_owned()];
            assert_eq!(found, Some(Linked { run_paths, by_path }), "{is_wide} {is_big}");
        }
    }

    #[test]
    fn a_real_program_is_read() {
        let program = File::open(std::env::current_exe().unwrap()).unwrap();
        let mut head = vec![0; HEAD];
        let n_read = program.read_at(&mut head, 0).unwrap();
        assert_eq!(linked(&program, &head[..n_read]), Some(Linked::default()));
    }

    #[test]
    fn what_is_something_else_is_passed_over() {
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01", b"#!/bin/sh\n", &[0x7f; 5000]] {
            assert_eq!(read(bytes), None);
        }
    }

    #[test]
    fn damaged_files_are_read_to_an_end() {
        let whole = library(true, false, "/build/.libs", &["/build/a.so"]);
        for end in 0..whole.len() {
            drop(read(&whole[..end]));
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                damaged[(at + 7) % whole.len()] ^= value;
                drop(read(&damaged));
            }
        }
    }
}
