//! Addresses of hosts, looked up once for all who want to connect.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::pause::TICK;

/// Asks the machine for the addresses of `host:port`.
pub(crate) type LookUp = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// When a look-up that has no answer yet is begun again, and once more. A resolver that lost one packet answers only after
/// five seconds; the same question asked anew is answered at once.
const AGAIN: [Duration; 2] = [Duration::from_millis(700), Duration::from_secs(2)];

/// Longest time for all of it.
const LONGEST: Duration = Duration::from_secs(30);

/// Most addresses of one host that are tried.
const MOST_ADDRESSES: usize = 16;

type Found = Arc<OnceLock<Result<Vec<SocketAddr>, String>>>;

/// What was looked up in this run.
pub(crate) struct Names {
    look_up: Arc<LookUp>,
    again: [Duration; 2],
    found: Mutex<BTreeMap<String, Found>>,
    is_stopped: AtomicBool,
}

impl Names {
    pub(crate) fn new() -> Arc<Self> {
        let look_up = |name: &str| name.to_socket_addrs().map(Iterator::collect);
        Arc::new(Self::with(Arc::new(look_up), AGAIN))
    }

    fn with(look_up: Arc<LookUp>, again: [Duration; 2]) -> Self {
        Self { look_up, again, found: Mutex::default(), is_stopped: AtomicBool::new(false) }
    }

    /// Ends what waits for an answer.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    /// Forgets a host that could not be reached where it was said to be.
    pub(crate) fn forget(&self, name: &str) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Returns the addresses of `host:port`. Whoever asks while somebody else does waits for his answer; a failure is
    /// told to all of them, and the next one asks again.
    fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let found = {
            let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(name.to_owned()).or_default())
        };
        match found.get_or_init(|| self.ask(name).map_err(|cause| cause.to_string())) {
            Ok(addresses) => Ok(addresses.clone()),
            Err(cause) => {
                let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                if all.get(name).is_some_and(|kept| Arc::ptr_eq(kept, &found)) {
                    all.remove(name);
                }
                Err(io::Error::other(cause.clone()))
            }
        }
    }

    fn ask(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let began = Instant::now();
        let (answer, answers) = channel();
        let (mut n_asked, mut n_failed) = (0_usize, 0_usize);
        loop {
            let due = match n_asked {
                0 => Duration::ZERO,
                n_asked => self.again.get(n_asked - 1).copied().unwrap_or(Duration::MAX),
            };
            if began.elapsed() >= due {
                let (look_up, name, answer) =
                    (Arc::clone(&self.look_up), name.to_owned(), answer.clone());
                let ask = move || drop(answer.send(look_up(&name)));
                thread::Builder::new().name("kiln-name".to_owned()).spawn(ask)?;
                n_asked += 1;
            }
            match answers.recv_timeout(TICK.min(self.again[0])) {
                Ok(Ok(addresses)) => return Ok(addresses),
                Ok(Err(cause)) => {
                    n_failed += 1;
                    if n_failed == n_asked {
                        return Err(cause);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if self.is_stopped.load(Ordering::SeqCst) {
                return Err(io::Error::other("it was stopped"));
            }
            if began.elapsed() > LONGEST {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "its name was not resolved"));
            }
        }
    }
}

/// What one client of HTTP asks for addresses.
pub(crate) struct SharedNames {
    pub(crate) names: Arc<Names>,
    /// Host and port of a proxy that is asked for everything.
    pub(crate) proxy: Option<String>,
}

impl fmt::Debug for SharedNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedNames").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl Resolver for SharedNames {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let of_uri = || {
            let (scheme, authority) = (uri.scheme()?, uri.authority()?);
            DefaultResolver::host_and_port(scheme, authority)
        };
        let name = self.proxy.clone().or_else(of_uri).ok_or(ureq::Error::HostNotFound)?;
        let mut resolved = self.empty();
        for address in self.names.addresses(&name)?.into_iter().take(MOST_ADDRESSES) {
            resolved.push(address);
        }
        if resolved.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(resolved) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const SOON: [Duration; 2] = [Duration::from_millis(1), Duration::MAX];
    const NEVER: [Duration; 2] = [Duration::MAX, Duration::MAX];

    fn address() -> SocketAddr {
        ([127, 0, 0, 1], 80).into()
    }

    #[test]
    fn many_who_connect_look_up_once() {
        let (asked, here) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, waiting) = (Arc::clone(&asked), Arc::clone(&here));
        let look_up = move |_: &str| {
            counted.fetch_add(1, Ordering::SeqCst);
            while waiting.load(Ordering::SeqCst) < 8 {
                thread::yield_now();
            }
            Ok(vec![address()])
        };
        let names = Names::with(Arc::new(look_up), NEVER);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    here.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(names.addresses("a:80").unwrap(), [address()]);
                });
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let lost = Arc::new(Barrier::new(2));
        let held = Arc::clone(&lost);
        let look_up = move |_: &str| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                held.wait();
                return Err(io::Error::other("too late"));
            }
            Ok(vec![address()])
        };
        let names = Names::with(Arc::new(look_up), SOON);
        assert_eq!(names.addresses("a:80").unwrap(), [address()]);
        assert_eq!(names.addresses("a:80").unwrap(), [address()]);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        lost.wait();
    }

    #[test]
    fn a_failure_is_not_kept() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let look_up = move |_: &str| match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("try again")),
            _ => Ok(vec![address()]),
        };
        let names = Names::with(Arc::new(look_up), NEVER);
        assert_eq!(names.addresses("a:80").unwrap_err().to_string(), "try again");
        assert_eq!(names.addresses("a:80").unwrap(), [address()]);
        names.forget("a:80");
        assert_eq!(names.addresses("a:80").unwrap(), [address()]);
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}
