//! Headers of a tar archive in the form of POSIX: `ustar`, with a `pax` header where a value does not fit.

/// Size of a block.
pub(crate) const BLOCK: usize = 512;
/// Longest name that fits a header.
const NAME: usize = 100;
/// Largest size that fits a header: eleven octal digits.
const SIZE: u64 = 0o777_7777_7777;

/// One entry of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    /// Ends with `/` for a folder.
    pub(crate) path: &'a str,
    /// Where a symbolic link leads; else empty.
    pub(crate) target: &'a str,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) kind: Kind,
}

/// What an entry is, as its type flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File = b'0' as isize,
    Symlink = b'2' as isize,
    Folder = b'5' as isize,
    Pax = b'x' as isize,
}

impl Header<'_> {
    /// Writes the header, after a `pax` header of what does not fit it.
    pub(crate) fn write(&self, mtime: u64, out: &mut Vec<u8>) {
        let mut records = Vec::new();
        for (key, text) in [("path", self.path), ("linkpath", self.target)] {
            if text.len() > NAME || !text.is_ascii() {
                record(key, text, &mut records);
            }
        }
        if self.size > SIZE {
            record("size", &self.size.to_string(), &mut records);
        }
        if !records.is_empty() {
            let size = records.len() as u64;
            let pax = Header { path: "pax", target: "", mode: 0o644, size, kind: Kind::Pax };
            pax.block(mtime, out);
            out.extend(&records);
            pad(records.len() as u64, out);
        }
        self.block(mtime, out);
    }

    fn block(&self, mtime: u64, out: &mut Vec<u8>) {
        let mut block = [0_u8; BLOCK];
        put(&mut block[0..100], cut(self.path).as_bytes());
        octal(&mut block[100..108], u64::from(self.mode));
        octal(&mut block[108..116], 0);
        octal(&mut block[116..124], 0);
        octal(&mut block[124..136], if self.size > SIZE { 0 } else { self.size });
        octal(&mut block[136..148], mtime);
        block[148..156].fill(b' ');
        block[156] = self.kind as u8;
        put(&mut block[157..257], cut(self.target).as_bytes());
        put(&mut block[257..265], b"ustar\x0000");
        octal(&mut block[329..337], 0);
        octal(&mut block[337..345], 0);
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        put(&mut block[148..156], format!("{sum:06o}\0 ").as_bytes());
        out.extend(block);
    }
}

/// Fills the last block of some bytes.
pub(crate) fn pad(size: u64, out: &mut Vec<u8>) {
    let block = BLOCK as u64;
    // Less than a block.
    let missing = usize::try_from((block - size % block) % block).unwrap_or_default();
    out.resize(out.len() + missing, 0);
}

fn put(field: &mut [u8], bytes: &[u8]) {
    field[..bytes.len()].copy_from_slice(bytes);
}

/// Writes a number with leading zeros and a final NUL.
fn octal(field: &mut [u8], number: u64) {
    let width = field.len() - 1;
    put(field, format!("{number:0width$o}").as_bytes());
}

/// Returns as much of a text as fits a header, whole characters only.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Writes a record of a `pax` header, which begins with its own length.
fn record(key: &str, value: &str, out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    out.extend(format!("{length} {key}={value}\n").into_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        let check = |n_bytes: usize, expected: usize| {
            let mut out = Vec::new();
            record("path", &"x".repeat(n_bytes), &mut out);
            assert_eq!(out.len(), expected);
            assert!(out.starts_with(format!("{expected} path=x").as_bytes()));
        };
        check(1, 9);
        check(90, 99);
        // With its own length in two digits it would have a hundred bytes.
        check(91, 101);
        check(989, 999);
        check(990, 1001);
    }

    #[test]
    fn what_does_not_fit_a_header_stands_before_it() {
        let check = |path: &str, target: &str, size: u64, records: &str| {
            let mut out = Vec::new();
            Header { path, target, mode: 0o644, size, kind: Kind::File }.write(0, &mut out);
            assert_eq!(out.len() % BLOCK, 0);
            let text = String::from_utf8_lossy(&out).replace('\0', "");
            assert_eq!(out.len() > BLOCK, !records.is_empty(), "{path}");
            assert!(text.contains(records), "{text}");
        };
        let (fits, long) = ("a".repeat(100), "a".repeat(101));
        check(&fits, &fits, SIZE, "");
        check(&long, "", 0, &format!("111 path={long}\n"));
        check("a", &long, 0, &format!("115 linkpath={long}\n"));
        check("a", "", SIZE + 1, "19 size=8589934592\n");
        check("ä", "", 0, "11 path=ä\n");
        check(&format!("{}ä", "a".repeat(99)), "", 0, "111 path=");
    }
}
