//! Reading what was fetched, until somebody asks to stop.

use std::io::{self, Read, Seek, SeekFrom};

use crate::{AnyError, Fetcher, SourceError};

/// A reader that fails as soon as somebody asked its fetcher to stop.
pub struct UntilStopped<'a, R> {
    from: R,
    fetcher: &'a Fetcher,
}

impl Fetcher {
    /// Returns a reader of a large file that takes its time.
    pub fn until_stopped<R>(&self, from: R) -> UntilStopped<'_, R> {
        UntilStopped { from, fetcher: self }
    }

    /// Returns what went wrong with a source; when somebody asked to stop, that, whatever it looked like.
    pub fn unless_stopped(&self, url: &str, error: impl Into<AnyError>) -> AnyError {
        if self.is_stopped() {
            return SourceError::Stopped { url: url.to_owned() }.into();
        }
        error.into()
    }
}

impl<R: Read> Read for UntilStopped<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fetcher.is_stopped() {
            return Err(io::Error::other("kiln was asked to stop"));
        }
        self.from.read(buffer)
    }
}

impl<R: Seek> Seek for UntilStopped<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.from.seek(to)
    }
}
