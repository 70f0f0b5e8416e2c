//! How files are called that a lock file knows by their hash only. A note that is missing or broken costs a question.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;

use crate::lockfile::Place;

/// Returns what is noted of a file.
pub(crate) fn read(folder: &Path, project: &str, hex: &str) -> Option<Place> {
    let text = fs::read_to_string(path(folder, project, hex)).ok()?;
    let mut lines = text.lines().map(str::to_owned);
    Some(Place { name: lines.next()?, url: lines.next()?, index: Some(lines.next()?) })
}

/// Notes how a file is called and where it is.
pub(crate) fn keep(folder: &Path, project: &str, hex: &str, place: &Place) {
    let Place { name, url, index } = place;
    let path = path(folder, project, hex);
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let text = format!("{name}\n{url}\n{}\n", index.as_deref().unwrap_or_default());
    let kept = fs::create_dir_all(folder).and_then(|()| fs::write(&fresh, text));
    drop(kept.and_then(|()| fs::rename(&fresh, path)));
}

fn path(folder: &Path, project: &str, hex: &str) -> PathBuf {
    folder.join(Digest::of(format!("{project}\n{hex}").as_bytes()).hex())
}
