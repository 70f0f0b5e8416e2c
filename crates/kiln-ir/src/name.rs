//! Names of elements: the dot-joined path of their binding.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of an element, such as `libs.zinc` or `libs."gtk+"`; never part of a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementName(Arc<str>);

/// A text that no element can be named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no name of an element", .0.escape_debug())]
pub struct BadName(pub String);

impl ElementName {
    /// Checks a name: not empty, without control characters and white space at its ends.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let clean = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
        if clean { Ok(Self(text.into())) } else { Err(BadName(text.to_owned())) }
    }

    /// Joins the parts of a binding path; a part that is no identifier is quoted.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let quoted = |part: &str| {
            if is_identifier(part) { part.to_owned() } else { format!("{part:?}") }
        };
        let parts: Vec<String> = parts.into_iter().map(quoted).collect();
        Self(parts.join(".").into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a name for a file of this element: everything that is not plain is escaped as `%XX`.
    pub fn file_name(&self) -> String {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
        let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
        let mut name = String::new();
        for (ix, byte) in self.0.bytes().enumerate() {
            if plain(byte) && !(ix == 0 && byte == b'.') {
                name.push(char::from(byte));
            } else {
                name.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
        name
    }
}

/// Returns whether a text is an identifier of the language.
fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    first && rest && !text.ends_with('-') && !text.contains("--")
}

impl fmt::Display for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Serialize for ElementName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ElementName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_no_identifiers_are_quoted() {
        assert_eq!(ElementName::of_parts(["libs", "gtk+"]).as_str(), r#"libs."gtk+""#);
        assert_eq!(ElementName::of_parts(["a-b", "c_1"]).as_str(), "a-b.c_1");
    }

    #[test]
    fn a_file_name_is_plain() {
        assert_eq!(ElementName::parse("libs.\"a/b\"").unwrap().file_name(), "libs.%22a%2Fb%22");
        assert_eq!(ElementName::parse("..").unwrap().file_name(), "%2E.");
        assert!(ElementName::parse("a\nb").is_err());
    }
}
