//! What is kept of what a command left.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use kiln_action::{Ending, Outcome, Request, Spent, Usage};
use kiln_cas::{Cas, DiskCas};
use kiln_digest::Digest;
use kiln_sandbox::{Sample, SandboxError};
use kiln_stage::{
    Captured, StageError, Taking, Times, Trees, capture, capture_changes, capture_staged,
};
use kiln_tree::{RelPath, Tree};
use rustix::fs::FallocateFlags;

use crate::LocalError;
use crate::meta::{Meta, killed};
use crate::place::Place;
use crate::stray::{elsewhere, strays};

/// A log that is longer keeps this much of its start and of its end.
pub(crate) const LOG_PART: u64 = 8 << 20;

/// How much more than its kept parts a log may take of the disk while the command runs.
const LOG_SLACK: u64 = 64 << 20;

pub(crate) struct Harvest<'a> {
    pub(crate) cas: &'a DiskCas,
    pub(crate) trees: &'a Trees,
    pub(crate) place: &'a Place,
    pub(crate) request: &'a Request,
    pub(crate) samples: &'a [Sample],
}

impl Harvest<'_> {
    /// Captures what belongs to an ending.
    pub(crate) fn outcome(&self, ending: Ending, log: &File) -> Result<Outcome, LocalError> {
        let meta = Meta::read(&self.place.upper, self.samples);
        if let Ending::Exit(status) = ending
            && let Some(signal) = killed(status, &meta)
        {
            return Err(SandboxError::Killed { signal }.into());
        }
        let mut outcome = Outcome {
            ending: if meta.limit && ending != Ending::Cancelled {
                Ending::TimedOut
            } else {
                ending
            },
            out: None,
            others: BTreeMap::new(),
            build_tree: None,
            phases: meta.phases,
            log: Digest::EMPTY,
            usage: Usage::default(),
            spent: Spent::default(),
            warnings: Vec::new(),
        };
        if outcome.ending != Ending::Cancelled {
            // Before `/out`: a file with a name in both gets its time from the first capture.
            self.build_tree(&mut outcome)?;
        }
        if outcome.ending == Ending::Exit(0) {
            self.out(&mut outcome, log)?;
            self.others(&mut outcome)?;
        }
        outcome.log = self.log(log)?;
        Ok(outcome)
    }

    fn is_wanted(&self, path: &str) -> bool {
        self.request.action.command.output_paths.iter().any(|wanted| wanted.as_str() == path)
    }

    fn build_tree(&self, outcome: &mut Outcome) -> Result<(), LocalError> {
        let folder = self.place.upper.join("build");
        if !self.is_wanted("build") {
            return Ok(());
        }
        match capture(self.cas, &folder, Times::Keep, Taking::Move) {
            Ok(captured) => outcome.build_tree = Some(kept(captured, "build", outcome)),
            // Moved away by the command when it succeeded, or not what a tree can hold: the failure of the command
            // itself is what counts.
            Err(StageError::Missing { .. } | StageError::NoFolder { .. }) => {}
            Err(
                error @ (StageError::Name { .. }
                | StageError::Link { .. }
                | StageError::Deep { .. }),
            ) => outcome.warnings.push(format!("the build tree is not kept: {error}")),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn out(&self, outcome: &mut Outcome, mut log: &File) -> Result<(), LocalError> {
        if !self.is_wanted("out") {
            return Ok(());
        }
        match capture_staged(self.cas, self.trees, &self.place.upper.join("out")) {
            Ok(captured) => {
                let tree = kept(captured, "out", outcome);
                outcome.warnings.extend(strays(self.cas, &tree));
                // A root that is a copy as a whole does not tell what was written.
                if !self.place.is_whole() {
                    outcome.warnings.extend(elsewhere(&self.place.upper, &tree));
                }
                outcome.out = Some(tree);
            }
            Err(error @ (StageError::Missing { .. } | StageError::NoFolder { .. })) => {
                let found = match error {
                    StageError::NoFolder { found, .. } => format!("is a {found}"),
                    _ => "is missing".to_owned(),
                };
                let complaint =
                    format!("`/out` {found}; it must be a folder when the command ends");
                let written = writeln!(log, "kiln: {complaint}");
                written.map_err(|cause| self.log_error(cause))?;
                outcome.warnings.push(complaint);
                outcome.ending = Ending::Exit(1);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Captures the other output paths: folders of the input root with what the command changed in them.
    fn others(&self, outcome: &mut Outcome) -> Result<(), LocalError> {
        let wanted = &self.request.action.command.output_paths;
        let special = |path: &&RelPath| !matches!(path.as_str(), "out" | "build" | "meta");
        for path in wanted.iter().filter(special) {
            let below = self.request.action.input_root.subtree(path);
            if let Some(tree) = self.other(path, below, outcome)? {
                self.cas.write_tree(&tree)?;
                outcome.others.insert(path.to_string(), tree);
            }
        }
        Ok(())
    }

    fn other(
        &self,
        path: &RelPath,
        below: Option<Tree>,
        outcome: &mut Outcome,
    ) -> Result<Option<Tree>, LocalError> {
        let folder = self.place.upper.join(path.as_str());
        if self.place.is_whole() {
            return match capture(self.cas, &folder, Times::Strip, Taking::Move) {
                Ok(captured) => Ok(Some(kept(captured, path.as_str(), outcome))),
                Err(StageError::Missing { .. } | StageError::NoFolder { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            };
        }
        match capture_changes(self.cas, &folder) {
            Ok(changes) => {
                let tree = changes.apply(&below.unwrap_or_else(Tree::empty));
                let captured = Captured { tree, warnings: changes.warnings };
                Ok(Some(kept(captured, path.as_str(), outcome)))
            }
            Err(StageError::Missing { .. }) => Ok(below),
            // Removed, or replaced by something that is no tree.
            Err(StageError::NoFolder { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn log(&self, mut log: &File) -> Result<Digest, LocalError> {
        let failed = |cause| self.log_error(cause);
        let length = log.metadata().map_err(failed)?.len();
        log.seek(SeekFrom::Start(0)).map_err(failed)?;
        if length <= 2 * LOG_PART {
            return Ok(self.cas.write_stream(&mut log.take(length), false)?);
        }
        let dropped = length - 2 * LOG_PART;
        let mark = format!("\nkiln: {dropped} bytes in the middle of this log were dropped\n");
        let mut tail = log.try_clone().map_err(failed)?;
        let start = log.take(LOG_PART).chain(mark.as_bytes());
        // Both descriptors share one position, so the tail is sought when the start was read.
        let end = Late { file: &mut tail, position: length - LOG_PART, is_there: false };
        let kept = self.cas.write_stream(&mut start.chain(end.take(LOG_PART)), false)?;
        // The file of the run says the same as the blob.
        let text = self.cas.read(kept)?;
        log.set_len(0).and_then(|()| log.write_all(&text)).map_err(failed)?;
        Ok(kept)
    }

    fn log_error(&self, cause: io::Error) -> LocalError {
        LocalError::Log { path: PathBuf::from(&self.request.log), cause }
    }
}

/// Gives the middle of a log that became very long back to the disk; its length stays.
pub(crate) fn trim_log(log: &File) {
    let length = log.metadata().map_or(0, |log| log.len());
    let Some(middle) = length.checked_sub(2 * LOG_PART).filter(|middle| *middle > LOG_SLACK) else {
        return;
    };
    // Where a file system cannot do it, the log only takes more space.
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(log, flags, LOG_PART, middle).ok();
}

/// Reads a file from a position that it goes to at its first use.
struct Late<'a> {
    file: &'a mut File,
    position: u64,
    is_there: bool,
}

impl Read for Late<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_there {
            self.file.seek(SeekFrom::Start(self.position))?;
            self.is_there = true;
        }
        self.file.read(buffer)
    }
}

/// Returns the tree and notes what was dropped, by its path in the sandbox.
fn kept(captured: Captured, folder: &str, outcome: &mut Outcome) -> Tree {
    let warnings = captured.warnings.into_iter();
    outcome.warnings.extend(warnings.map(|warning| format!("`/{folder}`: {warning}")));
    captured.tree
}
