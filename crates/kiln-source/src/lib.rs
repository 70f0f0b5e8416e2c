//! The `SourceKind` trait, mirrors, fetching with retries.
//!
//! # Purpose
//! Everything that kinds of sources share: from a URL with an alias to a checked file in the folder of
//! downloads. A file is under its sha256 there, and never half.
//!
//! # Never
//! Names a host, knows one kind, reads the environment.
//!
//! # Example
//! ```
//! use kiln_source::Mirrors;
//! let mut mirrors = Mirrors::default();
//! mirrors.set("debian", ["https://mirror.example.org/debian"]).unwrap();
//! let places = mirrors.resolve("debian:pool/main/g/g++_1.deb").unwrap();
//! assert_eq!(places[0].to_string(), "https://mirror.example.org/debian/pool/main/g/g%2B%2B_1.deb");
//! ```
#![expect(clippy::disallowed_methods, reason = "this crate owns the folder of downloads")]

mod address;
mod error;
mod fetch;
mod known;
mod login;
mod mirrors;
mod part;
mod pause;
mod side_by_side;
mod template;
mod time;
mod transport;
mod until_stopped;
mod vendor;

pub use error::{SourceError, TakeError, variable_of};
pub use fetch::{Download, Fetcher, Foreign, Seal, Settings, Wanted};
pub use login::{Credential, Identity, Login, Logins, Token, base64};
pub use mirrors::{Mirrors, Place};
pub use pause::{Pause, ThreadPause};
pub use side_by_side::{each_side_by_side, side_by_side};
pub use time::seconds_of;
pub use transport::{Certificates, NotThere, Patience, Proxies};
pub use until_stopped::UntilStopped;
pub use vendor::{Lockfile, Vendor};

pub use kiln_ir::without_password;

use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_event::Sink;
use kiln_ir::{Content, Source};
use kiln_tree::Tree;

/// What a source was when it was tracked; the lock keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// What was fetched.
    pub content: Content,
    /// Of the tree that it becomes.
    pub tree: Digest,
}

/// What kinds of sources work with.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    pub cas: &'a dyn Cas,
    pub fetcher: &'a Fetcher,
    pub sink: &'a dyn Sink,
}

/// The error of any kind of source: each kind has its own enum.
pub type AnyError = Box<dyn miette::Diagnostic + Send + Sync>;

/// Returns a tree that is in the store with all its files.
pub fn whole(cas: &dyn Cas, tree: Digest) -> Option<Tree> {
    let tree = cas.read_tree(tree).ok()?;
    let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
    cas.missing(&files).is_ok_and(|missing| missing.is_empty()).then_some(tree)
}

/// One kind of source.
pub trait SourceKind: Send + Sync {
    /// Returns whether a source is of this kind.
    fn takes(&self, source: &Source) -> bool;

    /// Looks up what a source is now, for the lock. Its tree is kept in the store on the way.
    ///
    /// # Errors
    /// When it cannot be fetched or read.
    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError>;

    /// Returns the files that a fetch of a pinned source asks for, where they are all known before: none of a kind that
    /// fetches no files, or that learns on the way which they are.
    ///
    /// # Errors
    /// When the source or the pin is not of this kind.
    fn wanted(&self, source: &Source, pin: &Pin) -> Result<Vec<Wanted>, AnyError> {
        let (_source, _pin) = (source, pin);
        Ok(Vec::new())
    }

    /// Brings the pinned tree of a source into the store, with all its files.
    ///
    /// # Errors
    /// When it cannot be fetched, or is not what the pin says.
    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError>;
}
