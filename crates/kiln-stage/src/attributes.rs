//! Extended attributes: no tree keeps them, and some of them mean something to an overlay.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{fgetxattr, flistxattr, fremovexattr};
use rustix::io::Errno;

/// What the kernel writes into the upper folder of an overlay mounted with `userxattr`.
const OVERLAY: &[u8] = b"user.overlay.";
const OPAQUE: &str = "user.overlay.opaque";

/// What was found and taken away.
#[derive(Default)]
pub(crate) struct Attributes {
    /// The folder hides those below it.
    pub(crate) opaque: bool,
    /// The first attribute that someone else set.
    pub(crate) foreign: Option<String>,
}

impl Attributes {
    /// Removes the attributes of an open file or folder that its owner can set.
    pub(crate) fn take(file: BorrowedFd<'_>) -> io::Result<Self> {
        let mut taken = Self::default();
        let mut buffer = [0u8; 1024];
        let list = match flistxattr(file, &mut buffer) {
            Ok(length) => buffer[..length].to_vec(),
            Err(Errno::RANGE) => {
                let mut long = vec![0u8; 65_536];
                let length = flistxattr(file, &mut long)?;
                long.truncate(length);
                long
            }
            Err(Errno::OPNOTSUPP) => return Ok(taken),
            Err(error) => return Err(error.into()),
        };
        for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            // Labels of the system, such as `security.selinux`, are none of ours.
            if !name.starts_with(b"user.") && !name.starts_with(b"system.posix_acl_") {
                continue;
            }
            if name == OPAQUE.as_bytes() {
                let mut value = [0u8; 8];
                let length = fgetxattr(file, OPAQUE, &mut value).unwrap_or(0);
                taken.opaque = &value[..length] == b"y";
            }
            if !name.starts_with(OVERLAY) && taken.foreign.is_none() {
                taken.foreign = Some(name.escape_ascii().to_string());
            }
            match fremovexattr(file, name) {
                Ok(()) | Err(Errno::NODATA) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(taken)
    }
}
