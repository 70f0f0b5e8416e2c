//! The files of an image: those of a folder, or those in an archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use kiln_source_archive::{Limits, decompressed};
use rustix::fs::{Mode, OFlags, openat};
use tar::{Archive, EntryType};

use crate::error::Rule;

/// Bytes of a document: an index, a manifest, a configuration.
const MAX_DOCUMENT: u64 = 4 << 20;
/// Files in the archive of an image: a few for each layer.
const MAX_FILES: usize = 100_000;
/// How many links lead from name to name.
const MAX_LINKS: usize = 8;

/// Where the files of an image are.
pub(crate) enum Files {
    Folder(OwnedFd),
    Archive { file: File, places: BTreeMap<String, Place> },
}

/// Where a file of an archive is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Bytes {
        at: u64,
        size: u64,
    },
    /// `docker save` writes a layer that comes twice as a link.
    Link(String),
}

/// A file of an image, read from its beginning.
pub(crate) struct Content<'a> {
    pub(crate) size: u64,
    pub(crate) from: Box<dyn Read + 'a>,
}

/// A part of a file, without its own position.
struct Section<'a> {
    file: &'a File,
    at: u64,
    n_left: u64,
}

impl Files {
    /// Opens an image of a project; no link on the way is followed.
    pub(crate) fn of_project(project: &Path, image: &str, scratch: &Path) -> Result<Self, Rule> {
        let mut found = OwnedFd::from(File::open(project).map_err(Rule::Read)?);
        for part in image.split('/').filter(|part| !matches!(*part, "" | ".")) {
            found = match openat(&found, part, flags(), Mode::empty()) {
                Ok(next) => next,
                Err(rustix::io::Errno::LOOP) => {
                    return Err(Rule::Link(part.escape_debug().to_string()));
                }
                Err(cause) => return Err(Rule::Read(cause.into())),
            };
        }
        let file = File::from(found);
        let metadata = file.metadata().map_err(Rule::Read)?;
        if metadata.is_dir() {
            return Ok(Self::Folder(file.into()));
        }
        if metadata.is_file() { Self::of_archive(file, scratch) } else { Err(Rule::NoImage) }
    }

    /// Reads which files an archive has. One that is compressed as a whole is unpacked first, into a file without a
    /// name.
    pub(crate) fn of_archive(file: File, scratch: &Path) -> Result<Self, Rule> {
        let mut magic = [0; 4];
        let n_read = file.read_at(&mut magic, 0).map_err(Rule::Read)?;
        let is_packed = matches!(
            &magic[..n_read],
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] | b"\xfd7zX" | [b'B', b'Z', b'h', _]
        );
        let file = if is_packed { unpacked(&file, scratch)? } else { file };
        let places = places(&file)?;
        Ok(Self::Archive { file, places })
    }

    /// Opens a file; nothing when there is none.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Content<'_>>, Rule> {
        let is_clean = |part: &str| !matches!(part, "" | "." | "..");
        if !name.split('/').all(is_clean) || name.contains('\0') {
            return Err(Rule::Entry { entry: shown(name), what: "is no clean name" });
        }
        match self {
            Self::Folder(folder) => open_below(folder, name),
            Self::Archive { file, places } => {
                let mut name = name.to_owned();
                for _ in 0..=MAX_LINKS {
                    match places.get(&name) {
                        None => return Ok(None),
                        Some(Place::Bytes { at, size }) => {
                            let from = Section { file, at: *at, n_left: *size };
                            return Ok(Some(Content { size: *size, from: Box::new(from) }));
                        }
                        Some(Place::Link(to)) => name.clone_from(to),
                    }
                }
                Err(Rule::Entry { entry: shown(&name), what: "is a link that leads nowhere" })
            }
        }
    }

    /// Reads a small file whole; nothing when there is none.
    pub(crate) fn document(&self, name: &str) -> Result<Option<Vec<u8>>, Rule> {
        let Some(content) = self.open(name)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        if content.size <= MAX_DOCUMENT {
            content.from.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(Rule::Read)?;
        }
        if content.size > MAX_DOCUMENT || bytes.len() as u64 > MAX_DOCUMENT {
            let text = format!("`{}` has more than {MAX_DOCUMENT} bytes", shown(name));
            return Err(Rule::Exceeded(text));
        }
        Ok(Some(bytes))
    }
}

/// How files of an image are opened: never through a link, and a FIFO does not make anybody wait.
fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC
}

fn open_below<'a>(folder: &OwnedFd, name: &str) -> Result<Option<Content<'a>>, Rule> {
    let mut found = None;
    for part in name.split('/') {
        let above = found.as_ref().unwrap_or(folder);
        let next = match openat(above, part, flags(), Mode::empty()) {
            Ok(next) => next,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(Rule::Link(shown(name))),
            Err(cause) => return Err(Rule::Read(cause.into())),
        };
        found = Some(next);
    }
    let Some(file) = found.map(File::from) else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(Rule::Read)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    Ok(Some(Content { size: metadata.len(), from: Box::new(file) }))
}

/// Unpacks an archive into a file that nobody else can open and that is gone when it is closed.
fn unpacked(packed: &File, scratch: &Path) -> Result<File, Rule> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(scratch).map_err(Rule::Scratch)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = scratch.join(format!("unpacked-{}-{number}", std::process::id()));
    let options = File::options().read(true).write(true).create(true).truncate(true).clone();
    let mut file = options.open(&path).map_err(Rule::Scratch)?;
    fs::remove_file(&path).map_err(Rule::Scratch)?;
    let from = Section { file: packed, at: 0, n_left: u64::MAX };
    let mut from = decompressed(from, Limits::default()).map_err(Rule::Read)?;
    io::copy(&mut from, &mut file).map_err(|cause| match cause.raw_os_error() {
        Some(_) => Rule::Scratch(cause),
        None => Rule::Exceeded(format!("it cannot be unpacked: {cause}")),
    })?;
    Ok(file)
}

/// Finds where each file of an archive is.
fn places(mut file: &File) -> Result<BTreeMap<String, Place>, Rule> {
    file.seek(SeekFrom::Start(0)).map_err(Rule::Read)?;
    let mut places = BTreeMap::new();
    let mut archive = Archive::new(file);
    let no_image = |_bad: io::Error| Rule::NoImage;
    for entry in archive.entries_with_seek().map_err(no_image)?.raw(true) {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(_bad) if places.is_empty() => return Err(Rule::NoImage),
            Err(cause) => return Err(Rule::Read(cause)),
        };
        let name = entry.path_bytes().into_owned();
        let told = |what| Rule::Entry { entry: name.escape_ascii().to_string(), what };
        let place = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                Place::Bytes { at: entry.raw_file_position(), size: entry.size() }
            }
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::XHeader => {
                refuse_names(&mut entry)?;
                continue;
            }
            EntryType::Link | EntryType::Symlink => {
                let is_symlink = entry.header().entry_type() == EntryType::Symlink;
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                let target = std::str::from_utf8(&target).map_err(|_bad| told("is no link"))?;
                let from = std::str::from_utf8(&name).map_err(|_bad| told("has a bad name"))?;
                let above = from.rsplit_once('/').map(|(above, _)| above).filter(|_| is_symlink);
                let target = above.map_or(target.to_owned(), |above| format!("{above}/{target}"));
                let target = clean(&target).ok_or_else(|| told("is a link out of it"))?;
                Place::Link(target)
            }
            _ => return Err(told("is no file, folder or link")),
        };
        let text = std::str::from_utf8(&name).ok().filter(|text| !text.contains(".."));
        let text = text.and_then(clean).ok_or_else(|| told("has a bad name"))?;
        if text.is_empty() {
            return Err(told("has a bad name"));
        }
        if places.insert(text, place).is_some() {
            return Err(told("comes twice"));
        }
        if places.len() > MAX_FILES {
            return Err(Rule::Exceeded(format!("it has more than {MAX_FILES} files")));
        }
    }
    Ok(places)
}

/// Refuses an extended header that says what another program might overlook: a name or a size.
fn refuse_names(entry: &mut impl Read) -> Result<(), Rule> {
    let mut bytes = Vec::new();
    entry.take(1 << 16).read_to_end(&mut bytes).map_err(Rule::Read)?;
    let text = String::from_utf8_lossy(&bytes);
    let says = |key: &str| text.split('\n').any(|record| record.contains(key));
    if [" path=", " linkpath=", " size=", " GNU.sparse."].iter().any(|key| says(key)) {
        let entry = shown(text.lines().next().unwrap_or_default());
        let what = "is an extended header with a name or a size";
        return Err(Rule::Entry { entry, what });
    }
    Ok(())
}

/// Returns a relative path without `.` and `..`; nothing when it leads out.
fn clean(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns a name as messages show it.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(200).collect::<String>().escape_debug().to_string()
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_most = usize::try_from(self.n_left).unwrap_or(usize::MAX).min(buffer.len());
        let n_read = self.file.read_at(&mut buffer[..n_most], self.at)?;
        self.at += n_read as u64;
        self.n_left -= n_read as u64;
        Ok(n_read)
    }
}
