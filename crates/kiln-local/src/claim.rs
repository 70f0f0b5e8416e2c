//! One kiln at a time runs an action on a store.
//!
//! A claim is a locked file. The kernel gives the lock back when its holder dies, however that happens. Who holds one
//! waits for no other: two kilns cannot wait for each other.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use kiln_action::{CancelFlag, Claim};
use kiln_digest::Digest;
use rustix::fs::{FlockOperation, flock, fstat};
use rustix::io::Errno;

use crate::runner::TICK;

/// The folder of a store that has the files.
const FOLDER: &str = "claims";

/// Longer than the number of any process is.
const MAX_NUMBER: u64 = 20;

/// A locked file, which is removed with the value.
struct Held {
    path: PathBuf,
    /// The lock ends when this is closed, which is after the removal.
    file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that stays is taken by the next who wants it, or swept.
        drop(fs::remove_file(&self.path));
        drop(self.file.set_len(0));
    }
}

/// Claims an action, as [`kiln_action::Runner::claim`] says.
pub(crate) fn claim(
    store: &Path,
    action: Digest,
    cancel: &CancelFlag,
    waits: &dyn Fn(Option<u32>),
) -> Option<Claim> {
    let path = store.join(FOLDER).join(action.hex());
    let mut told = false;
    while !cancel.is_set() {
        match take(&path) {
            Ok(Taken::Held(held)) => return Some(Claim::of(held)),
            Ok(Taken::Foreign(holder)) => {
                if !told {
                    waits(holder.filter(|holder| *holder != process::id()));
                }
                told = true;
                thread::park_timeout(TICK);
            }
            // A store that cannot lock builds a thing twice at worst.
            Err(_) => return Some(Claim::default()),
        }
    }
    None
}

/// Removes the files of those who are dead.
pub(crate) fn sweep(store: &Path) {
    for entry in fs::read_dir(store.join(FOLDER)).into_iter().flatten().flatten() {
        drop(take(&entry.path()));
    }
}

enum Taken {
    Held(Held),
    /// Somebody else has it: this process, where he said so yet.
    Foreign(Option<u32>),
}

fn take(path: &Path) -> io::Result<Taken> {
    loop {
        let mut file = open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(Taken::Foreign(holder(&mut file))),
            Err(error) => return Err(error.into()),
        }
        // Its last holder removed it before he let go: somebody may have locked another one of this name.
        if fstat(&file)?.st_nlink > 0 {
            file.set_len(0)?;
            file.write_all(process::id().to_string().as_bytes())?;
            return Ok(Taken::Held(Held { path: path.to_path_buf(), file }));
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let open = || File::options().read(true).write(true).create(true).truncate(false).open(path);
    match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            open()
        }
        (opened, _) => opened,
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MAX_NUMBER).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn of(store: &Path, word: &str) -> Option<Claim> {
        claim(store, Digest::of(word.as_bytes()), &CancelFlag::default(), &|_| panic!("it waits"))
    }

    #[test]
    fn what_nobody_has_is_given_at_once_and_leaves_nothing() {
        let store = tempfile::tempdir().unwrap();
        let claims = [of(store.path(), "a").unwrap(), of(store.path(), "b").unwrap()];
        let n_files = || fs::read_dir(store.path().join(FOLDER)).unwrap().count();
        assert_eq!(n_files(), 2);
        drop(claims);
        assert_eq!(n_files(), 0);
    }

    #[test]
    fn who_waits_is_told_once_and_ends_with_a_cancellation() {
        let store = tempfile::tempdir().unwrap();
        let _held = of(store.path(), "a");
        let (cancel, told) = (CancelFlag::default(), RefCell::new(Vec::new()));
        let waits = |holder| {
            told.borrow_mut().push(holder);
            cancel.set();
        };
        assert!(claim(store.path(), Digest::of(b"a"), &cancel, &waits).is_none());
        assert_eq!(*told.borrow(), [None], "it is our own");
    }

    #[test]
    fn who_waits_has_it_next_and_no_two_have_it() {
        let store = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicU32::new(0);
        let go = || {
            for _ in 0..20 {
                let claim = claim(store.path(), Digest::of(b"a"), &CancelFlag::default(), &|_| {});
                assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                drop(claim.unwrap());
            }
        };
        thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(go))));
    }

    #[test]
    fn what_the_dead_left_is_swept_and_what_is_held_stays() {
        let store = tempfile::tempdir().unwrap();
        let held = of(store.path(), "a");
        let left = store.path().join(FOLDER).join("left");
        fs::write(&left, "1").unwrap();
        sweep(store.path());
        assert!(!left.exists());
        assert_eq!(fs::read_dir(store.path().join(FOLDER)).unwrap().count(), 1);
        drop(held);
    }

    #[test]
    fn a_store_that_cannot_lock_holds_nobody_up() {
        let store = tempfile::tempdir().unwrap();
        fs::write(store.path().join(FOLDER), "").unwrap();
        assert!(of(store.path(), "a").is_some() && of(store.path(), "a").is_some());
    }
}
