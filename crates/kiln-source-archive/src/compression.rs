//! What an archive is compressed with, found by its first bytes.

use std::cell::Cell;
use std::io::{self, BufRead as _, BufReader, Cursor, Read};
use std::rc::Rc;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::bufread::XzDecoder as XzReader;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use crate::Limits;
use crate::limits::{Counted, Damage, Watched};

/// Memory that an xz or lzma stream may ask for; the strongest preset asks for 65 MiB.
const XZ_MEMORY: u64 = 512 << 20;

/// Returns the plain bytes of a stream that may be compressed by gz, xz, lzma, bz2 or zstd; beyond the limits reading
/// fails.
///
/// # Errors
/// When the first bytes cannot be read or the decompression cannot be set up.
pub fn decompressed<'a>(
    mut from: impl Read + 'a,
    limits: Limits,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::new();
    from.by_ref().take(6).read_to_end(&mut magic)?;
    let n_in = Rc::new(Cell::new(0));
    let whole = Cursor::new(magic.clone()).chain(from);
    let counted = Counted { from: whole, n_read: Rc::clone(&n_in) };
    let plain: Box<dyn Read + 'a> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(counted)),
        b"\xfd7zXZ\0" => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
            Box::new(XzDecoder::new_stream(counted, stream))
        }
        [b'B', b'Z', b'h', ..] => Box::new(MultiBzDecoder::new(counted)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::new(counted)?),
        // No magic: the usual properties, and a dictionary of whole 64 KiB. No archive begins so, as a name that ends
        // at once has nothing behind it.
        [0x5d, 0, 0, low, high, ..] if (*low, *high) != (0, 0) => Box::new(Lzma::new(counted)?),
        _ => {
            let plain = Watched { from: counted, n_in, n_out: 0, limits };
            return Ok(Box::new(BufReader::with_capacity(1 << 16, plain)));
        }
    };
    let plain = Damage(plain);
    Ok(Box::new(BufReader::with_capacity(1 << 16, Watched { from: plain, n_in, n_out: 0, limits })))
}

/// An lzma stream, the form before xz: it ends by itself, and nothing may follow.
struct Lzma<R: Read>(XzReader<BufReader<R>>);

impl<R: Read> Lzma<R> {
    fn new(from: R) -> io::Result<Self> {
        let stream = Stream::new_lzma_decoder(XZ_MEMORY)?;
        Ok(Self(XzReader::new_stream(BufReader::with_capacity(1 << 16, from), stream)))
    }
}

impl<R: Read> Read for Lzma<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.0.read(buffer)?;
        if n_read == 0 && !buffer.is_empty() && !self.0.get_mut().fill_buf()?.is_empty() {
            let what = "something follows the end of the stream";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(n_read)
    }
}
