//! A machine with a cache and stores, and one run of kiln on it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use kiln_cas::{Cas as _, DiskCas};
use kiln_digest::Digest;
use kiln_event::{Event, Sink};
use kiln_ir::Source;
use kiln_source::{AnyError, Fetcher, Mirrors, Pause, Pin, Ports, Settings, SourceKind};
use tempfile::TempDir;

use super::{ALIAS, Subject, Upstream};

/// What a run knows of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Net {
    There,
    /// The run is offline.
    Away,
    /// The run is offline, and nobody configured a mirror.
    Unknown,
}

/// A machine of a user: one cache, and as many stores as he has projects.
pub(super) struct Machine<'a> {
    pub(super) subject: &'a Subject<'a>,
    folder: TempDir,
    stores: Mutex<Vec<PathBuf>>,
}

/// One run of kiln.
pub(super) struct Run<'a> {
    source: &'a Source,
    kind: Box<dyn SourceKind>,
    pub(super) fetcher: Fetcher,
    told: Mutex<Vec<Event>>,
    /// Somebody asks to stop as soon as something is fetched.
    pub(super) ends_early: bool,
}

/// An error as a user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) code: String,
    pub(super) help: String,
    pub(super) message: String,
}

/// Does not wait.
pub struct NoPause;

impl Pause for NoPause {
    fn pause(&self, _time: Duration, _is_stopped: &dyn Fn() -> bool) {}
}

impl<'a> Machine<'a> {
    pub(super) fn new(subject: &'a Subject<'a>) -> Self {
        Self { subject, folder: crate::scratch(), stores: Mutex::default() }
    }

    /// Makes the store of another project.
    pub(super) fn store(&self) -> DiskCas {
        let mut stores = self.stores.lock().expect("no test panicked here");
        let folder = self.folder.path().join(format!("store{}", stores.len()));
        stores.push(folder.clone());
        DiskCas::open(&folder).expect("a folder for tests can hold a store")
    }

    pub(super) fn run(&self, net: Net) -> Run<'a> {
        let cache = self.folder.path().join("cache");
        let mut mirrors = Mirrors::default();
        if let (Some(server), Net::There | Net::Away) = (self.subject.server, net) {
            mirrors.set(ALIAS, [server.base()]).expect("a server on loopback is a mirror");
        }
        let offline = net != Net::There;
        let folder = cache.join("downloads-v1");
        let settings = Settings { folder, mirrors, offline, ..Settings::default() };
        let fetcher = Fetcher::new(settings, Box::new(NoPause)).expect("plain settings are right");
        let kind = (self.subject.kind)(&cache);
        assert!(kind.takes(&self.subject.source), "the kind does not take its own source");
        let told = Mutex::default();
        Run { source: &self.subject.source, kind, fetcher, told, ends_early: false }
    }

    /// Does something that must not ask the server for anything.
    pub(super) fn quiet(&self, what: &str, work: impl FnOnce()) {
        let asked = || self.subject.server.map(Upstream::asked).unwrap_or_default();
        let n_before = asked().len();
        work();
        let new = asked().split_off(n_before);
        assert!(new.is_empty(), "{what} asks the server for what is here: {new:?}");
    }

    /// Lists the content of a store, and what the cache holds.
    pub(super) fn listed(&self, store: &DiskCas) -> BTreeSet<PathBuf> {
        let cached = files(&self.folder.path().join("cache"));
        stored(store).into_iter().chain(cached).collect()
    }

    /// Lists what was downloaded.
    pub(super) fn downloads(&self) -> BTreeSet<PathBuf> {
        files(&self.folder.path().join("cache/downloads-v1"))
    }
}

impl Run<'_> {
    pub(super) fn track(&self, store: &DiskCas) -> Result<Pin, Told> {
        let pin = self.kind.track(self.source, self.ports(store));
        self.judge_events();
        pin.map_err(|error| Told::new(&error))
    }

    /// Fetches a pin, and returns the digest of its tree.
    pub(super) fn fetch(&self, store: &DiskCas, pin: &Pin) -> Result<Digest, Told> {
        let tree = self.kind.fetch(self.source, pin.clone(), self.ports(store));
        self.judge_events();
        tree.map(|tree| tree.digest()).map_err(|error| Told::new(&error))
    }

    fn ports<'b>(&'b self, store: &'b DiskCas) -> Ports<'b> {
        Ports { cas: store, fetcher: &self.fetcher, sink: self }
    }

    /// Whatever was begun has ended, and was told so.
    fn judge_events(&self) {
        let told = self.told.lock().expect("no test panicked here");
        let n = |is: fn(&Event) -> bool| told.iter().filter(|event| is(event)).count();
        let n_started = n(|event| matches!(event, Event::FetchStarted { .. }));
        let n_ended = n(|event| matches!(event, Event::Fetched { .. } | Event::FetchFailed { .. }));
        assert_eq!(n_started, n_ended, "what is told of fetching has no end: {told:?}");
    }
}

impl Sink for Run<'_> {
    fn emit(&self, event: Event) {
        if self.ends_early && matches!(event, Event::FetchStarted { .. }) {
            self.fetcher.stop();
        }
        self.told.lock().expect("no test panicked here").push(event);
    }
}

impl Told {
    fn new(error: &AnyError) -> Self {
        let text = |text: Option<Box<dyn std::fmt::Display + '_>>| {
            text.map(|text| text.to_string()).unwrap_or_default()
        };
        Self { code: text(error.code()), help: text(error.help()), message: error.to_string() }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.code, self.message, self.help)
    }
}

/// Lists the content of a store.
pub(super) fn stored(store: &DiskCas) -> BTreeSet<PathBuf> {
    files(&store.folder().join("cas"))
}

/// Lists the files below a folder that are not empty; those that are empty hold locks.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) if metadata.len() > 0 => drop(found.insert(entry.path())),
                _ => {}
            }
        }
    }
    found
}

/// All of the pinned tree is in a store.
pub(super) fn assert_whole(store: &DiskCas, pin: &Pin, what: &str) {
    let tree = store.read_tree(pin.tree).unwrap_or_else(|error| {
        panic!("{what} has no tree in the store: {error}");
    });
    let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
    let missing = store.missing(&files).expect("the store can be read");
    assert!(missing.is_empty(), "{what} lacks files in the store: {missing:?}");
}

/// An error has a code, help, and one line without a stop at its end.
pub(super) fn assert_clear(told: &Told, when: &str) {
    assert!(told.code.starts_with('K') && told.code.len() == 5, "{when} it has no code: {told}");
    assert!(!told.help.is_empty(), "{when} it has no help: {told}");
    let is_line = !told.message.contains('\n') && !told.message.ends_with('.');
    assert!(is_line && !told.message.is_empty(), "{when} it is no line: {told}");
    assert!(!told.code.starts_with("K9"), "{when} it is called a defect of kiln: {told}");
}

/// Asks a fetcher to stop as soon as something came.
pub struct Impatient<'a>(pub &'a Fetcher);

impl Sink for Impatient<'_> {
    fn emit(&self, event: Event) {
        if matches!(event, Event::Fetched { .. }) {
            self.0.stop();
        }
    }
}
