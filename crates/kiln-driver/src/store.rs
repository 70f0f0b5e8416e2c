//! The store of this user: blobs, index, and who may use it.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use kiln_artifact::SqliteIndex;
use kiln_cas::DiskCas;

use crate::{DriverError, Problem, Session};

/// Folder of the store below the cache; a new format is a new folder.
pub(crate) const STORE: &str = "store-v1";
/// Folder of downloads below the cache.
const DOWNLOADS: &str = "downloads-v1";

/// What is kept on this machine.
pub(crate) struct Store {
    pub(crate) folder: PathBuf,
    pub(crate) downloads: PathBuf,
    pub(crate) cas: Arc<DiskCas>,
    pub(crate) index: SqliteIndex,
}

impl Store {
    /// Opens the store, and makes it if it is not there.
    pub(crate) fn open(session: &Session) -> Result<Self, Problem> {
        let cache = session.environment.cache()?;
        let folder = cache.join(STORE);
        let unusable = |cause| DriverError::Folder { path: folder.clone(), cause };
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        let owner = std::fs::metadata(&folder).map_err(unusable)?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(DriverError::ForeignStore { path: folder }.into());
        }
        let tag = cache.join("CACHEDIR.TAG");
        if !tag.exists() {
            let text = "Signature: 8a477f597d28d172789f06886806bc55\n# Kiln's cache; may be deleted at any time.\n";
            std::fs::write(&tag, text).map_err(|cause| DriverError::Folder { path: tag, cause })?;
        }
        let cas = Arc::new(DiskCas::open(&folder)?);
        let index = SqliteIndex::open(&folder)?;
        Ok(Self { downloads: cache.join(DOWNLOADS), folder, cas, index })
    }
}
