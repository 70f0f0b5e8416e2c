//! Headers that extend the next one: long names of GNU tar, records of PAX.

use crate::Rule;
use crate::layout::shown;

/// What extended headers say about the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) sparse: bool,
}

impl Extension {
    /// Takes the content of a GNU header for a long name.
    pub(crate) fn long_name(&mut self, bytes: &[u8]) -> Result<(), Rule> {
        once(&mut self.name, without_end(bytes))
    }

    /// Takes the content of a GNU header for a long text of a link.
    pub(crate) fn long_link(&mut self, bytes: &[u8]) -> Result<(), Rule> {
        once(&mut self.link, without_end(bytes))
    }

    /// Takes the records of a PAX header: `LENGTH KEY=VALUE\n` each.
    pub(crate) fn records(&mut self, mut bytes: &[u8]) -> Result<(), Rule> {
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or(Rule::Extension)?;
            bytes = rest;
            match key {
                b"path" => once(&mut self.name, value)?,
                b"linkpath" => once(&mut self.link, value)?,
                b"size" => {
                    let size = number(value).ok_or(Rule::Extension)?;
                    if self.size.replace(size).is_some() {
                        return Err(Rule::Extension);
                    }
                }
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }

    /// Returns whether nothing was said that an entry must follow.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn once(slot: &mut Option<Vec<u8>>, value: &[u8]) -> Result<(), Rule> {
    match slot.replace(value.to_vec()) {
        None => Ok(()),
        Some(old) => Err(Rule::Ambiguous(shown(&old))),
    }
}

/// Drops the NUL bytes that end a text of GNU tar.
fn without_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Splits the first record off.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&bytes[..space])?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// Reads digits; a sign is none, as other programs read on behind it.
fn number(text: &[u8]) -> Option<u64> {
    let is_plain = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
}
