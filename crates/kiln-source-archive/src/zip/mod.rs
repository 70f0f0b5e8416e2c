//! The strict extractor: a zip archive to a tree. The entries, the directory and the end must fill the whole file,
//! each byte once.

mod content;
mod directory;
mod fields;

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use kiln_cas::Batch;
use kiln_tree::{File, RelPath, Tree};

use crate::layout::{Kind, Layout, shown};
use crate::limits::Exceeded;
use crate::{ArchiveError, Limits, Rule, Unpack};
use content::{Content, Method};
use directory::Record;
use fields::{Extra, Fields};

/// Reads a zip archive into the store and returns its tree; the directories of the tree are not kept yet.
///
/// # Errors
/// When the archive breaks a [`Rule`], or reading or keeping fails; then nothing of it is kept.
pub fn extract_zip(from: impl Read + Seek, unpack: &Unpack<'_>) -> Result<Tree, ArchiveError> {
    unpack.whole(|batch| extract_zip_into(from, unpack, batch))
}

/// Reads an archive, and leaves it to the caller to keep its files.
pub(crate) fn extract_zip_into(
    mut from: impl Read + Seek,
    unpack: &Unpack<'_>,
    batch: &mut dyn Batch,
) -> Result<Tree, ArchiveError> {
    run(&mut from, unpack, batch).map_err(|rule| unpack.broken(rule))
}

fn run(
    from: &mut (impl Read + Seek),
    unpack: &Unpack<'_>,
    batch: &mut dyn Batch,
) -> Result<Tree, Rule> {
    let directory::Directory { mut records, start } = directory::read(from, &unpack.limits)?;
    judge_sizes(&records, &unpack.limits)?;
    records.sort_by_key(|record| record.at);
    if records.first().map_or(start, |first| first.at) != 0 {
        return Err(Rule::Stray("before its first entry".into()));
    }
    from.seek(SeekFrom::Start(0)).map_err(Rule::of_read)?;
    let from = BufReader::with_capacity(1 << 16, from);
    let mut extraction = Extraction { from, unpack, batch, layout: Layout::new(unpack) };
    for (ix, record) in records.iter().enumerate() {
        let next = records.get(ix + 1).map_or(start, |next| next.at);
        extraction.entry(record, next)?;
    }
    extraction.layout.seal()
}

/// Holds what the directory says of the sizes against the limits, before anything is kept; that it is true is seen
/// on the way.
fn judge_sizes(records: &[Record], limits: &Limits) -> Result<(), Rule> {
    let (mut n_in, mut n_out) = (0u64, 0u64);
    for record in records {
        if record.size > limits.n_bytes {
            let (name, limit) = (shown(&record.name), limits.n_bytes);
            return Err(Rule::Exceeded(format!("`{name}` has more than {limit} bytes")));
        }
        n_in = n_in.saturating_add(record.packed);
        n_out = n_out.saturating_add(record.size);
    }
    if n_out > limits.n_bytes {
        return Err(Rule::Exceeded(Exceeded::Bytes(limits.n_bytes).to_string()));
    }
    if n_out > limits.ratio_from && n_out > n_in.saturating_mul(limits.ratio) {
        return Err(Rule::Exceeded(Exceeded::Ratio(limits.ratio).to_string()));
    }
    Ok(())
}

struct Extraction<'a, R> {
    /// At the next entry.
    from: BufReader<R>,
    unpack: &'a Unpack<'a>,
    batch: &'a mut dyn Batch,
    layout: Layout<'a>,
}

/// What an entry becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Folder,
    File { executable: bool },
    Link,
}

impl<R: Read> Extraction<'_, R> {
    /// Reads an entry, which must end where the next one starts.
    fn entry(&mut self, record: &Record, next: u64) -> Result<(), Rule> {
        let entry = shown(&record.name);
        let method = method(record, &entry)?;
        let n_more = self.header(record, next, &entry)?;
        let path = self.path(record, &entry)?;
        let shape = shape(record, &entry)?;
        let mut content = Content::new(&mut self.from, record, method);
        let wrong = |cause| Rule::Wrong { entry: entry.clone(), cause };
        match shape {
            Shape::Folder => {
                if record.size != 0 {
                    return Err(Rule::Content(entry));
                }
                content.read_to_end(&mut Vec::new()).map_err(wrong)?;
                self.layout.folder(&path, entry.clone())?;
            }
            Shape::Link => {
                if record.size > self.unpack.limits.name as u64 {
                    return Err(self.layout.long_link(&entry));
                }
                let mut target = Vec::new();
                content.read_to_end(&mut target).map_err(wrong)?;
                self.layout.link(&path, &target, entry.clone())?;
            }
            Shape::File { executable } => {
                let path = self.layout.free(&path, Kind::File, &entry)?;
                let kept = self.batch.write_stream(&mut content, executable);
                let digest = kept.map_err(|error| Rule::of_content(error, &entry))?;
                self.layout.file(&path, File::new(digest, executable), entry.clone())?;
            }
        }
        self.descriptor(record, n_more, &entry)
    }

    /// Reads the header before a content, which must say what the directory says. Returns how many bytes follow the
    /// content.
    fn header(&mut self, record: &Record, next: u64, entry: &str) -> Result<u64, Rule> {
        let overlaps = || Rule::Overlaps(entry.to_owned());
        let malformed = || Rule::Wrong {
            entry: entry.to_owned(),
            cause: io::Error::other("its header is malformed"),
        };
        let room = next.checked_sub(record.at).ok_or_else(overlaps)?;
        let mut fixed = [0; HEADER_SIZE];
        if room < HEADER_SIZE as u64 {
            return Err(overlaps());
        }
        self.from.read_exact(&mut fixed).map_err(Rule::of_read)?;
        let (header, n_name, n_extra) = Header::read(&fixed).ok_or_else(malformed)?;
        let n_bytes = HEADER_SIZE as u64 + u64::from(n_name) + u64::from(n_extra);
        let n_bytes = n_bytes.checked_add(record.packed).ok_or_else(overlaps)?;
        let n_more = room.checked_sub(n_bytes).ok_or_else(overlaps)?;
        let mut rest = vec![0; usize::from(n_name) + usize::from(n_extra)];
        self.from.read_exact(&mut rest).map_err(Rule::of_read)?;
        let (name, extra) = rest.split_at(usize::from(n_name));
        let extra = Extra::read(extra).ok_or(Rule::Extension)?;
        match header.difference(record, name, &extra) {
            Some(what) => Err(Rule::Disagree { what, entry: entry.to_owned() }),
            None => Ok(n_more),
        }
    }

    fn path(&self, record: &Record, entry: &str) -> Result<RelPath, Rule> {
        let path = self.layout.path(&record.name, entry)?;
        if record.name.contains(&b'\\') {
            return Err(Rule::Backslash(entry.to_owned()));
        }
        if matches!(record.name.as_slice(), [drive, b':', ..] if drive.is_ascii_alphabetic()) {
            return Err(Rule::Absolute(entry.to_owned()));
        }
        Ok(path)
    }

    /// Reads what may follow a content: its sizes and sum once more, with or without a mark, narrow or wide.
    fn descriptor(&mut self, record: &Record, n_more: u64, entry: &str) -> Result<(), Rule> {
        if n_more == 0 && record.flags & DESCRIBED == 0 {
            return Ok(());
        }
        let stray = || Rule::Stray(format!("after `{entry}`"));
        if n_more > 24 || record.flags & DESCRIBED == 0 {
            return Err(stray());
        }
        let mut found = Vec::new();
        self.from.by_ref().take(n_more).read_to_end(&mut found).map_err(Rule::of_read)?;
        let fits = descriptors(record).contains(&found);
        let different = || Rule::Disagree { what: "sum or size", entry: entry.to_owned() };
        match found.len() {
            _ if fits => Ok(()),
            12 | 16 | 20 | 24 => Err(different()),
            0..12 => Err(Rule::Short(entry.to_owned())),
            _ => Err(stray()),
        }
    }
}

/// Returns all forms in which sizes and sum may follow a content.
fn descriptors(record: &Record) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    let narrow = u32::try_from(record.packed).ok().zip(u32::try_from(record.size).ok());
    for mark in [b"PK\x07\x08".as_slice(), b""] {
        let start = [mark, &record.sum.to_le_bytes()].concat();
        let (packed, size) = (record.packed.to_le_bytes(), record.size.to_le_bytes());
        forms.push([&start[..], &packed, &size].concat());
        if let Some((packed, size)) = narrow {
            forms.push([&start[..], &packed.to_le_bytes(), &size.to_le_bytes()].concat());
        }
    }
    forms
}

const HEADER_SIZE: usize = 30;

const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Sizes and sum follow the content.
const DESCRIBED: u16 = 1 << 3;
/// The content is a difference to something else.
const PATCHED: u16 = 1 << 5;

/// The header of an entry.
struct Header {
    flags: u16,
    method: u16,
    sum: u32,
    packed: u32,
    size: u32,
}

impl Header {
    /// Reads a header, and how long the name and the extra fields after it are.
    fn read(bytes: &[u8]) -> Option<(Self, u16, u16)> {
        let mut fields = Fields(bytes);
        fields.mark(*b"PK\x03\x04")?;
        fields.skip(2)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.skip(4)?;
        let sum = fields.u32()?;
        let (packed, size) = (fields.u32()?, fields.u32()?);
        Some((Self { flags, method, sum, packed, size }, fields.u16()?, fields.u16()?))
    }

    /// Names the first thing that the directory says otherwise.
    fn difference(&self, record: &Record, name: &[u8], extra: &Extra<'_>) -> Option<&'static str> {
        if name != record.name || !extra.agrees(name) {
            return Some("name");
        }
        if self.flags != record.flags {
            return Some("flags");
        }
        if self.method != record.method {
            return Some("method");
        }
        let Some((packed, size)) = self.sizes(extra) else {
            return Some("size");
        };
        // What follows the content may be left out here.
        let left_out = |number: u64| self.flags & DESCRIBED != 0 && number == 0;
        if self.sum != record.sum && !left_out(self.sum.into()) {
            return Some("sum");
        }
        let same = |here: u64, there: u64| here == there || left_out(here);
        let sizes_agree = same(packed, record.packed) && same(size, record.size);
        (!sizes_agree).then_some("size")
    }

    /// Returns the sizes, those of zip64 where they stand there.
    fn sizes(&self, extra: &Extra<'_>) -> Option<(u64, u64)> {
        let (packed, size) = (u64::from(self.packed), u64::from(self.size));
        let Some(wide) = extra.wide else {
            return Some((packed, size));
        };
        let mut fields = Fields(wide);
        let (wide_size, wide_packed) = (fields.u64()?, fields.u64()?);
        let same = |narrow: u64, wide: u64| narrow == wide || narrow == u64::from(u32::MAX);
        let agree = same(packed, wide_packed) && same(size, wide_size) && fields.0.is_empty();
        agree.then_some((wide_packed, wide_size))
    }
}

/// Returns how an entry is packed.
fn method(record: &Record, entry: &str) -> Result<Method, Rule> {
    if record.flags & ENCRYPTED != 0 {
        return Err(Rule::Encrypted(entry.to_owned()));
    }
    let name = match record.method {
        _ if record.flags & PATCHED != 0 => "a difference to another file",
        0 => return Ok(Method::Stored),
        8 => return Ok(Method::Deflated),
        9 => "deflate64",
        12 => "bzip2",
        14 => "lzma",
        93 => "zstd",
        95 => "xz",
        99 => return Err(Rule::Encrypted(entry.to_owned())),
        _ => "a method of its own",
    };
    Err(Rule::Method { entry: entry.to_owned(), name })
}

/// Returns what an entry becomes. A mode must agree with the name, on whatever system it was made.
fn shape(record: &Record, entry: &str) -> Result<Shape, Rule> {
    const UNIX: u8 = 3;
    const MACOS: u8 = 19;
    /// A folder, as DOS marks it.
    const DOS_FOLDER: u32 = 0x10;
    let special = |what| Err(Rule::Special { entry: entry.to_owned(), what });
    let two_kinds = || Rule::Disagree { what: "kind", entry: entry.to_owned() };
    let has_modes = matches!(record.host, UNIX | MACOS);
    let mode = record.attributes >> 16;
    let executable = has_modes && mode & 0o100 != 0;
    let named_folder = record.name.ends_with(b"/");
    if record.attributes & DOS_FOLDER != 0 && !named_folder {
        return Err(two_kinds());
    }
    match mode & 0o170_000 {
        0 | 0o040_000 if named_folder => Ok(Shape::Folder),
        0 | 0o100_000 if !named_folder => Ok(Shape::File { executable }),
        0o120_000 if !named_folder && has_modes => Ok(Shape::Link),
        0o040_000 | 0o100_000 | 0o120_000 => Err(two_kinds()),
        0o010_000 => special("a FIFO"),
        0o020_000 | 0o060_000 => special("a device"),
        _ => special("of an unknown type"),
    }
}

fn broken(what: &'static str) -> Rule {
    Rule::Damaged(io::Error::other(what))
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
