//! Numbers of a zip archive: little-endian, one after the other.

/// Takes numbers off the front of some bytes.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn bytes(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n_bytes)?;
        self.0 = rest;
        Some(head)
    }

    /// Takes the four bytes that a record starts with; nothing when they are others.
    pub(super) fn mark(&mut self, mark: [u8; 4]) -> Option<()> {
        (self.take()? == mark).then_some(())
    }

    /// Leaves out what is not needed.
    pub(super) fn skip(&mut self, n_bytes: usize) -> Option<()> {
        self.bytes(n_bytes).map(drop)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}

/// What the extra fields of an entry say that kiln must know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extra<'a> {
    /// Of zip64: the numbers that do not fit into their places.
    pub(super) wide: Option<&'a [u8]>,
    /// A second name.
    pub(super) name: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// Reads all extra fields; nothing when they are malformed or one of these comes twice.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut extra = Self::default();
        let mut fields = Fields(bytes);
        while !fields.0.is_empty() {
            let (id, length) = (fields.u16()?, fields.u16()?);
            let content = fields.bytes(usize::from(length))?;
            let slot = match id {
                0x0001 => &mut extra.wide,
                0x7075 => &mut extra.name,
                _ => continue,
            };
            if slot.replace(content).is_some() {
                return None;
            }
        }
        Some(extra)
    }

    /// Returns whether a second name, if there is one, is the first one again.
    pub(super) fn agrees(&self, name: &[u8]) -> bool {
        // Before the name stand a version and the sum of the first name.
        self.name.is_none_or(|second| second.get(5..) == Some(name))
    }
}
