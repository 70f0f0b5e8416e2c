//! Why a command must end before it does so itself.

use std::time::{Duration, Instant};

use kiln_action::{Ending, Request};

/// The limits of one command; what time it is, is told.
#[derive(Debug)]
pub(crate) struct Limits {
    backstop: Duration,
    silence: Option<Duration>,
    start: Instant,
    /// When the log was last seen to grow, and its length then.
    grown: (Instant, u64),
}

impl Limits {
    pub(crate) fn new(request: &Request, start: Instant) -> Self {
        Self {
            backstop: Duration::from_secs(request.action.timeout_seconds),
            silence: request.silence,
            start,
            grown: (start, 0),
        }
    }

    /// Returns how the command ends when it went beyond a limit.
    pub(crate) fn exceeded(&mut self, now: Instant, log_length: u64) -> Option<Ending> {
        if log_length != self.grown.1 {
            self.grown = (now, log_length);
        }
        if now.duration_since(self.start) > self.backstop {
            return Some(Ending::TimedOut);
        }
        let silent_for = now.duration_since(self.grown.0);
        self.silence.filter(|most| silent_for > *most).map(|_| Ending::Silent)
    }
}

/// Returns how many processes the kernel has killed for want of memory since it started, of the machine and of groups
/// with a limit; nothing where it does not say.
pub(crate) fn memory_kills() -> Option<u64> {
    count_kills(&std::fs::read_to_string("/proc/vmstat").ok()?)
}

fn count_kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// Tells a command that failed by itself from one that failed while the kernel killed: it may be what was killed, and
/// would do well another time.
pub(crate) fn ending(status: i32, kills_before: Option<u64>, kills: Option<u64>) -> Ending {
    let killed = kills_before.zip(kills).is_some_and(|(before, now)| now > before);
    if status != 0 && killed { Ending::OutOfMemory } else { Ending::Exit(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks when a command ends whose log is so long after so many seconds; it may be silent for 10 of 30 seconds.
    #[track_caller]
    fn check(lengths: &[(u64, u64)], expected: Option<(u64, Ending)>) {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let (backstop, silence) = (30 * second, Some(10 * second));
        let mut limits = Limits { backstop, silence, start, grown: (start, 0) };
        let found = lengths.iter().find_map(|&(after, length)| {
            let now = start + Duration::from_secs(after);
            limits.exceeded(now, length).map(|ending| (after, ending))
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_failure_while_the_kernel_killed_is_none_of_the_command() {
        assert_eq!(ending(2, Some(3), Some(4)), Ending::OutOfMemory);
        assert_eq!(ending(0, Some(3), Some(4)), Ending::Exit(0));
        assert_eq!(ending(2, Some(3), Some(3)), Ending::Exit(2));
        assert_eq!(ending(2, None, None), Ending::Exit(2));
    }

    #[test]
    fn kills_are_counted() {
        assert_eq!(count_kills("drop_slab 1\noom_kill 17\nnuma_hit 2\n"), Some(17));
        assert_eq!(count_kills("oom_kills 17\n"), None);
        assert!(memory_kills().is_some(), "every kernel that kiln runs on says it");
    }

    #[test]
    fn a_command_that_prints_goes_on() {
        check(&[(9, 1), (18, 2), (27, 3)], None);
        check(&[(10, 0), (20, 7), (30, 7)], None);
    }

    #[test]
    fn a_command_that_prints_nothing_ends() {
        check(&[(10, 0), (11, 0)], Some((11, Ending::Silent)));
        check(&[(10, 5), (15, 5), (21, 5)], Some((21, Ending::Silent)));
    }

    #[test]
    fn a_command_that_prints_for_ever_ends() {
        check(&[(9, 1), (18, 2), (27, 3), (31, 4)], Some((31, Ending::TimedOut)));
    }
}
