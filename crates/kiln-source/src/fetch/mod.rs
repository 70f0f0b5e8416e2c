//! From a URL to a checked file in the folder of downloads.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kiln_digest::{Digest, Hasher};
use kiln_event::{Event, Sink};

use crate::part::Part;
use crate::pause::{TICK, backoff};
use crate::transport::{Refusal, Transport};
use crate::{Mirrors, Pause, Place, Proxies, SourceError};

/// How often one place is tried.
const TRIES: u32 = 5;
/// The largest file of unknown size.
const LARGEST: u64 = 64 << 30;

/// What a [`Fetcher`] works with; the driver knows it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where downloads are kept, such as `downloads-v1` of the cache; made when it is missing.
    pub folder: PathBuf,
    pub mirrors: Mirrors,
    pub proxies: Proxies,
    /// A PEM file in place of the machine's certificates.
    pub certificates: Option<PathBuf>,
    /// Uses nothing but what is here and `file:` mirrors.
    pub offline: bool,
    /// How many files are fetched at once; at least one is.
    pub n_threads: usize,
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// With its alias.
    pub url: String,
    /// Nothing when it is tracked: then it comes anew.
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
}

/// Why one try brought no file.
enum Miss {
    Refused(Refusal),
    Wrong(Wrong),
    /// The folder of downloads failed.
    Local(io::Error),
}

#[derive(Debug, thiserror::Error)]
#[error("other content: {found}")]
struct Wrong {
    expected: String,
    found: String,
}

impl From<io::Error> for Miss {
    fn from(cause: io::Error) -> Self {
        Self::Local(cause)
    }
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
}

impl Fetcher {
    /// Makes a fetcher.
    ///
    /// # Errors
    /// When a proxy or the certificates cannot be used.
    pub fn new(settings: Settings, pause: Box<dyn Pause>) -> Result<Self, SourceError> {
        let transport = Transport::new(&settings.proxies, settings.certificates.as_deref())?;
        Ok(Self { settings, transport, pause, is_stopped: AtomicBool::new(false) })
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
        self.pause.pause(backoff(url, attempt, None), &|| self.is_stopped());
    }

    /// Returns whether nothing may be asked of a network.
    pub fn is_offline(&self) -> bool {
        self.settings.offline
    }

    /// Returns the mirrors of this run.
    pub fn mirrors(&self) -> &Mirrors {
        &self.settings.mirrors
    }

    /// Fetches one file, unless it is here already.
    ///
    /// # Errors
    /// When no place gave it, its content is another, or it cannot be written.
    pub fn fetch(&self, wanted: &Wanted, sink: &dyn Sink) -> Result<Download, SourceError> {
        let source = wanted.url.clone();
        sink.emit(Event::FetchStarted { source: source.clone() });
        match self.bring(wanted, sink) {
            Ok((download, bytes)) => {
                sink.emit(Event::Fetched { source, bytes });
                Ok(download)
            }
            Err(error) => {
                sink.emit(Event::FetchFailed { source, message: error.to_string() });
                Err(error)
            }
        }
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
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let done = Mutex::new(Vec::new());
        let work = || {
            while !failed.load(Ordering::Relaxed) {
                let ix = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = wanted.get(ix) else { return };
                let result = self.fetch(file, sink);
                failed.fetch_or(result.is_err(), Ordering::Relaxed);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((ix, result));
            }
        };
        let n_threads = self.settings.n_threads.clamp(1, wanted.len().max(1));
        std::thread::scope(|scope| {
            for _ in 0..n_threads {
                scope.spawn(work);
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(ix, _)| *ix);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// Returns the file and how many bytes came for it.
    fn bring(&self, wanted: &Wanted, sink: &dyn Sink) -> Result<(Download, u64), SourceError> {
        let folder = &self.settings.folder;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| SourceError::Write { path, cause }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        if let Some(download) = self.present(wanted).map_err(failed(folder))? {
            return Ok((download, 0));
        }
        let places = self.places(wanted)?;
        let name = match wanted.sha256 {
            Some(hash) => Digest { hash, size: 0 }.hex(),
            None => format!("track-{}", Digest::of(wanted.url.as_bytes()).hex()),
        };
        let part_path = folder.join(format!("{name}.part"));
        let mut part = Part::lock(&part_path).map_err(failed(&part_path))?;
        // Another process may have brought it while this one waited for the lock.
        if let Some(download) = self.present(wanted).map_err(failed(folder))? {
            part.discard();
            return Ok((download, 0));
        }
        let content = self.try_places(wanted, &places, &mut part, sink).inspect_err(|error| {
            // A part that stays could only go on where there is space.
            if part.n_bytes == 0 || matches!(error, SourceError::Write { .. }) {
                part.discard();
            }
        })?;
        let path = folder.join(content.hex());
        part.keep(&path).map_err(failed(&path))?;
        Ok((Download { path, content }, part.n_fetched))
    }

    /// Returns the file if it is here and whole; one that was changed is taken away.
    fn present(&self, wanted: &Wanted) -> io::Result<Option<Download>> {
        let Some(hash) = wanted.sha256 else {
            return Ok(None);
        };
        let path = self.settings.folder.join(Digest { hash, size: 0 }.hex());
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut hasher = Hasher::default();
        io::copy(&mut file, &mut hasher)?;
        let content = hasher.finish();
        if content.hash == hash {
            return Ok(Some(Download { path, content }));
        }
        fs::remove_file(&path)?;
        Ok(None)
    }

    fn places(&self, wanted: &Wanted) -> Result<Vec<Place>, SourceError> {
        let offline = self.settings.offline;
        let mut places = match self.settings.mirrors.resolve(&wanted.url) {
            // Without a network nobody looks for mirrors.
            Err(SourceError::UnknownAlias { .. }) if offline => Vec::new(),
            places => places?,
        };
        if offline {
            places.retain(|place| matches!(place, Place::File(_)));
        }
        if places.is_empty() {
            return Err(SourceError::Offline { url: wanted.url.clone() });
        }
        Ok(places)
    }

    fn try_places(
        &self,
        wanted: &Wanted,
        places: &[Place],
        part: &mut Part,
        sink: &dyn Sink,
    ) -> Result<Digest, SourceError> {
        let mut tries = Vec::new();
        let mut wrong = None;
        let mut cause: Box<dyn Error + Send + Sync> = "it has no mirror".into();
        let is_stopped = || self.is_stopped.load(Ordering::SeqCst);
        for (place_ix, place) in places.iter().enumerate() {
            for attempt in 1..=TRIES {
                let tried = self.try_place(wanted, place, part);
                if tried.is_err() && is_stopped() {
                    return Err(SourceError::Stopped { url: wanted.url.clone() });
                }
                let refusal = match tried {
                    Ok(content) => return Ok(content),
                    Err(Miss::Local(cause)) => return Err(part.failed(cause)),
                    Err(Miss::Refused(refusal)) => refusal,
                    Err(Miss::Wrong(other)) => {
                        let refusal = Refusal::last(other.to_string().into());
                        wrong = Some(other);
                        refusal
                    }
                };
                let message = told(&*refusal.cause);
                tries.push(format!("{place}: {message}"));
                cause = refusal.cause;
                let again = refusal.again && attempt < TRIES;
                if again || place_ix + 1 < places.len() {
                    let source = wanted.url.clone();
                    sink.emit(Event::FetchRetried { source, attempt, message });
                }
                if !again {
                    break;
                }
                self.pause.pause(backoff(&wanted.url, attempt, refusal.after), &is_stopped);
            }
        }
        let url = wanted.url.clone();
        match wrong {
            Some(Wrong { expected, found }) => {
                Err(SourceError::WrongContent { url, expected, found, tries })
            }
            None => Err(SourceError::Unreachable { url, tries, cause }),
        }
    }

    /// Tries one place once; goes on where the part ends when the content is known.
    fn try_place(&self, wanted: &Wanted, place: &Place, part: &mut Part) -> Result<Digest, Miss> {
        let checked = wanted.sha256.is_some();
        let mut hasher = if checked { part.rehash() } else { part.restart() }?;
        let mut answer = match self.transport.open(place, part.n_bytes, checked) {
            Ok(answer) => answer,
            Err(refusal) => {
                if refusal.restart {
                    part.restart()?;
                }
                return Err(Miss::Refused(refusal));
            }
        };
        if answer.start != part.n_bytes {
            hasher = part.restart()?;
        }
        if answer.start != part.n_bytes {
            return Err(broken("the server answered with another range".into()));
        }
        let limit = wanted.size.unwrap_or(LARGEST);
        let mut buffer = vec![0; 1 << 16];
        loop {
            if self.is_stopped.load(Ordering::Relaxed) {
                return Err(broken("it was stopped".into()));
            }
            let n_read = answer.body.read(&mut buffer).map_err(|cause| broken(cause.into()))?;
            if n_read == 0 {
                break;
            }
            hasher.update(&buffer[..n_read]);
            part.append(&buffer[..n_read])?;
            if part.n_bytes > limit {
                break;
            }
        }
        let content = hasher.finish();
        if wanted.size.is_some_and(|size| content.size < size) {
            return Err(broken("the connection ended too early".into()));
        }
        match wrong(wanted, content, limit) {
            None => Ok(content),
            Some(wrong) => {
                part.restart()?;
                Err(Miss::Wrong(wrong))
            }
        }
    }
}

/// Returns what is wrong with a content, if anything.
fn wrong(wanted: &Wanted, content: Digest, limit: u64) -> Option<Wrong> {
    let expected = match wanted.sha256 {
        Some(hash) => format!("sha256 `{}`", Digest { hash, size: 0 }.hex()),
        None => format!("at most {limit} bytes"),
    };
    if content.size > limit {
        return Some(Wrong { expected, found: format!("more than {limit} bytes") });
    }
    let other = wanted.sha256.is_some_and(|hash| hash != content.hash);
    other.then(|| Wrong { expected, found: format!("sha256 `{}`", content.hex()) })
}

fn broken(cause: Box<dyn Error + Send + Sync>) -> Miss {
    Miss::Refused(Refusal { again: true, ..Refusal::last(cause) })
}

/// Returns an error with its causes on one line.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests;
