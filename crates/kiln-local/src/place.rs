//! The folders of one command.
//!
//! They are made anew for each, and removed behind its back: a disk that is told about every block that comes free
//! (`discard` of ext4) makes one wait some milliseconds for each folder, and a launch has a dozen of them.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use kiln_cas::Lease;
use kiln_sandbox::Stack;
use kiln_stage::remove_folder;

use crate::LocalError;
use crate::ladder::Rung;

/// How many finished folders may wait for their removal; more would fill the disk.
const MAX_WAITING: usize = 64;

/// A work folder: `u` takes what the command writes, `w` is for the kernel.
///
/// The stack is mounted over the folder that all of them lie in, which each sandbox sees for itself: one mount point
/// less is made and removed, and the command cannot find the others. Where nothing is stacked, `u` is the whole root.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) rung: Rung,
    pub(crate) folder: PathBuf,
    pub(crate) upper: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) root: PathBuf,
}

impl Place {
    fn make(lease: &Lease, rung: Rung) -> Result<Self, LocalError> {
        let folder = lease.fresh();
        let [upper, work] = ["u", "w"].map(|name| folder.join(name));
        let is_plain = rung.stack() == Stack::Plain;
        let root = if is_plain { upper.clone() } else { lease.folder().to_path_buf() };
        let made = || -> io::Result<()> {
            fs::create_dir(&folder)?;
            fs::create_dir(&upper)?;
            if is_plain { Ok(()) } else { fs::create_dir(&work) }
        };
        match made() {
            Ok(()) => Ok(Self { rung, folder, upper, work, root }),
            Err(cause) => Err(LocalError::Work { path: folder, cause }),
        }
    }

    /// Returns whether the upper folder is the whole root.
    pub(crate) fn is_whole(&self) -> bool {
        self.rung.stack() == Stack::Plain
    }
}

/// The work folders of a runner.
#[derive(Debug)]
pub(crate) struct Places {
    lease: Lease,
    /// A thread that removes what is sent to it; nothing when there could be none.
    remover: Option<(SyncSender<PathBuf>, JoinHandle<()>)>,
}

impl Places {
    pub(crate) fn new(lease: Lease) -> Self {
        let (finished, waiting) = sync_channel::<PathBuf>(MAX_WAITING);
        let remove_all = move || {
            for folder in waiting {
                // What cannot be removed now is swept by a later process.
                drop(remove_folder(&folder));
            }
        };
        let thread = std::thread::Builder::new().name("remover".to_owned()).spawn(remove_all);
        Self { lease, remover: thread.ok().map(|thread| (finished, thread)) }
    }

    pub(crate) fn take(&self, rung: Rung) -> Result<Place, LocalError> {
        Place::make(&self.lease, rung)
    }

    /// Gives a work folder up; nothing runs in it any more.
    pub(crate) fn give_back(&self, place: Place) {
        let Place { folder, .. } = place;
        let sent = self.remover.as_ref().map(|(finished, _)| finished.send(folder.clone()));
        if !matches!(sent, Some(Ok(()))) {
            drop(remove_folder(&folder));
        }
    }

    /// Returns the file whose lock keeps the folders.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.lease.lock_file()
    }

    /// Removes everything.
    pub(crate) fn end(self) {
        if let Some((finished, thread)) = self.remover {
            drop(finished);
            // One that panicked left something, which is removed here.
            drop(thread.join());
        }
        drop(self.lease.end(remove_folder));
    }
}
