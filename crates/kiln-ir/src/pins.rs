//! What sources and bases are at this moment: the facts that planning needs and never looks up.

use std::collections::BTreeMap;
use std::fmt;

use kiln_digest::Digest;

use crate::{Base, Patch, Source};

/// Digests of all that comes from outside, from the lock and from the project's own folders.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pins {
    /// The tree of each source.
    pub sources: BTreeMap<Source, Digest>,
    /// The packages of each base.
    pub bases: BTreeMap<Base, BasePin>,
    /// The files that each patch stands for, in order: itself, or those of its series.
    pub patches: BTreeMap<Patch, Vec<PatchPin>>,
    /// What this machine is, where an element is the machine itself; in no lock.
    pub host: Option<Fingerprint>,
}

/// What a machine is, as far as builds on it can tell: another one builds anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

/// A patch file at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchPin {
    /// Relative to the project root.
    pub path: String,
    pub content: Digest,
    /// Leading parts dropped from the paths in the patch.
    pub strip: u32,
}

/// The exact packages of a base.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BasePin {
    /// The sha256 of each package, in the order they are laid over each other.
    pub packages: Vec<[u8; 32]>,
    /// Version of the fix-ups that turn them into a sysroot.
    pub fixups: u32,
}

/// What was fetched for a source, before it became a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    File(Digest),
    Commit(Commit),
}

/// A commit of a git repository and what it was called when it was tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub id: ObjectId,
    /// The nearest tag, as `git describe` has it; nothing without tags.
    pub describe: Option<String>,
    /// The version that the tag of this commit stands for.
    pub version: Option<String>,
}

/// The name of a git object: 40 (sha1) or 64 (sha256) lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId(String);

/// A text that is no name of a git object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no name of a git object", .0.escape_debug())]
pub struct BadObjectId(pub String);

impl fmt::Display for Fingerprint {
    /// Writes 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<Digest> for Content {
    fn from(file: Digest) -> Self {
        Self::File(file)
    }
}

impl Content {
    /// Returns the digest of a fetched file.
    pub fn file(&self) -> Option<Digest> {
        match self {
            Self::File(file) => Some(*file),
            Self::Commit(_) => None,
        }
    }
}

impl ObjectId {
    /// Checks a name.
    ///
    /// # Errors
    /// When it has another length or other digits.
    pub fn parse(text: &str) -> Result<Self, BadObjectId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let clean = matches!(text.len(), 40 | 64) && text.bytes().all(is_digit);
        if clean { Ok(Self(text.to_owned())) } else { Err(BadObjectId(text.to_owned())) }
    }

    /// Makes a name of its 20 or 32 bytes.
    ///
    /// # Errors
    /// When there are more or less of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadObjectId> {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
        let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        Self::parse(&digits.collect::<String>())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_of_objects_are_names() {
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(ObjectId::parse(sha1).unwrap().as_str(), sha1);
        assert!(ObjectId::parse(&"a".repeat(64)).is_ok());
        assert_eq!(ObjectId::from_bytes(&[0x1f; 20]).unwrap().as_str(), "1f".repeat(20));
        assert!(ObjectId::from_bytes(&[0x1f; 21]).is_err());
        for bad in ["", "0123456", "-", &sha1.to_uppercase(), &sha1.replace('0', "g")] {
            assert_eq!(ObjectId::parse(bad), Err(BadObjectId(bad.to_owned())));
        }
    }
}
