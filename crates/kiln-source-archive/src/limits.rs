//! How much an archive may be, and the reader that watches it.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Limits of one archive; beyond them it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of any kind.
    pub n_entries: u64,
    /// Bytes of the archive when nothing is compressed.
    pub n_bytes: u64,
    /// How many bytes one compressed byte may become, once `ratio_from` bytes came out.
    pub ratio: u64,
    pub ratio_from: u64,
    /// Bytes of a name or of the text of a link.
    pub name: usize,
    /// Bytes of all names and texts of links, each folder above an entry counted once.
    pub names: u64,
    /// Folders within each other.
    pub depth: usize,
    /// Bytes of a header that extends another one (long names, PAX).
    pub header: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            n_entries: 2_000_000,
            n_bytes: 64 << 30,
            ratio: 1_000,
            ratio_from: 64 << 20,
            name: 4_096,
            names: 256 << 20,
            depth: 128,
            header: 1 << 20,
        }
    }
}

/// A limit that was passed while reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("it has more than {0} bytes")]
    Bytes(u64),
    #[error("it grows more than {0} times when it is unpacked")]
    Ratio(u64),
}

/// What a decompression complains of.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Undone(io::Error);

/// Marks the errors of a decompression: after them nobody asks whether it is an archive.
pub(crate) struct Damage<R>(pub(crate) R);

impl<R: Read> Read for Damage<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|cause| match cause.kind() {
            io::ErrorKind::Interrupted => cause,
            kind => io::Error::new(kind, Undone(cause)),
        })
    }
}

/// Counts what is read from the file.
pub(crate) struct Counted<R> {
    pub(crate) from: R,
    pub(crate) n_read: Rc<Cell<u64>>,
}

/// Watches what comes out of the decompression.
pub(crate) struct Watched<R> {
    pub(crate) from: R,
    /// Bytes read from the file.
    pub(crate) n_in: Rc<Cell<u64>>,
    pub(crate) n_out: u64,
    pub(crate) limits: Limits,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.from.read(buffer)?;
        self.n_read.set(self.n_read.get() + n_read as u64);
        Ok(n_read)
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.from.read(buffer)?;
        self.n_out += n_read as u64;
        let Limits { n_bytes, ratio, ratio_from, .. } = self.limits;
        if self.n_out > n_bytes {
            return Err(io::Error::other(Exceeded::Bytes(n_bytes)));
        }
        if self.n_out > ratio_from && self.n_out > self.n_in.get().saturating_mul(ratio) {
            return Err(io::Error::other(Exceeded::Ratio(ratio)));
        }
        Ok(n_read)
    }
}
