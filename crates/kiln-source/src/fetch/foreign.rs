//! Files that are known by something other than their sha256, such as another hash or a hash of what is inside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_event::Sink;

use crate::{Download, Fetcher, SourceError, Wanted, side_by_side};

/// Folder of notes below the downloads: which file was found to be the one that is meant.
const NOTES: &str = "foreign";

/// A file to fetch that is not known by its sha256.
pub struct Foreign {
    /// What it is known by, such as `sha512-…`: another text for every other content.
    pub seal: String,
    /// Where it may be, in the order they are tried; with their aliases.
    pub urls: Vec<String>,
    /// Reads a file and compares it with the seal.
    pub check: Box<dyn Fn(&Path) -> Seal + Send + Sync>,
}

/// What a file is compared with its seal.
#[derive(Debug)]
pub enum Seal {
    Right,
    /// What was found in its place.
    Wrong(String),
    Unreadable(io::Error),
}

impl Fetcher {
    /// Fetches files that are not known by their sha256, several at once; the answer has their order. What was fetched
    /// once is not asked for again; it is compared with its seal each time.
    ///
    /// # Errors
    /// As [`Fetcher::fetch`]: of the first in order that failed. After a failure no further file is begun.
    pub fn fetch_foreign(
        &self,
        wanted: &[Foreign],
        sink: &dyn Sink,
    ) -> Result<Vec<Download>, SourceError> {
        side_by_side(wanted, self.n_threads(), |file| self.foreign(file, sink))
    }

    fn foreign(&self, file: &Foreign, sink: &dyn Sink) -> Result<Download, SourceError> {
        file.urls.iter().for_each(|url| self.note_sealed(&Wanted::current(url).shown()));
        if let Some(download) = self.noted(file, sink) {
            return Ok(download);
        }
        let mut refusal = None;
        for url in &file.urls {
            match self.fetch_sealed(&Wanted::current(url), &file.seal, &*file.check, sink) {
                Ok(download) => {
                    // Without the note it is fetched again another time: no more than that.
                    drop(self.keep_note(&file.seal, download.content));
                    return Ok(download);
                }
                Err(
                    error @ (SourceError::Stopped { .. }
                    | SourceError::Read { .. }
                    | SourceError::Write { .. }),
                ) => return Err(error),
                Err(error @ SourceError::WrongContent { .. }) => refusal = Some(error),
                Err(error) => {
                    refusal.get_or_insert(error);
                }
            }
        }
        let seal = file.seal.clone();
        Err(refusal.unwrap_or(SourceError::BadUrl { url: seal, reason: "nothing has it" }))
    }

    /// Returns the file that an earlier run found, if it is still here and right.
    fn noted(&self, file: &Foreign, sink: &dyn Sink) -> Option<Download> {
        let content = fs::read_to_string(self.note_path(&file.seal)).ok()?.parse().ok()?;
        let wanted = Wanted::pinned(file.urls.first().cloned().unwrap_or_default(), content);
        // What was changed meanwhile is fetched from all places there are.
        let download = self.is_here(&wanted).then(|| self.fetch(&wanted, sink))?.ok()?;
        matches!((file.check)(&download.path), Seal::Right).then_some(download)
    }

    fn keep_note(&self, seal: &str, content: Digest) -> io::Result<()> {
        let path = self.note_path(seal);
        fs::create_dir_all(path.with_file_name(""))?;
        let fresh = path.with_extension(format!("new-{}", content.hex()));
        fs::write(&fresh, content.to_string())?;
        fs::rename(fresh, path)
    }

    fn note_path(&self, seal: &str) -> PathBuf {
        self.settings.folder.join(NOTES).join(Digest::of(seal.as_bytes()).hex())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kiln_event::Silent;
    use kiln_testkit::{FileServer, scratch};

    use super::*;
    use crate::{Mirrors, Pause, Settings};

    struct NoPause;

    impl Pause for NoPause {
        fn pause(&self, _time: Duration, _is_stopped: &dyn Fn() -> bool) {}
    }

    fn fetcher(folder: &Path, server: &FileServer) -> Fetcher {
        let mut mirrors = Mirrors::default();
        mirrors.set("up", [server.url()]).unwrap();
        let settings = Settings { folder: folder.to_owned(), mirrors, ..Settings::default() };
        Fetcher::new(settings, Box::new(NoPause)).unwrap()
    }

    /// Means the file that begins with `right`.
    fn wanted(urls: &[&str]) -> [Foreign; 1] {
        let check = |path: &Path| match fs::read_to_string(path) {
            Ok(text) if text.starts_with("right") => Seal::Right,
            Ok(text) => Seal::Wrong(text),
            Err(cause) => Seal::Unreadable(cause),
        };
        let urls = urls.iter().map(ToString::to_string).collect();
        [Foreign { seal: "begins with right".to_owned(), urls, check: Box::new(check) }]
    }

    #[test]
    fn the_first_place_with_the_right_file_counts_and_is_asked_once() {
        let (served, cache) = (scratch(), scratch());
        for (name, text) in [("wrong", "left"), ("good", "right"), ("later", "right, too")] {
            fs::write(served.path().join(name), text).unwrap();
        }
        let server = FileServer::start(served.path());
        let places = ["up:none", "up:wrong", "up:good", "up:later"];
        let first = fetcher(cache.path(), &server);
        let found = first.fetch_foreign(&wanted(&places), &Silent).unwrap();
        assert_eq!(found[0].content, Digest::of(b"right"));
        let n_asked = server.requests().len();
        let again = fetcher(cache.path(), &server);
        assert_eq!(again.fetch_foreign(&wanted(&places), &Silent).unwrap(), found);
        assert_eq!(server.requests().len(), n_asked);
        // What the note says is compared, too.
        fs::write(&found[0].path, "left").unwrap();
        let third = fetcher(cache.path(), &server);
        assert_eq!(third.fetch_foreign(&wanted(&places), &Silent).unwrap(), found);
    }

    #[test]
    fn a_mirror_with_something_else_does_not_stand_before_the_next_one() {
        let folders = [scratch(), scratch()];
        for (folder, text) in folders.iter().zip(["please log in", "right"]) {
            fs::write(folder.path().join("file"), text).unwrap();
        }
        let servers = folders.each_ref().map(|folder| FileServer::start(folder.path()));
        let cache = scratch();
        let mut mirrors = Mirrors::default();
        mirrors.set("up", servers.each_ref().map(FileServer::url)).unwrap();
        let folder = cache.path().to_owned();
        let settings = Settings { folder, mirrors, ..Settings::default() };
        let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
        // What somebody took without looking is looked at, too.
        let unseen = fetcher.fetch(&Wanted::current("up:file"), &Silent).unwrap();
        assert_eq!(unseen.content, Digest::of(b"please log in"));
        let found = fetcher.fetch_foreign(&wanted(&["up:file"]), &Silent).unwrap();
        assert_eq!(found[0].content, Digest::of(b"right"));
    }

    #[test]
    fn what_cannot_be_read_is_not_told_as_written() {
        let (served, cache) = (scratch(), scratch());
        fs::write(served.path().join("file"), "right").unwrap();
        let server = FileServer::start(served.path());
        let check = |_: &Path| Seal::Unreadable(io::ErrorKind::InvalidData.into());
        let wanted =
            Foreign { check: Box::new(check), ..wanted(&["up:file"]).into_iter().next().unwrap() };
        let error = fetcher(cache.path(), &server).fetch_foreign(&[wanted], &Silent).unwrap_err();
        assert!(matches!(error, SourceError::Read { .. }), "{error}");
    }

    #[test]
    fn what_is_nowhere_right_is_told() {
        let (served, cache) = (scratch(), scratch());
        fs::write(served.path().join("wrong"), "left").unwrap();
        let server = FileServer::start(served.path());
        let fetcher = fetcher(cache.path(), &server);
        let told = |urls: &[&str]| {
            let error = fetcher.fetch_foreign(&wanted(urls), &Silent).unwrap_err();
            error.to_string()
        };
        let wrong = "`up:wrong` has other content: expected `begins with right`, found left";
        assert_eq!(told(&["up:wrong", "up:none"]), wrong);
        assert_eq!(told(&["up:none", "up:wrong"]), wrong);
        assert_eq!(told(&["up:none"]), "cannot fetch `up:none`");
    }
}
