//! From a URL to a checked file in the folder of downloads.

mod account;
mod bring;
mod foreign;
mod tries;

pub use foreign::{Foreign, Seal};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kiln_digest::Digest;
use kiln_event::{Event, Sink};

use crate::address::Address;
use crate::pause::{TICK, backoff};
use crate::transport::{Setup, Transport};
use crate::{
    Certificates, Identity, Logins, Mirrors, Patience, Pause, Place, Proxies, SourceError, Token,
    side_by_side, without_password,
};

use account::Account;

/// What a [`Fetcher`] works with; the driver knows it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where downloads are kept, such as `downloads-v1` of the cache; made when it is missing.
    pub folder: PathBuf,
    /// Folders that hold files under their sha256, looked at before any mirror and never written.
    pub prepared: Vec<PathBuf>,
    pub mirrors: Mirrors,
    pub proxies: Proxies,
    pub certificates: Certificates,
    pub logins: Logins,
    /// By alias; sent to its mirrors where the user himself named them.
    pub tokens: BTreeMap<String, Token>,
    pub patience: Patience,
    /// Uses nothing but what is here and `file:` mirrors.
    pub offline: bool,
    /// How many files are fetched at once, whoever asks for them; at least one is.
    pub n_threads: usize,
    /// Another number in another run: machines that fail together do not come back together.
    pub run: u64,
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// With its alias.
    pub url: String,
    /// Nothing when it is tracked: then it comes as it is now.
    pub sha256: Option<[u8; 32]>,
    pub size: Option<u64>,
}

/// A file in the folder of downloads, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    pub path: PathBuf,
    pub content: Digest,
}

/// Fetches files; shared by threads.
pub struct Fetcher {
    settings: Settings,
    transport: Transport,
    pause: Box<dyn Pause>,
    is_stopped: AtomicBool,
    account: Account,
    /// Servers that did not answer, however often they were asked.
    silent: Mutex<BTreeSet<String>>,
    /// What was tracked in this run, by URL: two sources of one file are to be of one content.
    tracked: Mutex<BTreeMap<String, Download>>,
    /// What was given to who knew its sha256, by what events call it.
    served: Mutex<BTreeMap<String, Served>>,
}

/// What a file is besides what is wanted of it.
#[derive(Clone, Copy)]
struct Check<'a> {
    seal: &'a str,
    compare: &'a dyn Fn(&Path) -> Seal,
}

/// Files that were given.
#[derive(Default)]
struct Served {
    files: Vec<Download>,
    /// Whether somebody did not know the sha256.
    is_sealed: bool,
}

impl Wanted {
    /// Asks for a file of known content.
    pub fn pinned(url: impl Into<String>, content: Digest) -> Self {
        Self { url: url.into(), sha256: Some(content.hash), size: Some(content.size) }
    }

    /// Asks for a file as it is now.
    pub fn current(url: impl Into<String>) -> Self {
        Self { url: url.into(), sha256: None, size: None }
    }

    /// Returns the name of the file in a folder of downloads, if it is known.
    pub fn file_name(&self) -> Option<String> {
        self.sha256.map(|hash| Digest { hash, size: 0 }.hex())
    }

    /// Returns the URL as anybody may see it.
    fn shown(&self) -> String {
        without_password(&self.url)
    }

    /// Returns what the file is called while it is on its way.
    fn name(&self) -> String {
        self.file_name()
            .unwrap_or_else(|| format!("track-{}", Digest::of(self.url.as_bytes()).hex()))
    }
}

impl Fetcher {
    /// Makes a fetcher.
    ///
    /// # Errors
    /// When a proxy or the certificates cannot be used.
    pub fn new(settings: Settings, pause: Box<dyn Pause>) -> Result<Self, SourceError> {
        let transport = Transport::new(&Setup {
            proxies: &settings.proxies,
            certificates: &settings.certificates,
            logins: &settings.logins,
            patience: settings.patience,
            n_connections: settings.n_threads,
        })?;
        let (is_stopped, account) = (AtomicBool::new(false), Account::default());
        let (tracked, served, silent) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { settings, transport, pause, is_stopped, account, silent, tracked, served })
    }

    /// Ends all that is under way with [`SourceError::Stopped`], and whatever is asked for later. What came so far stays.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.transport.stop();
    }

    /// Stops as soon as somebody asks for it, until this is dropped.
    pub fn stop_when(self: &Arc<Self>, is_asked: impl Fn() -> bool + Send + 'static) {
        let watched = Arc::downgrade(self);
        let watch = move || {
            while let Some(fetcher) = watched.upgrade() {
                if is_asked() {
                    return fetcher.stop();
                }
                drop(fetcher);
                std::thread::sleep(TICK);
            }
        };
        // Without a thread to watch, it ends when it is done.
        drop(std::thread::Builder::new().name("kiln-fetch-stop".to_owned()).spawn(watch));
    }

    /// Returns whether somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// Waits after a failed try (the first is 1), not longer than until somebody asks to stop.
    pub fn rest(&self, url: &str, attempt: u32) {
        let time = backoff(url, attempt, self.settings.run, None);
        self.pause.pause(time, &|| self.is_stopped());
    }

    /// Returns whether nothing may be asked of a network.
    pub fn is_offline(&self) -> bool {
        self.settings.offline
    }

    /// Returns how long a server may take: for a program that asks it itself.
    pub fn patience(&self) -> Patience {
        self.settings.patience
    }

    /// Returns the mirrors of this run.
    pub fn mirrors(&self) -> &Mirrors {
        &self.settings.mirrors
    }

    /// Returns the folders of what somebody prepared, to be looked at before any mirror.
    pub fn prepared(&self) -> &[PathBuf] {
        &self.settings.prepared
    }

    /// Returns what the server of a place of a URL is told of the user: for a program that asks it itself. It goes to that
    /// very server only.
    pub fn identity(&self, url: &str, place: &Place) -> Identity {
        let Place::Http(at) = place else {
            return Identity { credential: None, told: "it is no server".to_owned() };
        };
        let Some((address, login)) = Address::parse(at) else {
            return Identity { credential: None, told: "it is no URL of a server".to_owned() };
        };
        let (logins, token) = (&self.settings.logins, self.token(url));
        Identity::of(&address, logins, login.as_ref(), token, false)
    }

    /// Returns how many files are fetched at once.
    pub fn n_threads(&self) -> usize {
        self.settings.n_threads.max(1)
    }

    /// Says what will be fetched, so that progress is of the whole: [`Event::FetchProgress`] is told from here on until
    /// all of it is done. What is here already, or was said before, does not count.
    pub fn plan(&self, wanted: &[Wanted], sink: &dyn Sink) {
        let missing = wanted.iter().filter(|file| !self.is_here(file));
        self.account.plan(missing.map(|file| (file.name(), file.size)), Instant::now(), sink);
    }

    /// Returns whether a file of known content is here, without reading it.
    pub fn is_here(&self, wanted: &Wanted) -> bool {
        let Some(name) = wanted.file_name() else { return false };
        let folders = self.settings.prepared.iter().chain([&self.settings.folder]);
        folders.map(|folder| folder.join(&name)).any(|path| path.is_file())
    }

    /// Fetches one file, unless it is here already.
    ///
    /// # Errors
    /// When no place gave it, its content is another, or it cannot be written.
    pub fn fetch(&self, wanted: &Wanted, sink: &dyn Sink) -> Result<Download, SourceError> {
        self.fetch_if(wanted, None, sink)
    }

    /// Fetches one file as [`Fetcher::fetch`] does, and takes it only from a place that gives what was meant: `compare`
    /// is asked before a place counts. `seal` is what messages say that was expected.
    ///
    /// # Errors
    /// As [`Fetcher::fetch`]; [`SourceError::WrongContent`] where all that came was something else.
    pub fn fetch_sealed(
        &self,
        wanted: &Wanted,
        seal: &str,
        compare: &dyn Fn(&Path) -> Seal,
        sink: &dyn Sink,
    ) -> Result<Download, SourceError> {
        self.fetch_if(wanted, Some(Check { seal, compare }), sink)
    }

    fn fetch_if(
        &self,
        wanted: &Wanted,
        check: Option<Check<'_>>,
        sink: &dyn Sink,
    ) -> Result<Download, SourceError> {
        let source = wanted.shown();
        sink.emit(Event::FetchStarted { source: source.clone() });
        let brought = self.bring(wanted, check, sink);
        let size = brought.as_ref().ok().map(|(download, _)| download.content.size);
        let result = match brought {
            Ok((download, bytes)) => {
                if wanted.sha256.is_some() {
                    self.note(&source, &download);
                }
                sink.emit(Event::Fetched { source, bytes });
                Ok(download)
            }
            Err(error) => {
                sink.emit(Event::FetchFailed { source, message: error.to_string() });
                Err(error)
            }
        };
        self.account.close(&wanted.name(), size, Instant::now(), sink);
        result
    }

    /// Returns the files that this fetcher gave to who knew their sha256, by what events call them: none of what was also
    /// asked for by something else, as another machine cannot tell which file that is.
    pub fn served(&self, source: &str) -> Vec<Download> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let files = served.get(source).filter(|served| !served.is_sealed);
        files.map(|served| served.files.clone()).unwrap_or_default()
    }

    fn note(&self, source: &str, download: &Download) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let files = &mut served.entry(source.to_owned()).or_default().files;
        if !files.contains(download) {
            files.push(download.clone());
        }
    }

    fn note_sealed(&self, source: &str) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.entry(source.to_owned()).or_default().is_sealed = true;
    }

    /// Fetches files, several at once; the answer has their order.
    ///
    /// # Errors
    /// As [`Fetcher::fetch`]: of the first in order that failed. After a failure no further file is begun.
    pub fn fetch_all(
        &self,
        wanted: &[Wanted],
        sink: &dyn Sink,
    ) -> Result<Vec<Download>, SourceError> {
        self.plan(wanted, sink);
        let fetched = side_by_side(wanted, self.n_threads(), |file| self.fetch(file, sink));
        if fetched.is_err() {
            // What was not begun will not come.
            for file in wanted {
                self.account.close(&file.name(), None, Instant::now(), sink);
            }
        }
        fetched
    }
}

#[cfg(test)]
mod tests;
