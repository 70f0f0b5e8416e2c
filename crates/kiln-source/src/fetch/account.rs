//! How far many downloads are, together.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kiln_event::{Event, Sink};

/// How often it is told at most.
const OFTEN: Duration = Duration::from_millis(500);

/// Downloads that belong together: those that were planned, until all of them are done. What is told is told while
/// nobody else changes it, so that it comes in order.
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
    /// Adds files by name and size; tells it if any is new.
    pub(super) fn plan(
        &self,
        files: impl Iterator<Item = (String, Option<u64>)>,
        now: Instant,
        sink: &dyn Sink,
    ) {
        let mut batch = self.batch();
        let before = batch.open.len();
        for (name, size) in files {
            let expected = Expected { size: size.unwrap_or_default(), here: 0 };
            batch.open.entry(name).or_insert(expected);
        }
        if batch.open.len() > before {
            batch.tell(now, sink);
        }
    }

    /// Notes how much of a file is here; tells it now and then.
    pub(super) fn grow(
        &self,
        name: &str,
        here: u64,
        size: Option<u64>,
        now: Instant,
        sink: &dyn Sink,
    ) {
        let mut batch = self.batch();
        let Some(file) = batch.open.get_mut(name) else { return };
        *file = Expected { size: size.unwrap_or(file.size), here };
        if batch.told.is_none_or(|told| now.saturating_duration_since(told) >= OFTEN) {
            batch.tell(now, sink);
        }
    }

    /// Notes that a file is here, or, without a size, that it will not come; tells it.
    pub(super) fn close(&self, name: &str, size: Option<u64>, now: Instant, sink: &dyn Sink) {
        let mut batch = self.batch();
        if batch.open.remove(name).is_none() {
            return;
        }
        if let Some(size) = size {
            batch.n_done += 1;
            batch.done_bytes += size;
        }
        batch.tell(now, sink);
        if batch.open.is_empty() {
            *batch = Batch::default();
        }
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn tell(&mut self, now: Instant, sink: &dyn Sink) {
        self.told = Some(now);
        let sum = |of: fn(&Expected) -> u64| self.open.values().map(of).sum::<u64>();
        sink.emit(Event::FetchProgress {
            files: self.n_done,
            of_files: self.n_done + self.open.len(),
            bytes: self.done_bytes + sum(|file| file.here),
            of_bytes: self.done_bytes + sum(|file| file.size.max(file.here)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(usize, usize, u64, u64)>>);

    impl Sink for Told {
        fn emit(&self, event: Event) {
            if let Event::FetchProgress { files, of_files, bytes, of_bytes } = event {
                self.0.lock().unwrap().push((files, of_files, bytes, of_bytes));
            }
        }
    }

    #[test]
    fn files_are_counted_until_all_are_done() {
        let (account, told) = (Account::default(), Told::default());
        let files = || [("a".to_owned(), Some(10)), ("b".to_owned(), None)].into_iter();
        let check = |expected: &[(usize, usize, u64, u64)]| {
            assert_eq!(std::mem::take(&mut *told.0.lock().unwrap()), expected);
        };
        let now = Instant::now();
        account.plan(files(), now, &told);
        account.plan(files(), now, &told);
        check(&[(0, 2, 0, 10)]);
        // It was told just now.
        let soon = now + Duration::from_millis(499);
        account.grow("a", 3, None, soon, &told);
        account.grow("other", 4, None, now + OFTEN, &told);
        check(&[]);
        account.grow("a", 4, None, now + OFTEN, &told);
        check(&[(0, 2, 4, 10)]);
        account.close("b", Some(7), now, &told);
        account.close("b", Some(7), now, &told);
        check(&[(1, 2, 11, 17)]);
        account.close("a", Some(10), now, &told);
        check(&[(2, 2, 17, 17)]);
        account.plan(files(), now, &told);
        account.close("a", None, now, &told);
        check(&[(0, 2, 0, 10), (0, 1, 0, 0)]);
    }
}
