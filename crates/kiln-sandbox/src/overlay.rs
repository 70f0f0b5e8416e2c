//! A stack of folders as one file system.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, open, openat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount as mount_at, move_mount,
};
use rustix::process::chdir;

use crate::report::{Area, Failure};
use crate::{HostUsr, Spec, Stack};

/// Mounts the stack at the root of a specification, seen by this mount namespace only, and in it the one at `/usr`.
pub(crate) fn mount(spec: &Spec) -> Result<(), Failure> {
    if spec.stack != Stack::Plain {
        let held = Held::open(&spec.lowers, Some((&spec.upper, &spec.work)))?;
        held.mount(spec.stack, &spec.root)?;
    }
    match &spec.usr {
        // Alone it is no stack; `bwrap` binds it.
        Some(usr) if !usr.above.is_empty() => mount_usr(spec, usr),
        _ => Ok(()),
    }
}

/// Mounts what is stacked on the `/usr` of a machine. Nothing takes changes, so nothing can be written.
fn mount_usr(spec: &Spec, usr: &HostUsr) -> Result<(), Failure> {
    let lowers: Vec<PathBuf> = std::iter::once(&usr.folder).chain(&usr.above).cloned().collect();
    let mounted =
        Held::open(&lowers, None).and_then(|held| held.mount(spec.stack, &spec.root.join("usr")));
    mounted.map_err(|failure| Failure { area: Area::Usr, ..failure })
}

/// The folders of a stack, open.
struct Held {
    /// Highest first, as the kernel wants them.
    lowers: Vec<OwnedFd>,
    /// What takes changes, and its empty folder for the kernel.
    upper: Option<(OwnedFd, OwnedFd)>,
}

impl Held {
    fn open(folders: &[PathBuf], upper: Option<(&PathBuf, &PathBuf)>) -> Result<Self, Failure> {
        // Most lie in one folder, and are found faster from there.
        let mut near: Option<(&Path, OwnedFd)> = None;
        let mut lowers = Vec::new();
        for lower in folders.iter().rev() {
            let (Some(parent), Some(name)) = (lower.parent(), lower.file_name()) else {
                lowers.push(open_folder(lower)?);
                continue;
            };
            if near.as_ref().is_none_or(|(folder, _)| *folder != parent) {
                near = Some((parent, open_folder(parent)?));
            }
            let at = near.as_ref().map(|(_, folder)| folder);
            let opened = at.map(|at| openat(at, name, FOLDER, Mode::empty()));
            match opened {
                Some(Ok(folder)) => lowers.push(folder),
                _ => lowers.push(open_folder(lower)?),
            }
        }
        let upper = match upper {
            Some((upper, work)) => Some((open_folder(upper)?, open_folder(work)?)),
            None => None,
        };
        Ok(Self { lowers, upper })
    }

    fn mount(&self, stack: Stack, at: &Path) -> Result<(), Failure> {
        // Folders are named by descriptor: the kernel takes values of at most 255 bytes, options of at most 4095, and
        // gives meaning to `:`. From the folder of the descriptors the names are short; `bwrap` reads them again and
        // again in the list of mounts.
        chdir("/proc/self/fd").map_err(failed("`chdir`"))?;
        let mounted = match stack {
            Stack::Overlay => self.by_descriptors(at),
            Stack::Legacy | Stack::Plain => self.by_options(at),
        };
        chdir("/").map_err(failed("`chdir`"))?;
        mounted
    }

    fn by_descriptors(&self, at: &Path) -> Result<(), Failure> {
        let stack = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed("`fsopen`"))?;
        for lower in &self.lowers {
            set(&stack, "lowerdir+", lower)?;
        }
        if let Some((upper, work)) = &self.upper {
            set(&stack, "upperdir", upper)?;
            set(&stack, "workdir", work)?;
        }
        fsconfig_set_flag(&stack, "userxattr").map_err(failed("option `userxattr`"))?;
        // Without `volatile` the upper folder, which is thrown away, would be flushed to disk at the end.
        match self.upper.as_ref().map(|_| fsconfig_set_flag(&stack, "volatile")) {
            None | Some(Ok(()) | Err(Errno::INVAL)) => {}
            Some(Err(cause)) => return Err(failed("option `volatile`")(cause)),
        }
        if let Err(cause) = fsconfig_create(&stack) {
            return Err(failed(&format!("making the stack{}", kernel_says(&stack)))(cause));
        }
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        let mount = fsmount(&stack, FsMountFlags::FSMOUNT_CLOEXEC, attributes);
        let mount = mount.map_err(failed("`fsmount`"))?;
        move_mount(&mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(failed("`move_mount`"))
    }

    /// Mounts as kernels before 6.8 can: all options in one text of at most a page.
    fn by_options(&self, at: &Path) -> Result<(), Failure> {
        let lowers: Vec<String> =
            self.lowers.iter().map(|lower| lower.as_raw_fd().to_string()).collect();
        let above = self.upper.as_ref().map(|(upper, work)| {
            format!(",upperdir={},workdir={}", upper.as_raw_fd(), work.as_raw_fd())
        });
        let (lowers, above) = (lowers.join(":"), above.unwrap_or_default());
        let options = format!("userxattr,lowerdir={lowers}{above}");
        let mount = |options: String| {
            let options = std::ffi::CString::new(options).unwrap_or_default();
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            mount_at("overlay", at, "overlay", flags, options.as_c_str())
        };
        let volatile = self.upper.as_ref().map(|_| mount(format!("{options},volatile")));
        match volatile {
            // A kernel before 5.10 does not know the word.
            None | Some(Err(Errno::INVAL)) => mount(options).map_err(failed("`mount`")),
            Some(mounted) => mounted.map_err(failed("`mount`")),
        }
    }
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn open_folder(folder: &Path) -> Result<OwnedFd, Failure> {
    open(folder, FOLDER, Mode::empty()).map_err(|cause| {
        Failure::new(Area::Other, format!("opening `{}`", folder.display()), &cause.into())
    })
}

fn set(stack: &OwnedFd, option: &str, folder: &OwnedFd) -> Result<(), Failure> {
    match fsconfig_set_string(stack, option, folder.as_raw_fd().to_string()) {
        Ok(()) => Ok(()),
        Err(cause) => Err(failed(&format!("option `{option}`{}", kernel_says(stack)))(cause)),
    }
}

fn failed(step: &str) -> impl FnOnce(Errno) -> Failure + use<> {
    let step = step.to_owned();
    move |cause| Failure::new(Area::Overlay, step, &io::Error::from(cause))
}

/// Returns the message that the kernel left with the descriptor, if any.
fn kernel_says(stack: &OwnedFd) -> String {
    let mut text = [0; 256];
    match rustix::io::read(stack, &mut text) {
        Ok(n_read) => format!(" ({})", String::from_utf8_lossy(&text[..n_read]).trim_end()),
        Err(_nothing) => String::new(),
    }
}
