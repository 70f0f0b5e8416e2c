//! Files that are fetched together, in one line.

use std::time::Duration;

use super::{LONG, Progress};
use crate::text;

/// Files that are fetched together.
pub(super) struct Batch {
    since: Duration,
    /// Bytes that were here at first.
    before: u64,
    count: Count,
}

/// How far they are.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub(super) files: usize,
    pub(super) of_files: usize,
    pub(super) bytes: u64,
    pub(super) of_bytes: u64,
}

impl Batch {
    /// Returns `fetching 12/56 files, 31.2 of 61.7 MiB, 8 s left`.
    pub(super) fn describe(&self, now: Duration) -> String {
        let Count { files, of_files, bytes, of_bytes } = self.count;
        let (files, of_files) = (text::count(files), text::count(of_files));
        let (here, all) = (text::bytes(bytes), text::bytes(of_bytes));
        let same_unit = here.rsplit(' ').next() == all.rsplit(' ').next();
        let here = if same_unit { here.split(' ').next().unwrap_or(&here) } else { &here };
        let left = self.left(now).map(|left| format!(", {} left", text::seconds(left)));
        format!("fetching {files}/{of_files} files, {here} of {all}{}", left.unwrap_or_default())
    }

    pub(super) fn since(&self) -> Duration {
        self.since
    }

    /// Returns how long the rest takes if it comes as fast as what came; nothing as long as nobody can tell.
    fn left(&self, now: Duration) -> Option<Duration> {
        let Count { bytes, of_bytes, .. } = self.count;
        let (time, came) = (now.saturating_sub(self.since), bytes.saturating_sub(self.before));
        let rest = of_bytes.checked_sub(bytes).filter(|rest| *rest > 0)?;
        if time < LONG || came == 0 {
            return None;
        }
        let millis = time.as_millis() * u128::from(rest) / u128::from(came);
        Some(Duration::from_millis(u64::try_from(millis).ok()?))
    }
}

impl Progress {
    /// Notes how far the files are; says so once, when all of them are here and it took its time.
    pub(super) fn progressed(&mut self, count: Count, now: Duration) -> Vec<String> {
        let new = Batch { since: now, before: count.bytes, count };
        let batch = self.batch.get_or_insert(new);
        batch.count = count;
        if count.files < count.of_files {
            return Vec::new();
        }
        let time = now.saturating_sub(batch.since);
        self.batch = None;
        if time < LONG || count.files == 0 {
            return Vec::new();
        }
        let files = if count.files == 1 { "file" } else { "files" };
        let what = format!("{}fetched {} {files}", self.tick_mark(), text::count(count.files));
        let line = self.style.join(&[what, text::bytes(count.bytes), text::duration(time)]);
        self.say(&line, now)
    }
}
