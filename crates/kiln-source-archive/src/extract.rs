//! The strict extractor: a tar archive to a tree, entry by entry.

use std::error::Error;
use std::io::{self, Read};

use kiln_cas::Batch;
use kiln_tree::{File, RelPath, Tree};
use tar::{Archive, Entry, EntryType};

use crate::extension::Extension;
use crate::layout::{self, Kind, Layout};
use crate::limits::Undone;
use crate::{ArchiveError, Rule, Unpack, decompressed};

/// What lies around an archive that is one layer of something, such as of an image.
pub trait Around {
    /// Returns the file that a hard link leads to, where the archive itself has none.
    fn file(&mut self, path: &RelPath) -> Option<File>;

    /// Takes note of a device or FIFO that is left out.
    fn left_out(&mut self, entry: &str);
}

/// Reads an archive into the store and returns its tree; the directories of the tree are not kept yet.
///
/// # Errors
/// When the archive breaks a [`Rule`], or reading or keeping fails; then nothing of it is kept.
pub fn extract(from: impl Read, unpack: &Unpack<'_>) -> Result<Tree, ArchiveError> {
    unpack.whole(|batch| extract_into(from, unpack, batch))
}

/// Reads an archive, and leaves it to the caller to keep its files.
///
/// # Errors
/// As [`extract`].
pub fn extract_into(
    from: impl Read,
    unpack: &Unpack<'_>,
    batch: &mut dyn Batch,
) -> Result<Tree, ArchiveError> {
    let plain =
        decompressed(from, unpack.limits).map_err(|error| unpack.broken(Rule::of_read(error)))?;
    let extraction = Extraction::new(unpack, batch, None);
    extraction.run(plain).map_err(|rule| unpack.broken(rule))
}

/// Reads one layer, which is not compressed any more, and leaves it to the caller to keep its files. Devices and FIFOs
/// are left out; a layer may be empty.
///
/// # Errors
/// When the layer breaks any other [`Rule`], or reading or keeping fails.
pub fn extract_layer<'a>(
    plain: impl Read,
    unpack: &'a Unpack<'a>,
    batch: &'a mut dyn Batch,
    around: &'a mut dyn Around,
) -> Result<Tree, ArchiveError> {
    let extraction = Extraction::new(unpack, batch, Some(around));
    extraction.run(plain).map_err(|rule| unpack.broken(rule))
}

struct Extraction<'a> {
    unpack: &'a Unpack<'a>,
    batch: &'a mut dyn Batch,
    layout: Layout<'a>,
    extension: Extension,
    n_entries: u64,
    around: Option<&'a mut dyn Around>,
}

impl<'a> Extraction<'a> {
    fn new(
        unpack: &'a Unpack<'a>,
        batch: &'a mut dyn Batch,
        around: Option<&'a mut dyn Around>,
    ) -> Self {
        let (layout, extension) = (Layout::new(unpack), Extension::default());
        Self { unpack, batch, layout, extension, n_entries: 0, around }
    }

    fn run(mut self, plain: impl Read) -> Result<Tree, Rule> {
        let mut archive = Archive::new(plain);
        for entry in archive.entries().map_err(Rule::of_read)?.raw(true) {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            self.n_entries += 1;
            if self.n_entries > self.unpack.limits.n_entries {
                let limit = self.unpack.limits.n_entries;
                return Err(Rule::Exceeded(format!("it has more than {limit} entries")));
            }
            self.entry(entry)?;
        }
        if self.n_entries == 0 && self.around.is_none() {
            return Err(Rule::NoTar(None));
        }
        if !self.extension.is_empty() {
            return Err(Rule::Extension);
        }
        only_zeros(archive.into_inner())?;
        match self.layout.seal() {
            Err(Rule::Empty) if self.around.is_some() => Ok(Tree::empty()),
            sealed => sealed,
        }
    }

    /// Finds what is wrong with an archive whose next header cannot be read.
    fn unreadable(&self, error: io::Error) -> Rule {
        let is_undone = error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Undone>);
        match Rule::of_read(error) {
            Rule::Damaged(error) if self.n_entries == 0 && !is_undone => Rule::NoTar(Some(error)),
            rule => rule,
        }
    }

    fn entry<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), Rule> {
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                let bytes = self.header(&mut entry)?;
                return self.extension.long_name(&bytes);
            }
            EntryType::GNULongLink => {
                let bytes = self.header(&mut entry)?;
                return self.extension.long_link(&bytes);
            }
            EntryType::XHeader => {
                let bytes = self.header(&mut entry)?;
                return self.extension.records(&bytes);
            }
            EntryType::XGlobalHeader => {
                let bytes = self.header(&mut entry)?;
                let mut global = Extension::default();
                global.records(&bytes)?;
                // A comment is welcome; a name, link or size for all that follows is not.
                return if global.is_empty() { Ok(()) } else { Err(Rule::Extension) };
            }
            _ => {}
        }
        let extension = std::mem::take(&mut self.extension);
        let name = extension.name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let shown = layout::shown(&name);
        if extension.sparse {
            return Err(Rule::Sparse(shown));
        }
        if extension.size.is_some_and(|size| size != entry.size()) {
            return Err(Rule::Ambiguous(shown));
        }
        let link = || extension.link.or_else(|| entry.link_name_bytes().map(Into::into));
        let path = self.layout.path(&name, &shown)?;
        match kind {
            EntryType::Regular if name.ends_with(b"/") => self.folder(&entry, &path, shown),
            EntryType::Directory => self.folder(&entry, &path, shown),
            EntryType::Regular | EntryType::Continuous => self.file(&mut entry, &path, shown),
            EntryType::Symlink => {
                let target = link().unwrap_or_default();
                self.symlink(&entry, &path, shown, &target)
            }
            EntryType::Link => {
                let target = link().unwrap_or_default();
                self.hard_link(&entry, &path, shown, &target)
            }
            EntryType::GNUSparse => Err(Rule::Sparse(shown)),
            EntryType::Fifo => self.special(shown, "a FIFO"),
            EntryType::Char | EntryType::Block => self.special(shown, "a device"),
            _ => Err(Rule::Special { entry: shown, what: "of an unknown type" }),
        }
    }

    fn special(&mut self, entry: String, what: &'static str) -> Result<(), Rule> {
        let Some(around) = self.around.as_mut() else {
            return Err(Rule::Special { entry, what });
        };
        around.left_out(&entry);
        Ok(())
    }

    /// Reads the content of an extended header.
    fn header<R: Read>(&self, entry: &mut Entry<'_, R>) -> Result<Vec<u8>, Rule> {
        let limit = self.unpack.limits.header;
        if entry.size() > limit {
            let text = format!("it has an extended header of more than {limit} bytes");
            return Err(Rule::Exceeded(text));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(Rule::of_read)?;
        if bytes.len() as u64 == entry.size() { Ok(bytes) } else { Err(Rule::Extension) }
    }

    fn folder<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &RelPath,
        shown: String,
    ) -> Result<(), Rule> {
        no_content(entry, &shown)?;
        self.layout.folder(path, shown)
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        path: &RelPath,
        shown: String,
    ) -> Result<(), Rule> {
        let path = self.layout.free(path, Kind::File, &shown)?;
        let n_bytes = self.unpack.limits.n_bytes;
        if entry.size() > n_bytes {
            return Err(Rule::Exceeded(format!("`{shown}` has more than {n_bytes} bytes")));
        }
        let mode = entry.header().mode().map_err(Rule::Damaged)?;
        let executable = mode & 0o100 != 0;
        let size = entry.size();
        let digest = self.batch.write_stream(entry, executable).map_err(Rule::of_write)?;
        if digest.size != size {
            return Err(Rule::Short(shown));
        }
        self.layout.file(&path, File::new(digest, executable), shown)
    }

    fn symlink<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &RelPath,
        shown: String,
        target: &[u8],
    ) -> Result<(), Rule> {
        no_content(entry, &shown)?;
        self.layout.link(path, target, shown)
    }

    fn hard_link<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &RelPath,
        shown: String,
        target: &[u8],
    ) -> Result<(), Rule> {
        no_content(entry, &shown)?;
        let path = self.layout.free(path, Kind::File, &shown)?;
        let target_shown = layout::shown(target);
        let target = self.layout.path(target, &target_shown)?;
        let earlier = self.layout.earlier(target.clone());
        let Some(file) = earlier.or_else(|| self.around.as_mut()?.file(&target)) else {
            return Err(Rule::HardLink { entry: shown, target: target_shown });
        };
        self.layout.file(&path, file, shown)
    }
}

fn no_content<R: Read>(entry: &Entry<'_, R>, shown: &str) -> Result<(), Rule> {
    if entry.size() == 0 { Ok(()) } else { Err(Rule::Content(shown.to_owned())) }
}

/// Reads to the end: padding is zeros, anything else would be read by some programs and not by others. Sums at
/// the end of a compressed stream are checked on the way.
fn only_zeros(mut rest: impl Read) -> Result<(), Rule> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match rest.read(&mut buffer).map_err(Rule::of_read)? {
            0 => return Ok(()),
            n_read if buffer[..n_read].iter().all(|byte| *byte == 0) => {}
            _ => return Err(Rule::Trailing),
        }
    }
}
