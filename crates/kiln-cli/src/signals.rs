//! Ctrl-C and its relatives: the first asks to stop, the second ends the program.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kiln_driver::CancelFlag;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::screen::Screen;

/// Who asks to stop is not kept waiting for longer. Whatever is then still going on may be ended at any moment: sandboxes
/// end with the program, and nothing gets its name in the store before it is whole.
const PATIENCE: Duration = Duration::from_secs(2);

/// Leaves the terminal as it was found.
pub(crate) type Restore = Box<dyn Fn() + Send>;

/// Signals of one run of the program.
#[derive(Default)]
pub(crate) struct Stop {
    /// Set by the first signal.
    pub(crate) cancel: CancelFlag,
    /// 128 and the number of the first signal, 0 before it.
    status: AtomicU8,
    restore: Mutex<Option<Restore>>,
}

impl Stop {
    /// Watches for signals from now on.
    fn watch() -> io::Result<Arc<Self>> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let stop = Arc::new(Self::default());
        let watching = Arc::clone(&stop);
        thread::Builder::new().name("kiln-signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if watching.first(signal) {
                    watching.lose_patience();
                } else {
                    watching.end();
                }
            }
        })?;
        Ok(stop)
    }

    /// Watches for signals, or says why they end the program at once.
    pub(crate) fn watch_or_warn(screen: &Screen) -> Arc<Self> {
        Self::watch().unwrap_or_else(|cause| {
            screen.say(&format!("warning: Ctrl-C will not end this gracefully: {cause}\n"));
            Arc::default()
        })
    }

    /// Says what is to be done before the program ends by a signal.
    pub(crate) fn before_end(&self, restore: impl Fn() + Send + 'static) {
        *self.restore.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(restore));
    }

    /// Returns the exit status for the signal that came, if one did.
    pub(crate) fn status(&self) -> Option<u8> {
        Some(self.status.load(Ordering::SeqCst)).filter(|status| *status != 0)
    }

    /// Takes a signal; returns whether it is the first.
    fn first(&self, signal: i32) -> bool {
        let status = u8::try_from(128 + signal).unwrap_or(130);
        let first = self.status.compare_exchange(0, status, Ordering::SeqCst, Ordering::SeqCst);
        self.cancel.set();
        first.is_ok()
    }

    fn lose_patience(self: &Arc<Self>) {
        let stop = Arc::clone(self);
        let ended = thread::Builder::new().name("kiln-patience".to_owned()).spawn(move || {
            thread::sleep(PATIENCE);
            stop.end();
        });
        if ended.is_err() {
            // Without a thread to wait in, nobody waits.
            self.end();
        }
    }

    /// Ends the program. Nobody is asked: what holds locks may be what hangs.
    fn end(&self) -> ! {
        if let Ok(restore) = self.restore.try_lock()
            && let Some(restore) = restore.as_ref()
        {
            restore();
        }
        low_level::exit(self.status.load(Ordering::SeqCst).into());
    }
}
