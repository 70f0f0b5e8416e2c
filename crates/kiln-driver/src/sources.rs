//! Sources that are folders of the project: their digests for the plan, their trees for the build.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use kiln_cas::{Batch, Cas, CasError, DiskCas};
use kiln_digest::Digest;
use kiln_source_local::{Local, LocalError, Remember, forget_unused, import, measure};
use kiln_tree::Tree;

use crate::Session;
use crate::store::STORE;

/// Folder of the store that holds what sources were, one file a source.
const REMEMBERED: &str = "stat-v1";

/// The folders of one project.
pub(crate) struct Sources<'a> {
    project: &'a Path,
    remember: Option<Remember>,
    keep: Option<Lazy>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(session: &Session, project: &'a Path) -> Self {
        let store = own_store(session);
        let remember = store
            .as_ref()
            .map(|store| Remember { folder: store.join(REMEMBERED), now: session.environment.now });
        if let Some(remember) = &remember {
            let now = UNIX_EPOCH + Duration::from_secs(remember.now);
            // What is remembered for too long takes space, no more.
            drop(forget_unused(&remember.folder, now));
        }
        let keep = store.map(|store| Lazy { store, opened: OnceLock::new() });
        Self { project, remember, keep }
    }

    /// Returns the digest of a source as it is now; what is new in it is kept on the way, as it has to be read anyway.
    pub(crate) fn measure(
        &self,
        path: &str,
        exclude: &[String],
        with_ignored: bool,
    ) -> Result<Digest, LocalError> {
        let source = self.local(path, exclude, with_ignored);
        match measure(&source, self.keep.as_ref().map(|keep| keep as &dyn Cas)) {
            // Planning needs no store; if the build does not get one either, it will say so.
            Err(LocalError::Keep { .. }) => measure(&source, None),
            measured => measured,
        }
    }

    /// Returns the tree of a source as it was measured; it is kept in a store.
    pub(crate) fn tree(
        &self,
        cas: &dyn Cas,
        path: &str,
        exclude: &[String],
        with_ignored: bool,
        measured: Option<Digest>,
    ) -> Result<Tree, LocalError> {
        if let Some(tree) = measured.and_then(|digest| kiln_source::whole(cas, digest)) {
            return Ok(tree);
        }
        let tree = import(cas, &self.local(path, exclude, with_ignored))?;
        // What was planned is what is built, or nothing: somebody may be editing right now.
        if measured != Some(tree.digest()) {
            return Err(LocalError::Changed { path: path.to_owned() });
        }
        Ok(tree)
    }

    fn local<'b>(&'b self, path: &'b str, exclude: &'b [String], with_ignored: bool) -> Local<'b> {
        Local { project: self.project, path, exclude, with_ignored, memory: self.remember.as_ref() }
    }
}

/// Returns the folder of the store, unless it is somebody else's.
fn own_store(session: &Session) -> Option<PathBuf> {
    let store = session.environment.cache().ok()?.join(STORE);
    let is_foreign = |found: std::fs::Metadata| found.uid() != rustix::process::geteuid().as_raw();
    let foreign = std::fs::metadata(&store).is_ok_and(is_foreign);
    (!foreign).then_some(store)
}

/// The store, opened when something is kept first: planning what is unchanged does without.
struct Lazy {
    store: PathBuf,
    opened: OnceLock<DiskCas>,
}

impl Lazy {
    fn cas(&self) -> Result<&DiskCas, CasError> {
        if self.opened.get().is_none() {
            // Where two threads open it at once, one of the two is closed again.
            drop(self.opened.set(DiskCas::open(&self.store)?));
        }
        self.opened.get().ok_or(CasError::Missing { digest: Digest::EMPTY })
    }
}

impl Cas for Lazy {
    fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, CasError> {
        self.cas()?.missing(digests)
    }

    fn read(&self, digest: Digest) -> Result<Vec<u8>, CasError> {
        self.cas()?.read(digest)
    }

    fn write(&self, bytes: &[u8]) -> Result<Digest, CasError> {
        self.cas()?.write(bytes)
    }

    fn write_stream(
        &self,
        from: &mut dyn std::io::Read,
        executable: bool,
    ) -> Result<Digest, CasError> {
        self.cas()?.write_stream(from, executable)
    }

    fn write_file(&self, bytes: &[u8], executable: bool) -> Result<Digest, CasError> {
        self.cas()?.write_file(bytes, executable)
    }

    fn batch(&self) -> Result<Box<dyn Batch + '_>, CasError> {
        self.cas()?.batch()
    }
}
