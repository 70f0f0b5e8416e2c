//! The packages of some components, by name and by what they provide.

use std::collections::BTreeMap;

use kiln_digest::Digest;

use crate::DebError;
use crate::relation::{Operator, groups};
use crate::stanza::{fields, stanzas};
use crate::version::compare_versions;

/// One package of an index; all texts are those of the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) priority: &'a str,
    pub(crate) pre_depends: &'a str,
    pub(crate) depends: &'a str,
    pub(crate) provides: &'a str,
    pub(crate) conflicts: &'a str,
    pub(crate) breaks: &'a str,
    pub(crate) path: &'a str,
    size: &'a str,
    sha256: &'a str,
}

/// A package that provides a name, and the version it says it provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Provider<'a> {
    pub(crate) package: &'a str,
    pub(crate) version: Option<&'a str>,
}

/// The newest of each package.
#[derive(Debug, Default)]
pub(crate) struct Index<'a> {
    pub(crate) packages: BTreeMap<&'a str, Package<'a>>,
    pub(crate) providers: BTreeMap<&'a str, Vec<Provider<'a>>>,
}

impl<'a> Index<'a> {
    /// Reads the texts of `Packages` files.
    pub(crate) fn new(texts: &'a [String]) -> Result<Self, DebError> {
        let mut index = Self::default();
        for stanza in texts.iter().flat_map(|text| stanzas(text)) {
            let package = read(stanza)?;
            let old = index.packages.get(package.name);
            if old.is_none_or(|old| compare_versions(old.version, package.version).is_lt()) {
                index.packages.insert(package.name, package);
            }
        }
        for package in index.packages.values() {
            for relation in package.relations(package.provides)?.into_iter().flatten() {
                let version = match relation.condition {
                    Some((Operator::Exactly, version)) => Some(version),
                    _ => None,
                };
                let provider = Provider { package: package.name, version };
                index.providers.entry(relation.name).or_default().push(provider);
            }
        }
        Ok(index)
    }
}

impl<'a> Package<'a> {
    /// Reads one of the relations of this package.
    pub(crate) fn relations(
        &self,
        text: &'a str,
    ) -> Result<Vec<Vec<crate::relation::Relation<'a>>>, DebError> {
        groups(text).ok_or_else(|| DebError::BadIndex {
            what: format!("`{}` has the relation `{}`", self.name, text.escape_debug()),
        })
    }

    /// Returns the digest of the package file.
    pub(crate) fn content(&self) -> Result<Digest, DebError> {
        let what = || format!("`{}` has no size and sha256", self.name);
        let digest = format!("{}/{}", self.sha256, self.size).parse();
        digest.map_err(|_bad| DebError::BadIndex { what: what() })
    }
}

fn read(stanza: &str) -> Result<Package<'_>, DebError> {
    let mut package = Package::default();
    for (field, value) in fields(stanza) {
        let place = match field {
            "Package" => &mut package.name,
            "Version" => &mut package.version,
            "Priority" => &mut package.priority,
            "Pre-Depends" => &mut package.pre_depends,
            "Depends" => &mut package.depends,
            "Provides" => &mut package.provides,
            "Conflicts" => &mut package.conflicts,
            "Breaks" => &mut package.breaks,
            "Filename" => &mut package.path,
            "Size" => &mut package.size,
            "SHA256" => &mut package.sha256,
            _ => continue,
        };
        *place = value;
    }
    if [package.name, package.version, package.path].contains(&"") {
        let start: String = stanza.chars().take(60).collect();
        let what = format!("a stanza lacks name, version or path: `{}`", start.escape_debug());
        return Err(DebError::BadIndex { what });
    }
    Ok(package)
}
