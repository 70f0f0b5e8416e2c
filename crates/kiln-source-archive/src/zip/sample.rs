//! Makes zip archives, also such as no program makes.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// One entry.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) name: &'a [u8],
    /// Of the system; 3 is Unix.
    pub(crate) host: u8,
    pub(crate) mode: u32,
    pub(crate) content: &'a [u8],
    pub(crate) deflated: bool,
    /// Sizes and sum follow the content in this form.
    pub(crate) described: Option<Form>,
    /// Numbers are written as zip64.
    pub(crate) wide: bool,
}

/// How sizes and sum follow a content.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) marked: bool,
    pub(crate) wide: bool,
}

pub(crate) fn file<'a>(name: &'a str, content: &'a str) -> Raw<'a> {
    Raw {
        name: name.as_bytes(),
        host: 3,
        mode: 0o100_644,
        content: content.as_bytes(),
        deflated: false,
        described: None,
        wide: false,
    }
}

pub(crate) fn folder(name: &str) -> Raw<'_> {
    Raw { mode: 0o040_755, ..file(name, "") }
}

pub(crate) fn link<'a>(name: &'a str, target: &'a str) -> Raw<'a> {
    Raw { mode: 0o120_777, ..file(name, target) }
}

/// An archive, and where its parts start.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) bytes: Vec<u8>,
    pub(crate) headers: Vec<usize>,
    pub(crate) records: Vec<usize>,
    pub(crate) end: usize,
}

impl Zip {
    /// Writes an archive as it should be.
    pub(crate) fn new(entries: &[Raw<'_>]) -> Self {
        let mut zip = Self::default();
        for entry in entries {
            zip.header(entry);
        }
        let start = zip.bytes.len();
        for (ix, entry) in entries.iter().enumerate() {
            zip.record(entry, zip.headers[ix]);
        }
        zip.end(entries.len(), start, entries.iter().any(|entry| entry.wide));
        zip
    }

    /// Writes over what stands somewhere.
    pub(crate) fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Pushes bytes in before the directory or an entry; only the end and the directory are told.
    pub(crate) fn insert(mut self, at: usize, bytes: &[u8]) -> Self {
        let start = self.records[0];
        self.bytes.splice(at..at, bytes.iter().copied());
        let moved = |part: usize| if part >= at { part + bytes.len() } else { part };
        let start = u32::try_from(moved(start)).unwrap();
        let end = moved(self.end);
        for (header, record) in self.headers.clone().into_iter().zip(self.records.clone()) {
            let header = u32::try_from(moved(header)).unwrap();
            self = self.put(moved(record) + 42, &header.to_le_bytes());
        }
        self.put(end + 16, &start.to_le_bytes())
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    fn header(&mut self, entry: &Raw<'_>) {
        self.headers.push(self.bytes.len());
        let (packed, size, sum) = numbers(entry);
        let left_out = entry.described.is_some();
        let shown = |number: usize| if left_out { 0 } else { narrow(entry.wide, number) };
        self.push(b"PK\x03\x04\x14\0");
        self.shorts(&[flags(entry), method(entry), 0, 0]);
        self.push(&if left_out { 0 } else { sum }.to_le_bytes());
        self.push(&shown(packed.len()).to_le_bytes());
        self.push(&shown(size).to_le_bytes());
        let extra = if entry.wide && !left_out { wide(&[size, packed.len()]) } else { Vec::new() };
        self.shorts(&[entry.name.len(), extra.len()]);
        self.push(entry.name);
        self.push(&extra);
        self.push(&packed);
        if let Some(form) = entry.described {
            self.push(if form.marked { b"PK\x07\x08" } else { b"" });
            self.push(&sum.to_le_bytes());
            for number in [packed.len(), size] {
                let bytes = (number as u64).to_le_bytes();
                self.push(&bytes[..if form.wide { 8 } else { 4 }]);
            }
        }
    }

    fn record(&mut self, entry: &Raw<'_>, at: usize) {
        self.records.push(self.bytes.len());
        let (packed, size, sum) = numbers(entry);
        self.push(b"PK\x01\x02\x1e");
        self.push(&[entry.host, 20, 0]);
        self.shorts(&[flags(entry), method(entry), 0, 0]);
        self.push(&sum.to_le_bytes());
        self.push(&narrow(entry.wide, packed.len()).to_le_bytes());
        self.push(&narrow(entry.wide, size).to_le_bytes());
        let extra = if entry.wide { wide(&[size, packed.len(), at]) } else { Vec::new() };
        self.shorts(&[entry.name.len(), extra.len(), 0, 0, 0]);
        self.push(&(entry.mode << 16).to_le_bytes());
        self.push(&narrow(entry.wide, at).to_le_bytes());
        self.push(entry.name);
        self.push(&extra);
    }

    fn end(&mut self, n_entries: usize, start: usize, is_wide: bool) {
        let (at, size) = (self.bytes.len(), self.bytes.len() - start);
        if is_wide {
            self.push(b"PK\x06\x06");
            self.push(&44u64.to_le_bytes());
            self.push(&[45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for number in [n_entries, n_entries, size, start] {
                self.push(&(number as u64).to_le_bytes());
            }
            self.push(b"PK\x06\x07\0\0\0\0");
            self.push(&(at as u64).to_le_bytes());
            self.push(&1u32.to_le_bytes());
        }
        self.end = self.bytes.len();
        self.push(b"PK\x05\x06\0\0\0\0");
        let n_entries = if is_wide { 0xffff } else { n_entries };
        self.shorts(&[n_entries, n_entries]);
        self.push(&narrow(is_wide, size).to_le_bytes());
        self.push(&narrow(is_wide, start).to_le_bytes());
        self.push(&[0, 0]);
    }

    fn shorts(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.push(&u16::try_from(*number).unwrap().to_le_bytes());
        }
    }
}

fn flags(entry: &Raw<'_>) -> usize {
    if entry.described.is_some() { 8 } else { 0 }
}

fn method(entry: &Raw<'_>) -> usize {
    if entry.deflated { 8 } else { 0 }
}

/// Returns the packed content, the size and the sum.
fn numbers(entry: &Raw<'_>) -> (Vec<u8>, usize, u32) {
    let mut sum = Crc::new();
    sum.update(entry.content);
    let packed = if entry.deflated { deflated(entry.content) } else { entry.content.to_vec() };
    (packed, entry.content.len(), sum.sum())
}

pub(crate) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::best());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn narrow(is_wide: bool, number: usize) -> u32 {
    if is_wide { u32::MAX } else { u32::try_from(number).unwrap() }
}

/// Returns the extra field of zip64.
fn wide(numbers: &[usize]) -> Vec<u8> {
    let mut extra = vec![1, 0];
    extra.extend(u16::try_from(numbers.len() * 8).unwrap().to_le_bytes());
    for number in numbers {
        extra.extend((*number as u64).to_le_bytes());
    }
    extra
}
