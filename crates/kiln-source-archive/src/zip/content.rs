//! The content of one entry, which must be what the directory says of it.

use std::io::{self, BufRead, Read, Take};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::directory::Record;

/// How contents are packed that kiln reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// What is wrong with a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unlike {
    #[error("its content has another size than its directory says")]
    Size,
    #[error("its content has another sum than its directory says")]
    Sum,
    #[error("its content ends within the bytes it has")]
    Early,
    #[error("its content does not end")]
    Late,
}

/// How far the bytes are unpacked.
enum State {
    Stored,
    Inflating(Decompress),
    Inflated,
}

/// Reads the content of an entry. Its end is only reached when everything is as it should be.
pub(super) struct Content<R> {
    packed: Take<R>,
    state: State,
    size: u64,
    n_read: u64,
    expected: u32,
    sum: Crc,
}

impl<R: BufRead> Content<R> {
    /// Starts at the first byte of the content.
    pub(super) fn new(from: R, record: &Record, method: Method) -> Self {
        Self {
            packed: from.take(record.packed),
            state: match method {
                Method::Stored => State::Stored,
                Method::Deflated => State::Inflating(Decompress::new(false)),
            },
            size: record.size,
            n_read: 0,
            expected: record.sum,
            sum: Crc::new(),
        }
    }

    /// Judges what was read when nothing more comes.
    fn judge(&self) -> Result<(), Unlike> {
        if self.packed.limit() != 0 {
            return Err(Unlike::Early);
        }
        if self.n_read != self.size {
            return Err(Unlike::Size);
        }
        if self.sum.sum() == self.expected { Ok(()) } else { Err(Unlike::Sum) }
    }

    fn inflated(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let State::Inflating(inflate) = &mut self.state else {
                return Ok(0);
            };
            let (n_in, n_out) = (inflate.total_in(), inflate.total_out());
            let input = self.packed.fill_buf()?;
            let is_last = input.is_empty();
            let status = inflate.decompress(input, buffer, FlushDecompress::None);
            let status = status.map_err(io::Error::other)?;
            let length = |n: u64| usize::try_from(n).map_err(io::Error::other);
            let n_in = length(inflate.total_in() - n_in)?;
            let n_out = length(inflate.total_out() - n_out)?;
            self.packed.consume(n_in);
            if status == Status::StreamEnd {
                self.state = State::Inflated;
                return Ok(n_out);
            }
            if n_out > 0 {
                return Ok(n_out);
            }
            if is_last || n_in == 0 {
                return Err(io::Error::other(Unlike::Late));
            }
        }
    }
}

impl<R: BufRead> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n_read = match self.state {
            State::Stored => self.packed.read(buffer)?,
            State::Inflating(_) | State::Inflated => self.inflated(buffer)?,
        };
        if n_read == 0 {
            self.judge().map_err(io::Error::other)?;
        }
        self.n_read += n_read as u64;
        if self.n_read > self.size {
            return Err(io::Error::other(Unlike::Size));
        }
        self.sum.update(&buffer[..n_read]);
        Ok(n_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zip::sample::deflated;

    #[test]
    fn no_more_is_read_than_the_directory_says() {
        let packed = deflated(b"22");
        let record = Record {
            name: b"a".to_vec(),
            flags: 0,
            method: 8,
            sum: 0,
            packed: packed.len() as u64,
            size: 1,
            at: 0,
            host: 3,
            attributes: 0,
        };
        let mut content = Content::new(&packed[..], &record, Method::Deflated);
        let mut byte = [0];
        assert_eq!(content.read(&mut byte).unwrap(), 1);
        assert_eq!(content.read(&mut byte).unwrap_err().to_string(), Unlike::Size.to_string());
    }
}
