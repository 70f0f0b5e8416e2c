//! Folders that belong to a living process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

/// Name of the file whose lock says that the owner of a folder lives.
const LOCK: &str = "lock";

/// A folder of this process alone. Another process may remove it as soon as this one is dead, not before:
/// the kernel gives the lock back when a process ends, however it ends. The lock is a shared one, so that a child
/// which works in the folder can hold it too.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    next: AtomicU64,
    lock: File,
}

impl Lease {
    /// Makes a folder `NAME` or `NAME.1`, `NAME.2` below `parent`, whichever is free.
    ///
    /// # Errors
    /// When it cannot be made or locked.
    pub fn take(parent: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        // Shared: makers do not wait for each other, only for one who sweeps.
        let gate = gate(parent, FlockOperation::LockShared)?;
        let mut folder = parent.join(name);
        let mut n_tried = 0;
        while let Err(error) = fs::create_dir(&folder) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            n_tried += 1;
            folder = parent.join(format!("{name}.{n_tried}"));
        }
        let lock = File::create_new(folder.join(LOCK))?;
        flock(&lock, FlockOperation::LockShared)?;
        drop(gate);
        Ok(Self { folder, next: AtomicU64::new(0), lock })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the file whose lock keeps the folder; a child that locks it too, shared, keeps it as well.
    pub fn lock_file(&self) -> PathBuf {
        self.folder.join(LOCK)
    }

    /// Returns a path in the folder that was not given before; nothing is there.
    pub fn fresh(&self) -> PathBuf {
        self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Gives the folder up; `remove` takes it away.
    ///
    /// # Errors
    /// What `remove` says.
    pub fn end<E>(self, remove: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let removed = remove(&self.folder);
        drop(self.lock);
        removed
    }
}

/// Removes all folders below `parent` whose owner is dead. Returns how many.
///
/// # Errors
/// When `parent` cannot be read; a folder that cannot be removed is left.
pub fn sweep(parent: &Path, remove: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<usize> {
    if !parent.exists() {
        return Ok(0);
    }
    let gate = gate(parent, FlockOperation::LockExclusive)?;
    let mut dead = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Some(lock) = lock_dead(&entry.path())?
        {
            dead.push((entry.path(), lock));
        }
    }
    // Removing may take long; the locks keep others away from these folders, the gate would from all.
    drop(gate);
    let removed = dead.iter().filter(|(folder, _lock)| remove(folder).is_ok());
    Ok(removed.count())
}

/// Locks a folder if its owner is dead. A folder without a lock file is of one who died between the two, as makers
/// are kept out meanwhile.
fn lock_dead(folder: &Path) -> io::Result<Option<File>> {
    let lock = match File::options().create(true).append(true).open(folder.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        lock => lock?,
    };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(lock)),
        Err(rustix::io::Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn gate(parent: &Path, operation: FlockOperation) -> io::Result<File> {
    let path = parent.join(".gate");
    let gate = File::options().create(true).append(true).open(path)?;
    flock(&gate, operation)?;
    Ok(gate)
}
