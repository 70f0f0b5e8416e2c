//! Where the executor gets sources and bases from: the project's own folders, and the mirrors by way of the lock.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kiln_action::CancelFlag;
use kiln_cas::{Cas, CasError};
use kiln_digest::Digest;
use kiln_event::Sink;
use kiln_exec::{ForeignError, PatchFile, Supply};
use kiln_ir::{Base, Patch, PatchPin, Pins, Source, Vendored};
use kiln_source::{Fetcher, Lockfile, Pin, Ports, SourceKind, Vendor, Wanted};
use kiln_source_archive::ArchiveKind;
use kiln_source_deb::DebKind;
use kiln_source_git::{GitKind, GitProgram};
use kiln_source_local::LocalKind;
use kiln_source_oci::RootfsKind;
use kiln_tree::Tree;

use crate::host::Host;
use crate::inputs::Images;
use crate::loaded::Loaded;
use crate::patched::Notes;
use crate::sources::Sources;
use crate::store::Store;
use crate::vendors::vendors;
use crate::{DriverError, Session, vendored};

/// Folder of git repositories below the cache; a new format is a new folder.
const GIT_MIRRORS: &str = "git-v1";
/// Folder of notes which download holds which image.
const IMAGES: &str = "images-v1";

/// Where content is put that is fetched.
pub(crate) struct Places {
    pub(crate) cas: Arc<dyn Cas>,
    pub(crate) downloads: PathBuf,
    /// Of git repositories.
    pub(crate) git: PathBuf,
}

impl Places {
    /// Returns the places of the cache.
    pub(crate) fn of(store: &Store) -> Self {
        let (cas, downloads) = (Arc::clone(&store.cas), store.downloads.clone());
        Self { cas, git: downloads.with_file_name(GIT_MIRRORS), downloads }
    }
}

/// Brings content into the store for one run.
pub(crate) struct Supplier<'a> {
    session: &'a Session,
    loaded: &'a Loaded,
    /// What the plan was made of.
    pins: &'a Pins,
    cas: Arc<dyn Cas>,
    downloads: PathBuf,
    sink: &'a dyn Sink,
    kinds: Vec<Box<dyn SourceKind>>,
    vendors: Vec<Box<dyn Vendor>>,
    /// What was looked up in this run.
    tracked: Mutex<BTreeMap<Source, Pin>>,
    /// Made when something is fetched first: finding the mirrors takes its time.
    fetcher: Mutex<Option<Arc<Fetcher>>>,
    /// Ends what is fetched.
    cancel: Option<CancelFlag>,
}

impl<'a> Supplier<'a> {
    pub(crate) fn new(
        session: &'a Session,
        loaded: &'a Loaded,
        pins: &'a Pins,
        store: &'a Store,
        sink: &'a dyn Sink,
    ) -> Self {
        Self::apart(session, loaded, pins, Places::of(store), sink)
    }

    /// Makes one that puts what it brings elsewhere.
    pub(crate) fn apart(
        session: &'a Session,
        loaded: &'a Loaded,
        pins: &'a Pins,
        places: Places,
        sink: &'a dyn Sink,
    ) -> Self {
        let Places { cas, downloads, git: mirrors } = places;
        let vendors = vendors(session, &mirrors, &downloads);
        let local = LocalKind { project: loaded.root.clone() };
        let program = session.environment.find_program("git").unwrap_or_else(|| "git".into());
        let git = GitKind {
            git: Box::new(GitProgram::new(program, session.environment.variables())),
            mirrors,
        };
        let folder = downloads.with_file_name(IMAGES);
        let image = Images::of(loaded, &folder);
        let kinds: Vec<Box<dyn SourceKind>> = vec![
            Box::new(local),
            Box::new(ArchiveKind),
            Box::new(git),
            Box::new(DebKind),
            Box::new(image),
            Box::new(RootfsKind),
        ];
        Self {
            session,
            loaded,
            pins,
            cas,
            downloads,
            sink,
            kinds,
            vendors,
            tracked: Mutex::default(),
            fetcher: Mutex::default(),
            cancel: None,
        }
    }

    /// Has everything that is fetched end when somebody asks to stop.
    pub(crate) fn until(self, cancel: &CancelFlag) -> Self {
        Self { cancel: Some(cancel.clone()), ..self }
    }

    /// Has it fetch with one that is there already.
    pub(crate) fn with(mut self, fetcher: &Arc<Fetcher>) -> Self {
        self.fetcher = Mutex::new(Some(Arc::clone(fetcher)));
        self
    }

    /// Returns the files that a fetch of a locked source asks for; none where that is known only on the way.
    pub(crate) fn wanted(&self, source: &Source, pin: &Pin) -> Result<Vec<Wanted>, ForeignError> {
        if source.vendored().is_some() {
            return Ok(Vec::new());
        }
        self.kind(source)?.wanted(source, pin)
    }

    /// Looks up what a source is now, once in a run.
    pub(crate) fn track(&self, source: &Source) -> Result<Pin, ForeignError> {
        let known =
            self.tracked.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
        if let Some(pin) = known {
            return Ok(pin);
        }
        let fetcher = self.fetcher()?;
        let ports = self.ports(&fetcher);
        let pin = match source.vendored() {
            None => self.kind(source)?.track(source, ports)?,
            Some(vendored) => {
                let bytes = match &vendored.of {
                    Some(of) => self.lockfile_of(of, vendored, self.track(of)?.tree)?,
                    None => self.in_project(vendored)?,
                };
                let lockfile = Lockfile { path: &vendored.lockfile, bytes: &bytes };
                vendored::track(self.vendor(source)?, &lockfile, ports)?
            }
        };
        let mut tracked = self.tracked.lock().unwrap_or_else(PoisonError::into_inner);
        tracked.insert(source.clone(), pin.clone());
        Ok(pin)
    }

    /// Brings a source that is the content of a lock file.
    fn fetch_vendored(
        &self,
        source: &Source,
        vendored: &Vendored,
        pin: &Pin,
    ) -> Result<Tree, ForeignError> {
        let bytes = match &vendored.of {
            Some(of) => {
                let tree = self.source(of)?;
                vendored::in_tree(vendored, &of.to_string(), &tree, self.cas.as_ref())?
            }
            None => self.in_project(vendored)?,
        };
        let lockfile = Lockfile { path: &vendored.lockfile, bytes: &bytes };
        let fetcher = self.fetcher()?;
        vendored::fetch(self.vendor(source)?, &lockfile, pin, self.ports(&fetcher))
    }

    /// Reads a lock file of the project or of an input.
    fn in_project(&self, vendored: &Vendored) -> Result<Vec<u8>, ForeignError> {
        let (root, path) = self.loaded.place(&vendored.lockfile);
        Ok(vendored::in_project(root, path)?)
    }

    fn lockfile_of(
        &self,
        of: &Source,
        vendored: &Vendored,
        tree: Digest,
    ) -> Result<Vec<u8>, ForeignError> {
        let tree = self.cas.read_tree(tree)?;
        vendored::in_tree(vendored, &of.to_string(), &tree, self.cas.as_ref())
    }

    /// Returns a tree of the store that it brings content into.
    pub(crate) fn tree_kept(&self, digest: Digest) -> Result<Tree, CasError> {
        self.cas.read_tree(digest)
    }

    /// Returns the fetcher of this run.
    pub(crate) fn fetcher(&self) -> Result<Arc<Fetcher>, ForeignError> {
        let mut held = self.fetcher.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetcher) = held.as_ref() {
            return Ok(Arc::clone(fetcher));
        }
        let made = crate::fetching::fetcher(self.session, &self.downloads, &self.loaded.ir);
        let made = Arc::new(made?);
        if let Some(cancel) = self.cancel.clone() {
            made.stop_when(move || cancel.is_set());
        }
        *held = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Returns the servers that did not answer in this run.
    pub(crate) fn silent(&self) -> Vec<String> {
        let held = self.fetcher.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map_or_else(Vec::new, |fetcher| fetcher.silent())
    }

    /// Returns what kinds of sources work with.
    pub(crate) fn ports<'b>(&'b self, fetcher: &'b Fetcher) -> Ports<'b> {
        Ports { cas: self.cas.as_ref(), fetcher, sink: self.sink }
    }

    fn kind(&self, source: &Source) -> Result<&dyn SourceKind, ForeignError> {
        let takes = |kind: &&dyn SourceKind| kind.takes(source);
        let unknown = || DriverError::UnknownSource { text: source.to_string() };
        Ok(self.kinds.iter().map(Box::as_ref).find(takes).ok_or_else(unknown)?)
    }

    fn vendor(&self, source: &Source) -> Result<&dyn Vendor, ForeignError> {
        let takes = |vendor: &&dyn Vendor| vendor.takes(source);
        let unknown = || DriverError::UnknownSource { text: source.to_string() };
        Ok(self.vendors.iter().map(Box::as_ref).find(takes).ok_or_else(unknown)?)
    }

    fn patch_notes(&self) -> Notes {
        Notes::beside(&self.downloads, self.session.environment.now)
    }

    /// Returns the files of patches in their order, as they were when the plan was made.
    fn patch_pins(&self, patches: &[Patch]) -> Option<Vec<&PatchPin>> {
        let pins: Option<Vec<_>> =
            patches.iter().map(|patch| self.pins.patches.get(patch)).collect();
        Some(pins?.into_iter().flatten().collect())
    }

    fn not_locked(text: &impl ToString) -> ForeignError {
        DriverError::NotLocked { text: text.to_string() }.into()
    }
}

impl Supply for Supplier<'_> {
    fn source(&self, source: &Source) -> Result<Tree, ForeignError> {
        if let Source::Local { path, exclude, with_ignored } = source {
            let measured = self.pins.sources.get(source).copied();
            let (root, path) = self.loaded.place(path);
            let sources = Sources::new(self.session, root);
            return Ok(sources.tree(self.cas.as_ref(), path, exclude, *with_ignored, measured)?);
        }
        let locked = self.loaded.lock.source(source).ok_or_else(|| Self::not_locked(source))?;
        let pin = Pin { content: locked.content.clone(), tree: locked.tree };
        if let Some(vendored) = source.vendored() {
            // What is there needs no lock file, nor who reads it.
            return match kiln_source::whole(self.cas.as_ref(), pin.tree) {
                Some(tree) => Ok(tree),
                None => self.fetch_vendored(source, vendored, &pin),
            };
        }
        let fetcher = self.fetcher()?;
        self.kind(source)?.fetch(source, pin, self.ports(&fetcher))
    }

    fn base(&self, base: &Base) -> Result<Tree, ForeignError> {
        if *base == Base::Host {
            let host = Host::read(self.session)?;
            host.refuse_other(self.pins.host)?;
            return host.tree(self.cas.as_ref());
        }
        let locked = self.loaded.lock.base(base).ok_or_else(|| Self::not_locked(base))?;
        let fetcher = self.fetcher()?;
        crate::base::sysroot(self.session, locked, self.ports(&fetcher))
    }

    fn patches(&self, patch: &Patch) -> Result<Vec<PatchFile>, ForeignError> {
        let pins = self.pins.patches.get(patch).ok_or_else(|| Self::not_locked(&patch.path))?;
        let mut files = Vec::new();
        for pin in pins {
            let (root, path) = self.loaded.place(&pin.path);
            let here = PatchPin { path: path.to_owned(), ..pin.clone() };
            for file in crate::patches::files(root, &[here])? {
                files.push(PatchFile { path: pin.path.clone(), ..file });
            }
        }
        Ok(files)
    }

    fn patched(&self, tree: Digest, patches: &[Patch]) -> Option<Digest> {
        self.patch_notes().read(tree, &self.patch_pins(patches)?)
    }

    fn keep_patched(&self, tree: Digest, patches: &[Patch], patched: Digest) {
        if let Some(pins) = self.patch_pins(patches) {
            self.patch_notes().keep(tree, &pins, patched);
        }
    }
}
