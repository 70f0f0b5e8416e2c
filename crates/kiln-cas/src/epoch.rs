//! What survives a crash of the machine, without waiting for the disk at every blob.
//!
//! The file `epoch` of a store holds the boot that its blobs were last written in, and a time: all that was there
//! before it is on the disk. When the boot is another one, whatever changed since that time may be torn, empty or
//! old; it loses its fixed time, and so is read again before it is trusted. Staged trees of that time go, as nobody
//! looks into them. What was changed for another reason (a link, say) is read again once, for nothing.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, Timespec, Timestamps,
    UTIME_NOW, UTIME_OMIT, flock, futimens, openat, statat, utimensat,
};

use crate::{CasError, DiskCas};

/// How often what was written is brought to the disk.
const INTERVAL: Duration = Duration::from_secs(10);

/// Folders whose entries are made of links to blobs.
const STAGED: [&str; 2] = ["trees", "merged"];

/// Seconds and nanoseconds since 1970, by the clock of the file system.
type Moment = (i64, u64);

/// Where it is written down what is durable.
#[derive(Debug)]
pub(crate) struct Epoch {
    store: PathBuf,
    boot: String,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_running: bool,
    is_dirty: bool,
    is_over: bool,
}

impl Epoch {
    pub(crate) fn new(store: &Path, boot: &str) -> Arc<Self> {
        let (store, boot) = (store.to_path_buf(), boot.trim().to_owned());
        Arc::new(Self { store, boot, state: Mutex::default(), woken: Condvar::new() })
    }

    /// Notes that something was written; a thread brings it to the disk later.
    pub(crate) fn note(self: &Arc<Self>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_dirty = true;
        if !state.is_running {
            state.is_running = true;
            let own = Arc::clone(self);
            // Without the thread, more is read again after a crash.
            drop(std::thread::Builder::new().name("durable".to_owned()).spawn(move || own.run()));
        }
    }

    /// Ends the thread; nobody waits for the disk.
    pub(crate) fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        self.woken.notify_all();
    }

    fn run(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.is_over {
            let woken = self.woken.wait_timeout(state, INTERVAL);
            let timeout;
            (state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() && state.is_dirty && !state.is_over {
                state.is_dirty = false;
                drop(state);
                // Where it fails, more is read again after a crash.
                drop(self.make_durable());
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn make_durable(&self) -> io::Result<()> {
        let mut file = self.open()?;
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&file, &Timestamps { last_access: now, last_modification: now })?;
        let begun = modified(&rustix::fs::fstat(&file)?);
        rustix::fs::syncfs(&file)?;
        flock(&file, FlockOperation::LockExclusive)?;
        let durable = read(&mut file).1.max(begun);
        self.write(&mut file, durable)
    }

    fn open(&self) -> io::Result<File> {
        let path = self.store.join("epoch");
        File::options().read(true).write(true).create(true).truncate(false).open(path)
    }

    fn write(&self, file: &mut File, (seconds, nanos): Moment) -> io::Result<()> {
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(format!("{} {seconds} {nanos}\n", self.boot).as_bytes())
    }
}

impl DiskCas {
    /// Brings all that was written so far to the disk, and remembers it: nothing of it is read again after a crash of
    /// the machine. It takes its time, as everybody's files are written.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn make_durable(&self) -> Result<(), CasError> {
        self.epoch.make_durable().map_err(CasError::write(self.folder()))
    }

    /// Takes the trust from what a crash of the machine may have torn.
    pub(crate) fn check_boot(&self) -> Result<(), CasError> {
        let checked = self.epoch.open().and_then(|mut file| {
            if read(&mut file).0 == self.epoch.boot {
                return Ok(());
            }
            flock(&file, FlockOperation::LockExclusive)?;
            let (boot, durable) = read(&mut file);
            if boot == self.epoch.boot {
                return Ok(());
            }
            self.distrust(durable)?;
            self.epoch.write(&mut file, durable)
        });
        checked.map_err(CasError::write(&self.folder().join("epoch")))
    }

    fn distrust(&self, durable: Moment) -> io::Result<()> {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let touched = Timestamps { last_access: omit, last_modification: now };
        for folder in changed_since(&open(&self.folder().join("cas"))?, durable, modified)? {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let folder = openat(&self.blobs, &folder, flags, Mode::empty())?;
            for name in changed_since(&folder, durable, changed)? {
                utimensat(&folder, &name, &touched, AtFlags::SYMLINK_NOFOLLOW)?;
            }
        }
        for staged in STAGED {
            let path = self.folder().join(staged);
            let Ok(folder) = open(&path) else { continue };
            for name in changed_since(&folder, durable, changed)? {
                // It goes with this process.
                fs::rename(path.join(&name), self.fresh())?;
            }
        }
        Ok(())
    }
}

/// Reads the boot and the time; what cannot be read is of no boot, and nothing is durable.
fn read(file: &mut File) -> (String, Moment) {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let mut words = text.split_whitespace();
    let boot = words.next().unwrap_or_default().to_owned();
    let mut number = || words.next()?.parse().ok();
    match (read, number(), number()) {
        (Ok(_), Some(seconds), Some(nanos)) => (boot, (seconds, u64::try_from(nanos).unwrap_or(0))),
        _ => (String::new(), (0, 0)),
    }
}

fn open(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(CWD, folder, flags, Mode::empty())?)
}

/// Returns the entries of a folder, files and folders, that a time says to be new.
fn changed_since(
    folder: &OwnedFd,
    durable: Moment,
    time: fn(&Stat) -> Moment,
) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") {
            continue;
        }
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if matches!(kind, FileType::RegularFile | FileType::Directory) && time(&stat) >= durable {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

fn modified(found: &Stat) -> Moment {
    (found.st_mtime, found.st_mtime_nsec)
}

fn changed(found: &Stat) -> Moment {
    (found.st_ctime, found.st_ctime_nsec)
}
