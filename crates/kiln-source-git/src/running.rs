//! Runs of git that talk to a server: they end when kiln is gone, and when nothing is done any more.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How often it is looked whether something is done, within the patience.
const LOOKS: u32 = 10;
/// Ends all of its group when nobody holds the other end of its input any more.
const GUARD: &str = "read _; kill -s KILL 0";
/// How the programs of git are called that wait for web servers: they look for an answer again and again.
const WAITING: &str = "git-remote-";

/// The processes of one run of git: git, what it starts, and one that ends them when kiln is gone.
#[derive(Debug)]
pub(crate) struct Group {
    guard: Option<Child>,
    leader: Option<Pid>,
}

impl Group {
    /// Starts a group, with a guard where git may run for long. The guard holds the lock, too, as long as it lives.
    pub(crate) fn start(is_guarded: bool, lock: Option<&File>) -> Self {
        let guard = if is_guarded { guard(lock).ok() } else { None };
        let leader = guard.as_ref().and_then(pid);
        Self { guard, leader }
    }

    /// Lets a program start in the group. A Ctrl-C of the terminal is for kiln, which ends it.
    pub(crate) fn adopt(&self, command: &mut Command) {
        command.process_group(self.leader.map_or(0, Pid::as_raw_pid));
    }

    /// Takes a program that leads the group when nobody else does.
    pub(crate) fn joined(&mut self, child: &Child) {
        self.leader = self.leader.or_else(|| pid(child));
    }

    /// Ends all of it.
    pub(crate) fn kill(&self) {
        if let Some(leader) = self.leader {
            // Gone already is as good.
            kill_process_group(leader, Signal::KILL).ok();
        }
    }

    /// Returns what all of it has done so far, in no unit; nothing when that cannot be told.
    pub(crate) fn work(&self) -> Option<u64> {
        let leader = self.leader?.as_raw_pid();
        let mut sum = None;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if let Some(cpu) = cpu(&stat, leader) {
                let io = fs::read_to_string(entry.path().join("io")).unwrap_or_default();
                sum = Some(sum.unwrap_or(0_u64).wrapping_add(cpu).wrapping_add(moved(&io)));
            }
        }
        sum
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(guard) = &mut self.guard {
            // Gone already is as good.
            drop(guard.kill());
            drop(guard.wait());
        }
    }
}

fn guard(lock: Option<&File>) -> io::Result<Child> {
    let held = lock.map(File::try_clone).transpose()?.map_or_else(Stdio::null, Stdio::from);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GUARD]).env_clear().current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(held).stderr(Stdio::null()).spawn()
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Returns the time that a process of a group computed; of those that wait busily it says nothing.
fn cpu(stat: &str, leader: i32) -> Option<u64> {
    // The name stands in brackets, and may hold brackets and spaces itself.
    let (before, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    if fields.get(2)?.parse() != Ok(leader) {
        return None;
    }
    let (_, name) = before.split_once('(')?;
    if name.starts_with(WAITING) {
        return Some(0);
    }
    let ticks = |ix: usize| fields.get(ix).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Some(ticks(11).wrapping_add(ticks(12)))
}

/// Returns how many bytes a process read and wrote, from pipes and sockets, too.
fn moved(io: &str) -> u64 {
    let count =
        |line: &str| line.strip_prefix("rchar: ").or(line.strip_prefix("wchar: "))?.parse().ok();
    io.lines().filter_map(count).fold(0, u64::wrapping_add)
}

/// Notices when nothing is done any more.
#[derive(Debug)]
pub(crate) struct Watch {
    patience: Duration,
    /// How long nothing was done.
    quiet: Duration,
    /// How long ago it was looked.
    since: Duration,
    seen: Option<u64>,
}

impl Watch {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, quiet: Duration::ZERO, since: Duration::ZERO, seen: None }
    }

    /// Returns whether nothing was done for too long, now that some more time is over. `work` is what was done so far.
    pub(crate) fn is_over(&mut self, passed: Duration, work: impl FnOnce() -> Option<u64>) -> bool {
        self.since += passed;
        if self.since < self.patience / LOOKS {
            return false;
        }
        let since = std::mem::take(&mut self.since);
        match work() {
            Some(work) if self.seen == Some(work) => self.quiet += since,
            work => (self.seen, self.quiet) = (work, Duration::ZERO),
        }
        self.quiet >= self.patience
    }

    /// Returns what is told of a run that was ended for that.
    pub(crate) fn told(&self) -> String {
        format!("nothing was heard of the server for {:?}", self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_that_of_the_group_and_not_of_who_waits_busily() {
        let check =
            |stat: &str, expected: Option<u64>| assert_eq!(cpu(stat, 7), expected, "{stat}");
        check("9 (git) S 1 7 1 0 -1 4 1 2 3 4 50 6 0 0", Some(56));
        check("9 (a) b (c) S 1 7 1 0 -1 4 1 2 3 4 50 6 0 0", Some(56));
        check("9 (git) S 1 8 1 0 -1 4 1 2 3 4 50 6 0 0", None);
        check("9 (git-remote-http) S 1 7 1 0 -1 4 1 2 3 4 50 6 0 0", Some(0));
        check("", None);
        assert_eq!(moved("rchar: 5\nwchar: 6\nsyscr: 7\n"), 11);
        assert_eq!(moved(""), 0);
    }

    #[test]
    fn only_who_does_nothing_for_all_of_the_patience_is_ended() {
        let second = Duration::from_secs(1);
        let n_seconds = |work: &dyn Fn(u64) -> Option<u64>| {
            let mut watch = Watch::new(10 * second);
            (1..100).find(|time| watch.is_over(second, || work(*time)))
        };
        // From the first look on.
        assert_eq!(n_seconds(&|_| Some(0)), Some(11));
        assert_eq!(n_seconds(&|time| Some(time / 9)), None);
        assert_eq!(n_seconds(&|time| Some(time.min(20))), Some(30));
        assert_eq!(n_seconds(&|_| None), None);
    }
}
