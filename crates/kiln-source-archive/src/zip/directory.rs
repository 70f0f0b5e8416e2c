//! The directory at the end of a zip archive, and what follows it.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::broken;
use super::fields::{Extra, Fields};
use crate::layout::{long_name, shown};
use crate::{Limits, Rule};

/// The directory as it was read.
pub(super) struct Directory {
    pub(super) records: Vec<Record>,
    /// Where it starts in the file: the end of the last entry.
    pub(super) start: u64,
}

/// One entry, as the directory has it.
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) sum: u32,
    /// Bytes in the archive.
    pub(super) packed: u64,
    /// Bytes of the content.
    pub(super) size: u64,
    /// Where its header starts in the file.
    pub(super) at: u64,
    /// The system it was made on.
    pub(super) host: u8,
    /// Its mode in the upper half, on some systems.
    pub(super) attributes: u32,
}

/// What the end of an archive says of the directory.
struct End {
    n_entries: u64,
    size: u64,
    start: u64,
    /// Where the directory must end.
    until: u64,
}

const END: [u8; 4] = *b"PK\x05\x06";
const WIDE_END: [u8; 4] = *b"PK\x06\x06";
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const RECORD: [u8; 4] = *b"PK\x01\x02";

const END_SIZE: u64 = 22;
const WIDE_END_SIZE: u64 = 56;
const LOCATOR_SIZE: u64 = 20;
const RECORD_SIZE: usize = 46;

/// Reads the directory of an archive.
pub(super) fn read(from: &mut (impl Read + Seek), limits: &Limits) -> Result<Directory, Rule> {
    let end = find_end(from)?;
    if end.n_entries > limits.n_entries {
        let limit = limits.n_entries;
        return Err(Rule::Exceeded(format!("it has more than {limit} entries")));
    }
    match end.start.checked_add(end.size) {
        Some(found) if found == end.until => {}
        Some(found) if found < end.until => return Err(Rule::Stray("around its directory".into())),
        _ => return Err(broken("its directory goes beyond its end")),
    }
    from.seek(SeekFrom::Start(end.start)).map_err(Rule::of_read)?;
    let mut from = BufReader::with_capacity(1 << 16, from.take(end.size));
    let mut records = Vec::new();
    for _ in 0..end.n_entries {
        records.push(record(&mut from, limits)?);
    }
    if from.read(&mut [0]).map_err(Rule::of_read)? != 0 {
        return Err(Rule::Stray("in its directory".into()));
    }
    Ok(Directory { records, start: end.start })
}

/// Finds the record at the very end; in front of it may stand its twin of zip64.
fn find_end(from: &mut (impl Read + Seek)) -> Result<End, Rule> {
    let length = from.seek(SeekFrom::End(0)).map_err(Rule::of_read)?;
    let n_tail = length.min(END_SIZE + u64::from(u16::MAX));
    let tail = bytes(from, length - n_tail, n_tail)?;
    let place = tail.windows(END.len()).rposition(|window| window == END);
    let Some(place) = place else {
        let mut first = Vec::new();
        from.seek(SeekFrom::Start(0)).map_err(Rule::of_read)?;
        from.take(2).read_to_end(&mut first).map_err(Rule::of_read)?;
        return Err(if first == b"PK" { broken("its end is missing") } else { Rule::NoZip });
    };
    let mut fields = Fields(&tail[place..]);
    let cut = || broken("its end is cut off");
    let (narrow, n_comment) = narrow_end(&mut fields).ok_or_else(cut)?;
    let at = length - n_tail + place as u64;
    match fields.0.len().cmp(&n_comment) {
        std::cmp::Ordering::Less => return Err(cut()),
        std::cmp::Ordering::Greater => return Err(Rule::Trailing),
        std::cmp::Ordering::Equal => {}
    }
    let locator = match at.checked_sub(LOCATOR_SIZE) {
        Some(at) => bytes(from, at, LOCATOR_SIZE)?,
        None => Vec::new(),
    };
    let (fields, until) = if locator.starts_with(&LOCATOR) {
        wide_end(from, &narrow, &locator, at)?
    } else {
        (narrow, at)
    };
    let [disk, directory_disk, n_here, n_entries, size, start] = fields;
    if disk != 0 || directory_disk != 0 || n_here != n_entries {
        return Err(Rule::Volumes);
    }
    Ok(End { n_entries, size, start, until })
}

/// The numbers of an end: part of the archive, part with the directory, entries here, entries, size and start of
/// the directory.
type EndFields = [u64; 6];

/// What the end has for a number that only the end of zip64 has.
const ELSEWHERE: EndFields = [0xffff, 0xffff, 0xffff, 0xffff, 0xffff_ffff, 0xffff_ffff];

/// Reads the record at the very end, and how long the comment after it is.
fn narrow_end(fields: &mut Fields<'_>) -> Option<(EndFields, usize)> {
    fields.mark(END)?;
    let mut short = || fields.u16().map(u64::from);
    let (disk, directory_disk, n_here, n_entries) = (short()?, short()?, short()?, short()?);
    let (size, start) = (fields.u32()?.into(), fields.u32()?.into());
    let n_comment = usize::from(fields.u16()?);
    Some(([disk, directory_disk, n_here, n_entries, size, start], n_comment))
}

/// Reads the end of zip64, which must stand right before its locator and agree with the other end.
fn wide_end(
    from: &mut (impl Read + Seek),
    narrow: &EndFields,
    locator: &[u8],
    end_at: u64,
) -> Result<(EndFields, u64), Rule> {
    let bad = || broken("its end of zip64 is malformed");
    let mut fields = Fields(locator);
    let mut parts = || {
        fields.skip(LOCATOR.len())?;
        Some((fields.u32()?, fields.u64()?, fields.u32()?))
    };
    let (disk, at, n_disks) = parts().ok_or_else(bad)?;
    if disk != 0 || n_disks > 1 {
        return Err(Rule::Volumes);
    }
    if at.checked_add(WIDE_END_SIZE + LOCATOR_SIZE) != Some(end_at) {
        return Err(bad());
    }
    let content = bytes(from, at, WIDE_END_SIZE)?;
    let mut fields = Fields(&content);
    let mut parts = || {
        fields.mark(WIDE_END)?;
        let size = fields.u64()?;
        fields.skip(4)?;
        let (disk, directory_disk) = (fields.u32()?.into(), fields.u32()?.into());
        let (n_here, n_entries) = (fields.u64()?, fields.u64()?);
        let (directory_size, start) = (fields.u64()?, fields.u64()?);
        let fields = [disk, directory_disk, n_here, n_entries, directory_size, start];
        // The size leaves out the mark and itself.
        (size == WIDE_END_SIZE - 12).then_some(fields)
    };
    let wide = parts().ok_or_else(bad)?;
    let mut numbers = narrow.iter().zip(wide).zip(ELSEWHERE);
    let agree = numbers.all(|((narrow, wide), elsewhere)| *narrow == wide || *narrow == elsewhere);
    if agree { Ok((wide, at)) } else { Err(bad()) }
}

fn record(from: &mut impl Read, limits: &Limits) -> Result<Record, Rule> {
    let bad = || broken("its directory is malformed");
    let mut fixed = [0; RECORD_SIZE];
    from.read_exact(&mut fixed).map_err(Rule::of_read)?;
    let mut fields = Fields(&fixed);
    let mut head = || {
        fields.mark(RECORD)?;
        fields.skip(1)?;
        let host = fields.bytes(1)?[0];
        fields.skip(2)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.skip(4)?;
        let sum = fields.u32()?;
        let (packed, size) = (fields.u32()?, fields.u32()?);
        let lengths = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
        let disk = fields.u16()?;
        fields.skip(2)?;
        let (attributes, at) = (fields.u32()?, fields.u32()?);
        let record = Record {
            name: Vec::new(),
            flags,
            method,
            sum,
            packed: packed.into(),
            size: size.into(),
            at: at.into(),
            host,
            attributes,
        };
        Some((record, lengths, disk))
    };
    let (mut record, [n_name, n_extra, n_comment], disk) = head().ok_or_else(bad)?;
    let mut rest = vec![0; n_name + n_extra + n_comment];
    from.read_exact(&mut rest).map_err(Rule::of_read)?;
    let extra = Extra::read(&rest[n_name..n_name + n_extra]).ok_or(Rule::Extension)?;
    let name = &rest[..n_name];
    if n_name > limits.name {
        return Err(long_name(name, limits));
    }
    widen(&mut record, disk, extra.wide).ok_or(Rule::Extension)??;
    if !extra.agrees(name) {
        return Err(Rule::Disagree { what: "name", entry: shown(name) });
    }
    Ok(Record { name: name.to_vec(), ..record })
}

/// Puts the numbers of zip64 where a number did not fit; nothing when there are more or fewer of them.
fn widen(record: &mut Record, disk: u16, wide: Option<&[u8]>) -> Option<Result<(), Rule>> {
    let mut fields = Fields(wide.unwrap_or_default());
    for place in [&mut record.size, &mut record.packed, &mut record.at] {
        if *place == u64::from(u32::MAX) {
            *place = fields.u64()?;
        }
    }
    let disk = if disk == u16::MAX { fields.u32()? } else { disk.into() };
    let is_one = if disk == 0 { Ok(()) } else { Err(Rule::Volumes) };
    fields.0.is_empty().then_some(is_one)
}

fn bytes(from: &mut (impl Read + Seek), at: u64, n_bytes: u64) -> Result<Vec<u8>, Rule> {
    let mut content = Vec::new();
    from.seek(SeekFrom::Start(at)).map_err(Rule::of_read)?;
    from.take(n_bytes).read_to_end(&mut content).map_err(Rule::of_read)?;
    if content.len() as u64 == n_bytes { Ok(content) } else { Err(broken("its end is cut off")) }
}
