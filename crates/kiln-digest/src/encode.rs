//! The canonical encoding: every field tagged with its shape and length, so that no two values share bytes.
//!
//! Byte layout (`docs/spec/identity.md`): `t` + u64 length + UTF-8 · `u` + u64 · `l` + u64 count + items ·
//! `n` for none, `s` + value for some · `b` + 32 or 40 raw bytes. All integers are big-endian.

use sha2::Digest as _;

use crate::{Digest, Key};

/// Bytes that the encoding of an element usually fits in.
const USUAL_SIZE: usize = 2048;

/// Something with one canonical encoding.
///
/// An implementation destructures in full (no `..`), so that a new field does not compile until it is placed.
pub trait Canonical {
    /// Appends the encoding of this value.
    fn encode(&self, out: &mut Encoder);
}

/// Collects a canonical encoding and takes the key of it.
#[derive(Clone, Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// Starts an encoding under a scheme name with its version, such as `kiln-key/1`.
    pub fn new(scheme: &str) -> Self {
        let mut encoder = Self { bytes: Vec::with_capacity(USUAL_SIZE) };
        encoder.text(scheme);
        encoder
    }

    /// Appends a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.tagged(b't', text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// Appends a number.
    pub fn unsigned(&mut self, number: u64) -> &mut Self {
        self.tagged(b'u', number)
    }

    /// Appends a truth value.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.unsigned(u64::from(flag))
    }

    /// Appends a digest, size included.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.bytes.push(b'b');
        self.bytes.extend_from_slice(&digest.hash);
        self.bytes.extend_from_slice(&digest.size.to_be_bytes());
        self
    }

    /// Appends a key.
    pub fn raw_key(&mut self, key: &Key) -> &mut Self {
        self.bytes.push(b'b');
        self.bytes.extend_from_slice(&key.0);
        self
    }

    /// Appends a list; `each` appends one item.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut each: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        let items = items.into_iter();
        self.tagged(b'l', items.len() as u64);
        for item in items {
            each(self, item);
        }
        self
    }

    /// Appends a value that may be absent.
    pub fn option<T>(&mut self, value: Option<T>, each: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            None => self.bytes.push(b'n'),
            Some(value) => {
                self.bytes.push(b's');
                each(self, value);
            }
        }
        self
    }

    /// Appends a value that knows its encoding.
    pub fn value(&mut self, value: &impl Canonical) -> &mut Self {
        value.encode(self);
        self
    }

    /// Returns the bytes so far, for golden vectors.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the key of everything appended.
    pub fn key(&self) -> Key {
        Key(sha2::Sha256::digest(&self.bytes).into())
    }

    fn tagged(&mut self, tag: u8, number: u64) -> &mut Self {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_texts_do_not_run_together() {
        let mut left = Encoder::new("x");
        left.text("ab").text("c");
        let mut right = Encoder::new("x");
        right.text("a").text("bc");
        assert_ne!(left.key(), right.key());
    }

    #[test]
    fn absent_is_not_empty() {
        let mut left = Encoder::new("x");
        left.option(None::<&str>, |out, text| {
            out.text(text);
        });
        let mut right = Encoder::new("x");
        right.option(Some(""), |out, text| {
            out.text(text);
        });
        assert_ne!(left.key(), right.key());
    }
}
