//! Prints what the action-cache part of a null build costs, as one line of JSON: CPU nanoseconds a node (medians).
//!
//! `lookups NODES`: all nodes are in the index. The floor is the bare query of `SQLite`, without any of our code.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement reads its own counters and prints them"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use kiln_artifact::{Artifact, Index as _, Run, SqliteIndex, Usage};
use kiln_digest::{Digest, Key};
use rusqlite::{Connection, OpenFlags};

/// Times that each way is taken, one after the other.
const ROUNDS: usize = 15;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let n_nodes: u32 = std::env::args().nth(1).unwrap_or_else(|| "10000".to_owned()).parse()?;
    let folder = std::env::temp_dir().join(format!("kiln-lookups-{}", std::process::id()));
    let measured = measure(&folder, n_nodes);
    std::fs::remove_dir_all(&folder)?;
    let (ours, floor) = measured?;
    let (ours, floor) = (ours / u64::from(n_nodes), floor / u64::from(n_nodes));
    println!(r#"{{ "nodes": {n_nodes}, "nanos-a-node": {ours}, "floor-nanos-a-node": {floor} }}"#);
    Ok(())
}

fn measure(folder: &Path, n_nodes: u32) -> Result<(u64, u64), Failed> {
    std::fs::create_dir_all(folder)?;
    // A plan has its keys in no order.
    let keys: Vec<Key> = (0..n_nodes).map(|ix| Key(Digest::of(&ix.to_be_bytes()).hash)).collect();
    fill(&SqliteIndex::open(folder)?, &keys)?;
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Each round begins as a process does: nothing is in its memory yet.
        let index = SqliteIndex::open(folder)?;
        let began = nanos()?;
        assert_eq!(black_box(index.have(&keys)?).len(), keys.len());
        ours.push(nanos()? - began);

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut bare = Connection::open_with_flags(folder.join("db.sqlite"), flags)?;
        bare.query_row("SELECT count(*) FROM sqlite_schema", [], |_row| Ok(()))?;
        let began = nanos()?;
        black_box(query(&mut bare, &sorted)?);
        floor.push(nanos()? - began);
    }
    ours.sort_unstable();
    floor.sort_unstable();
    Ok((ours[ROUNDS / 2], floor[ROUNDS / 2]))
}

/// Reads all keys with one statement in one transaction, and nothing else.
fn query(bare: &mut Connection, keys: &[Key]) -> Result<u64, rusqlite::Error> {
    let transaction = bare.transaction()?;
    let mut select = transaction.prepare("SELECT out FROM artifact WHERE key = ?1")?;
    let mut n_bytes = 0;
    for key in keys {
        let mut rows = select.query([&key.0[..]])?;
        if let Some(row) = rows.next()? {
            n_bytes += row.get_ref(0)?.as_blob()?.len() as u64;
        }
    }
    Ok(n_bytes)
}

fn fill(index: &SqliteIndex, keys: &[Key]) -> Result<(), Failed> {
    for (ix, key) in keys.iter().enumerate() {
        let run = Run {
            action: Digest::of(&key.0),
            input_root: Digest::EMPTY,
            exit: 0,
            out: Some(Digest::EMPTY),
            others: BTreeMap::new(),
            build_tree: None,
            log: Digest::EMPTY,
            phases: Vec::new(),
            usage: Usage::default(),
            warnings: Vec::new(),
            host: BTreeMap::new(),
        };
        let element = format!("element-{ix}");
        let artifact = Artifact {
            key: *key,
            element,
            out: Digest::EMPTY,
            run: Some(run),
            overlaps: Vec::new(),
            impure: false,
        };
        index.put("/projects/lookups", &artifact)?;
    }
    Ok(())
}

/// CPU time of this process.
fn nanos() -> Result<u64, Failed> {
    // The kernel brings the counter up to date when the process waits.
    std::thread::park_timeout(Duration::from_micros(1));
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("an empty counter")?.parse()?)
}
