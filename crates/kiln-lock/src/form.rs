//! The form of `kiln.lock`, as TOML is read into it.

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
