//! A file that is no index any more, or never was one, is set aside and never stands in the way.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "it damages files on disk")]

use std::fs;
use std::path::Path;

use kiln_artifact::{Artifact, Index, IndexError, IndexWarning, SqliteIndex};
use kiln_digest::{Digest, Key};
use rusqlite::Connection;

const KEY: Key = Key([7; 32]);

fn artifact() -> Artifact {
    Artifact {
        key: KEY,
        element: "zinc".into(),
        out: Digest::EMPTY,
        run: None,
        overlaps: Vec::new(),
        impure: false,
    }
}

/// Damages an index that has one artifact and may be open; the index must go on, empty or not, and say so once.
fn check(damage: impl Fn(&Path), open_meanwhile: bool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db.sqlite");
    let before = SqliteIndex::open(folder.path()).unwrap();
    before.put("p", &artifact()).unwrap();
    let index = if open_meanwhile {
        // Everything into the file, nothing in the cache of the connection.
        Connection::open(&file)
            .unwrap()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        damage(&file);
        before
    } else {
        drop(before);
        damage(&file);
        SqliteIndex::open(folder.path()).unwrap()
    };
    assert_eq!(index.get(KEY).unwrap(), None);
    let warnings = index.take_warnings();
    let [IndexWarning::SetAside { kept }] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(kept.exists());
    index.put("p", &artifact()).unwrap();
    let again = SqliteIndex::open(folder.path()).unwrap();
    assert_eq!(again.get(KEY).unwrap(), Some(artifact()));
    assert!(again.take_warnings().is_empty());
}

/// Overwrites all pages but the first, which holds the schema.
fn ruin_pages(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    bytes[4096..].fill(0xff);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_file_of_other_bytes_is_set_aside() {
    check(
        |file| fs::write(file, "not a database, but long enough to be one ".repeat(30)).unwrap(),
        false,
    );
}

#[test]
fn a_cut_file_is_set_aside() {
    check(|file| fs::write(file, &fs::read(file).unwrap()[..5000]).unwrap(), false);
}

#[test]
fn ruined_pages_are_found_when_they_are_read() {
    check(ruin_pages, false);
    check(ruin_pages, true);
}

#[test]
fn the_database_of_another_program_is_set_aside_and_kept() {
    check(
        |file| {
            fs::remove_file(file).unwrap();
            Connection::open(file).unwrap().execute_batch("CREATE TABLE mail (text)").unwrap();
        },
        false,
    );
}

#[test]
fn another_form_is_set_aside() {
    check(
        |file| Connection::open(file).unwrap().pragma_update(None, "user_version", 99).unwrap(),
        false,
    );
}

#[test]
fn a_record_that_does_not_read_is_as_good_as_absent() {
    let folder = tempfile::tempdir().unwrap();
    let index = SqliteIndex::open(folder.path()).unwrap();
    index.put("p", &artifact()).unwrap();
    let other = Connection::open(folder.path().join("db.sqlite")).unwrap();
    other.execute("UPDATE record SET json = x'7b7d'", []).unwrap();
    assert_eq!(index.get(KEY).unwrap(), None);
    assert_eq!(index.latest("p", "zinc").unwrap(), None);
    assert!(index.take_warnings().is_empty());
}

#[test]
fn a_record_that_does_not_read_has_no_duration() {
    let folder = tempfile::tempdir().unwrap();
    let index = SqliteIndex::open(folder.path()).unwrap();
    index.put("p", &artifact()).unwrap();
    let other = Connection::open(folder.path().join("db.sqlite")).unwrap();
    for json in ["{}", "{", r#"{"run":{"usage":{"wall-micros":-5}}}"#, "\u{0}"] {
        other.execute("UPDATE record SET json = CAST(?1 AS BLOB)", [json]).unwrap();
        assert!(index.durations("p", &[&artifact().element]).unwrap().is_empty(), "{json}");
    }
    assert!(index.take_warnings().is_empty());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = SqliteIndex::open(&folder.path().join("file/store")).unwrap_err();
    assert!(matches!(error, IndexError::Open { .. }), "{error:?}");
}

#[test]
fn uses_are_noted_for_the_key_and_for_its_action() {
    use kiln_artifact::{Run, Usage};
    let run = Run {
        action: Digest::of(b"action"),
        input_root: Digest::EMPTY,
        exit: 0,
        out: Some(Digest::EMPTY),
        others: std::collections::BTreeMap::new(),
        build_tree: None,
        log: Digest::EMPTY,
        phases: Vec::new(),
        usage: Usage::default(),
        warnings: Vec::new(),
        host: std::collections::BTreeMap::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    let index = SqliteIndex::open(folder.path()).unwrap();
    index.put("p", &Artifact { run: Some(run), ..artifact() }).unwrap();
    let other = Connection::open(folder.path().join("db.sqlite")).unwrap();
    let check = |now, expected| {
        index.touch(&[KEY, Key([0; 32])], now).unwrap();
        for table in ["artifact", "action"] {
            let sql = format!("SELECT last_used FROM {table}");
            let used: i64 = other.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(used, expected, "{table} at {now}");
        }
    };
    check(100_000, 100_000);
    check(50, 100_000);
    // Within the hour nothing is written.
    check(103_599, 100_000);
    check(103_600, 103_600);
    index.put("p", &artifact()).unwrap();
    check(0, 103_600);
}

#[test]
fn a_store_that_is_removed_meanwhile_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let index = SqliteIndex::open(&store).unwrap();
    index.put("p", &artifact()).unwrap();
    fs::remove_dir_all(&store).unwrap();
    index.put("p", &artifact()).unwrap();
    assert_eq!(index.get(KEY).unwrap(), Some(artifact()));
}

#[test]
fn many_may_begin_one_index_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let folder = folder.path();
            scope.spawn(move || {
                let index = SqliteIndex::open(folder).unwrap();
                index.put("p", &Artifact { key: Key([number; 32]), ..artifact() }).unwrap();
                assert!(index.take_warnings().is_empty());
            });
        }
    });
    let keys: Vec<Key> = (0..8).map(|number| Key([number; 32])).collect();
    assert_eq!(SqliteIndex::open(folder.path()).unwrap().have(&keys).unwrap().len(), 8);
}
