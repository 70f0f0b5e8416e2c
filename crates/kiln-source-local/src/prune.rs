//! What is remembered of sources that nobody builds any more is forgotten.
//!
//! A memory that is used is touched once a day at most, and one that was not touched for a month goes. Whoever comes
//! back later reads his source once.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How often anybody looks, and how often a memory in use is touched.
const DAY: Duration = Duration::from_hours(24);
/// How long a memory is kept that nobody uses.
const KEPT: Duration = Duration::from_hours(24 * 30);
/// File beside the memories whose time says when somebody looked last.
const LOOKED: &str = "looked";

/// Marks an open memory as used, where that is not said yet.
pub(crate) fn touch(memory: &File, found: &fs::Metadata, now: SystemTime) {
    if !found.modified().is_ok_and(|time| is_within(time, now, DAY)) {
        // One that cannot be touched is forgotten too early, which costs a read.
        drop(memory.set_modified(now));
    }
}

/// Removes what is remembered in a folder and was not used for a month; at most once a day, so that it costs nothing to
/// call this always.
///
/// # Errors
/// When the folder cannot be read or written. It may be called again, and nothing depends on it.
pub fn forget_unused(folder: &Path, now: SystemTime) -> io::Result<()> {
    let looked = folder.join(LOOKED);
    let time = match fs::metadata(&looked).and_then(|found| found.modified()) {
        Ok(time) => Some(time),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if time.is_some_and(|time| is_within(time, now, DAY)) {
        return Ok(());
    }
    let entries = match fs::read_dir(folder) {
        // Nothing was ever remembered.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    // Before the others: of two at a time the second has nothing to do.
    File::create(&looked)?.set_modified(now)?;
    for entry in entries {
        let entry = entry?;
        // Somebody else may have removed it meanwhile.
        let unused = entry.metadata().is_ok_and(|found| {
            let ago = found.modified().ok().and_then(|time| now.duration_since(time).ok());
            found.is_file() && ago.is_some_and(|ago| ago >= KEPT)
        });
        if unused && entry.file_name() != LOOKED {
            drop(fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

/// Returns whether a time is near, before or after.
fn is_within(time: SystemTime, now: SystemTime, most: Duration) -> bool {
    now.duration_since(time).map_or_else(|ahead| ahead.duration() < most, |ago| ago < most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * 20_000 + DAY * u32::try_from(n).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_not_used_for_a_month_goes_once_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, used: SystemTime| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(used).unwrap();
        };
        make("new", day(40));
        make("old", day(11));
        make("older", day(10));
        forget_unused(folder.path(), day(40)).unwrap();
        assert_eq!(names(folder.path()), ["looked", "new", "old"]);
        // A day has not gone by.
        make("older", day(1));
        forget_unused(folder.path(), day(41) - Duration::from_secs(1)).unwrap();
        assert_eq!(names(folder.path()), ["looked", "new", "old", "older"]);
        forget_unused(folder.path(), day(41)).unwrap();
        assert_eq!(names(folder.path()), ["looked", "new"]);
        // A clock that went back takes nothing.
        forget_unused(folder.path(), day(0)).unwrap();
        assert_eq!(names(folder.path()), ["looked", "new"]);
    }

    #[test]
    fn what_is_used_is_touched_once_a_day() {
        let file = tempfile::tempfile().unwrap();
        let time = |used: SystemTime, now: SystemTime| {
            file.set_modified(used).unwrap();
            touch(&file, &file.metadata().unwrap(), now);
            file.metadata().unwrap().modified().unwrap()
        };
        assert_eq!(time(day(1), day(2)), day(2));
        let later = day(2) - Duration::from_secs(1);
        assert_eq!(time(day(1), later), day(1));
        assert_eq!(time(day(9), day(2)), day(2), "a time to come says nothing");
    }

    #[test]
    fn a_folder_that_is_not_there_needs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        forget_unused(&folder.path().join("no"), day(1)).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
