//! Makes tar archives, also such as no program makes.

use std::io::Write as _;

/// One raw entry.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) kind: u8,
    pub(crate) mode: u32,
    pub(crate) link: &'a [u8],
    pub(crate) content: &'a [u8],
    /// In place of the length of the content, as the field has it.
    pub(crate) size: Option<&'a [u8]>,
}

pub(crate) fn raw(kind: u8, name: &str) -> Raw<'_> {
    Raw { name: name.as_bytes(), kind, mode: 0o644, link: b"", content: b"", size: None }
}

pub(crate) fn file<'a>(name: &'a str, content: &'a str) -> Raw<'a> {
    Raw { content: content.as_bytes(), ..raw(b'0', name) }
}

pub(crate) fn folder(name: &str) -> Raw<'_> {
    Raw { mode: 0o755, ..raw(b'5', name) }
}

pub(crate) fn link<'a>(kind: u8, name: &'a str, target: &'a str) -> Raw<'a> {
    Raw { link: target.as_bytes(), ..raw(kind, name) }
}

pub(crate) fn field(header: &mut [u8], at: usize, value: &[u8]) {
    header[at..at + value.len()].copy_from_slice(value);
}

/// Writes a ustar archive without the blocks at its end.
pub(crate) fn open_tar(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let mut header = [0u8; 512];
        field(&mut header, 0, entry.name);
        field(&mut header, 100, format!("{:07o}", entry.mode).as_bytes());
        let size = format!("{:011o}", entry.content.len());
        field(&mut header, 124, entry.size.unwrap_or(size.as_bytes()));
        field(&mut header, 136, b"00000000000");
        header[156] = entry.kind;
        field(&mut header, 157, entry.link);
        field(&mut header, 257, b"ustar\x0000");
        field(&mut header, 148, b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        field(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(entry.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out
}

pub(crate) fn tar(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut out = open_tar(entries);
    out.resize(out.len() + 1024, 0);
    out
}

/// Returns one PAX record with its length.
pub(crate) fn record(key: &str, value: &str) -> String {
    let body = format!(" {key}={value}\n");
    let n_digits = (1..9).find(|n| (body.len() + n).to_string().len() == *n).unwrap();
    format!("{}{body}", body.len() + n_digits)
}

/// Compresses bytes as files with this ending are.
pub(crate) fn compressed(kind: &str, plain: &[u8]) -> Vec<u8> {
    match kind {
        "gz" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "xz" => {
            let mut out = liblzma::write::XzEncoder::new(Vec::new(), 6);
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "lzma" => {
            let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
            let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
            let mut out = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "bz2" => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "zst" => zstd::encode_all(plain, 3).unwrap(),
        _ => plain.to_vec(),
    }
}
