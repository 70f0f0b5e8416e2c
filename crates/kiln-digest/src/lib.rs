//! Digests, keys and the canonical encoding that keys are taken over.
//!
//! # Purpose
//! [`Digest`] is the digest of the Remote Execution API: sha256 and size of some bytes. [`Key`] is the
//! identity of a planned node: sha256 over the [`Encoder`]'s bytes (`docs/spec/identity.md`).
//!
//! # Never
//! Knows what is encoded; reads a file.
//!
//! # Example
//! ```
//! use kiln_digest::{Digest, Encoder};
//! let digest = Digest::of(b"");
//! assert!(digest.to_string().starts_with("e3b0c442"));
//! let mut encoder = Encoder::new("example/1");
//! encoder.text("a").unsigned(1);
//! assert_ne!(encoder.key(), Encoder::new("example/1").key());
//! ```

mod encode;

pub use encode::{Canonical, Encoder};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// The sha256 and the size in bytes of a blob: the shape of the Remote Execution API, without conversion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    pub hash: [u8; 32],
    pub size: u64,
}

impl Digest {
    /// The digest of no bytes at all.
    pub const EMPTY: Self = Self {
        hash: [
            0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f,
            0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b,
            0x78, 0x52, 0xb8, 0x55,
        ],
        size: 0,
    };

    /// Takes the digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self { hash: sha2::Sha256::digest(bytes).into(), size: bytes.len() as u64 }
    }

    /// Returns the digest with a hash of 64 lower-case hexadecimal digits, if it is one.
    pub fn from_hex(hash: &str, size: u64) -> Option<Self> {
        Some(Self { hash: unhex(hash)?, size })
    }

    /// Returns the hash as 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.hash)
    }
}

/// Takes a digest of bytes as they stream by.
#[derive(Clone, Default)]
pub struct Hasher {
    state: sha2::Sha256,
    size: u64,
}

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Returns the digest of all bytes so far.
    pub fn finish(self) -> Digest {
        Digest { hash: self.state.finalize().into(), size: self.size }
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The identity of a planned node: what it is built from and how, known before anything is fetched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// Returns the first eight digits, for people.
    pub fn short(&self) -> String {
        hex(&self.0[..4])
    }
}

/// A text that is no digest or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDigest(pub String);

impl fmt::Display for BadDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no digest: 64 hexadecimal digits, `/`, size in bytes",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadDigest {}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        let bad = || BadDigest(text.to_owned());
        let (hash, size) = text.split_once('/').ok_or_else(bad)?;
        let plain = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
        let size = if plain { size.parse().ok() } else { None };
        Ok(Self { hash: unhex(hash).ok_or_else(bad)?, size: size.ok_or_else(bad)? })
    }
}

impl FromStr for Key {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        unhex(text).map(Self).ok_or_else(|| BadDigest(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", hex(&self.hash), self.size)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

macro_rules! serde_as_text {
    ($name:ty) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

serde_as_text!(Digest);
serde_as_text!(Key);

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The value of every byte that is a lower-case hexadecimal digit; the others have a bit that no digit has.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        nibbles[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    nibbles
};
const NO_DIGIT: u8 = 0x80;

/// Reads without a branch a digit: which one comes next cannot be foreseen.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen & NO_DIGIT == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_prints_and_parses() {
        let digest = Digest::of(b"kiln");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::of(b""), Digest::EMPTY);
        for bad in ["", "12/3", "/0", "E3B0/1"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        assert!(format!("{}/+1", digest.hex()).parse::<Digest>().is_err());
    }

    #[test]
    fn streaming_equals_whole() {
        let mut hasher = Hasher::default();
        hasher.update(b"ki");
        hasher.update(b"ln");
        assert_eq!(hasher.finish(), Digest::of(b"kiln"));
    }
}
