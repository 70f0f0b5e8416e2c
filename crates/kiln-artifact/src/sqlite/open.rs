//! Opening the file of an index: begun when absent, set aside when damaged or not ours.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::{IndexError, IndexWarning};

/// The name of the file in the folder of a store.
pub(super) const FILE: &str = "db.sqlite";

/// Whoever opens, begins or sets aside the file holds this one, so that two at once do not undo each other.
const LOCK: &str = "db.lock";

/// Marks a file as a kiln index: `kiln` in ASCII.
const APPLICATION_ID: i64 = 0x6b69_6c6e;

/// A new form is a new folder of the store; a file that says another version is not ours.
const FORM: i64 = 1;

const TABLES: i64 = 5;

const SCHEMA: &str = "
    CREATE TABLE artifact (key BLOB PRIMARY KEY, out BLOB NOT NULL, action BLOB,
        last_used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE record (key BLOB PRIMARY KEY, json BLOB NOT NULL);
    CREATE TABLE action (digest BLOB PRIMARY KEY, json BLOB NOT NULL,
        last_used INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE failure (digest BLOB PRIMARY KEY, json BLOB NOT NULL);
    CREATE TABLE latest (project TEXT NOT NULL, element TEXT NOT NULL, key BLOB, action BLOB,
        PRIMARY KEY (project, element)) WITHOUT ROWID;
";

/// An open index and what had to be put right for it.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) file: FileNumber,
    pub(super) warning: Option<IndexWarning>,
}

/// Device and inode: tells whether a file under a name is still the one that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileNumber(u64, u64);

/// Opens the index of a store; one that is damaged, or `bad` says so, is set aside.
pub(super) fn open(folder: &Path, bad: Option<FileNumber>) -> Result<Opened, IndexError> {
    let broken = |cause| IndexError::Open { path: folder.to_owned(), cause };
    let _held = lock(folder).map_err(broken)?;
    let path = folder.join(FILE);
    // Another process may have set the bad file aside already.
    let still_bad = bad.is_some_and(|bad| number(&path).is_ok_and(|number| number == bad));
    if !still_bad {
        match try_open(&path) {
            Ok(Some(connection)) => {
                let file = number(&path).map_err(broken)?;
                return Ok(Opened { connection, file, warning: None });
            }
            Err(cause) if !is_damage(&cause) => return Err(query_error(folder, cause)),
            Ok(None) | Err(_) => {}
        }
    }
    let kept = set_aside(&path).map_err(broken)?;
    match try_open(&path) {
        Ok(Some(connection)) => {
            let file = number(&path).map_err(broken)?;
            Ok(Opened { connection, file, warning: Some(IndexWarning::SetAside { kept }) })
        }
        Ok(None) => Err(broken(io::Error::other("a new file is not an index"))),
        Err(cause) => Err(query_error(folder, cause)),
    }
}

/// Returns whether an error says that the file is not what was written, so that beginning anew is the cure.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        }
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => {
            true
        }
        _ => false,
    }
}

/// Says in the words of this crate why a query failed.
pub(super) fn query_error(folder: &Path, cause: rusqlite::Error) -> IndexError {
    let path = folder.to_owned();
    match cause.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            IndexError::Busy { path, cause }
        }
        _ => IndexError::Query { path, cause },
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

/// Opens the file and begins it when it is new; `None` when it belongs to someone else.
fn try_open(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(20))?;
    let rows: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], first)?;
    let id: i64 = connection.query_row("PRAGMA application_id", [], first)?;
    let fresh = rows == 0 && id == 0;
    if !fresh && id != APPLICATION_ID {
        return Ok(None);
    }
    let _mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], first)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF;")?;
    if fresh {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", FORM)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
    }
    Ok(is_ours(&connection)?.then_some(connection))
}

fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let form: i64 = connection.query_row("PRAGMA user_version", [], first)?;
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table'
            AND name IN ('artifact', 'record', 'action', 'failure', 'latest')",
        [],
        first,
    )?;
    Ok(form == FORM && tables == TABLES)
}

/// Moves the file away; the one moved away before it, if any, is replaced.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let kept = with_suffix(path, ".damaged");
    fs::rename(path, &kept)?;
    // Changes of the old file must not be applied to the new one.
    for suffix in ["-wal", "-shm"] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&kept, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(kept)
}

fn number(path: &Path) -> io::Result<FileNumber> {
    let metadata = fs::metadata(path)?;
    Ok(FileNumber(metadata.dev(), metadata.ino()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn first<T: rusqlite::types::FromSql>(row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}
