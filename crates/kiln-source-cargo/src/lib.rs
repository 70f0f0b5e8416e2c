//! Sources that are the crates a `Cargo.lock` names.
//!
//! # Purpose
//! [`CargoVendor`] is the [`Vendor`] of [`Source::Crates`]: it reads the lock file in each of its versions, fetches the
//! crates by their checksums and the git dependencies at their commits, and lays them out as cargo reads vendored
//! crates, a folder each. `.cargo/config.toml` in the tree has cargo use them: with that folder as its home it asks for
//! nothing else, wherever the tree lies.
//!
//! # Never
//! Runs cargo or anything of a crate; takes a crate without a checksum; knows a registry.
//!
//! # Example
//! ```
//! use kiln_ir::{Source, Vendored};
//! use kiln_source::Vendor;
//! use kiln_source_cargo::CargoVendor;
//! use kiln_source_git::{GitKind, GitProgram};
//! let git = GitProgram::new("git".into(), &std::collections::BTreeMap::new());
//! let git = GitKind { git: Box::new(git), mirrors: "git-v1".into() };
//! let vendor = CargoVendor { git, alias: "crates".to_owned(), registries: [].into(), n_threads: 2 };
//! assert!(vendor.takes(&Source::Crates(Vendored { lockfile: "Cargo.lock".to_owned(), of: None })));
//! ```
#![expect(clippy::disallowed_methods, reason = "downloads are opened here")]

mod error;
mod git;
mod inherit;
mod layout;
mod lockfile;
mod manifest;
mod settings;
mod unpack;

pub use error::CargoError;

use std::collections::BTreeMap;

use kiln_ir::Source;
use kiln_source::{AnyError, Lockfile, Ports, TakeError, Vendor, Wanted};
use kiln_source_git::GitKind;
use kiln_tree::Tree;

use lockfile::{Origin, Package};

/// The vendor of [`Source::Crates`].
pub struct CargoVendor {
    /// Brings git dependencies.
    pub git: GitKind,
    /// The alias of the registry that cargo asks unless it is told otherwise, such as `crates`.
    pub alias: String,
    /// The aliases of other registries, by their index as lock files name it: `sparse+https://…`.
    pub registries: BTreeMap<String, String>,
    /// How many crates are unpacked at once; at least one is.
    pub n_threads: usize,
}

impl Vendor for CargoVendor {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Crates(_))
    }

    fn vendor(&self, lockfile: &Lockfile<'_>, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let packages = lockfile::parse(lockfile)?;
        let mut wanted = Vec::new();
        let mut files = Vec::new();
        for package in &packages {
            let Origin::Registry { index, sha256 } = &package.origin else { continue };
            let url = self.url(package, index)?;
            wanted.push(Wanted { url, sha256: Some(*sha256), size: None });
            files.push((package, sha256));
        }
        let downloads = ports.fetcher.fetch_all(&wanted, ports.sink)?;
        let crates = unpack::all(&files, &downloads, self.n_threads, ports.cas)?;
        let git = git::packages(&self.git, &packages, ports)?;
        let tree = layout::tree(&packages, &crates.into_iter().chain(git).collect(), ports.cas)?;
        ports.cas.write_tree(&tree).map_err(TakeError::Keep)?;
        Ok(tree)
    }
}

impl CargoVendor {
    /// Returns where the file of a crate is.
    fn url(&self, package: &Package, index: &str) -> Result<String, CargoError> {
        let Package { name, version, .. } = package;
        let alias = if settings::is_default(index) {
            &self.alias
        } else {
            let named = || format!("{name} {version}");
            let unknown =
                || CargoError::UnknownRegistry { named: named(), index: index.to_owned() };
            self.registries.get(index).ok_or_else(unknown)?
        };
        Ok(format!("{alias}:{name}/{version}/download"))
    }
}
