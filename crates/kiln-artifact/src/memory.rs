//! An index that lives as long as its process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiln_digest::{Digest, Key};

use crate::{Artifact, Failure, Index, IndexError, Record, Run};

/// An index in memory, for tests and for runs without a store.
#[derive(Debug, Default)]
pub struct MemoryIndex {
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    artifacts: BTreeMap<Key, Artifact>,
    actions: BTreeMap<Digest, Run>,
    failures: BTreeMap<Digest, Failure>,
    latest: BTreeMap<(String, String), Latest>,
}

#[derive(Clone, Copy, Debug)]
enum Latest {
    Built(Key),
    Failed(Digest),
}

impl MemoryIndex {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Every change below is whole before anything can panic.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn succeed(&mut self, run: &Run) {
        self.failures.remove(&run.action);
        self.actions.insert(run.action, run.clone());
    }
}

impl Index for MemoryIndex {
    fn have(&self, keys: &[Key]) -> Result<BTreeMap<Key, Digest>, IndexError> {
        let rows = self.rows();
        let known = |key: &Key| Some((*key, rows.artifacts.get(key)?.out));
        Ok(keys.iter().filter_map(known).collect())
    }

    fn get(&self, key: Key) -> Result<Option<Artifact>, IndexError> {
        Ok(self.rows().artifacts.get(&key).cloned())
    }

    fn put(&self, project: &str, artifact: &Artifact) -> Result<(), IndexError> {
        let mut rows = self.rows();
        if let Some(run) = &artifact.run {
            rows.succeed(run);
        }
        rows.artifacts.insert(artifact.key, artifact.clone());
        let name = (project.to_owned(), artifact.element.clone());
        rows.latest.insert(name, Latest::Built(artifact.key));
        Ok(())
    }

    fn forget(&self, key: Key) -> Result<(), IndexError> {
        self.rows().artifacts.remove(&key);
        Ok(())
    }

    fn action(&self, action: Digest) -> Result<Option<Run>, IndexError> {
        Ok(self.rows().actions.get(&action).cloned())
    }

    fn put_action(&self, run: &Run) -> Result<(), IndexError> {
        self.rows().succeed(run);
        Ok(())
    }

    fn forget_action(&self, action: Digest) -> Result<(), IndexError> {
        self.rows().actions.remove(&action);
        Ok(())
    }

    fn failure(&self, action: Digest) -> Result<Option<Failure>, IndexError> {
        let failure = self.rows().failures.get(&action).cloned();
        Ok(failure.filter(|failure| failure.stopped.is_none()))
    }

    fn put_failure(&self, project: &str, failure: &Failure) -> Result<(), IndexError> {
        let mut rows = self.rows();
        let action = failure.run.action;
        rows.failures.insert(action, failure.clone());
        let name = (project.to_owned(), failure.element.clone());
        rows.latest.insert(name, Latest::Failed(action));
        Ok(())
    }

    fn latest(&self, project: &str, element: &str) -> Result<Option<Record>, IndexError> {
        let rows = self.rows();
        let record = match rows.latest.get(&(project.to_owned(), element.to_owned())) {
            None => None,
            Some(Latest::Built(key)) => rows.artifacts.get(key).cloned().map(Record::Built),
            Some(Latest::Failed(action)) => rows.failures.get(action).cloned().map(Record::Failed),
        };
        Ok(record.map(|record| record.named(element)))
    }

    fn touch(&self, _keys: &[Key], _now: u64) -> Result<(), IndexError> {
        Ok(()) // nothing here is ever collected
    }
}
