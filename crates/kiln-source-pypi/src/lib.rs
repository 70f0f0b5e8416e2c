//! Sources that are the files of Python packages that a lock file names.
//!
//! # Purpose
//! [`PypiVendor`] is the [`Vendor`] of [`Source::Pypi`]: it reads `uv.lock`, `pylock.toml` and requirements with hashes,
//! and puts every source archive and every wheel that is of use on Linux into one flat folder, as `pip install --no-index
//! --find-links` takes it. Which of them fits a Python is for pip to choose: the folder is the same for all.
//!
//! # Never
//! Runs pip or anything of a package; takes a file without a sha256; knows an index.
//!
//! # Example
//! ```
//! use kiln_ir::{Source, Vendored};
//! use kiln_source::Vendor;
//! use kiln_source_pypi::PypiVendor;
//! let vendor = PypiVendor { alias: "pypi".to_owned(), notes: "pypi-v1".into() };
//! assert!(vendor.takes(&Source::Pypi(Vendored { lockfile: "uv.lock".to_owned(), of: None })));
//! ```
#![expect(clippy::disallowed_methods, reason = "downloads and notes are opened here")]

mod error;
mod index;
mod lockfile;
mod notes;
mod requirements;

pub use error::PypiError;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Lockfile, Ports, TakeError, Vendor, Wanted};
use kiln_tree::{File as TreeFile, Name, Node, Tree};

use lockfile::{Locked, Place, is_for_linux};

/// The vendor of [`Source::Pypi`].
#[derive(Clone, Debug)]
pub struct PypiVendor {
    /// The alias of the index, such as `pypi`.
    pub alias: String,
    /// Folder of notes how files are called that a lock file knows by their hash only; made when it is missing.
    pub notes: PathBuf,
}

impl Vendor for PypiVendor {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Pypi(_))
    }

    fn vendor(&self, lockfile: &Lockfile<'_>, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let path = lockfile.path;
        let locked = lockfile::parse(lockfile)?;
        let files = self.files(path, &locked, ports)?;
        let wanted: Vec<Wanted> = files.values().map(|(wanted, _)| wanted.clone()).collect();
        let downloads = ports.fetcher.fetch_all(&wanted, ports.sink)?;
        let mut entries = BTreeMap::new();
        for (name, download) in files.into_keys().zip(downloads) {
            let read = |cause| TakeError::Read { path: download.path.clone(), cause };
            let mut file = File::open(&download.path).map_err(read)?;
            let kept = ports.cas.write_stream(&mut file, false);
            let digest = kept.map_err(TakeError::Keep)?;
            let bad = |_bad| PypiError::BadName { path: path.to_owned(), named: name.clone() };
            let name = Name::parse(&name).map_err(bad)?;
            entries.insert(name, Node::File(TreeFile::new(digest, false)));
        }
        let tree = Tree::new(entries);
        ports.cas.write_tree(&tree).map_err(TakeError::Keep)?;
        Ok(tree)
    }
}

/// Files by their names.
type Files = BTreeMap<String, (Wanted, String)>;

impl PypiVendor {
    /// Finds the files that are of use, with their names.
    fn files(&self, path: &str, locked: &[Locked], ports: Ports<'_>) -> Result<Files, PypiError> {
        let mut files = Files::new();
        let mut pages = BTreeMap::new();
        for file in locked {
            let is_useless = |place: &Place| !is_for_linux(&place.name);
            if file.place.as_ref().is_some_and(is_useless) {
                continue;
            }
            let place = self.place(file, &mut pages, ports)?;
            if !is_for_linux(&place.name) {
                continue;
            }
            let name = lockfile::checked(path, &place.name)?;
            let wanted = Wanted { url: place.url, sha256: Some(file.sha256), size: file.size };
            match files.get(&name) {
                Some((other, _)) if other.sha256 != wanted.sha256 => {
                    return Err(PypiError::Twice { path: path.to_owned(), name });
                }
                Some(_) => {}
                None => drop(files.insert(name, (wanted, file.project.clone()))),
            }
        }
        let with_files: BTreeSet<&String> = files.values().map(|(_, project)| project).collect();
        let without = locked.iter().find(|file| !with_files.contains(&file.project));
        if let Some(Locked { project, .. }) = without {
            let (path, project) = (path.to_owned(), project.clone());
            return Err(PypiError::NotForLinux { path, project });
        }
        Ok(files)
    }

    /// Finds out how a file is called and where it is.
    fn place(
        &self,
        file: &Locked,
        pages: &mut BTreeMap<String, Vec<index::Listed>>,
        ports: Ports<'_>,
    ) -> Result<Place, PypiError> {
        let hex = Digest { hash: file.sha256, size: 0 }.hex();
        let url = String::new();
        let is_here = ports.fetcher.is_here(&Wanted { url, sha256: Some(file.sha256), size: None });
        let known = file.place.clone().or_else(|| notes::read(&self.notes, &file.project, &hex));
        let same = |index: &String| index.trim_end_matches('/') == first(&self.alias, ports);
        let direct = |place: &Place| {
            // What no index named is nowhere else; a mirror comes before the index that a lock file names.
            is_here || place.index.as_ref().is_none_or(same) || first(&self.alias, ports).is_empty()
        };
        if let Some(place) = known.clone().filter(direct) {
            return Ok(place);
        }
        if !pages.contains_key(&file.project) {
            let listed = match index::files(&self.alias, &file.project, ports) {
                // What the lock file says itself does without an index.
                Err(error) if file.place.is_none() || ports.fetcher.is_stopped() => {
                    return Err(error.into());
                }
                listed => listed.unwrap_or_default(),
            };
            pages.insert(file.project.clone(), listed);
        }
        let listed = pages.get(&file.project).map(Vec::as_slice).unwrap_or_default();
        let found = listed.iter().find(|listed| listed.sha256 == file.sha256);
        let missing =
            || PypiError::NotInIndex { project: file.project.clone(), sha256: hex.clone() };
        let found = found.map(|listed| listed.place.clone());
        let mut place = found.or(known).ok_or_else(missing)?;
        match &file.place {
            // The lock file says what it is called.
            Some(own) => place.name.clone_from(&own.name),
            None => notes::keep(&self.notes, &file.project, &hex, &place),
        }
        Ok(place)
    }
}

/// Returns the first mirror of an alias.
fn first<'a>(alias: &str, ports: Ports<'a>) -> &'a str {
    let mirrors = ports.fetcher.mirrors().get(alias);
    mirrors.first().map(|mirror| mirror.trim_end_matches('/')).unwrap_or_default()
}
