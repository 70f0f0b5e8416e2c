//! How a root is staged here: the best way that this machine can, found out once a boot.
//!
//! Never: reads the environment; who wants a certain way says so.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kiln_cas::DiskCas;
use kiln_sandbox::{Launcher, SandboxError, Stack, probe};
use kiln_stage::remove_folder;

use crate::LocalError;

/// A way to stage a root, best first. What a build sees and leaves is the same on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// The staged trees, stacked by an overlay; Linux 6.8.
    Overlay,
    /// The same by the mount call of older kernels.
    Legacy,
    /// The whole root as a copy that shares its blocks with the store.
    Reflink,
    /// The whole root as a copy.
    Copy,
}

impl Rung {
    const ALL: [Self; 4] = [Self::Overlay, Self::Legacy, Self::Reflink, Self::Copy];

    pub(crate) fn stack(self) -> Stack {
        match self {
            Self::Overlay => Stack::Overlay,
            Self::Legacy => Stack::Legacy,
            Self::Reflink | Self::Copy => Stack::Plain,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Legacy => "legacy",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Rung {
    type Err = LocalError;

    fn from_str(text: &str) -> Result<Self, LocalError> {
        let found = Self::ALL.into_iter().find(|rung| rung.word() == text);
        found.ok_or_else(|| LocalError::NoRung { word: text.to_owned() })
    }
}

/// The rung that a store stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub rung: Rung,
    /// Why the better ones do not work here, one line each.
    pub reasons: Vec<String>,
}

/// Returns the best way to stage for a store. It is found out by trying, and kept in the store until the machine
/// starts again, has another kernel, or the store moves.
///
/// # Errors
/// When no sandbox can be made at all, or the store cannot be written.
pub fn standing(cas: &DiskCas, launcher: &Launcher) -> Result<Standing, LocalError> {
    let note = Note::new(cas.folder());
    if let Some(known) = note.read() {
        return Ok(known);
    }
    climb(cas, launcher)
}

/// Tries one rung that somebody asks for.
pub(crate) fn check(cas: &DiskCas, rung: Rung) -> Result<(), LocalError> {
    match rung {
        Rung::Reflink => share_blocks(cas),
        // Making the first sandbox tells.
        Rung::Overlay | Rung::Legacy | Rung::Copy => Ok(()),
    }
}

/// Finds the best way out by trying, and keeps it.
///
/// # Errors
/// As [`standing`].
pub fn climb(cas: &DiskCas, launcher: &Launcher) -> Result<Standing, LocalError> {
    let mut reasons = Vec::new();
    let mut rungs = Rung::ALL.into_iter();
    let rung = loop {
        let rung = rungs.next().unwrap_or(Rung::Copy);
        match attempt(cas, launcher, rung) {
            Ok(()) => break rung,
            Err(
                error @ (LocalError::Sandbox(SandboxError::NoOverlay { .. })
                | LocalError::NoReflink { .. }),
            ) => reasons.push(reason(rung, &error)),
            Err(error) => return Err(error),
        }
    };
    let found = Standing { rung, reasons };
    Note::new(cas.folder()).write(cas, &found)?;
    Ok(found)
}

/// Makes a sandbox in one way.
///
/// # Errors
/// When it does not work here.
pub fn attempt(cas: &DiskCas, launcher: &Launcher, rung: Rung) -> Result<(), LocalError> {
    check(cas, rung)?;
    let scratch = cas.fresh();
    let probed = fs::create_dir_all(&scratch)
        .map_err(|cause| LocalError::Work { path: scratch.clone(), cause })
        .and_then(|()| Ok(probe(launcher, &scratch, rung.stack())?));
    // What is left is swept when this process is dead.
    drop(remove_folder(&scratch));
    probed
}

/// Tries to make a file of the blocks of another one.
fn share_blocks(cas: &DiskCas) -> Result<(), LocalError> {
    let [from, to] = [cas.fresh(), cas.fresh()];
    let shared = || -> std::io::Result<()> {
        fs::write(&from, [b'k'; 4096])?;
        Ok(rustix::fs::ioctl_ficlone(File::create(&to)?, File::open(&from)?)?)
    };
    let shared = shared().map_err(|cause| LocalError::NoReflink { cause });
    for path in [from, to] {
        drop(fs::remove_file(path));
    }
    shared
}

fn reason(rung: Rung, error: &LocalError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("no {rung}: {error}{}", cause.unwrap_or_default()).replace('\n', " ")
}

/// The file in a store that says what was found out.
struct Note {
    path: PathBuf,
    /// What must be the same for it to hold: store, boot and kernel.
    about: String,
}

impl Note {
    fn new(store: &Path) -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let kernel = rustix::system::uname();
        let kernel = kernel.release().to_string_lossy();
        let disk = fs::metadata(store).map_or(0, |found| found.dev());
        let about = format!("{} {disk} {} {kernel}", store.display(), boot.trim());
        Self { path: store.join("staging"), about: about.replace('\n', " ") }
    }

    fn read(&self) -> Option<Standing> {
        let text = fs::read_to_string(&self.path).ok()?;
        let mut lines = text.lines();
        if lines.next()? != self.about {
            return None;
        }
        let rung = lines.next()?.parse().ok()?;
        Some(Standing { rung, reasons: lines.map(str::to_owned).collect() })
    }

    fn write(&self, cas: &DiskCas, found: &Standing) -> Result<(), LocalError> {
        let lines = [self.about.clone(), found.rung.to_string()].into_iter();
        let lines: Vec<String> = lines.chain(found.reasons.iter().cloned()).collect();
        let partial = cas.fresh();
        fs::write(&partial, lines.join("\n") + "\n")
            .and_then(|()| fs::rename(&partial, &self.path))
            .map_err(|cause| LocalError::Work { path: self.path.clone(), cause })
    }
}
