//! What is remembered of a folder: the stamps and digests of its files, packed in one file.
//!
//! Layout, integers little-endian: magic · sha256 of the rest · clock, digest and number of folders, entries, bytes ·
//! folders (first entry, number of entries) · entries · bytes of names, targets of links, and whose memory it is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kiln_digest::Digest;

use crate::prune::touch;
use crate::stamp::Stamp;
use crate::survey::{Entry, Folder, What};

const MAGIC: &[u8; 16] = b"kiln-stat/1\0\0\0\0\0";
const HEAD: usize = 16 + 32 + 8 + 40 + 12;
const FOLDER: usize = 8;
const ENTRY: usize = 4 + 4 + 8 * 5 + 40;

/// The packed memory of one folder; one that is damaged or of another folder is none.
pub(crate) struct Memory {
    bytes: Vec<u8>,
    n_folders: u32,
    n_entries: u32,
}

/// A remembered entry.
#[derive(Clone, Copy)]
pub(crate) struct Remembered<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) what: RememberedWhat<'a>,
}

#[derive(Clone, Copy)]
pub(crate) enum RememberedWhat<'a> {
    File { stamp: Stamp, digest: Digest },
    Link { stamp: Stamp, target: &'a str },
    Folder(u32),
}

impl Memory {
    /// Reads the memory of `whose`, if there is a good one, and says that it is used.
    pub(crate) fn read(path: &Path, whose: &str, now: SystemTime) -> Option<Self> {
        let file = File::open(path).ok()?;
        let found = file.metadata().ok()?;
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).ok()?);
        (&file).take(found.len()).read_to_end(&mut bytes).ok()?;
        touch(&file, &found, now);
        let is_whole = bytes.starts_with(MAGIC)
            && bytes.len() >= HEAD
            && bytes[16..48] == Digest::of(&bytes[48..]).hash;
        if !is_whole {
            return None;
        }
        let number = |at: usize| read_u32(&bytes[at..]);
        let (n_folders, n_entries, n_bytes) = (number(96), number(100), number(104));
        let memory = Self { bytes, n_folders, n_entries };
        let length = memory.names_at() + n_bytes as usize;
        let is_own = memory.bytes.len() == length && memory.bytes.ends_with(whose.as_bytes());
        (is_own && n_folders > 0).then_some(memory)
    }

    /// What the clock showed before the files were read.
    pub(crate) fn clock(&self) -> i64 {
        read_u64(&self.bytes[48..]).cast_signed()
    }

    /// The digest of the whole.
    pub(crate) fn digest(&self) -> Digest {
        read_digest(&self.bytes[56..])
    }

    /// Returns the entries of a folder in byte order of their names.
    pub(crate) fn entries(&self, folder: u32) -> impl Iterator<Item = Remembered<'_>> {
        let at = HEAD + folder.min(self.n_folders - 1) as usize * FOLDER;
        let (first, n) = (read_u32(&self.bytes[at..]), read_u32(&self.bytes[at + 4..]));
        (first..first.saturating_add(n).min(self.n_entries)).map(|entry| self.entry(entry))
    }

    fn entry(&self, entry: u32) -> Remembered<'_> {
        let at = HEAD + self.n_folders as usize * FOLDER + entry as usize * ENTRY;
        let entry = &self.bytes[at..at + ENTRY];
        let kind = entry[0];
        let n_name = usize::from(u16::from_le_bytes([entry[2], entry[3]]));
        let text =
            &self.bytes[(self.names_at() + read_u32(&entry[4..]) as usize).min(self.bytes.len())..];
        let (name, rest) = text.split_at_checked(n_name).unwrap_or_default();
        let number = |ix: usize| read_u64(&entry[8 + 8 * ix..]);
        let stamp = Stamp {
            device: number(0),
            inode: number(1),
            size: number(2),
            mtime: number(3).cast_signed(),
            ctime: number(4).cast_signed(),
            executable: entry[1] != 0,
        };
        let what = match kind {
            b'd' => RememberedWhat::Folder(u32::try_from(stamp.inode).unwrap_or(0)),
            b'l' => {
                let length = read_u64(&entry[48..]);
                let target = usize::try_from(length).ok().and_then(|length| rest.get(..length));
                let target = target.and_then(|target| str::from_utf8(target).ok());
                RememberedWhat::Link { stamp, target: target.unwrap_or_default() }
            }
            _ => RememberedWhat::File { stamp, digest: read_digest(&entry[48..]) },
        };
        Remembered { name, what }
    }

    fn names_at(&self) -> usize {
        HEAD + self.n_folders as usize * FOLDER + self.n_entries as usize * ENTRY
    }

    /// Packs what was found.
    pub(crate) fn pack(
        folders: &[Folder],
        digest: Digest,
        clock: i64,
        whose: &str,
    ) -> Option<Vec<u8>> {
        let mut heads = Vec::with_capacity(folders.len() * FOLDER);
        let mut entries = Vec::new();
        let mut names: Vec<u8> = Vec::new();
        let mut n_entries = 0u32;
        for folder in folders {
            let n = u32::try_from(folder.entries.len()).ok()?;
            heads.extend(n_entries.to_le_bytes());
            heads.extend(n.to_le_bytes());
            n_entries = n_entries.checked_add(n)?;
            for entry in &folder.entries {
                pack_entry(&mut entries, &mut names, entry)?;
            }
        }
        names.extend(whose.as_bytes());
        let mut bytes = Vec::with_capacity(HEAD + heads.len() + entries.len() + names.len());
        bytes.extend(MAGIC);
        bytes.extend([0; 32]);
        bytes.extend(clock.to_le_bytes());
        bytes.extend(digest.hash);
        bytes.extend(digest.size.to_le_bytes());
        bytes.extend(u32::try_from(folders.len()).ok()?.to_le_bytes());
        bytes.extend(n_entries.to_le_bytes());
        bytes.extend(u32::try_from(names.len()).ok()?.to_le_bytes());
        for part in [heads, entries, names] {
            bytes.extend(part);
        }
        let hash = Digest::of(&bytes[48..]).hash;
        bytes[16..48].copy_from_slice(&hash);
        Some(bytes)
    }
}

fn pack_entry(entries: &mut Vec<u8>, names: &mut Vec<u8>, entry: &Entry) -> Option<()> {
    let name = entry.name.as_str().as_bytes();
    let at = u32::try_from(names.len()).ok()?;
    names.extend(name);
    let none = Stamp { device: 0, inode: 0, size: 0, mtime: 0, ctime: 0, executable: false };
    let (kind, stamp, digest) = match &entry.what {
        What::File { stamp, digest } => (b'f', *stamp, *digest),
        What::Link { stamp, target } => {
            names.extend(target.as_bytes());
            let length = target.len() as u64;
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&length.to_le_bytes());
            (b'l', *stamp, Digest { hash, size: 0 })
        }
        What::Folder(number) => (b'd', Stamp { inode: u64::from(*number), ..none }, Digest::EMPTY),
    };
    entries.extend([kind, u8::from(stamp.executable)]);
    entries.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
    entries.extend(at.to_le_bytes());
    for number in [
        stamp.device,
        stamp.inode,
        stamp.size,
        stamp.mtime.cast_unsigned(),
        stamp.ctime.cast_unsigned(),
    ] {
        entries.extend(number.to_le_bytes());
    }
    entries.extend(digest.hash);
    entries.extend(digest.size.to_le_bytes());
    Some(())
}

/// Writes a memory whole or not at all; a reader sees the earlier one or this one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let partial = partial(path);
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The first failure is the one to tell.
        drop(fs::remove_file(&partial));
    }
    written
}

/// A name beside the memory that nobody else takes.
fn partial(path: &Path) -> PathBuf {
    path.with_extension(format!("{}-{:?}", std::process::id(), std::thread::current().id()))
}

fn read_u32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn read_u64(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn read_digest(bytes: &[u8]) -> Digest {
    let hash = bytes.first_chunk().copied().unwrap_or_default();
    Digest { hash, size: read_u64(bytes.get(32..).unwrap_or_default()) }
}
