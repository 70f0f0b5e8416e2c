//! What a sandbox is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The programs that make a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launcher {
    /// This program, which calls [`crate::helper_main`] when its first argument is [`crate::HELPER_WORD`].
    pub helper: PathBuf,
    /// Bubblewrap, as it was found on the path; nothing when it was not found.
    pub bwrap: Option<PathBuf>,
}

/// Who the command is in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// `builder`, uid and gid 1000.
    Builder,
    /// uid and gid 0, without any capability.
    Root,
}

/// How the folders of a sandbox become one root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// One overlay, made step by step; Linux 6.8.
    #[default]
    Overlay,
    /// One overlay, made by the one call that older kernels have.
    Legacy,
    /// None: `root` is the whole root, and is written; nothing else of the folders is looked at.
    Plain,
}

/// The `/usr` of a machine, to be read and never written, whoever the command is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostUsr {
    /// The folder of the machine.
    pub folder: PathBuf,
    /// Folders that are stacked on it, lowest first; at most 499.
    pub above: Vec<PathBuf>,
}

/// A command on a stack of folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spec {
    pub stack: Stack,
    /// Folders that are only read, lowest first; at most 500, at least one.
    pub lowers: Vec<PathBuf>,
    /// Folder above them; takes all changes.
    pub upper: PathBuf,
    /// Empty folder on the file system of `upper`, for the kernel.
    pub work: PathBuf,
    /// File that is locked, shared, as long as anything of the sandbox runs: even when kiln was killed.
    pub hold: Option<PathBuf>,
    /// What is mounted at `/usr`, where the root has a folder of that name; else it is that of the root.
    pub usr: Option<HostUsr>,
    /// Folder that becomes the root, in the sandbox's own mount namespace only; what is in it matters where nothing is
    /// stacked.
    pub root: PathBuf,
    pub argv: Vec<String>,
    /// Folder inside where the command starts.
    pub folder: String,
    /// File below the root, such as `meta/phases`; whenever it grew, a [`crate::Sample`] is taken.
    pub sampled: Option<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    pub hostname: String,
    pub user: User,
}

/// What a command cost, with everything it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    pub user_micros: u64,
    pub system_micros: u64,
    /// The largest of its processes.
    pub max_rss_kib: u64,
    /// Bytes that came from the disk.
    pub read_bytes: u64,
    /// Bytes that were written for the disk.
    pub written_bytes: u64,
}
