//! The documents of images, in JSON: indexes, manifests, configurations.

use std::collections::BTreeMap;

use kiln_digest::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Rule;
use crate::files::{Files, shown};

/// What a document says of another file: its type, its digest and its size.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) platform: Option<Platform>,
    #[serde(default)]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

/// What an image runs on.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    #[serde(default)]
    pub(crate) variant: Option<String>,
}

/// An index or a manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listing {
    #[serde(default)]
    pub(crate) manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    pub(crate) config: Option<Descriptor>,
    #[serde(default)]
    pub(crate) layers: Option<Vec<Descriptor>>,
}

/// The configuration of an image.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    #[serde(flatten)]
    pub(crate) platform: Platform,
    pub(crate) rootfs: Layers,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Layers {
    /// The digest of each layer when nothing is compressed, lowest first.
    pub(crate) diff_ids: Vec<String>,
}

/// One image in the `manifest.json` of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Saved {
    pub(crate) config: String,
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) layers: Vec<String>,
}

impl Platform {
    /// Returns whether this is what is asked for, such as `linux/amd64` or `linux/arm/v7`.
    pub(crate) fn is(&self, asked: &str) -> bool {
        let mut parts = asked.split('/');
        let is_same = parts.next() == Some(&self.os) && parts.next() == Some(&self.architecture);
        // Who does not say which variant takes any, and so does an image that does not say.
        let variant = |variant| self.variant.as_deref().is_none_or(|own| own == variant);
        is_same && parts.next().is_none_or(variant)
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { os, architecture, variant } = self;
        write!(f, "{}/{}", shown(os), shown(architecture))?;
        variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{}", shown(variant)))
    }
}

impl Descriptor {
    /// Returns the digest with the size.
    pub(crate) fn digest(&self) -> Result<Digest, Rule> {
        sha256(&self.digest, self.size)
    }
}

/// Reads a digest, which names its algorithm.
pub(crate) fn sha256(text: &str, size: u64) -> Result<Digest, Rule> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let hex = text.strip_prefix("sha256:");
    let hex = hex.filter(|hex| hex.len() == 64 && hex.bytes().all(is_digit));
    let digest = hex.and_then(|hex| Digest::from_hex(hex, size));
    digest.ok_or_else(|| Rule::BadDigest(shown(text)))
}

/// Returns the name of a blob in a layout.
pub(crate) fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Reads a document of a layout, and checks that it is the one that is meant.
pub(crate) fn checked(files: &Files, expected: &Digest) -> Result<Vec<u8>, Rule> {
    let name = blob(expected);
    let bytes = files.document(&name)?.ok_or_else(|| Rule::Missing(name.clone()))?;
    let found = Digest::of(&bytes);
    if found != *expected {
        let (expected, found) = (expected.to_string(), found.to_string());
        return Err(Rule::WrongBlob { name, expected, found });
    }
    Ok(bytes)
}

/// Reads JSON.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, Rule> {
    serde_json::from_slice(bytes).map_err(|cause| Rule::Malformed { name: shown(name), cause })
}
