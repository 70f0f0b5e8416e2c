//! `kiln log`: what the last run of an element printed.

use kiln_artifact::{Index as _, Record};
use kiln_cas::Cas as _;
use kiln_event::Event;

use crate::loaded::Loaded;
use crate::records::{Records, Trace, check_name};
use crate::store::Store;
use crate::{DriverError, Problem, Session};

/// What an element printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub bytes: Vec<u8>,
    /// Whether that is all there will be.
    pub state: LogState,
}

/// How far a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// The command came to its end.
    Whole,
    /// A build is going on and may add to it.
    Growing,
    /// The run was stopped or killed in the middle.
    Cut,
}

/// Returns the log of the last run of an element: built, failed, running or stopped.
///
/// # Errors
/// When nothing of this name ever ran here, or the log is gone from the store.
pub fn log(session: &Session, element: &str) -> Result<Log, Problem> {
    if let Some(log) = unfinished(session, element)? {
        return Ok(log);
    }
    let identity = Loaded::identity(&Loaded::root(session)?);
    let store = Store::open(session)?;
    let name = || element.to_owned();
    let record = store.index.latest(&identity, element)?;
    let Some(record) = record else {
        check_name(session, element)?;
        return Err(DriverError::NoLog { element: name() }.into());
    };
    let run = match &record {
        Record::Built(artifact) => artifact.run.as_ref(),
        Record::Failed(failure) => Some(&failure.run),
    };
    let run = run.ok_or_else(|| DriverError::NothingRuns { element: name() })?;
    Ok(Log { bytes: store.cas.read(run.log)?, state: LogState::Whole })
}

/// Returns the log of the last run that touched the element, if its command has not come to its end.
fn unfinished(session: &Session, element: &str) -> Result<Option<Log>, Problem> {
    let records = Records::of(session)?;
    let Some(Trace { log: Some(path), events, runs }) = records.traces(element).next() else {
        return Ok(None);
    };
    if !matches!(events.last(), Some(Event::SandboxLaunched { .. })) {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(|cause| DriverError::Folder { path, cause })?;
    let state = if runs { LogState::Growing } else { LogState::Cut };
    Ok(Some(Log { bytes, state }))
}
