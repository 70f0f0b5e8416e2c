//! What a command cost so far, whenever a file in its root grew.
//!
//! The file is watched through the stack of folders: changes of it are told there, not in the upper folder. Who writes
//! it is not trusted, and where anything is missing there are fewer samples, never an error.

use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, open, openat, statat};
use serde::{Deserialize, Serialize};

use crate::memory::Memory;
use crate::{Spec, Usage};

/// A command that writes its file without end is not looked at any more.
const MAX_SAMPLES: usize = 256;

/// What a command cost when its file was so long: itself, and all it started and waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sample {
    /// Bytes of the file.
    pub length: u64,
    /// Its memory is that of the largest process seen since the last sample; 0 when none was looked at.
    pub usage: Usage,
}

/// Takes samples.
#[derive(Debug)]
pub(crate) struct Sampler {
    events: OwnedFd,
    folder: OwnedFd,
    name: String,
    /// The process of the command, once it was found.
    command: Option<u32>,
    memory: Memory,
    samples: Vec<Sample>,
}

impl Sampler {
    /// Watches the file of a specification, if it has one and the kernel can; before the command starts.
    pub(crate) fn new(spec: &Spec) -> Option<Self> {
        let (folder, name) = spec.sampled.as_ref()?.rsplit_once('/')?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = open(&spec.root, flags, Mode::empty()).ok()?;
        let held = openat(&root, folder, flags, Mode::empty()).ok()?;
        let events = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
        let path = spec.root.join(folder);
        add_watch(&events, &path, WatchFlags::MODIFY | WatchFlags::DONT_FOLLOW).ok()?;
        Some(Self {
            events,
            folder: held,
            name: name.to_owned(),
            command: None,
            memory: Memory::new(),
            samples: Vec::new(),
        })
    }

    /// Returns the descriptor that is readable when the file may have grown; nothing when enough is known.
    pub(crate) fn events(&self) -> Option<BorrowedFd<'_>> {
        (self.samples.len() < MAX_SAMPLES).then(|| self.events.as_fd())
    }

    /// Returns how long there is nothing to look at.
    pub(crate) fn patience(&self) -> Duration {
        self.memory.patience()
    }

    /// Looks at the memory of the command, when it is time.
    pub(crate) fn look(&mut self, bwrap: u32) {
        let command = self.command(bwrap);
        self.memory.look(command);
    }

    /// Takes a sample where the file grew since the last one.
    pub(crate) fn take(&mut self, bwrap: u32) {
        let mut events = [MaybeUninit::<u8>::uninit(); 4096];
        while rustix::io::read(&self.events, &mut events).is_ok_and(|(read, _)| !read.is_empty()) {}
        if let Some(usage) = self.command(bwrap).and_then(usage_of) {
            self.push(usage);
        }
    }

    fn command(&mut self, bwrap: u32) -> Option<u32> {
        if self.command.is_none() {
            self.command = first_child(bwrap).and_then(first_child);
        }
        self.command
    }

    /// Returns the samples. One more is taken with what all cost, as a command may end before its last lines are seen.
    pub(crate) fn end(&mut self, usage: Usage) -> Vec<Sample> {
        self.push(usage);
        std::mem::take(&mut self.samples)
    }

    fn push(&mut self, usage: Usage) {
        let length = self.length();
        if length > self.samples.last().map_or(0, |sample| sample.length) {
            let usage = Usage { max_rss_kib: self.memory.take(), ..usage };
            self.samples.push(Sample { length, usage });
        }
    }

    fn length(&self) -> u64 {
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {
                u64::try_from(found.st_size).unwrap_or_default()
            }
            _ => 0,
        }
    }
}

/// Returns the oldest child of a process.
fn first_child(process: u32) -> Option<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    list.split_whitespace().next()?.parse().ok()
}

/// Returns what a process cost until now, with the children that it waited for.
fn usage_of(process: u32) -> Option<Usage> {
    let folder = format!("/proc/{process}");
    // A kernel may not count it; one that does hides it as soon as the process has ended, which the state then tells.
    let io = read(&folder, "io").unwrap_or_default();
    let stat = read(&folder, "stat")?;
    let (user_micros, system_micros) = times(&stat).filter(|_| !has_ended(&stat))?;
    let (read_bytes, written_bytes) = (amount(&io, "read_bytes"), amount(&io, "write_bytes"));
    Some(Usage { user_micros, system_micros, max_rss_kib: 0, read_bytes, written_bytes })
}

fn read(folder: &str, name: &str) -> Option<String> {
    fs::read_to_string(Path::new(folder).join(name)).ok()
}

/// Reads user and system time from a `stat`, whose second field is a name that may hold anything.
fn times(stat: &str) -> Option<(u64, u64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let micros_of_tick = 1_000_000 / rustix::param::clock_ticks_per_second().max(1);
    let time = |ix: usize| Some(fields.get(ix)?.parse::<u64>().ok()? * micros_of_tick);
    // Fields 14 to 17 of the line; the state, which is the third, is the first one here.
    Some((time(11)? + time(13)?, time(12)? + time(14)?))
}

/// Returns whether a `stat` is that of a process that nobody waited for yet.
fn has_ended(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with(['Z', 'X']))
}

/// Reads one line of an `io`.
fn amount(io: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(": ")?.trim().parse().ok();
    io.lines().find_map(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_any_name_has_its_times() {
        let tick = 1_000_000 / rustix::param::clock_ticks_per_second();
        let stat = "7 (a) b 1 2) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 300 400 20 0 1 0 5";
        assert_eq!(times(stat), Some((310 * tick, 420 * tick)));
        assert_eq!(times("7 (sh) S 1"), None);
        assert_eq!(times(""), None);
    }

    #[test]
    fn one_that_ended_is_told_by_its_state() {
        assert!(has_ended("7 (a) S) Z 1 7") && has_ended("7 (sh) X 1"));
        assert!(!has_ended("7 (Z) R 1 7") && !has_ended(""));
    }

    #[test]
    fn amounts_are_told_apart() {
        let io =
            "rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 3\n";
        assert_eq!([amount(io, "read_bytes"), amount(io, "write_bytes")], [4096, 8192]);
        assert_eq!(amount("", "read_bytes"), 0);
    }
}
