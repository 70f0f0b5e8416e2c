//! Key to artifact and action digest to run: the [`Index`] trait, on disk and in memory.
//!
//! # Purpose
//! The store's memory of what was built: the [`Artifact`] of a [`Key`](kiln_digest::Key), the [`Run`] of an
//! action (early cutoff), the [`Failure`] of an action whose script failed, and the latest of them by element.
//!
//! # Never
//! Decides what is stale; holds content (trees and logs are digests of blobs elsewhere, which may be lost).
//!
//! # Example
//! ```
//! use kiln_artifact::{Artifact, Index, MemoryIndex};
//! use kiln_digest::{Digest, Key};
//! let index = MemoryIndex::default();
//! let artifact = Artifact { key: Key([1; 32]), element: "zinc".into(), out: Digest::EMPTY, run: None, overlaps: Vec::new(), impure: false };
//! index.put("/projects/os", &artifact)?;
//! assert_eq!(index.have(&[Key([1; 32]), Key([2; 32])])?.len(), 1);
//! assert_eq!(index.get(Key([1; 32]))?, Some(artifact));
//! # Ok::<(), kiln_artifact::IndexError>(())
//! ```

mod artifact;
mod error;
mod memory;
mod sqlite;

pub use artifact::{Artifact, Failure, Phase, Record, Run, Usage};
pub use error::{IndexError, IndexWarning};
pub use memory::MemoryIndex;
pub use sqlite::SqliteIndex;

use std::collections::BTreeMap;

use kiln_digest::{Digest, Key};

/// What was built, by key, by action and by name.
///
/// A record whose content is lost elsewhere stays until someone forgets it: readers of content tell.
/// A `project` is any text that is the same for all runs of one project, such as the path of its root.
pub trait Index: Send + Sync {
    /// Returns the output trees of those keys that were built, in one consistent read.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn have(&self, keys: &[Key]) -> Result<BTreeMap<Key, Digest>, IndexError>;

    /// Returns the artifact of a key.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn get(&self, key: Key) -> Result<Option<Artifact>, IndexError>;

    /// Keeps an artifact under its key, and its run (if any) under its action, and as the latest of its element;
    /// the recorded failure of that action, if any, is forgotten. All or nothing.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn put(&self, project: &str, artifact: &Artifact) -> Result<(), IndexError>;

    /// Forgets the artifact of a key, because its content is lost.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn forget(&self, key: Key) -> Result<(), IndexError>;

    /// Returns the successful run of an action.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn action(&self, action: Digest) -> Result<Option<Run>, IndexError>;

    /// Keeps a successful run that is no element's, such as an integration; a recorded failure is forgotten.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn put_action(&self, run: &Run) -> Result<(), IndexError>;

    /// Forgets the run of an action, because its content is lost.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn forget_action(&self, action: Digest) -> Result<(), IndexError>;

    /// Returns the recorded failure of an action; a run that was [stopped](Failure::stopped) is none.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn failure(&self, action: Digest) -> Result<Option<Failure>, IndexError>;

    /// Records that the script of an action failed or was stopped, also as the latest of its element.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn put_failure(&self, project: &str, failure: &Failure) -> Result<(), IndexError>;

    /// Returns what was last kept for an element of a project, built or failed, under the name asked for.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn latest(&self, project: &str, element: &str) -> Result<Option<Record>, IndexError>;

    /// Returns how long the last run of elements of a project took, in microseconds, of those that are known.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn durations(
        &self,
        project: &str,
        elements: &[&str],
    ) -> Result<BTreeMap<String, u64>, IndexError> {
        let mut durations = BTreeMap::new();
        for element in elements {
            let record = self.latest(project, element)?;
            if let Some(run) = record.as_ref().and_then(Record::run) {
                durations.insert((*element).to_owned(), run.usage.wall_micros);
            }
        }
        Ok(durations)
    }

    /// Notes that these keys, and the actions that made them, were used at a time (seconds since 1970, noted to
    /// the hour). Called once a run for all its keys, since a write for every read would cost more than the reads.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn touch(&self, keys: &[Key], now: u64) -> Result<(), IndexError>;
}
