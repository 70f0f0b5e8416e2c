//! Lines of files and patches.

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    /// Whether it ends with a newline; only the last line of a file may not.
    pub(crate) ended: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn of(raw: &'a [u8]) -> Self {
        match raw.strip_suffix(b"\n") {
            Some(text) => Self { text, ended: true },
            None => Self { text: raw, ended: false },
        }
    }

    /// Returns the line without a carriage return at its end.
    pub(crate) fn without_return(self) -> Self {
        Self { text: self.text.strip_suffix(b"\r").unwrap_or(self.text), ..self }
    }

    /// Returns the text as it may stand in a message: on one line, not too long.
    pub(crate) fn shown(self) -> String {
        shown(self.text)
    }
}

/// Returns bytes as they may stand in a message.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// Splits bytes into lines.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Line<'_>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(Line::of).collect()
}

/// Joins lines; one without an end gets it where another follows.
pub(crate) fn join(lines: &[Line<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.text.len() + 1).sum());
    for (ix, line) in lines.iter().enumerate() {
        bytes.extend_from_slice(line.text);
        if line.ended || ix + 1 < lines.len() {
            bytes.push(b'\n');
        }
    }
    bytes
}
