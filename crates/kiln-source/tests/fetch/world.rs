//! A folder of downloads, what fetches into it, and what was said meanwhile.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kiln_digest::Digest;
use kiln_event::{Event, Sink};
use kiln_source::{
    Certificates, Download, Fetcher, Mirrors, Pause, Settings, SourceError, Token, Wanted,
};
use tempfile::TempDir;

use crate::server::Server;

/// The certificate of who signed those of the servers.
pub const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fetch/tls/authority.pem");

/// Notes pauses instead of waiting.
#[derive(Clone, Default)]
pub struct Pauses(pub Arc<Mutex<Vec<Duration>>>);

impl Pause for Pauses {
    fn pause(&self, time: Duration, _is_stopped: &dyn Fn() -> bool) {
        self.0.lock().unwrap().push(time);
    }
}

/// Keeps what was said, in the form of the record of a run.
#[derive(Default)]
pub struct Said(pub Mutex<Vec<Event>>);

impl Sink for Said {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Said {
    pub fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

pub struct World {
    _cache: TempDir,
    pub settings: Settings,
    pub pauses: Pauses,
    pub said: Said,
}

impl World {
    /// Returns a world with the mirrors of the alias `m`.
    pub fn new(mirrors: &[&Server]) -> Self {
        let cache = kiln_testkit::scratch();
        let file = Some(PathBuf::from(AUTHORITY));
        let mut settings = Settings {
            folder: cache.path().join("downloads"),
            certificates: Certificates { file, folders: Vec::new() },
            n_threads: 8,
            ..Settings::default()
        };
        settings.mirrors = of_alias(mirrors);
        Self { _cache: cache, settings, pauses: Pauses::default(), said: Said::default() }
    }

    /// Gives the alias `m` a token.
    pub fn with_token(mut self) -> Self {
        self.settings.tokens.insert("m".to_owned(), Token::new("t0k3n").unwrap());
        self
    }

    pub fn fetcher(&self) -> Fetcher {
        Fetcher::new(self.settings.clone(), Box::new(self.pauses.clone())).unwrap()
    }

    /// Fetches with a fetcher of its own, as another run does.
    pub fn fetch(&self, wanted: &Wanted) -> Result<Download, SourceError> {
        self.fetcher().fetch(wanted, &self.said)
    }

    /// Fetches `m:file` as it is now, and returns its text.
    pub fn current(&self) -> Result<String, SourceError> {
        let download = self.fetch(&Wanted::current("m:file"))?;
        Ok(fs::read_to_string(download.path).unwrap())
    }

    /// Returns the names of what is in the folder of downloads, but the records of what is known.
    pub fn kept(&self) -> Vec<String> {
        let files = fs::read_dir(&self.settings.folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != "known").collect();
        names.sort();
        names
    }
}

pub fn of_alias(mirrors: &[&Server]) -> Mirrors {
    let mut all = Mirrors::default();
    all.set("m", mirrors.iter().map(|server| server.url())).unwrap();
    all
}

/// Asks for `m:file` of a content.
pub fn pinned(content: &[u8]) -> Wanted {
    Wanted::pinned("m:file", Digest::of(content))
}

/// Returns an error with its causes and its advice, as a person sees it.
pub fn told(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let help = miette::Diagnostic::help(error).map(|help| help.to_string());
    format!("{text}\n{}", help.unwrap_or_default())
}
