//! The folders of one command.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::LocalError;

/// A work folder: `u` takes what the command writes, `w` is for the kernel, `r` becomes the root.
///
/// Names are short because the kernel limits the options of a mount.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) upper: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) root: PathBuf,
}

impl Place {
    pub(crate) fn make(folder: &Path) -> Result<Self, LocalError> {
        let [upper, work, root] = ["u", "w", "r"].map(|name| folder.join(name));
        let made = || -> io::Result<()> {
            fs::create_dir(folder)?;
            for path in [&upper, &work, &root] {
                fs::create_dir(path)?;
            }
            Ok(())
        };
        made().map_err(|cause| LocalError::Work { path: folder.to_path_buf(), cause })?;
        Ok(Self { folder: folder.to_path_buf(), upper, work, root })
    }
}
