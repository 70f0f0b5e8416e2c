//! `kiln source verify`: everything fetched once more, apart from the cache, and compared with the lock.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_action::CancelFlag;
use kiln_cas::{CasError, DiskCas};
use kiln_event::{Event, Sink};
use kiln_exec::{ForeignError, Supply as _};
use kiln_ir::Pins;
use kiln_source::{Fetcher, NotThere, Wanted};

use crate::fetch::{pin, wanted_of};
use crate::fetching::PREPARED_VARIABLE;
use crate::loaded::{Loaded, target_names};
use crate::moved::{check_tag, other_content};
use crate::needs::{Need, check_locked, needs, side_by_side, stopped};
use crate::run::Run;
use crate::store::Store;
use crate::supply::{Places, Supplier};
use crate::track::ended;
use crate::{DriverError, Problem, Session};

/// What came of comparing one source or package with the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Same,
    /// What is fetched now is something else.
    Changed,
    /// It is nowhere any more.
    Gone,
    /// It could not be fetched now.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        })
    }
}

/// A source, or a package of a base, that was compared.
pub struct Verified {
    pub what: String,
    pub verdict: Verdict,
    /// Why it is not the same.
    pub error: Option<Problem>,
}

/// One thing to compare.
enum Task<'a> {
    Source(Need<'a>),
    Package(Wanted),
}

/// Fetches everything that some elements need, or the whole project, from where it comes from and compares it with the
/// lock. Neither the lock nor anything in the cache changes.
///
/// # Errors
/// When the project has mistakes, something is not in the lock, there is no room, or somebody asked to stop. What cannot
/// be fetched is a verdict.
pub fn verify(
    session: &Session,
    targets: &[String],
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Vec<Verified>, Problem> {
    if session.choices.offline {
        return Err(DriverError::NeedsNetwork.into());
    }
    let loaded = Loaded::load(session, targets)?;
    let names = target_names(&loaded, targets)?;
    check_locked(&loaded, &names)?;
    let store = Store::open(session)?;
    let run = Run::start(session, shown)?;
    let scratch = Scratch::new(&store)?;
    let downloads = scratch.0.join("downloads");
    // What was prepared on this machine is not what is upstream.
    let environment = session.environment.without(PREPARED_VARIABLE);
    let elsewhere = Session { environment, ..session.clone() };
    let fetcher = crate::fetching::fetcher(&elsewhere, &downloads, &loaded.ir);
    let fetcher = fetcher.map_err(Problem::World)?;
    let quiet = Quiet(&run);
    let verify = Verify {
        session,
        loaded: &loaded,
        scratch: &scratch.0,
        here: &store.cas,
        fetcher: Arc::new(fetcher),
        sink: &quiet,
    };
    let verified = verify.all(&names, cancel);
    run.emit(ended(verified.is_ok(), run.micros()));
    verified
}

struct Verify<'a> {
    session: &'a Session,
    loaded: &'a Loaded,
    scratch: &'a Path,
    /// The store of the cache, with what the sources were.
    here: &'a DiskCas,
    fetcher: Arc<Fetcher>,
    sink: &'a dyn Sink,
}

impl Verify<'_> {
    fn all(
        &self,
        names: &[kiln_ir::ElementName],
        cancel: &CancelFlag,
    ) -> Result<Vec<Verified>, Problem> {
        let cancelled = cancel.clone();
        self.fetcher.stop_when(move || cancelled.is_set());
        let pins = Pins::default();
        let mut tasks = Vec::new();
        for need in needs(self.loaded, names) {
            match need {
                Need::Source(_) => tasks.push(Task::Source(need)),
                Need::Base(_) => {
                    let places = self.places(0)?;
                    let supplier =
                        Supplier::apart(self.session, self.loaded, &pins, places, self.sink);
                    let packages = wanted_of(self.loaded, &supplier, need);
                    let packages = packages.map_err(Problem::World)?;
                    tasks.extend(packages.into_iter().map(Task::Package));
                }
            }
        }
        let numbered: Vec<(usize, Task<'_>)> = tasks.into_iter().enumerate().collect();
        let results =
            side_by_side(self.session, cancel, &numbered, |(ix, task)| self.one(*ix + 1, task));
        let mut verified = Vec::new();
        for (result, (_, task)) in results.into_iter().zip(&numbered) {
            let what = match task {
                Task::Source(Need::Source(source)) => source.to_string(),
                Task::Source(Need::Base(base)) => base.to_string(),
                Task::Package(wanted) => wanted.url.clone(),
            };
            match result {
                None => return Err(stopped()),
                Some(Ok(())) => {
                    verified.push(Verified { what, verdict: Verdict::Same, error: None });
                }
                Some(Err(error)) => {
                    let verdict = verdict(&error).ok_or(());
                    let error = Problem::World(error);
                    let Ok(verdict) = verdict else { return Err(error) };
                    verified.push(Verified { what, verdict, error: Some(error) });
                }
            }
        }
        Ok(verified)
    }

    fn one(&self, ix: usize, task: &Task<'_>) -> Result<(), ForeignError> {
        match task {
            Task::Package(wanted) => {
                self.fetcher.fetch(wanted, self.sink)?;
                Ok(())
            }
            Task::Source(Need::Source(source)) => {
                let places = self.places(ix)?;
                let pins = Pins::default();
                let supplier = Supplier::apart(self.session, self.loaded, &pins, places, self.sink)
                    .with(&self.fetcher);
                let locked = pin(self.loaded, source)?;
                let compared = match supplier.source(source) {
                    Ok(_) => check_tag(source, &locked, &supplier, self.here),
                    Err(error) if verdict(&error) == Some(Verdict::Changed) => {
                        let moved = other_content(source, &locked, &supplier, self.here);
                        Err(moved.map_or(error, ForeignError::from))
                    }
                    Err(error) => Err(error),
                };
                // What was unpacked is of no use any more.
                drop(std::fs::remove_dir_all(self.scratch.join(ix.to_string())));
                compared
            }
            Task::Source(Need::Base(_)) => Ok(()),
        }
    }

    /// Makes places of which nothing is in the cache.
    fn places(&self, ix: usize) -> Result<Places, CasError> {
        let folder = self.scratch.join(ix.to_string());
        let cas = Arc::new(DiskCas::open(&folder.join("store"))?);
        Ok(Places { cas, downloads: self.scratch.join("downloads"), git: folder.join("git") })
    }
}

/// A run that is not told of failures: they are verdicts.
struct Quiet<'a>(&'a Run<'a>);

impl Sink for Quiet<'_> {
    fn emit(&self, event: Event) {
        if !matches!(event, Event::FetchFailed { .. }) {
            self.0.emit(event);
        }
    }
}

/// Returns what a failure says of a source; nothing when it is one of this machine.
fn verdict(error: &ForeignError) -> Option<Verdict> {
    let code = error.code().map(|code| code.to_string()).unwrap_or_default();
    match code.as_str() {
        machine if machine.starts_with("K5") => None,
        // Another content, another tree.
        "K2005" | "K2057" | "K2058" | "K2059" | "K2094" | "K2231" | "K2405" => {
            Some(Verdict::Changed)
        }
        // A commit or a tag that its repository does not have any more.
        "K2402" | "K2406" => Some(Verdict::Gone),
        "K2004" => {
            Some(if NotThere::is_behind(&**error) { Verdict::Gone } else { Verdict::Unknown })
        }
        _ => Some(Verdict::Unknown),
    }
}

/// A folder of the cache that is gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(store: &Store) -> Result<Self, Problem> {
        let path = store.cas.fresh();
        let made = std::fs::create_dir_all(&path);
        made.map_err(|cause| DriverError::Folder { path: path.clone(), cause })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A later process sweeps what stays.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
