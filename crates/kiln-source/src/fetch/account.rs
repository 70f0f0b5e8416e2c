//! How far many downloads are, together.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kiln_event::Event;

/// How often it is told at most.
const OFTEN: Duration = Duration::from_millis(500);

/// Downloads that belong together: those that were planned, until all of them are done.
#[derive(Default)]
pub(super) struct Account {
    batch: Mutex<Batch>,
}

#[derive(Default)]
struct Batch {
    /// By what it is called, each file that is not done.
    open: BTreeMap<String, Expected>,
    n_done: usize,
    done_bytes: u64,
    told: Option<Instant>,
}

#[derive(Clone, Copy, Default)]
struct Expected {
    /// 0 as long as it is not known.
    size: u64,
    here: u64,
}

impl Account {
    /// Adds files by name and size; returns what is to be told, if any is new.
    pub(super) fn plan(&self, files: impl Iterator<Item = (String, Option<u64>)>) -> Option<Event> {
        let mut batch = self.batch();
        let before = batch.open.len();
        for (name, size) in files {
            let expected = Expected { size: size.unwrap_or_default(), here: 0 };
            batch.open.entry(name).or_insert(expected);
        }
        (batch.open.len() > before).then(|| batch.tell())
    }

    /// Notes how much of a file is here; returns what is to be told, now and then.
    pub(super) fn grow(&self, name: &str, here: u64, size: Option<u64>) -> Option<Event> {
        let mut batch = self.batch();
        let file = batch.open.get_mut(name)?;
        *file = Expected { size: size.unwrap_or(file.size), here };
        let due = batch.told.is_none_or(|told| told.elapsed() >= OFTEN);
        due.then(|| batch.tell())
    }

    /// Notes that a file is here, or will not come; returns what is to be told.
    pub(super) fn close(&self, name: &str, bytes: Option<u64>) -> Option<Event> {
        let mut batch = self.batch();
        batch.open.remove(name)?;
        if let Some(bytes) = bytes {
            batch.n_done += 1;
            batch.done_bytes += bytes;
        }
        let told = batch.tell();
        if batch.open.is_empty() {
            *batch = Batch::default();
        }
        Some(told)
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn tell(&mut self) -> Event {
        self.told = Some(Instant::now());
        let sum = |of: fn(&Expected) -> u64| self.open.values().map(of).sum::<u64>();
        Event::FetchProgress {
            files: self.n_done,
            of_files: self.n_done + self.open.len(),
            bytes: self.done_bytes + sum(|file| file.here),
            of_bytes: self.done_bytes + sum(|file| file.size.max(file.here)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(told: Option<&Event>, expected: Option<(usize, usize, u64, u64)>) {
        let expected = expected.map(|(files, of_files, bytes, of_bytes)| Event::FetchProgress {
            files,
            of_files,
            bytes,
            of_bytes,
        });
        assert_eq!(told, expected.as_ref());
    }

    #[test]
    fn files_are_counted_until_all_are_done() {
        let account = Account::default();
        let files = || [("a".to_owned(), Some(10)), ("b".to_owned(), None)].into_iter();
        check(account.plan(files()).as_ref(), Some((0, 2, 0, 10)));
        check(account.plan(files()).as_ref(), None);
        // Just told.
        check(account.grow("a", 4, None).as_ref(), None);
        check(account.grow("other", 4, None).as_ref(), None);
        check(account.close("b", Some(7)).as_ref(), Some((1, 2, 11, 17)));
        check(account.close("b", Some(7)).as_ref(), None);
        check(account.close("a", Some(10)).as_ref(), Some((2, 2, 17, 17)));
        check(account.plan(files()).as_ref(), Some((0, 2, 0, 10)));
        check(account.close("a", None).as_ref(), Some((0, 1, 0, 0)));
    }
}
