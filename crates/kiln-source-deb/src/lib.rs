//! Debian packages as a base and as sources: indexes, resolver, unpacking, fix-ups, patches.
//!
//! # Purpose
//! [`track`] reads the signed index of a suite and finds the closure of some root packages, for the lock.
//! [`fetch`] brings the locked packages and makes a sysroot of them. [`discover`] finds the mirrors that the
//! machine's apt uses. [`DebKind`] is the kind of sources that are one package, binary or source.
//!
//! # Never
//! Runs a maintainer script, trusts an unsigned index unless it is told to, needs root.
//!
//! # Example
//! ```
//! use kiln_ir::Source;
//! use kiln_source::SourceKind;
//! use kiln_source_deb::DebKind;
//! let url = "debian:pool/main/h/hello/hello_2.10-3_amd64.deb".to_owned();
//! assert!(DebKind.takes(&Source::Deb { url, sha256: None }));
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "runs apt-get and gpgv, reads packages and apt's configuration"
)]

mod alternatives;
mod apt;
mod ar;
mod dsc;
mod error;
mod fixups;
mod index;
mod kind;
mod near;
mod package;
mod relation;
mod release;
mod resolve;
mod signature;
mod source_tree;
mod stanza;
mod sysroot;
mod version;

pub use apt::{Apt, discover, keyring};
pub use error::DebError;
pub use fixups::FIXUPS;
pub use kind::DebKind;
pub use signature::Trust;

use kiln_ir::Base;
use kiln_lock::{LockedBase, LockedPackage};
use kiln_source::{Ports, SourceError, Wanted};
use kiln_tree::Tree;

use crate::index::Index;

/// Finds the packages of a base as the mirror of `debian:` has them now.
///
/// # Errors
/// When the index cannot be fetched or is not trusted, or the closure cannot be had.
pub fn track(base: &Base, trust: &Trust, ports: Ports<'_>) -> Result<LockedBase, DebError> {
    let Base::Debian { suite, arch, components, packages, assume } = base else {
        // What is not of Debian has no packages of its.
        return Ok(LockedBase { base: base.clone(), fixups: FIXUPS, packages: Vec::new() });
    };
    let release = release::fetch(suite, trust, ports)?;
    let mut texts = Vec::new();
    for component in components {
        texts.push(release.packages(component, arch, ports)?);
    }
    let index = Index::new(&texts)?;
    let mut locked = Vec::new();
    for package in resolve::closure(&index, packages, assume)? {
        locked.push(LockedPackage {
            name: package.name.to_owned(),
            version: package.version.to_owned(),
            path: format!("debian:{}", package.path),
            content: package.content()?,
        });
    }
    Ok(LockedBase { base: base.clone(), fixups: FIXUPS, packages: locked })
}

/// Brings the packages of a base and makes a sysroot of them, kept in the store with all its files. `n_threads`
/// unpack at once.
///
/// # Errors
/// When a package cannot be fetched or unpacked, or two packages bring one path.
pub fn fetch(locked: &LockedBase, n_threads: usize, ports: Ports<'_>) -> Result<Tree, DebError> {
    if locked.fixups == 0 || locked.fixups > FIXUPS {
        return Err(DebError::OtherFixups { locked: locked.fixups });
    }
    let wanted = |package: &LockedPackage| Wanted::pinned(&package.path, package.content);
    let wanted: Vec<Wanted> = locked.packages.iter().map(wanted).collect();
    let downloads = ports.fetcher.fetch_all(&wanted, ports.sink)?;
    sysroot::assemble(&locked.packages, locked.fixups, &downloads, n_threads, ports).map_err(
        |error| {
            let is_stopped = ports.fetcher.is_stopped();
            let stopped = || SourceError::Stopped { url: locked.base.to_string() }.into();
            if is_stopped { stopped() } else { error }
        },
    )
}

#[cfg(test)]
mod crafted_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod mirror_tests;
#[cfg(test)]
mod tests;
