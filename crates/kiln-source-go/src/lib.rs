//! Sources that are the modules of a `go.sum`.
//!
//! # Purpose
//! [`GoVendor`] is the [`Vendor`] of [`Source::GoModules`]: it fetches every module that the file has a sum of, compares
//! it with that sum, and lays all of them out as a proxy of modules: with `GOPROXY=file:///…/cache/download` go finds
//! there what it may ask for.
//!
//! # Never
//! Runs go; takes a module without a sum; asks a database of sums: the file is the proof; knows a proxy.
//!
//! # Example
//! ```
//! use kiln_ir::{Source, Vendored};
//! use kiln_source::Vendor;
//! use kiln_source_go::GoVendor;
//! let vendor = GoVendor { alias: "goproxy".to_owned() };
//! assert!(vendor.takes(&Source::GoModules(Vendored { lockfile: "go.sum".to_owned(), of: None })));
//! ```
#![expect(clippy::disallowed_methods, reason = "downloads are opened here")]

mod error;
mod hash;
mod sums;

pub use error::GoError;

use std::fs::File;

use kiln_ir::Source;
use kiln_source::{AnyError, Foreign, Lockfile, Ports, TakeError, Vendor};
use kiln_tree::{Draft, File as TreeFile, RelPath, Tree};

use sums::Module;

/// Where a proxy of modules lies in the tree, as in go's own cache.
const PROXY: &str = "cache/download";

/// The vendor of [`Source::GoModules`].
#[derive(Clone, Debug)]
pub struct GoVendor {
    /// The alias of the proxy, such as `goproxy`.
    pub alias: String,
}

impl Vendor for GoVendor {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::GoModules(_))
    }

    fn vendor(&self, lockfile: &Lockfile<'_>, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let modules = sums::parse(lockfile)?;
        let mut wanted = Vec::new();
        let mut places = Vec::new();
        for (module, sums) in &modules {
            wanted.push(self.wanted(module, "mod", &sums.go_mod));
            places.push(format!("{PROXY}/{}.mod", module.place()));
            if let Some(sum) = &sums.files {
                wanted.push(self.wanted(module, "zip", sum));
                places.push(format!("{PROXY}/{}.zip", module.place()));
            }
        }
        let downloads = ports.fetcher.fetch_foreign(&wanted, ports.sink)?;
        let mut draft = Draft::default();
        for (place, download) in places.iter().zip(downloads) {
            let read = |cause| TakeError::Read { path: download.path.clone(), cause };
            let mut file = File::open(&download.path).map_err(read)?;
            let kept = ports.cas.write_stream(&mut file, false);
            put(&mut draft, place, TreeFile::new(kept.map_err(TakeError::Keep)?, false));
        }
        for module in modules.keys() {
            // What a proxy says here besides, a time, nobody could check.
            let text = format!("{{\"Version\":\"{}\"}}", module.version);
            let digest = ports.cas.write(text.as_bytes()).map_err(TakeError::Keep)?;
            let place = format!("{PROXY}/{}.info", module.place());
            put(&mut draft, &place, TreeFile::new(digest, false));
        }
        let tree = draft.seal();
        ports.cas.write_tree(&tree).map_err(TakeError::Keep)?;
        Ok(tree)
    }
}

impl GoVendor {
    fn wanted(&self, module: &Module, ending: &str, sum: &str) -> Foreign {
        let url = format!("{}:{}.{ending}", self.alias, module.place());
        let is_mod = ending == "mod";
        let expected = sum.to_owned();
        Foreign {
            // The sum does not tell a `go.mod` from an archive that holds nothing else.
            seal: format!("{ending} {sum}"),
            urls: vec![url],
            check: Box::new(move |path| {
                if is_mod {
                    hash::check_mod(path, &expected)
                } else {
                    hash::check_zip(path, &expected)
                }
            }),
        }
    }
}

/// Puts a file at a path; names were checked, so that no two meet but a module of the name of another one's file.
fn put(draft: &mut Draft, path: &str, file: TreeFile) {
    if let Ok(path) = RelPath::parse(path) {
        drop(draft.put(&path, file));
    }
}
