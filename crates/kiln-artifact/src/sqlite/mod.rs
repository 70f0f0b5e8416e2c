//! An index on disk, shared by all runs on this machine.
//!
//! `SQLite` in write-ahead mode without a sync at each commit: several processes read and write at once, and after
//! a power cut the last commits may be gone, which only means to build again.

mod open;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiln_digest::{Digest, Key};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::sqlite::open::{FileNumber, Opened};
use crate::{Artifact, Failure, Index, IndexError, IndexWarning, Record, Run};

/// Uses are noted to the hour, in seconds: a run soon after another only reads.
const USE_STEP: i64 = 3_600;

/// An index in one file of a store's folder.
#[derive(Debug)]
pub struct SqliteIndex {
    folder: PathBuf,
    /// Both change together, when a damaged file is replaced.
    opened: Mutex<(Connection, FileNumber)>,
    warnings: Mutex<Vec<IndexWarning>>,
}

impl SqliteIndex {
    /// Opens the index in the folder of a store, and begins it when there is none. A file that is damaged, or not
    /// an index, is set aside under another name and a new one is begun ([`Self::take_warnings`] tells).
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        let Opened { connection, file, warning } = open::open(folder, None)?;
        Ok(Self {
            folder: folder.to_owned(),
            opened: Mutex::new((connection, file)),
            warnings: Mutex::new(warning.into_iter().collect()),
        })
    }

    /// Returns what had to be put right since the last call.
    pub fn take_warnings(&self) -> Vec<IndexWarning> {
        std::mem::take(&mut *held(&self.warnings))
    }

    /// Runs a query; when the file turns out to be damaged, begins a new one and runs it once more.
    fn query<T>(
        &self,
        mut query: impl FnMut(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, IndexError> {
        let mut opened = held(&self.opened);
        let (connection, file) = &mut *opened;
        let cause = match query(connection) {
            Ok(answer) => return Ok(answer),
            Err(cause) => cause,
        };
        let failed = |cause| open::query_error(&self.folder, cause);
        if !open::is_damage(&cause) {
            return Err(failed(cause));
        }
        // The damaged file is closed before it is moved: closing tidies up by name.
        *connection = Connection::open_in_memory().map_err(failed)?;
        let anew = open::open(&self.folder, Some(*file))?;
        (*connection, *file) = (anew.connection, anew.file);
        held(&self.warnings).extend(anew.warning);
        query(connection).map_err(failed)
    }

    /// Returns those of the keys whose last noted use is not after a time.
    fn not_used_since(&self, keys: &[Key], time: i64) -> Result<Vec<Key>, IndexError> {
        self.query(|connection| {
            let transaction = connection.transaction()?;
            let sql = "SELECT 1 FROM artifact WHERE key = ?1 AND last_used <= ?2";
            let mut select = transaction.prepare_cached(sql)?;
            let mut stale = Vec::new();
            for key in keys {
                if select.exists(params![key.0, time])? {
                    stale.push(*key);
                }
            }
            Ok(stale)
        })
    }

    fn write(
        &self,
        mut change: impl FnMut(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), IndexError> {
        self.query(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            change(&transaction)?;
            transaction.commit()
        })
    }

    /// Returns what was kept of an action that did not succeed.
    fn ended(&self, action: Digest) -> Result<Option<Failure>, IndexError> {
        let json = self.json("SELECT json FROM failure WHERE digest = ?1", &pack(&action))?;
        let failure = json.and_then(|json| Failure::from_json(&json).ok());
        Ok(failure.filter(|failure| failure.run.action == action))
    }

    fn json(&self, sql: &str, id: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        self.query(|connection| {
            connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()
        })
    }
}

impl Index for SqliteIndex {
    fn have(&self, keys: &[Key]) -> Result<BTreeMap<Key, Digest>, IndexError> {
        // In the order of the file each page of it is read once, and the answer is in order, too.
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        self.query(|connection| {
            let transaction = connection.transaction()?;
            let mut select =
                transaction.prepare_cached("SELECT out FROM artifact WHERE key = ?1")?;
            let mut found = Vec::with_capacity(keys.len());
            for key in &keys {
                let mut rows = select.query([&key.0[..]])?;
                if let Some(row) = rows.next()? {
                    // A digest of another length is as good as absent: the node is built again.
                    found.extend(unpack(row.get_ref(0)?.as_blob()?).map(|out| (*key, out)));
                }
            }
            Ok(found.into_iter().collect())
        })
    }

    fn get(&self, key: Key) -> Result<Option<Artifact>, IndexError> {
        let json = self.json("SELECT json FROM record WHERE key = ?1", &key.0)?;
        let artifact = json.and_then(|json| Artifact::from_json(&json).ok());
        Ok(artifact.filter(|artifact| artifact.key == key))
    }

    fn put(&self, project: &str, artifact: &Artifact) -> Result<(), IndexError> {
        let action = artifact.run.as_ref().map(|run| pack(&run.action));
        self.write(|change| {
            if let Some(run) = &artifact.run {
                succeed(change, run)?;
            }
            change
                .prepare_cached(
                    "INSERT INTO artifact (key, out, action) VALUES (?1, ?2, ?3) ON CONFLICT (key)
                        DO UPDATE SET out = excluded.out, action = excluded.action",
                )?
                .execute(params![artifact.key.0, pack(&artifact.out), action])?;
            change
                .prepare_cached("INSERT OR REPLACE INTO record (key, json) VALUES (?1, ?2)")?
                .execute(params![artifact.key.0, artifact.to_json()])?;
            set_latest(change, project, &artifact.element, Some(&artifact.key.0), None)
        })
    }

    fn forget(&self, key: Key) -> Result<(), IndexError> {
        self.write(|change| {
            change.execute("DELETE FROM artifact WHERE key = ?1", [&key.0[..]])?;
            change.execute("DELETE FROM record WHERE key = ?1", [&key.0[..]])?;
            Ok(())
        })
    }

    fn action(&self, action: Digest) -> Result<Option<Run>, IndexError> {
        let json = self.json("SELECT json FROM action WHERE digest = ?1", &pack(&action))?;
        let run = json.and_then(|json| Run::from_json(&json).ok());
        Ok(run.filter(|run| run.action == action))
    }

    fn put_action(&self, run: &Run) -> Result<(), IndexError> {
        self.write(|change| succeed(change, run))
    }

    fn forget_action(&self, action: Digest) -> Result<(), IndexError> {
        self.write(|change| {
            change.execute("DELETE FROM action WHERE digest = ?1", [&pack(&action)[..]])?;
            Ok(())
        })
    }

    fn failure(&self, action: Digest) -> Result<Option<Failure>, IndexError> {
        Ok(self.ended(action)?.filter(|failure| failure.stopped.is_none()))
    }

    fn put_failure(&self, project: &str, failure: &Failure) -> Result<(), IndexError> {
        let action = pack(&failure.run.action);
        self.write(|change| {
            change
                .prepare_cached("INSERT OR REPLACE INTO failure (digest, json) VALUES (?1, ?2)")?
                .execute(params![action, failure.to_json()])?;
            set_latest(change, project, &failure.element, None, Some(&action))
        })
    }

    fn latest(&self, project: &str, element: &str) -> Result<Option<Record>, IndexError> {
        let sql = "SELECT key, action FROM latest WHERE project = ?1 AND element = ?2";
        let row = self.query(|connection| {
            connection
                .prepare_cached(sql)?
                .query_row([project, element], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        let (key, action): (Option<[u8; 32]>, Option<Vec<u8>>) = row.unwrap_or_default();
        let record = match (key, action.as_deref().and_then(unpack)) {
            (Some(key), _) => self.get(Key(key))?.map(Record::Built),
            (None, Some(action)) => self.ended(action)?.map(Record::Failed),
            (None, None) => None,
        };
        Ok(record.map(|record| record.named(element)))
    }

    fn durations(
        &self,
        project: &str,
        elements: &[&str],
    ) -> Result<BTreeMap<String, u64>, IndexError> {
        // The whole record would be read for one number of it.
        let sql = "SELECT CASE WHEN json_valid(json)
                THEN CAST(json_extract(json, '$.run.usage.wall-micros') AS INTEGER) END
            FROM (SELECT CAST(coalesce(record.json, failure.json) AS TEXT) AS json
                FROM latest LEFT JOIN record ON record.key = latest.key
                    LEFT JOIN failure ON failure.digest = latest.action
                WHERE project = ?1 AND element = ?2)";
        self.query(|connection| {
            let transaction = connection.transaction()?;
            let mut select = transaction.prepare_cached(sql)?;
            let mut durations = BTreeMap::new();
            for element in elements {
                let micros = select.query_row([project, element], |row| row.get(0)).optional()?;
                let micros = micros.flatten().and_then(|micros: i64| u64::try_from(micros).ok());
                durations.extend(micros.map(|micros| ((*element).to_owned(), micros)));
            }
            Ok(durations)
        })
    }

    fn touch(&self, keys: &[Key], now: u64) -> Result<(), IndexError> {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let stale = self.not_used_since(keys, now.saturating_sub(USE_STEP))?;
        if stale.is_empty() {
            return Ok(());
        }
        self.write(|change| {
            let mut artifact = change.prepare_cached(
                "UPDATE artifact SET last_used = max(last_used, ?2) WHERE key = ?1",
            )?;
            let mut action = change.prepare_cached(
                "UPDATE action SET last_used = max(last_used, ?2)
                    WHERE digest = (SELECT action FROM artifact WHERE key = ?1)",
            )?;
            for key in &stale {
                artifact.execute(params![key.0, now])?;
                action.execute(params![key.0, now])?;
            }
            Ok(())
        })
    }
}

fn succeed(change: &Transaction<'_>, run: &Run) -> rusqlite::Result<()> {
    let action = pack(&run.action);
    change.prepare_cached("DELETE FROM failure WHERE digest = ?1")?.execute([&action[..]])?;
    change
        .prepare_cached(
            "INSERT INTO action (digest, json) VALUES (?1, ?2) ON CONFLICT (digest)
                DO UPDATE SET json = excluded.json",
        )?
        .execute(params![action, run.to_json()])?;
    Ok(())
}

fn set_latest(
    change: &Transaction<'_>,
    project: &str,
    element: &str,
    key: Option<&[u8]>,
    action: Option<&[u8]>,
) -> rusqlite::Result<()> {
    change
        .prepare_cached(
            "INSERT OR REPLACE INTO latest (project, element, key, action)
                VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![project, element, key, action])?;
    Ok(())
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A transaction that a panic left behind was rolled back when it was dropped.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A digest as 40 bytes: its hash, then its size, big-endian.
fn pack(digest: &Digest) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..32].copy_from_slice(&digest.hash);
    bytes[32..].copy_from_slice(&digest.size.to_be_bytes());
    bytes
}

fn unpack(bytes: &[u8]) -> Option<Digest> {
    let (hash, size) = bytes.split_first_chunk::<32>()?;
    Some(Digest { hash: *hash, size: u64::from_be_bytes(size.try_into().ok()?) })
}
