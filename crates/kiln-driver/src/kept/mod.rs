//! What planning found out of a project, kept beside the stamps of what it was made of: the IR, and the digests of
//! small sources.
//!
//! Evaluating is a pure function of the texts of the project, the targets and this very program. So the IR of an
//! earlier run is the IR of this one when all of these are the same; that is found out here, without reading a text
//! whose stamp tells that it is. The plan of the whole project is kept with all that its keys depend on besides. A file
//! that is damaged, foreign or of another program is none.

mod form;
mod look;
mod modules;
mod packed;
mod plan;
mod sources;
mod used;

pub(crate) use modules::KeptModules;
pub(crate) use plan::{Facts, KeptPlan, Label};
pub(crate) use sources::KeptSources;

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use kiln_digest::Digest;
use kiln_ir::Ir;
use kiln_source_local::{Stamp, forget_unused, stamps_folders};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};

use crate::Session;
use crate::kept::form::Record;
use crate::kept::look::Look;
use crate::loaded::Loaded;

/// Folder below the cache; a new format is a new folder.
const FOLDER: &str = "project-v1";

/// Ends of the names of files that lie beside the record of the texts.
const IR: &str = "ir";
const PLAN: &str = "plan";

/// The IR of texts that are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Same {
    /// Sha256 of the IR, packed.
    ir: [u8; 32],
}

/// Where the IR of a project is kept.
pub(crate) struct Kept {
    file: PathBuf,
    root: PathBuf,
    /// Which project and which program: what else the IR depends on than texts and targets.
    whose: String,
    /// Nanoseconds since 1970, from before anything of the project was looked at.
    clock: i64,
}

impl Kept {
    /// Finds the place; where there is none that is this user's own, nothing is kept.
    pub(crate) fn of(session: &Session, root: &Path) -> Option<Self> {
        let environment = &session.environment;
        let cache = environment.cache().ok()?;
        let folder = cache.join(FOLDER);
        let user = rustix::process::geteuid().as_raw();
        let is_own =
            |path: &Path| std::fs::metadata(path).map_or(true, |found| found.uid() == user);
        if !is_own(&cache) || !is_own(&folder) {
            return None;
        }
        // A program that was built anew has the same version, and may evaluate otherwise.
        let program = statat(CWD, &environment.program, AtFlags::empty()).ok()?;
        let version = env!("CARGO_PKG_VERSION");
        let shown = root.as_os_str().as_bytes().escape_ascii();
        let whose = format!("{version} {:?} {shown}", Stamp::of(&program));
        let clock = i64::try_from(environment.now).ok()?.checked_mul(1_000_000_000)?;
        let mut name = Digest::of(root.as_os_str().as_bytes()).hex();
        name.truncate(32);
        // What is kept for too long takes space, no more.
        drop(forget_unused(&folder, UNIX_EPOCH + Duration::from_secs(environment.now)));
        Some(Self { file: folder.join(name), root: root.to_owned(), whose, clock })
    }

    /// Finds the place of the IR that comes of the project when these options are set.
    pub(crate) fn with_options(mut self, options: &[(String, String)]) -> Self {
        if !options.is_empty() {
            self.whose = format!("{} {options:?}", self.whose);
            let name = self.file.file_name().map(std::ffi::OsStr::to_string_lossy);
            let mut mark = Digest::of(format!("{options:?}").as_bytes()).hex();
            mark.truncate(16);
            self.file.set_file_name(format!("{}-{mark}", name.unwrap_or_default()));
        }
        self
    }

    /// Tells which IR is that of these targets, if there is one of the texts as they are now.
    pub(crate) fn same(&self, targets: &[String]) -> Option<Same> {
        let bytes = std::fs::read(&self.file).ok()?;
        let mut record = Record::read(&bytes, &self.whose)?;
        // What stands in the IR of the whole project is what stands in that of a part of it.
        if !record.targets.is_empty() && record.targets != targets {
            return None;
        }
        let mut look = self.look()?;
        look.clock = record.clock;
        let is_fresh = look.is_same(&mut record)?;
        let same = Same { ir: record.ir };
        if !is_fresh {
            record.clock = self.clock;
            // Without it the next run looks closer again, which is no reason to fail.
            let _kept = write(&self.file, &record.pack(&self.whose));
        }
        Some(same)
    }

    /// Returns the projects that are used, by their names and folders.
    pub(crate) fn inputs(&self) -> Option<Vec<(String, PathBuf)>> {
        let bytes = std::fs::read(&self.file).ok()?;
        let record = Record::read(&bytes, &self.whose)?;
        let input = |used: &form::Used<'_>| (used.name.to_owned(), PathBuf::from(used.root));
        Some(record.inputs.iter().map(input).collect())
    }

    /// Returns an IR that is kept.
    pub(crate) fn ir(&self, same: Same) -> Option<Ir> {
        let bytes = std::fs::read(self.file.with_extension(IR)).ok()?;
        if Digest::of(&bytes).hash == same.ir { packed::unpack(&bytes) } else { None }
    }

    /// Keeps the IR of a project that was evaluated for some targets.
    pub(crate) fn keep(&self, loaded: &Loaded, targets: &[String]) -> Option<Same> {
        // What cannot be packed is not kept.
        let packed = packed::pack(&loaded.ir)?;
        let ir = Digest::of(&packed).hash;
        let mut record = self.look().and_then(|look| look.record(loaded, targets, ir))?;
        record.clock = self.clock;
        // Without it the next run evaluates again, which is no reason to fail. Of two runs at a time one may name the IR of
        // the other, which is none then.
        let written = write(&self.file.with_extension(IR), &packed);
        let written = written.and_then(|()| write(&self.file, &record.pack(&self.whose)));
        written.is_ok().then_some(Same { ir })
    }

    /// Returns the plan that was made of an IR, with what its keys depend on besides.
    pub(crate) fn plan(&self, same: Same) -> Option<KeptPlan> {
        let bytes = std::fs::read(self.file.with_extension(PLAN)).ok()?;
        KeptPlan::read(&bytes, &self.whose, same)
    }

    /// Keeps the plan of the whole project.
    pub(crate) fn keep_plan(&self, same: Same, plan: &KeptPlan) {
        // Without it the next run plans again, which is no reason to fail.
        let packed = plan.pack(&self.whose, same);
        let _kept = packed.map(|bytes| write(&self.file.with_extension(PLAN), &bytes));
    }

    /// Opens the root of the project.
    fn open(&self) -> Option<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, &self.root, flags, Mode::empty()).ok()
    }

    fn look(&self) -> Option<Look<'_>> {
        let open = self.open()?;
        let device = rustix::fs::fstat(&open).ok()?.st_dev;
        let device = stamps_folders(&open).then_some(device);
        Some(Look { root: &self.root, open, device, clock: self.clock })
    }
}

/// Writes a file whole or not at all; a reader sees the earlier one or this one.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, file));
    if written.is_err() {
        // The first failure is the one to tell.
        drop(std::fs::remove_file(&beside));
    }
    written
}

#[cfg(test)]
mod tests;
