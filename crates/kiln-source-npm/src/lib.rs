//! Sources that are the packages of a `package-lock.json`.
//!
//! # Purpose
//! [`NpmVendor`] is the [`Vendor`] of [`Source::Npm`]: it fetches the packages by their integrity and lays them out as
//! the cache of npm, where content has the name of its hash: `npm ci --offline --cache FOLDER` finds all it needs there.
//! Beside it stands the lock file with a URL for every package, which npm wants to see even where it asks nobody.
//!
//! # Never
//! Runs npm or anything of a package; takes a package without an integrity; knows a registry.
//!
//! # Example
//! ```
//! use kiln_ir::{Source, Vendored};
//! use kiln_source::Vendor;
//! use kiln_source_npm::NpmVendor;
//! let vendor = NpmVendor { alias: "npm".to_owned() };
//! let lockfile = "package-lock.json".to_owned();
//! assert!(vendor.takes(&Source::Npm(Vendored { lockfile, of: None })));
//! ```
#![expect(clippy::disallowed_methods, reason = "downloads are opened here")]

mod error;
mod integrity;
mod lockfile;
mod sha1;

pub use error::NpmError;

use std::fs::File;

use kiln_ir::Source;
use kiln_source::{AnyError, Foreign, Lockfile, Ports, TakeError, Vendor};
use kiln_tree::{Draft, File as TreeFile, RelPath, Tree};

use lockfile::Package;

/// What the whole lock file is called.
const LOCKFILE: &str = "package-lock.json";

/// The vendor of [`Source::Npm`].
#[derive(Clone, Debug)]
pub struct NpmVendor {
    /// The alias of the registry, such as `npm`.
    pub alias: String,
}

impl Vendor for NpmVendor {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Npm(_))
    }

    fn vendor(&self, lockfile: &Lockfile<'_>, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let lock = lockfile::parse(lockfile)?;
        let wanted: Vec<Foreign> =
            lock.packages.iter().map(|package| self.wanted(package, ports)).collect();
        let downloads = ports.fetcher.fetch_foreign(&wanted, ports.sink)?;
        let mut draft = Draft::default();
        for (package, download) in lock.packages.iter().zip(downloads) {
            let read = |cause| TakeError::Read { path: download.path.clone(), cause };
            let mut file = File::open(&download.path).map_err(read)?;
            let kept = ports.cas.write_stream(&mut file, false);
            let digest = kept.map_err(TakeError::Keep)?;
            put(&mut draft, &package.integrity.path(), TreeFile::new(digest, false));
        }
        let digest = ports.cas.write(lock.whole.as_bytes()).map_err(TakeError::Keep)?;
        put(&mut draft, LOCKFILE, TreeFile::new(digest, false));
        let tree = draft.seal();
        ports.cas.write_tree(&tree).map_err(TakeError::Keep)?;
        Ok(tree)
    }
}

impl NpmVendor {
    /// Returns where a package may be: in the registry of the user, and where the lock file says.
    fn wanted(&self, package: &Package, ports: Ports<'_>) -> Foreign {
        let has_registry = !ports.fetcher.mirrors().get(&self.alias).is_empty();
        let of_registry = package.path.as_ref();
        let of_registry = of_registry.filter(|_| has_registry || package.resolved.is_none());
        let of_registry = of_registry.map(|path| format!("{}:{path}", self.alias));
        let integrity = package.integrity.clone();
        Foreign {
            seal: integrity.seal(),
            urls: of_registry.into_iter().chain(package.resolved.clone()).collect(),
            check: Box::new(move |path| integrity.check(path)),
        }
    }
}

/// Puts a file at a path; those of two contents never meet.
fn put(draft: &mut Draft, path: &str, file: TreeFile) {
    if let Ok(path) = RelPath::parse(path) {
        drop(draft.put(&path, file));
    }
}
