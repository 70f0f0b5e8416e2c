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
