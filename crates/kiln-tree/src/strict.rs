//! A directory message read once, from its first byte to its last: what would be written otherwise is refused on the
//! way, so nothing has to be written again to be compared.

use kiln_digest::Digest;

use crate::listing::BadDirectory;
use crate::{File, Name, Symlink, Time};

/// A directory as it was read, names in ascending order.
pub(crate) struct Parts {
    pub(crate) files: Vec<(Name, File)>,
    pub(crate) directories: Vec<(Name, Digest)>,
    pub(crate) symlinks: Vec<(Name, Symlink)>,
    pub(crate) mtime: Option<Time>,
}

impl Parts {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is not canonical.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BadDirectory> {
        let mut message = Message(bytes);
        let (mut files, mut directories, mut symlinks) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(node) = message.bytes(1)? {
            add(&mut files, file(node)?)?;
        }
        while let Some(node) = message.bytes(2)? {
            add(&mut directories, directory(node)?)?;
        }
        while let Some(node) = message.bytes(3)? {
            add(&mut symlinks, symlink(node)?)?;
        }
        let mtime = message.properties(5)?;
        message.end()?;
        Ok(Self { files, directories, symlinks, mtime })
    }
}

pub(crate) fn bad(what: &str) -> BadDirectory {
    BadDirectory(what.to_owned())
}

fn add<T>(nodes: &mut Vec<(Name, T)>, node: (Name, T)) -> Result<(), BadDirectory> {
    if nodes.last().is_some_and(|(last, _)| *last >= node.0) {
        return Err(bad("order or repetition of names"));
    }
    nodes.push(node);
    Ok(())
}

fn file(bytes: &[u8]) -> Result<(Name, File), BadDirectory> {
    let mut message = Message(bytes);
    let name = message.name()?;
    let digest = message.digest()?;
    let executable = match message.number(4)? {
        None => false,
        Some(1) => true,
        Some(_) => return Err(bad("a truth value that is none")),
    };
    let mtime = message.properties(6)?;
    message.end()?;
    Ok((name, File { digest, executable, mtime }))
}

fn directory(bytes: &[u8]) -> Result<(Name, Digest), BadDirectory> {
    let mut message = Message(bytes);
    let found = (message.name()?, message.digest()?);
    message.end()?;
    Ok(found)
}

fn symlink(bytes: &[u8]) -> Result<(Name, Symlink), BadDirectory> {
    let mut message = Message(bytes);
    let name = message.name()?;
    let target = text(message.bytes(2)?)?;
    let mtime = message.properties(4)?;
    message.end()?;
    Ok((name, Symlink { target: target.into(), mtime }))
}

/// Returns a text; the empty one is left out in a message.
fn text(bytes: Option<&[u8]>) -> Result<&str, BadDirectory> {
    match bytes {
        None => Ok(""),
        Some([]) => Err(bad("an empty text")),
        Some(bytes) => std::str::from_utf8(bytes).map_err(|error| BadDirectory(error.to_string())),
    }
}

/// What is left of a message; its fields are asked for in their order.
struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    fn name(&mut self) -> Result<Name, BadDirectory> {
        let name = Name::parse(text(self.bytes(1)?)?);
        name.map_err(|error| BadDirectory(error.to_string()))
    }

    fn digest(&mut self) -> Result<Digest, BadDirectory> {
        let mut message = Self(self.bytes(2)?.ok_or_else(|| bad("a node without a digest"))?);
        let hash = text(message.bytes(1)?)?;
        let size = message.number(2)?.unwrap_or(0);
        message.end()?;
        Digest::from_hex(hash, size).ok_or_else(|| bad("a digest that is none"))
    }

    fn properties(&mut self, field: u8) -> Result<Option<Time>, BadDirectory> {
        let Some(properties) = self.bytes(field)? else {
            return Ok(None);
        };
        let mut properties = Self(properties);
        let mut time = Self(properties.bytes(2)?.ok_or_else(|| bad("no node property"))?);
        properties.end()?;
        let seconds = time.number(1)?.unwrap_or(0).cast_signed();
        let nanos = u32::try_from(time.number(2)?.unwrap_or(0)).map_err(|_large| bad("a time"))?;
        time.end()?;
        Ok(Some(Time { seconds, nanos }))
    }

    /// Takes a field of bytes, if it is the next one.
    fn bytes(&mut self, field: u8) -> Result<Option<&'a [u8]>, BadDirectory> {
        if !self.starts(field << 3 | 2) {
            return Ok(None);
        }
        let length = usize::try_from(self.varint()?).ok();
        let parts = length.and_then(|length| self.0.split_at_checked(length));
        let (bytes, rest) = parts.ok_or_else(|| bad("it ends too early"))?;
        self.0 = rest;
        Ok(Some(bytes))
    }

    /// Takes a field that is a number, if it is the next one; zero is left out in a message.
    fn number(&mut self, field: u8) -> Result<Option<u64>, BadDirectory> {
        if !self.starts(field << 3) {
            return Ok(None);
        }
        match self.varint()? {
            0 => Err(bad("a zero")),
            number => Ok(Some(number)),
        }
    }

    /// Every tag of these messages is one byte.
    fn starts(&mut self, tag: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == tag => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes a number, which is written as short as can be.
    fn varint(&mut self) -> Result<u64, BadDirectory> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or_else(|| bad("it ends too early"))?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            let is_last = byte & 0x80 == 0;
            let is_longer = shift > 0 && *byte == 0;
            let is_cut = shift == 63 && *byte > 1;
            if is_longer || is_cut {
                break;
            }
            if is_last {
                return Ok(value);
            }
        }
        Err(bad("a number in another form"))
    }

    fn end(&self) -> Result<(), BadDirectory> {
        if self.0.is_empty() { Ok(()) } else { Err(bad("an unknown field, or not in order")) }
    }
}
