//! Names and clean relative paths: checked once, at the border.

use std::fmt;
use std::sync::Arc;

/// One part of a path: not empty, not `.` or `..`, without `/` and NUL, UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A clean path inside a tree: no root, no `..`, no empty part. The path without parts is the tree itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RelPath(String);

/// A text that is no name or no clean relative path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no clean relative path", .0.escape_debug())]
pub struct BadPath(pub String);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, `.`, `..`, or holds `/` or NUL.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let clean = !matches!(text, "" | "." | "..") && !text.contains(['/', '\0']);
        if clean { Ok(Self(text.into())) } else { Err(BadPath(text.to_owned())) }
    }

    /// Checks a name as the system gave it.
    ///
    /// # Errors
    /// When it is not UTF-8 or no name; the error holds the escaped name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadPath> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(_not_utf8) => Err(BadPath(bytes.escape_ascii().to_string())),
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RelPath {
    /// Checks a path such as `usr/bin/tool`.
    ///
    /// # Errors
    /// When a part is no [`Name`], or the text is empty.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let clean = !text.is_empty() && text.split('/').all(|part| Name::parse(part).is_ok());
        if clean { Ok(Self(text.to_owned())) } else { Err(BadPath(text.to_owned())) }
    }

    /// Checks the path of a place in a root, such as `/`, `/usr` or `./usr/`: one leading `/` or `./` and one
    /// trailing `/` are dropped.
    ///
    /// # Errors
    /// As [`RelPath::parse`].
    pub fn in_root(text: &str) -> Result<Self, BadPath> {
        let inner = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if matches!(inner, "" | ".") && !text.is_empty() {
            return Ok(Self::default());
        }
        Self::parse(inner).map_err(|_inner| BadPath(text.to_owned()))
    }

    /// Returns the path of a name in this folder.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        if self.0.is_empty() {
            return Self(name.as_str().to_owned());
        }
        Self(format!("{}/{name}", self.0))
    }

    /// Returns a path below this one.
    #[must_use]
    pub fn append(&self, below: &Self) -> Self {
        below.parts().fold(self.clone(), |path, part| path.join(&part))
    }

    /// Returns the folder and the last name; nothing for the path without parts.
    pub fn split_last(&self) -> Option<(Self, Name)> {
        let (parent, last) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        Some((Self(parent.to_owned()), Name::parse(last).ok()?))
    }

    /// Returns the parts, first to last.
    pub fn parts(&self) -> impl Iterator<Item = Name> + '_ {
        self.0.split('/').filter(|part| !part.is_empty()).map(|part| Name(part.into()))
    }

    /// Returns whether this is the tree itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text, empty for the tree itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for RelPath {
    fn from(name: Name) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclean_paths_are_refused() {
        for bad in ["", "/", "a//b", "../a", "a/..", "a/./b", "a/", "a\0b"] {
            assert!(RelPath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Name::from_bytes(b"a\xff").unwrap_err().0.contains("\\xff"));
    }

    #[test]
    fn a_place_in_the_root_may_be_written_absolute() {
        assert!(RelPath::in_root("/").unwrap().is_root());
        assert!(RelPath::in_root(".").unwrap().is_root());
        assert_eq!(RelPath::in_root("/usr/").unwrap().as_str(), "usr");
        assert!(RelPath::in_root("/../usr").is_err());
        assert!(RelPath::in_root("").is_err());
    }
}
