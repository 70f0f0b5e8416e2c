//! What is here already, and the file that a download becomes.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use kiln_digest::{Digest, Hasher};
use kiln_event::{Event, Silent, Sink};

use crate::part::Part;
use crate::template::SHA256;
use crate::{Download, Fetcher, Place, Seal, SourceError, Wanted};

use super::Check;

impl Fetcher {
    /// Returns the file and how many bytes came for it.
    pub(super) fn bring(
        &self,
        wanted: &Wanted,
        check: Option<Check<'_>>,
        sink: &dyn Sink,
    ) -> Result<(Download, u64), SourceError> {
        let folder = &self.settings.folder;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| SourceError::Write { path, cause }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let is_right = |download: &Download| {
            // What another source took unseen may be something else.
            check.is_none_or(|check| matches!((check.compare)(&download.path), Seal::Right))
        };
        if let Some(download) = self.present(wanted, sink)?.filter(is_right) {
            return Ok((download, 0));
        }
        let places = self.places(wanted)?;
        let part_path = folder.join(format!("{}.part", wanted.name()));
        let locked = Part::lock(&part_path, &|| self.is_stopped()).map_err(failed(&part_path))?;
        let Some(mut part) = locked else {
            return Err(SourceError::Stopped { url: wanted.shown() });
        };
        // Another thread or process may have brought it while this one waited for the lock.
        if let Some(download) = self.present(wanted, &Silent)?.filter(is_right) {
            part.discard();
            return Ok((download, 0));
        }
        let brought =
            self.try_places(wanted, &places, &mut part, check, sink).inspect_err(|error| {
                // A part that stays could only go on where there is space.
                if part.n_bytes == 0 || matches!(error, SourceError::Write { .. }) {
                    part.discard();
                }
            })?;
        let path = folder.join(brought.content.hex());
        if brought.is_same {
            part.discard();
        } else {
            part.keep(&path).map_err(failed(&path))?;
        }
        if let Some((place, known)) = brought.known {
            // Without the record, the next one who tracks it downloads it again: no more than that.
            drop(known.keep(folder, &place));
        }
        let download = Download { path, content: brought.content };
        if wanted.sha256.is_none() {
            let mut tracked = self.tracked.lock().unwrap_or_else(PoisonError::into_inner);
            tracked.insert(wanted.url.clone(), download.clone());
        }
        Ok((download, part.n_fetched))
    }

    /// Returns the file if it is here and whole; one that was changed is taken away.
    fn present(&self, wanted: &Wanted, sink: &dyn Sink) -> Result<Option<Download>, SourceError> {
        let Some(hash) = wanted.sha256 else {
            let tracked = self.tracked.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(tracked.get(&wanted.url).cloned());
        };
        let name = Digest { hash, size: 0 }.hex();
        for folder in &self.settings.prepared {
            let path = folder.join(&name);
            // What is of no use is not ours to take away.
            let (code, what) = match digest(&path) {
                Ok(None) => continue,
                Ok(Some(content)) if content.hash == hash => {
                    return Ok(Some(Download { path, content }));
                }
                Ok(Some(_)) => ("K2005", "is not what its name says".to_owned()),
                Err(cause) => ("K2009", format!("cannot be read: {cause}")),
            };
            let message = format!("`{}` {what}; it is passed over", path.display());
            sink.emit(Event::Warning { code: code.to_owned(), message });
        }
        let path = self.settings.folder.join(name);
        match digest(&path) {
            Ok(Some(content)) if content.hash == hash => Ok(Some(Download { path, content })),
            Ok(Some(_)) => match fs::remove_file(&path) {
                Ok(()) => Ok(None),
                Err(cause) => Err(SourceError::Write { path, cause }),
            },
            Ok(None) => Ok(None),
            Err(cause) => Err(SourceError::Read { path, cause }),
        }
    }

    /// Returns whether a file that was tracked earlier is still here and whole.
    pub(super) fn still_here(&self, content: Digest) -> bool {
        digest(&self.settings.folder.join(content.hex())).is_ok_and(|found| found == Some(content))
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
        for place in &mut places {
            if let (Place::Http(url), Some(hash)) = (place, wanted.file_name()) {
                *url = url.replace(SHA256, &hash);
            }
        }
        if places.is_empty() {
            return Err(SourceError::Offline { url: wanted.shown() });
        }
        Ok(places)
    }
}

/// Returns the digest of a file; nothing if it is not there.
fn digest(path: &Path) -> io::Result<Option<Digest>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut hasher = Hasher::default();
    io::copy(&mut file, &mut hasher)?;
    Ok(Some(hasher.finish()))
}
