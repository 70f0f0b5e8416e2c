//! The few shapes of the protocol buffer wire format that canonical REAPI messages need.
//!
//! Source: protobuf encoding specification; proto3 leaves out fields of default value, fields in order.

use kiln_digest::Digest;

/// Writes one message, field by field, in ascending order of field numbers.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Writes an integer or truth value; zero is left out.
    pub fn varint(&mut self, field: u32, value: u64) -> &mut Self {
        if value != 0 {
            self.raw_varint(u64::from(field) << 3);
            self.raw_varint(value);
        }
        self
    }

    /// Writes a signed integer (`int64`, `int32`); zero is left out.
    pub fn signed(&mut self, field: u32, value: i64) -> &mut Self {
        self.varint(field, value.cast_unsigned())
    }

    /// Writes a text; the empty one is left out.
    pub fn text(&mut self, field: u32, text: &str) -> &mut Self {
        if text.is_empty() { self } else { self.message(field, text.as_bytes()) }
    }

    /// Writes a text of a repeated field, where the empty one counts.
    pub fn repeated_text(&mut self, field: u32, text: &str) -> &mut Self {
        self.message(field, text.as_bytes())
    }

    /// Writes an inner message, present even when it is empty.
    pub fn message(&mut self, field: u32, bytes: &[u8]) -> &mut Self {
        self.raw_varint(u64::from(field) << 3 | 2);
        self.raw_varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Returns the message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push((value & 0x7f) as u8);
    }
}

/// Returns the bytes of a REAPI `Digest` message.
pub fn digest_message(digest: &Digest) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(1, &digest.hex()).varint(2, digest.size);
    out.finish()
}

/// One field of a message as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// Reads the fields of one message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn raw_varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.raw_varint()?;
        match tag & 7 {
            0 => Some((tag >> 3, Value::Varint(self.raw_varint()?))),
            2 => {
                let length = usize::try_from(self.raw_varint()?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Some((tag >> 3, Value::Bytes(bytes)))
            }
            _ => None,
        }
    }
}

impl<'a> Iterator for Reader<'a> {
    /// A field number with its value, or nothing where the bytes are no message.
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}
