//! Where content comes from: sources of elements and packages of bases, as written, without pins.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::without_password;

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
        /// Whether what `.gitignore` files name is taken, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        with_ignored: bool,
    },
    /// A tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd.
    Tar {
        /// With its alias, never a mirror.
        url: String,
        /// Leading parts dropped from every path.
        strip: u32,
        /// The one folder that is taken of it, once leading parts are dropped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<String>,
        /// Hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// A zip archive; its fields are those of a tar archive.
    Zip {
        url: String,
        strip: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// One file, as it is downloaded.
    File {
        /// With its alias, never a mirror.
        url: String,
        /// What it is called in its folder.
        name: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
        /// Hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// A commit of a git repository.
    Git {
        /// With its alias, never a mirror.
        url: String,
        /// Branch, tag, commit, or a glob of tags of which the newest version wins.
        track: String,
        /// Globs of tags that are no versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
        /// Whether submodules are part of the tree; else their folders are empty.
        submodules: bool,
        /// Globs of paths of submodules whose folders stay empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude_submodules: Vec<String>,
    },
    /// The files of a Debian binary package.
    Deb {
        /// With its alias, never a mirror.
        url: String,
        /// Hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// A Debian source package, with its patches applied.
    Dsc {
        /// Of its `.dsc` file, with its alias, never a mirror.
        url: String,
        /// Of its `.dsc` file, hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// The crates that a `Cargo.lock` names.
    Crates(Vendored),
    /// The Python packages that a lock file names.
    Pypi(Vendored),
    /// The packages that a `package-lock.json` names.
    Npm(Vendored),
    /// The modules that a `go.sum` names.
    GoModules(Vendored),
    /// A tar archive of a whole root file system: of it devices are left out.
    Rootfs {
        /// With its alias, never a mirror.
        url: String,
        /// Leading parts dropped from every path.
        strip: u32,
        /// Hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// The merged layers of an OCI image.
    OciImage {
        /// A folder or file of the project, relative to its root, or a URL with its alias.
        image: String,
        /// Whether `image` is of the project.
        local: bool,
        /// Such as `linux/amd64`.
        platform: String,
        /// Which image it is, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
        /// Of the manifest, hexadecimal, when written in the project.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
}

/// All that a lock file of another program names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Vendored {
    /// Relative to the root of `of`, or else of the project.
    pub lockfile: String,
    /// The source that holds the lock file; nothing: the project itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Box<Source>>,
}

impl Source {
    /// Returns whether the content is fetched and so needs a pin in the lock.
    pub fn is_locked(&self) -> bool {
        !matches!(self, Self::Local { .. })
    }

    /// Returns the sha256 that the project writes for it.
    pub fn written_sha256(&self) -> Option<&str> {
        match self {
            Self::Tar { sha256, .. }
            | Self::Zip { sha256, .. }
            | Self::File { sha256, .. }
            | Self::Deb { sha256, .. }
            | Self::Dsc { sha256, .. }
            | Self::Rootfs { sha256, .. }
            | Self::OciImage { sha256, .. } => sha256.as_deref(),
            _ => None,
        }
    }

    /// Returns the source without the sha256 that the project writes for it.
    #[must_use]
    pub fn without_sha256(&self) -> Self {
        let mut source = self.clone();
        match &mut source {
            Self::Tar { sha256, .. }
            | Self::Zip { sha256, .. }
            | Self::File { sha256, .. }
            | Self::Deb { sha256, .. }
            | Self::Dsc { sha256, .. }
            | Self::Rootfs { sha256, .. }
            | Self::OciImage { sha256, .. } => *sha256 = None,
            Self::Crates(vendored)
            | Self::Pypi(vendored)
            | Self::Npm(vendored)
            | Self::GoModules(vendored) => {
                vendored.of = vendored.of.take().map(|of| Box::new(of.without_sha256()));
            }
            Self::Local { .. } | Self::Git { .. } => {}
        }
        source
    }

    /// Returns its URL, if it has one.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Tar { url, .. }
            | Self::Zip { url, .. }
            | Self::File { url, .. }
            | Self::Git { url, .. }
            | Self::Deb { url, .. }
            | Self::Dsc { url, .. }
            | Self::Rootfs { url, .. }
            | Self::OciImage { image: url, local: false, .. } => Some(url),
            Self::Local { .. }
            | Self::OciImage { local: true, .. }
            | Self::Crates(_)
            | Self::Pypi(_)
            | Self::Npm(_)
            | Self::GoModules(_) => None,
        }
    }

    /// Returns whether its URL holds what is nobody else's business.
    pub fn has_password(&self) -> bool {
        self.url().is_some_and(|url| without_password(url) != url)
    }

    /// Returns where the lock file is that says what this source is, if it is of that sort.
    pub fn vendored(&self) -> Option<&Vendored> {
        match self {
            Self::Crates(vendored)
            | Self::Pypi(vendored)
            | Self::Npm(vendored)
            | Self::GoModules(vendored) => Some(vendored),
            _ => None,
        }
    }

    /// Returns this source and those that are needed to know what it is, innermost last.
    pub fn with_inner(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |source| source.vendored()?.of.as_deref())
    }
}

impl fmt::Display for Source {
    /// Writes the source as it is named in messages: its path, or its URL without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { path, .. } => f.write_str(path),
            Self::Tar { url, .. }
            | Self::Zip { url, .. }
            | Self::File { url, .. }
            | Self::Git { url, .. }
            | Self::Deb { url, .. }
            | Self::Dsc { url, .. }
            | Self::Rootfs { url, .. }
            | Self::OciImage { image: url, .. } => f.write_str(&without_password(url)),
            Self::Crates(vendored)
            | Self::Pypi(vendored)
            | Self::Npm(vendored)
            | Self::GoModules(vendored) => match &vendored.of {
                Some(of) => write!(f, "{} of {of}", vendored.lockfile),
                None => f.write_str(&vendored.lockfile),
            },
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
    /// This machine itself: its `/usr` is mounted and never part of a tree. What is built on it is impure.
    Host,
}

impl Base {
    /// Returns whether the lock says what it is; the machine says it of itself.
    pub fn is_locked(&self) -> bool {
        match self {
            Self::Debian { .. } => true,
            Self::Host => false,
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian { suite, arch, packages, .. } => {
                write!(f, "debian {suite} {arch} ({} root packages)", packages.len())
            }
            Self::Host => f.write_str("host"),
        }
    }
}
