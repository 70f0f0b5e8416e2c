//! The form of `kiln.lock`, as TOML is read into it.

use kiln_ir::{Source, Vendored};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileText {
    #[expect(dead_code, reason = "read and checked before, by `VersionText`")]
    pub(crate) version: i64,
    #[serde(default)]
    pub(crate) source: Vec<Spanned<SourceText>>,
    #[serde(default)]
    pub(crate) base: Vec<Spanned<BaseText>>,
    #[serde(default)]
    pub(crate) input: Vec<Spanned<SourceText>>,
}

/// Read first: a newer form may differ in everything else.
#[derive(Deserialize)]
pub(crate) struct VersionText {
    pub(crate) version: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum SourceText {
    Tar {
        url: String,
        strip: u32,
        subdir: Option<String>,
        sha256: String,
        size: u64,
        tree: String,
    },
    Zip {
        url: String,
        strip: u32,
        subdir: Option<String>,
        sha256: String,
        size: u64,
        tree: String,
    },
    File {
        url: String,
        name: String,
        executable: bool,
        sha256: String,
        size: u64,
        tree: String,
    },
    Git {
        url: String,
        track: String,
        exclude: Vec<String>,
        submodules: bool,
        #[serde(rename = "exclude-submodules")]
        exclude_submodules: Vec<String>,
        commit: String,
        describe: Option<String>,
        version: Option<String>,
        tree: String,
    },
    Deb {
        url: String,
        sha256: String,
        size: u64,
        tree: String,
    },
    Dsc {
        url: String,
        sha256: String,
        size: u64,
        tree: String,
    },
    Crates(VendoredText),
    Pypi(VendoredText),
    Npm(VendoredText),
    GoModules(VendoredText),
    Rootfs {
        url: String,
        strip: u32,
        sha256: String,
        size: u64,
        tree: String,
    },
    OciImage {
        image: String,
        local: bool,
        platform: String,
        tag: Option<String>,
        sha256: String,
        size: u64,
        tree: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VendoredText {
    pub(crate) lockfile: String,
    pub(crate) of: Option<Box<Source>>,
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) tree: String,
}

/// What was fetched, unchecked.
pub(crate) enum ContentText {
    File { sha256: String, size: u64 },
    Commit { commit: String, describe: Option<String>, version: Option<String> },
}

impl SourceText {
    /// Returns the key of the entry, its content and its tree.
    pub(crate) fn into_parts(self) -> (Source, ContentText, String) {
        let file = |sha256, size| ContentText::File { sha256, size };
        match self {
            Self::Tar { url, strip, subdir, sha256, size, tree } => {
                (Source::Tar { url, strip, subdir, sha256: None }, file(sha256, size), tree)
            }
            Self::Zip { url, strip, subdir, sha256, size, tree } => {
                (Source::Zip { url, strip, subdir, sha256: None }, file(sha256, size), tree)
            }
            Self::File { url, name, executable, sha256, size, tree } => {
                (Source::File { url, name, executable, sha256: None }, file(sha256, size), tree)
            }
            Self::Git {
                url,
                track,
                exclude,
                submodules,
                exclude_submodules,
                commit,
                describe,
                version,
                tree,
            } => {
                let content = ContentText::Commit { commit, describe, version };
                (Source::Git { url, track, exclude, submodules, exclude_submodules }, content, tree)
            }
            Self::Deb { url, sha256, size, tree } => {
                (Source::Deb { url, sha256: None }, file(sha256, size), tree)
            }
            Self::Dsc { url, sha256, size, tree } => {
                (Source::Dsc { url, sha256: None }, file(sha256, size), tree)
            }
            Self::Crates(text) => text.into_parts(Source::Crates),
            Self::Pypi(text) => text.into_parts(Source::Pypi),
            Self::Npm(text) => text.into_parts(Source::Npm),
            Self::GoModules(text) => text.into_parts(Source::GoModules),
            Self::Rootfs { url, strip, sha256, size, tree } => {
                (Source::Rootfs { url, strip, sha256: None }, file(sha256, size), tree)
            }
            Self::OciImage { image, local, platform, tag, sha256, size, tree } => {
                let source = Source::OciImage { image, local, platform, tag, sha256: None };
                (source, file(sha256, size), tree)
            }
        }
    }
}

impl VendoredText {
    fn into_parts(self, kind: fn(Vendored) -> Source) -> (Source, ContentText, String) {
        let Self { lockfile, of, sha256, size, tree } = self;
        (kind(Vendored { lockfile, of }), ContentText::File { sha256, size }, tree)
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum BaseText {
    Debian {
        suite: String,
        arch: String,
        components: Vec<String>,
        packages: Vec<String>,
        assume: Vec<String>,
        fixups: u32,
        closure: Vec<PackageText>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageText {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}
