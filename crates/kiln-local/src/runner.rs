//! One action, from staging to capture.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiln_action::{Ending, Outcome, Request, RunError, Runner, Usage};
use kiln_cas::{DiskCas, Lease, sweep};
use kiln_sandbox::{Ended, Launcher, Spec, User, spawn};
use kiln_stage::{Trees, remove_folder, write_copy};
use kiln_tree::{Tree, merge};
use rustix::fs::FallocateFlags;

use crate::LocalError;
use crate::harvest::{Harvest, LOG_PART};
use crate::place::Place;

/// How long a cancelled command may go on unnoticed.
const TICK: Duration = Duration::from_millis(50);

/// A disk with less space than this, in bytes, is full.
const FULL: u64 = 1 << 20;

/// How many folders are stacked; each makes the first look at a name slower, and the kernel takes at most 500.
const MAX_LAYERS: usize = 64;

/// How much more than its kept parts a log may take of the disk while the command runs.
const LOG_SLACK: u64 = 64 << 20;

/// Runs actions in sandboxes on this machine, with the blobs of one store.
#[derive(Debug)]
pub struct LocalRunner {
    cas: Arc<DiskCas>,
    trees: Trees,
    launcher: Launcher,
    work: Option<Lease>,
}

impl LocalRunner {
    /// Makes a runner; `run` names its work folder (the id of this run of kiln).
    ///
    /// # Errors
    /// When the work folder cannot be made.
    pub fn new(cas: Arc<DiskCas>, launcher: Launcher, run: &str) -> Result<Self, LocalError> {
        let parent = cas.folder().join("work");
        let failed = |cause| LocalError::Work { path: parent.clone(), cause };
        fs::create_dir_all(&parent).map_err(failed)?;
        // What builds write is nobody else's to see: it may have permission bits that capture drops.
        fs::set_permissions(&parent, Permissions::from_mode(0o700)).map_err(failed)?;
        let work = Some(Lease::take(&parent, run).map_err(failed)?);
        Ok(Self { trees: Trees::new(cas.clone()), cas, launcher, work })
    }

    /// Removes what dead processes left in a store: work folders and temporary files. Returns how many folders.
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
        Ok(n_removed)
    }

    fn run_in(&self, place: &Place, request: &Request) -> Result<Outcome, LocalError> {
        let mut lowers = Vec::new();
        for tree in layers(&request.staging.lowers) {
            lowers.push(self.trees.extract(&tree)?);
        }
        write_copy(&self.cas, &request.staging.upper, &place.upper)?;
        let log_error = |cause| LocalError::Log { path: request.log.clone(), cause };
        let log = File::options().read(true).append(true).create(true).open(&request.log);
        let log = log.map_err(log_error)?;
        log.set_len(0).map_err(log_error)?;
        let hold = self.work.as_ref().map(Lease::lock_file);
        let spec = Spec { hold, ..specification(request, place, lowers) };
        let (ending, usage) = self.execute(&spec, &log, request)?;
        if !matches!(ending, Ending::Exit(0) | Ending::Cancelled) {
            self.check_space()?;
        }
        let harvest = Harvest { cas: &self.cas, trees: &self.trees, place, request };
        Ok(Outcome { usage, ..harvest.outcome(ending, &log)? })
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
    ) -> Result<(Ending, Usage), LocalError> {
        let backstop = Duration::from_secs(request.action.timeout_seconds);
        let start = Instant::now();
        let mut running = spawn(&self.launcher, spec, log)?;
        let mut out_of_time = false;
        loop {
            if let Some(ended) = running.wait(TICK)? {
                let ending = match ended {
                    Ended::Exit(status) => Ending::Exit(status),
                    Ended::Killed if out_of_time => Ending::TimedOut,
                    Ended::Killed => Ending::Cancelled,
                };
                let cost = running.usage();
                let usage = Usage {
                    user_micros: cost.user_micros,
                    system_micros: cost.system_micros,
                    max_rss_kib: cost.max_rss_kib,
                    ..Usage::default()
                };
                return Ok((ending, usage));
            }
            trim_log(log);
            if request.cancel.is_set() {
                running.kill();
            } else if start.elapsed() > backstop {
                out_of_time = true;
                running.kill();
            }
        }
    }
}

impl Runner for LocalRunner {
    fn run(&self, request: &Request) -> Result<Outcome, RunError> {
        if request.cancel.is_set() {
            return Ok(cancelled());
        }
        // The lease is only given up when the runner is dropped.
        let Some(work) = &self.work else {
            return Ok(cancelled());
        };
        let boxed = |error: LocalError| -> RunError { Box::new(error) };
        let place = Place::make(&work.fresh()).map_err(boxed)?;
        let outcome = self.run_in(&place, request);
        let removed = remove_folder(&place.folder);
        let outcome = outcome.map_err(boxed)?;
        removed.map_err(|cause| boxed(LocalError::Work { path: place.folder.clone(), cause }))?;
        Ok(outcome)
    }
}

impl Drop for LocalRunner {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            // What cannot be removed now is swept by a later process.
            drop(work.end(remove_folder));
        }
    }
}

/// Returns the trees to stack, lowest first. The kernel refuses a folder that is there twice, and no folder at all;
/// of equal trees the upper one hides the other.
fn layers(lowers: &[Tree]) -> Vec<Tree> {
    let mut layers: Vec<Tree> = Vec::new();
    for tree in lowers.iter().rev() {
        if !tree.entries().is_empty() && !layers.contains(tree) {
            layers.push(tree.clone());
        }
    }
    if layers.is_empty() {
        layers.push(Tree::empty());
    }
    layers.reverse();
    fold(layers)
}

/// Makes one tree of the layers above the base where there are too many; the base is large and stays as it is.
fn fold(mut layers: Vec<Tree>) -> Vec<Tree> {
    if layers.len() > MAX_LAYERS {
        let n_folded = layers.len() - MAX_LAYERS + 1;
        let folded = merge(&layers[1..=n_folded]).tree;
        layers.splice(1..=n_folded, [folded]);
        if layers[0] == layers[1] || layers[2..].contains(&layers[1]) {
            layers.remove(1);
        }
    }
    layers
}

fn specification(request: &Request, place: &Place, lowers: Vec<std::path::PathBuf>) -> Spec {
    let command = &request.action.command;
    let is_root = command.platform.get("unixUID").is_some_and(|uid| uid == "0");
    // What is part of the action wins over what only changes how it runs.
    let mut env = request.advice.clone();
    env.extend(command.environment.clone());
    Spec {
        lowers,
        upper: place.upper.clone(),
        work: place.work.clone(),
        root: place.root.clone(),
        hold: None,
        argv: command.arguments.clone(),
        env,
        hostname: "buildbox".to_owned(),
        user: if is_root { User::Root } else { User::Builder },
    }
}

/// Gives the middle of a log that became very long back to the disk; its length stays.
fn trim_log(log: &File) {
    let length = log.metadata().map_or(0, |log| log.len());
    let Some(middle) = length.checked_sub(2 * LOG_PART).filter(|middle| *middle > LOG_SLACK) else {
        return;
    };
    // Where a file system cannot do it, the log only takes more space.
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(log, flags, LOG_PART, middle).ok();
}

/// The outcome of a command that was not even started.
fn cancelled() -> Outcome {
    Outcome {
        ending: Ending::Cancelled,
        out: None,
        others: std::collections::BTreeMap::new(),
        build_tree: None,
        phases: Vec::new(),
        log: kiln_digest::Digest::EMPTY,
        usage: Usage::default(),
        warnings: Vec::new(),
    }
}
