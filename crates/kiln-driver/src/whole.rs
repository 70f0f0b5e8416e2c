//! Files of the user that are there whole, or as they were: also for who is killed, or loses power, while he writes them.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

/// A file that is being written. It has no name until it is kept, so that nothing is left of one that is not; where that
/// cannot be, it is taken away when this is dropped.
pub(crate) struct Whole {
    file: File,
    path: PathBuf,
    /// What it is called until it has its place.
    aside: PathBuf,
    is_named: bool,
}

impl Whole {
    /// Begins a file that is to be at a path.
    pub(crate) fn beside(path: &Path) -> io::Result<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".kiln-{}", std::process::id()));
        Self::new(path, path.with_file_name(name))
    }

    /// Begins a file of a project: what it is called meanwhile is in no source.
    pub(crate) fn of_project(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        Self::new(path, path.with_file_name(".kiln").join(name))
    }

    fn new(path: &Path, aside: PathBuf) -> io::Result<Self> {
        let path = path.to_owned();
        let mode = Mode::from_raw_mode(0o666);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, folder(&path), flags, mode) {
            Ok(file) => Ok(Self { file: file.into(), path, aside, is_named: false }),
            // This file system wants files to have names from the start.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                make_room(&aside)?;
                let mut options = File::options();
                let file = options.read(true).write(true).create_new(true).open(&aside)?;
                Ok(Self { file, path, aside, is_named: true })
            }
            Err(cause) => Err(cause.into()),
        }
    }

    /// Returns the file, to be written.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Puts the file where it is to be, over what was there.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        // The name comes after the sync: a torn file under it would look whole.
        self.file.sync_all()?;
        if self.is_named || !self.is_first()? {
            fs::rename(&self.aside, &self.path)?;
            self.is_named = false;
            self.tidy();
        }
        // It is there, if not yet for ever: nothing could be done about it.
        drop(File::open(folder(&self.path)).and_then(|folder| folder.sync_all()));
        Ok(())
    }

    /// Gives the file its name if there is none of that name, else one that it can be renamed from.
    fn is_first(&mut self) -> io::Result<bool> {
        let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let link = |to: &Path| rustix::fs::linkat(CWD, &nameless, CWD, to, AtFlags::SYMLINK_FOLLOW);
        match link(&self.path) {
            Ok(()) => return Ok(true),
            Err(Errno::EXIST) => {}
            Err(cause) => return Err(cause.into()),
        }
        make_room(&self.aside)?;
        self.is_named = true;
        link(&self.aside)?;
        Ok(false)
    }

    /// Takes the folder away that was made, if nobody has anything in it.
    fn tidy(&self) {
        let room = folder(&self.aside);
        if room != folder(&self.path) {
            drop(fs::remove_dir(room));
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if self.is_named {
            drop(fs::remove_file(&self.aside));
            self.tidy();
        }
    }
}

/// Makes the folder of a name, and takes away what somebody of the same number left under it.
fn make_room(aside: &Path) -> io::Result<()> {
    fs::create_dir_all(folder(aside))?;
    match fs::remove_file(aside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Returns the names in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let all = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(whole: io::Result<Whole>, text: &str) -> Whole {
        let whole = whole.unwrap();
        whole.file().write_all(text.as_bytes()).unwrap();
        whole
    }

    #[test]
    fn a_file_is_there_when_it_is_whole_and_nothing_else_ever() {
        for begin in [Whole::beside, Whole::of_project] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("kiln.lock");
            for text in ["first, and longer", "second"] {
                let before = fs::read_to_string(&path).ok();
                drop(write(begin(&path), "not kept"));
                let whole = write(begin(&path), text);
                // Whoever is killed now leaves what was there, and nothing that a source could hold.
                assert_eq!(fs::read_to_string(&path).ok(), before);
                assert!(names(folder.path()).iter().all(|name| name == "kiln.lock"));
                whole.keep().unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
                assert_eq!(names(folder.path()), ["kiln.lock"]);
            }
        }
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing() {
        for begin in [Whole::beside, Whole::of_project] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("taken");
            fs::create_dir(&path).unwrap();
            write(begin(&path), "text").keep().unwrap_err();
            assert_eq!(names(folder.path()), ["taken"]);
        }
    }
}
