//! A stack of folders as one file system.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};

use crate::Spec;
use crate::report::{Area, Failure};

/// Mounts the stack at the root of a specification, seen by this mount namespace only.
pub(crate) fn mount(spec: &Spec) -> Result<(), Failure> {
    let stack = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed("`fsopen`"))?;
    // Folders are named by descriptor: the kernel takes values of at most 255 bytes and gives meaning to `:`.
    let mut held = Vec::new();
    for lower in spec.lowers.iter().rev() {
        held.push(set(&stack, "lowerdir+", lower)?);
    }
    held.push(set(&stack, "upperdir", &spec.upper)?);
    held.push(set(&stack, "workdir", &spec.work)?);
    fsconfig_set_flag(&stack, "userxattr").map_err(failed("option `userxattr`"))?;
    // Without `volatile` the upper folder, which is thrown away, would be flushed to disk at the end.
    match fsconfig_set_flag(&stack, "volatile") {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(cause) => return Err(failed("option `volatile`")(cause)),
    }
    if let Err(cause) = fsconfig_create(&stack) {
        return Err(failed(&format!("making the stack{}", kernel_says(&stack)))(cause));
    }
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let mount = fsmount(&stack, FsMountFlags::FSMOUNT_CLOEXEC, attributes);
    let mount = mount.map_err(failed("`fsmount`"))?;
    move_mount(&mount, "", CWD, &spec.root, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(failed("`move_mount`"))
}

fn set(stack: &OwnedFd, option: &str, folder: &Path) -> Result<OwnedFd, Failure> {
    let step = format!("opening `{}`", folder.display());
    let held = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|cause| Failure::new(Area::Other, step, &cause.into()))?;
    fsconfig_set_string(stack, option, format!("/proc/self/fd/{}", held.as_raw_fd()))
        .map_err(failed(&format!("option `{option}`{}", kernel_says(stack))))?;
    Ok(held)
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
