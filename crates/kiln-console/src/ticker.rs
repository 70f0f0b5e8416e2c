//! The beat that moves timers on a screen while nothing happens.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Console;

/// Ten times a second: no timer is behind for longer, no terminal has more to draw.
pub(crate) const BEAT: Duration = Duration::from_millis(100);

/// Ticks a console until it is dropped.
pub struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts to tick. Without a thread to be had, timers stand still and nothing else is lost.
    pub fn start(console: Arc<Console>) -> Self {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let asked = Arc::clone(&stop);
        let beat = move || {
            let (flag, bell) = &*asked;
            let mut stopped = flag.lock().unwrap_or_else(PoisonError::into_inner);
            while !*stopped {
                let (woken, _timeout) =
                    bell.wait_timeout(stopped, BEAT).unwrap_or_else(PoisonError::into_inner);
                stopped = woken;
                if !*stopped {
                    console.tick();
                }
            }
        };
        let thread = thread::Builder::new().name("kiln-ticker".to_owned()).spawn(beat).ok();
        Self { stop, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let (flag, bell) = &*self.stop;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
