//! The record of a run: its folder, its events, its clock.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use kiln_event::{Event, Record, Sink};
use kiln_source::without_password;
use rustix::fs::FlockOperation;

use crate::loaded::Loaded;
use crate::{DriverError, Problem, Session};

/// Version of the form of `events.jsonl`.
const EVENTS_VERSION: u32 = 1;
/// File of a record that names the project.
pub(crate) const PROJECT: &str = "project";
/// Records of runs that are kept; what a build printed is in the store as well.
const KEPT_RUNS: usize = 200;

/// One run: `$XDG_STATE_HOME/kiln/runs/ID/` with `events.jsonl` and a log an element.
pub(crate) struct Run<'a> {
    pub(crate) id: String,
    pub(crate) folder: PathBuf,
    started: Instant,
    events: Mutex<File>,
    /// Shows the events to somebody.
    shown: &'a dyn Sink,
}

impl<'a> Run<'a> {
    pub(crate) fn start(session: &Session, shown: &'a dyn Sink) -> Result<Self, Problem> {
        let Session { environment, choices, .. } = session;
        let runs = environment.state()?.join("runs");
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |cause| DriverError::Folder { path, cause }
        };
        std::fs::create_dir_all(&runs).map_err(unusable(&runs))?;
        let (id, folder) =
            new_folder(&runs, environment.now, environment.pid).map_err(unusable(&runs))?;
        forget_old(&runs);
        if let Ok(root) = Loaded::root(session) {
            let path = folder.join(PROJECT);
            std::fs::write(&path, Loaded::identity(&root)).map_err(unusable(&path))?;
        }
        let path = folder.join("events.jsonl");
        let events = File::create(&path).map_err(unusable(&path))?;
        // Who reads the record can tell a run that goes on from one that was killed. Where locks are not to be had, both
        // look the same.
        let _locked = rustix::fs::flock(&events, FlockOperation::NonBlockingLockExclusive);
        let events = Mutex::new(events);
        let run = Self { id: id.clone(), folder, started: environment.started, events, shown };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        // A mirror may be given with a password.
        let command = choices.command.iter().map(|word| without_password(word)).collect();
        run.emit(Event::RunStarted { run: id, version, command });
        Ok(run)
    }

    /// Returns microseconds since the process started.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Removes the oldest records beyond those that are kept; a record that is in use or foreign is left.
fn forget_old(runs: &Path) {
    let Ok(entries) = std::fs::read_dir(runs) else {
        return;
    };
    let started = |name: &str| name.split('-').next()?.parse::<u64>().ok();
    let mut records: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((started(entry.file_name().to_str()?)?, entry.path()))
        })
        .collect();
    records.sort();
    let n_old = records.len().saturating_sub(KEPT_RUNS);
    for (_, folder) in &records[..n_old] {
        // Another kiln may be removing it, too.
        let _gone = std::fs::remove_dir_all(folder);
    }
}

/// Makes a folder of a name that sorts by time and that no other run has.
fn new_folder(runs: &Path, now: u64, pid: u32) -> std::io::Result<(String, PathBuf)> {
    let mut attempt = 0;
    loop {
        let id = format!("{now}-{pid}-{attempt}");
        let folder = runs.join(&id);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok((id, folder)),
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => attempt += 1,
            Err(cause) => return Err(cause),
        }
    }
}

impl Sink for Run<'_> {
    fn emit(&self, event: Event) {
        let record = Record { v: EVENTS_VERSION, micros: self.micros(), event };
        let line = record.to_line() + "\n";
        // A full disk must not end a build for the sake of its record: whatever needs room itself will say so.
        let _written =
            self.events.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        self.shown.emit(record.event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_records_go_and_foreign_folders_stay() {
        let runs = tempfile::tempdir().unwrap();
        for started in 0..=KEPT_RUNS {
            std::fs::create_dir(runs.path().join(format!("{started}-1-0"))).unwrap();
        }
        std::fs::create_dir(runs.path().join("mine")).unwrap();
        forget_old(runs.path());
        assert!(!runs.path().join("0-1-0").exists());
        assert!(runs.path().join("1-1-0").exists());
        assert!(runs.path().join("mine").exists());
    }
}
