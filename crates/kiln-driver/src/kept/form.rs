//! What is kept of a project, packed in one file.
//!
//! Layout, integers little-endian, texts and lists with their length before them: magic · sha256 of the rest · whose.
//! Then for an IR: targets · clock · folders (path, stamp) · foreign folders · texts (path, stamp, sha256) · projects that
//! are used (name, folder, sha256 of their texts) · sha256 of the locks · sha256 of the IR, which is packed in a file of its own.

use kiln_digest::Digest;
use kiln_source_local::Stamp;

const MAGIC: &[u8; 16] = b"kiln-project/4\0\0";
const HEAD: usize = 16 + 32;

/// Returns what is in a file of `whose`, if it is a good one.
pub(super) fn open<'a>(bytes: &'a [u8], whose: &str) -> Option<From<'a>> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let mut from = From { rest };
    let is_good = head.starts_with(MAGIC)
        && from.text()? == whose
        && head[MAGIC.len()..] == Digest::of(rest).hash;
    is_good.then_some(from)
}

/// Begins a file of `whose`.
pub(super) fn begin(whose: &str) -> To {
    let mut out = To { bytes: MAGIC.to_vec() };
    out.bytes.extend([0; HEAD - MAGIC.len()]);
    out.text(whose);
    out
}

/// Ends a file.
pub(super) fn seal(mut out: To) -> Vec<u8> {
    let hash = Digest::of(&out.bytes[HEAD..]).hash;
    out.bytes[MAGIC.len()..HEAD].copy_from_slice(&hash);
    out.bytes
}

/// The texts that an IR was made of, and which IR.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// None: the whole project.
    pub(super) targets: Vec<&'a str>,
    /// What the clock showed before anything was looked at.
    pub(super) clock: i64,
    pub(super) folders: Vec<Folder<'a>>,
    pub(super) foreign: Vec<&'a str>,
    pub(super) texts: Vec<Text<'a>>,
    /// Projects that it uses.
    pub(super) inputs: Vec<Used<'a>>,
    /// Sha256 of all locks, where the IR depends on them.
    pub(super) locks: Option<[u8; 32]>,
    /// Of the packed IR.
    pub(super) ir: [u8; 32],
}

/// A project that another one uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Used<'a> {
    pub(super) name: &'a str,
    /// Its folder.
    pub(super) root: &'a str,
    /// Of all its texts.
    pub(super) sha256: [u8; 32],
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder<'a> {
    pub(super) path: &'a str,
    pub(super) stamp: Stamp,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    pub(super) path: &'a str,
    pub(super) stamp: Stamp,
    pub(super) sha256: [u8; 32],
}

impl<'a> Record<'a> {
    /// Reads a record of `whose`, if it is a good one.
    pub(super) fn read(bytes: &'a [u8], whose: &str) -> Option<Self> {
        let mut from = open(bytes, whose)?;
        let record = Self {
            targets: from.list(From::text)?,
            clock: from.signed()?,
            folders: from.list(|from| Some(Folder { path: from.text()?, stamp: from.stamp()? }))?,
            foreign: from.list(From::text)?,
            texts: from.list(|from| {
                let (path, stamp) = (from.text()?, from.stamp()?);
                Some(Text { path, stamp, sha256: from.take()? })
            })?,
            inputs: from.list(|from| {
                let (name, root) = (from.text()?, from.text()?);
                Some(Used { name, root, sha256: from.take()? })
            })?,
            locks: from.option(From::take)?,
            ir: from.take()?,
        };
        from.is_at_end().then_some(record)
    }

    /// Packs a record of `whose`.
    pub(super) fn pack(&self, whose: &str) -> Vec<u8> {
        let Self { targets, clock, folders, foreign, texts, inputs, locks, ir } = self;
        let mut out = begin(whose);
        out.list(targets, |out, target| out.text(target));
        out.number(clock.cast_unsigned());
        out.list(folders, |out, Folder { path, stamp }| {
            out.text(path);
            out.stamp(*stamp);
        });
        out.list(foreign, |out, path| out.text(path));
        out.list(texts, |out, Text { path, stamp, sha256 }| {
            out.text(path);
            out.stamp(*stamp);
            out.bytes.extend(sha256);
        });
        out.list(inputs, |out, Used { name, root, sha256 }| {
            out.text(name);
            out.text(root);
            out.hash(sha256);
        });
        out.option(locks.as_ref(), To::hash);
        out.hash(ir);
        seal(out)
    }
}

/// The rest of a file that is read.
pub(super) struct From<'a> {
    rest: &'a [u8],
}

impl<'a> From<'a> {
    pub(super) fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn list<T>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.number()?).map(|_ix| one(self)).collect()
    }

    /// Reads a value that may be absent: nothing at all when it is damaged.
    #[expect(clippy::option_option, reason = "absent is not damaged")]
    pub(super) fn option<T>(
        &mut self,
        one: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.small()? {
            0 => Some(None),
            1 => one(self).map(Some),
            _ => None,
        }
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        Some(Digest { hash: self.take()?, size: self.number()? })
    }

    pub(super) fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp {
            device: self.number()?,
            inode: self.number()?,
            size: self.number()?,
            mtime: self.signed()?,
            ctime: self.signed()?,
            executable: self.number()? != 0,
        })
    }
}

/// A file that is written.
#[derive(Default)]
pub(super) struct To {
    bytes: Vec<u8>,
}

impl To {
    pub(super) fn number(&mut self, number: u64) {
        self.bytes.extend(number.to_le_bytes());
    }

    pub(super) fn small(&mut self, number: u32) {
        self.bytes.extend(number.to_le_bytes());
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    /// Writes something with its length before it.
    pub(super) fn framed(&mut self, write: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        let at = self.bytes.len();
        self.number(0);
        let begin = self.bytes.len();
        write(self)?;
        let length = (self.bytes.len() - begin) as u64;
        self.bytes[at..begin].copy_from_slice(&length.to_le_bytes());
        Some(())
    }

    pub(super) fn text(&mut self, text: &str) {
        self.raw(text.as_bytes());
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.bytes.extend(&other.bytes);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn list<T>(&mut self, all: &[T], one: impl Fn(&mut Self, &T)) {
        self.number(all.len() as u64);
        for each in all {
            one(self, each);
        }
    }

    pub(super) fn option<T>(&mut self, value: Option<&T>, one: impl FnOnce(&mut Self, &T)) {
        self.small(u32::from(value.is_some()));
        if let Some(value) = value {
            one(self, value);
        }
    }

    pub(super) fn hash(&mut self, sha256: &[u8; 32]) {
        self.bytes.extend(sha256);
    }

    pub(super) fn digest(&mut self, digest: Digest) {
        self.bytes.extend(digest.hash);
        self.number(digest.size);
    }

    pub(super) fn stamp(&mut self, stamp: Stamp) {
        let Stamp { device, inode, size, mtime, ctime, executable } = stamp;
        let times = [mtime, ctime].map(i64::cast_unsigned);
        let numbers = [device, inode, size, times[0], times[1], u64::from(executable)];
        for number in numbers {
            self.number(number);
        }
    }
}
