//! One action, from staging to capture.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kiln_action::{
    Action, CancelFlag, Claim, Command, Ending, Outcome, Request, RunError, Runner, Spent, Staging,
    Usage,
};
use kiln_cas::{DiskCas, Lease, sweep};
use kiln_digest::Digest;
use kiln_sandbox::{Ended, Launcher, Running, Sample, SandboxError, Server, Spec, User};
use kiln_stage::{Trees, remove_folder, write_copy};

use crate::LocalError;
use crate::claim::{self, claim};
use crate::harvest::{Harvest, trim_log};
use crate::jobs::Jobs;
use crate::ladder::{self, Rung, Standing};
use crate::layers::Folding;
use crate::limits::{self, Limits, memory_kills};
use crate::meta::Following;
use crate::place::{Place, Places};
use crate::usr;

/// How long a cancelled command may go on unnoticed.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// A disk with less space than this, in bytes, is full.
const FULL: u64 = 1 << 20;

/// Takes the name of each phase that starts.
type Started<'a> = &'a (dyn Fn(&str) + Sync);

/// Runs actions in sandboxes on this machine, with the blobs of one store.
#[derive(Debug)]
pub struct LocalRunner {
    cas: Arc<DiskCas>,
    trees: Trees,
    folding: Folding,
    pub(crate) server: Server,
    pub(crate) work: Option<Places>,
    pub(crate) jobs: Jobs,
    /// What somebody asked for; else what the machine can.
    forced: Option<Rung>,
    /// The `/usr` of this machine, for commands that run on it.
    pub(crate) usr: PathBuf,
    standing: Mutex<Option<Rung>>,
}

impl LocalRunner {
    /// Makes a runner; `run` names its work folder (the id of this run of kiln), and in all sandboxes together at most
    /// `jobs` recipes run at a time.
    ///
    /// # Errors
    /// When the work folder cannot be made.
    pub fn new(
        cas: Arc<DiskCas>,
        launcher: Launcher,
        run: &str,
        jobs: usize,
    ) -> Result<Self, LocalError> {
        let parent = cas.folder().join("work");
        let failed = |cause| LocalError::Work { path: parent.clone(), cause };
        fs::create_dir_all(&parent).map_err(failed)?;
        // What builds write is nobody else's to see: it may have permission bits that capture drops.
        fs::set_permissions(&parent, Permissions::from_mode(0o700)).map_err(failed)?;
        let work = Some(Places::new(Lease::take(&parent, run).map_err(failed)?));
        let trees = Trees::new(cas.clone());
        let jobs = Jobs::new(jobs).map_err(jobs_error)?;
        let (folding, standing) = (Folding::default(), Mutex::new(None));
        let server = Server::new(launcher);
        let usr = PathBuf::from("/usr");
        Ok(Self { trees, folding, cas, server, work, jobs, forced: None, usr, standing })
    }

    /// Has all roots staged in one way, whether it is the best here or not.
    ///
    /// # Errors
    /// When the store cannot do it.
    pub fn force(&mut self, rung: Rung) -> Result<(), LocalError> {
        ladder::check(&self.cas, rung)?;
        self.forced = Some(rung);
        Ok(())
    }

    /// Returns how roots are staged.
    pub(crate) fn rung(&self) -> Result<Rung, LocalError> {
        if let Some(rung) = self.forced {
            return Ok(rung);
        }
        let mut known = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rung) = *known {
            return Ok(rung);
        }
        let Standing { rung, .. } = ladder::standing(&self.cas, self.server.launcher())?;
        *known = Some(rung);
        Ok(rung)
    }

    /// Finds out again how roots can be staged: what was kept did not hold. Returns whether that changed anything.
    pub(crate) fn step_down(&self, from: Rung) -> Result<bool, LocalError> {
        if self.forced.is_some() {
            return Ok(false);
        }
        let mut known = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == Some(from) {
            *known = Some(ladder::climb(&self.cas, self.server.launcher())?.rung);
        }
        Ok(*known != Some(from))
    }

    /// Removes what dead processes left in a store: work folders, temporary files and claims. Returns how many folders.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sweep(store: &Path) -> Result<usize, LocalError> {
        let mut n_removed = 0;
        for part in ["work", "tmp"] {
            let path = store.join(part);
            let swept = sweep(&path, &remove_folder);
            n_removed += swept.map_err(|cause| LocalError::Work { path, cause })?;
        }
        claim::sweep(store);
        Ok(n_removed)
    }

    /// Runs an action on a rung, and on another one when this one turns out to be rotten.
    fn run_on(
        &self,
        work: &Places,
        request: &Request,
        started: Started<'_>,
    ) -> Result<Outcome, LocalError> {
        let rung = self.rung()?;
        let place = work.take(rung)?;
        let outcome = self.run_in(&place, request, started);
        match &outcome {
            Ok(_) => work.give_back(place),
            // The disk may be full; whoever comes next needs the space at once.
            Err(_) => drop(remove_folder(&place.folder)),
        }
        let refused = matches!(&outcome, Err(LocalError::Sandbox(SandboxError::NoOverlay { .. })));
        if refused && self.step_down(rung)? { self.run_on(work, request, started) } else { outcome }
    }

    fn run_in(
        &self,
        place: &Place,
        request: &Request,
        started: Started<'_>,
    ) -> Result<Outcome, LocalError> {
        let advice = request.advice.clone();
        let start = Instant::now();
        let spec = self.stage(place, &request.action, &request.staging, advice)?;
        let log_error = |cause| LocalError::Log { path: request.log.clone(), cause };
        let log = File::options().read(true).append(true).create(true).open(&request.log);
        let log = log.map_err(log_error)?;
        log.set_len(0).map_err(log_error)?;
        let staged = Instant::now();
        let Executed { ending, usage, samples, running } =
            self.execute(&spec, &log, request, started)?;
        let ended = Instant::now();
        let room = match ending {
            Ending::Exit(0) | Ending::Cancelled => Ok(()),
            _ => self.check_space(),
        };
        let harvest =
            Harvest { cas: &self.cas, trees: &self.trees, place, request, samples: &samples };
        let outcome = room.and_then(|()| harvest.outcome(ending, &log));
        if let (Err(_), Some(mut running)) = (&outcome, running) {
            // What is removed then, frees its space at once.
            running.settle();
        }
        let outcome = outcome?;
        let micros = |from: Instant, to: Instant| {
            u64::try_from(to.duration_since(from).as_micros()).unwrap_or(u64::MAX)
        };
        let spent = Spent {
            stage_micros: micros(start, staged),
            run_micros: micros(staged, ended),
            capture_micros: micros(ended, Instant::now()),
        };
        Ok(Outcome { usage, spent, ..outcome })
    }

    /// Fills a place with an input root, and returns the sandbox of an action there.
    pub(crate) fn stage(
        &self,
        place: &Place,
        action: &Action,
        staging: &Staging,
        mut advice: BTreeMap<String, String>,
    ) -> Result<Spec, LocalError> {
        advice.insert("MAKEFLAGS".to_owned(), self.jobs.make_flags());
        let (mut layers, mut lowers) = (Vec::new(), Vec::new());
        if place.is_whole() {
            write_copy(&self.cas, &action.input_root, &place.upper)?;
        } else {
            layers = self.folding.layers(&staging.lowers);
            for tree in &layers {
                lowers.push(self.trees.extract(tree)?);
            }
            write_copy(&self.cas, &staging.upper, &place.upper)?;
        }
        let usr = match action.command.host() {
            Some(_) => {
                Some(usr::of_machine(&self.usr, &action.input_root, place, &layers, &lowers)?)
            }
            None => None,
        };
        let hold = self.work.as_ref().map(Places::lock_file);
        Ok(Spec { hold, usr, ..specification(&action.command, advice, place, lowers) })
    }

    /// Tells a command that failed on a full disk from one that failed by itself: that would be remembered.
    fn check_space(&self) -> Result<(), LocalError> {
        let path = self.cas.folder();
        let free =
            rustix::fs::statvfs(path).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        match free {
            Ok(free) if free < FULL => Err(LocalError::Full { path: path.to_path_buf(), free }),
            _ => Ok(()),
        }
    }

    /// Starts the command and waits for its end.
    fn execute(
        &self,
        spec: &Spec,
        log: &File,
        request: &Request,
        started: Started<'_>,
    ) -> Result<Executed, LocalError> {
        let Some(_token) = self.jobs.take(&request.cancel).map_err(jobs_error)? else {
            return Ok(Executed::default());
        };
        let [reader, writer] = self.jobs.ends().map_err(jobs_error)?;
        let kills = memory_kills();
        let mut limits = Limits::new(request, Instant::now());
        let mut running = self.server.spawn(spec, log, &[reader.as_fd(), writer.as_fd()])?;
        let mut exceeded = None;
        let mut following = Following { upper: &spec.upper, started, n_seen: 0 };
        loop {
            if let Some(ended) = running.wait(TICK)? {
                let ending = match ended {
                    Ended::Exit(status) => limits::ending(status, kills, memory_kills()),
                    Ended::Killed => exceeded.unwrap_or(Ending::Cancelled),
                };
                let samples = running.samples().to_vec();
                let usage = cost(running.usage());
                return Ok(Executed { ending, usage, samples, running: Some(running) });
            }
            trim_log(log);
            following.look();
            if request.cancel.is_set() {
                running.kill();
            } else if exceeded.is_none() {
                let length = log.metadata().map_or(0, |log| log.len());
                exceeded = limits.exceeded(Instant::now(), length);
                if exceeded.is_some() {
                    running.kill();
                }
            }
        }
    }
}

impl Runner for LocalRunner {
    fn run(&self, request: &Request) -> Result<Outcome, RunError> {
        self.run_told(request, &|_name| {})
    }

    fn run_told(&self, request: &Request, started: Started<'_>) -> Result<Outcome, RunError> {
        if request.cancel.is_set() {
            return Ok(cancelled());
        }
        // The lease is only given up when the runner is dropped.
        let Some(work) = &self.work else {
            return Ok(cancelled());
        };
        self.run_on(work, request, started).map_err(|error| -> RunError { Box::new(error) })
    }

    fn claim(
        &self,
        action: Digest,
        cancel: &CancelFlag,
        waits: &dyn Fn(Option<u32>),
    ) -> Option<Claim> {
        claim(self.cas.folder(), action, cancel, waits)
    }
}

impl Drop for LocalRunner {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            // The last mounts in the folder go with it.
            self.server.end();
            work.end();
        }
    }
}

/// How a command ended, and what it cost.
struct Executed {
    ending: Ending,
    usage: Usage,
    samples: Vec<Sample>,
    running: Option<Running>,
}

impl Default for Executed {
    /// One that was not even started.
    fn default() -> Self {
        Self {
            ending: Ending::Cancelled,
            usage: Usage::default(),
            samples: Vec::new(),
            running: None,
        }
    }
}

pub(crate) fn cost(usage: kiln_sandbox::Usage) -> Usage {
    let kiln_sandbox::Usage { user_micros, system_micros, max_rss_kib, read_bytes, written_bytes } =
        usage;
    Usage { user_micros, system_micros, max_rss_kib, read_bytes, written_bytes }
}

pub(crate) fn jobs_error(cause: std::io::Error) -> LocalError {
    SandboxError::Lost { step: "sharing job tokens".to_owned(), cause }.into()
}

fn specification(
    command: &Command,
    advice: BTreeMap<String, String>,
    place: &Place,
    lowers: Vec<PathBuf>,
) -> Spec {
    let is_root = command.platform.get("unixUID").is_some_and(|uid| uid == "0");
    // What is part of the action wins over what only changes how it runs.
    let mut env = advice;
    env.extend(command.environment.clone());
    Spec {
        stack: place.rung.stack(),
        lowers,
        upper: place.upper.clone(),
        work: place.work.clone(),
        root: place.root.clone(),
        hold: None,
        usr: None,
        argv: command.arguments.clone(),
        folder: "/".to_owned(),
        sampled: Some("meta/phases".to_owned()),
        env,
        hostname: "buildbox".to_owned(),
        user: if is_root { User::Root } else { User::Builder },
    }
}

/// The outcome of a command that was not even started.
fn cancelled() -> Outcome {
    Outcome {
        ending: Ending::Cancelled,
        out: None,
        others: BTreeMap::new(),
        build_tree: None,
        phases: Vec::new(),
        log: Digest::EMPTY,
        usage: Usage::default(),
        spent: Spent::default(),
        warnings: Vec::new(),
    }
}
