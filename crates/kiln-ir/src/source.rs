//! Where content comes from: sources of elements and packages of bases, as written, without pins.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an element starts from. Two equal sources are one source: this value is the key of its pin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Source {
    /// A folder or file of the project.
    Local {
        /// Relative to the project root; `.` is the root itself.
        path: String,
        /// Globs of what is left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
    },
    /// A tar archive, plain or compressed by gz, xz, bz2 or zstd.
    Tar {
        /// With its alias, never a mirror.
        url: String,
        /// Leading parts dropped from every path.
        strip: u32,
        /// Hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
}

impl Source {
    /// Returns whether the content is fetched and so needs a pin in the lock.
    pub fn is_locked(&self) -> bool {
        match self {
            Self::Local { .. } => false,
            Self::Tar { .. } => true,
        }
    }
}

impl fmt::Display for Source {
    /// Writes the source as it is named in messages: its path or URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { path, .. } => f.write_str(path),
            Self::Tar { url, .. } => f.write_str(url),
        }
    }
}

/// A sysroot that is not built but assembled from packages; this value is the key of its pin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Base {
    /// A closure of Debian packages.
    Debian {
        suite: String,
        /// Debian's name, such as `amd64`.
        arch: String,
        components: Vec<String>,
        /// Root packages, sorted, each once.
        packages: Vec<String>,
        /// Packages taken as installed, sorted, each once.
        assume: Vec<String>,
    },
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian { suite, arch, packages, .. } => {
                write!(f, "debian {suite} {arch} ({} root packages)", packages.len())
            }
        }
    }
}
