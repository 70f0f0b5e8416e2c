//! How long to wait before the next try.

use std::time::Duration;

use kiln_digest::Digest;

/// The longest wait that a server may ask for.
const LONGEST: Duration = Duration::from_mins(1);

/// How long it goes unnoticed that kiln was asked to stop.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Lets time pass.
pub trait Pause: Send + Sync {
    /// Returns after this time, or soon after somebody said to stop.
    fn pause(&self, time: Duration, is_stopped: &dyn Fn() -> bool);
}

/// Lets the thread wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadPause;

impl Pause for ThreadPause {
    fn pause(&self, time: Duration, is_stopped: &dyn Fn() -> bool) {
        let mut left = time;
        while !left.is_zero() && !is_stopped() {
            let step = left.min(TICK);
            std::thread::sleep(step);
            left -= step;
        }
    }
}

/// Returns the wait after a failed try (the first is 1): doubled each time, spread by what is fetched and by the run so
/// that neither many threads nor many machines come back at once, and at least what the server asked for.
pub(crate) fn backoff(url: &str, attempt: u32, run: u64, asked: Option<Duration>) -> Duration {
    let spread = Digest::of(format!("{url}#{attempt}#{run}").as_bytes()).hash[0];
    let step = Duration::from_millis(600) * 2u32.pow(attempt.clamp(1, 8) - 1);
    let wait = step / 2 + step * u32::from(spread) / 510;
    asked.unwrap_or_default().min(LONGEST).max(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_stays_in_its_range() {
        for attempt in 1..=4 {
            let step = Duration::from_millis(600 << (attempt - 1));
            let wait = backoff("debian:a", attempt, 0, None);
            assert!(step / 2 <= wait && wait <= step, "{attempt}: {wait:?}");
        }
        assert_ne!(backoff("debian:a", 1, 0, None), backoff("debian:b", 1, 0, None));
        assert_ne!(backoff("debian:a", 1, 0, None), backoff("debian:a", 1, 1, None));
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        let asked = |seconds| backoff("debian:a", 1, 0, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(u64::MAX), LONGEST);
    }
}
