//! The records of earlier runs of a project, newest first.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kiln_event::{Event, Record};
use rustix::fs::FlockOperation;

use crate::loaded::{Loaded, Planned};
use crate::run::PROJECT;
use crate::{Problem, Session};

/// The folders of all runs of one project, newest first.
pub(crate) struct Records {
    folders: Vec<PathBuf>,
}

/// What a run did to one element.
pub(crate) struct Trace {
    /// The log that the run wrote for the element, if there is one.
    pub(crate) log: Option<PathBuf>,
    /// The events of the element, in order.
    pub(crate) events: Vec<Event>,
    /// Whether the run goes on.
    pub(crate) runs: bool,
}

impl Records {
    /// Finds the records; a state folder that cannot be read has none.
    pub(crate) fn of(session: &Session) -> Result<Self, Problem> {
        let identity = Loaded::identity(&Loaded::root(session)?);
        let runs = session.environment.state()?.join("runs");
        let mut folders: Vec<(Vec<u64>, PathBuf)> = std::fs::read_dir(runs)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let numbers = entry.file_name().to_str()?.split('-').map(str::parse).collect();
                let numbers: Result<Vec<u64>, _> = numbers;
                Some((numbers.ok()?, entry.path()))
            })
            .collect();
        folders.sort();
        let of_project = |(_, folder): (_, PathBuf)| {
            let project = std::fs::read_to_string(folder.join(PROJECT)).ok()?;
            (project == identity).then_some(folder)
        };
        Ok(Self { folders: folders.into_iter().rev().filter_map(of_project).collect() })
    }

    /// Returns what each run did to an element, newest first; runs that did nothing to it are left out.
    pub(crate) fn traces<'a>(&'a self, element: &'a str) -> impl Iterator<Item = Trace> + 'a {
        self.folders.iter().filter_map(move |folder| trace(folder, element))
    }
}

/// What is said of a name that is none.
const UNKNOWN: [&str; 3] = ["K0111", "K3002", "K8006"];

/// Refuses a name that no element has, where nothing is recorded of it; a project with other mistakes is no matter.
pub(crate) fn check_name(session: &Session, element: &str) -> Result<(), Problem> {
    match Planned::load(session, &[element.to_owned()]) {
        Err(problem) if problem.code().is_some_and(|code| UNKNOWN.contains(&code.as_str())) => {
            Err(problem)
        }
        _ => Ok(()),
    }
}

fn trace(folder: &Path, element: &str) -> Option<Trace> {
    let mut file = File::open(folder.join("events.jsonl")).ok()?;
    // Whoever writes it holds it.
    let held = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let mut events = Vec::new();
    // A record is long and most of it is of other elements: what cannot be of this one is not parsed.
    let plain = !element.contains(['"', '\\']);
    for line in text.lines() {
        if plain && !line.contains(element) {
            continue;
        }
        // The last line of a killed run is torn, those of a later kiln may be unknown.
        let Ok(record) = Record::from_line(line) else { continue };
        if name_of(&record.event).is_some_and(|name| name == element) {
            events.push(record.event);
        }
    }
    let log = log_of(folder, element);
    (!events.is_empty()).then_some(Trace { log, events, runs: held.is_err() })
}

fn log_of(folder: &Path, element: &str) -> Option<PathBuf> {
    let name = kiln_ir::ElementName::parse(element).ok()?;
    let log = folder.join(format!("{}.log", name.file_name()));
    log.is_file().then_some(log)
}

fn name_of(event: &Event) -> Option<&str> {
    match event {
        Event::SandboxLaunched { element, .. }
        | Event::ElementCutOff { element, .. }
        | Event::ElementBuilt { element, .. }
        | Event::ElementFailed { element, .. } => Some(element.as_str()),
        _ => None,
    }
}
