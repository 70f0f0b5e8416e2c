//! The largest process of a command, looked at again and again.
//!
//! The kernel tells it of the dead only to those who waited for them, for all phases together. What lives long enough
//! to become large is seen in time; how large the largest of all became is known at the end anyway.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// When one looks first: most commands have become something by then.
const FIRST: Duration = Duration::from_millis(25);

/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_millis(400);

/// A pause is so much longer than the look before it, which is half a percent of a processor.
const SHARE: u32 = 200;

/// No more processes are looked at.
const MAX_PROCESSES: usize = 4096;

/// Looks at the processes of a command.
#[derive(Debug)]
pub(crate) struct Memory {
    next: Instant,
    pause: Duration,
    largest_kib: u64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() + FIRST, pause: FIRST, largest_kib: 0 }
    }

    /// Returns how long there is nothing to do.
    pub(crate) fn patience(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Looks at a process, which may not be there yet, and all below it, when it is time.
    pub(crate) fn look(&mut self, command: Option<u32>) {
        let start = Instant::now();
        if start < self.next {
            return;
        }
        self.largest_kib = self.largest_kib.max(command.map_or(0, largest_below));
        let end = Instant::now();
        self.pause = (self.pause * 2).min(LONGEST).max((end - start) * SHARE);
        self.next = end + self.pause;
    }

    /// Returns the size of the largest process since this was called last, in KiB; begins anew.
    pub(crate) fn take(&mut self) -> u64 {
        let largest_kib = std::mem::take(&mut self.largest_kib);
        *self = Self { largest_kib: 0, ..Self::new() };
        largest_kib
    }
}

fn largest_below(command: u32) -> u64 {
    let mut waiting = vec![command];
    let (mut largest_kib, mut n_seen) = (0, 0);
    while let Some(process) = waiting.pop().filter(|_| n_seen < MAX_PROCESSES) {
        n_seen += 1;
        let folder = Path::new("/proc").join(process.to_string());
        // One that has ended meanwhile is passed over.
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        largest_kib = largest_kib.max(largest(&status));
        for thread in fs::read_dir(folder.join("task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    largest_kib
}

/// Reads the most memory that a process had, in KiB, from its `status`. A name with a line end is told as `\n`.
fn largest(status: &str) -> u64 {
    let amount = |line: &str| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok();
    status.lines().find_map(amount).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_read() {
        assert_eq!(largest("Name:\tVmHWM: 9 kB\nVmPeak:\t 20 kB\nVmHWM:\t    7321 kB\n"), 7321);
        assert_eq!(largest("Name:\tdead\nState:\tZ\n"), 0);
    }

    #[test]
    fn one_that_is_not_there_has_none() {
        assert_eq!(largest_below(u32::MAX), 0);
        assert!(largest_below(std::process::id()) > 100);
    }
}
