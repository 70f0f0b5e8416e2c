//! How many connections there are at once: to one host, and in all.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::pause::TICK;

/// Counts connections in use.
pub(crate) struct Slots {
    most_per_host: usize,
    most: usize,
    used: Mutex<BTreeMap<String, usize>>,
    freed: Condvar,
}

/// The right to one connection, until it is dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    host: String,
}

impl Slots {
    pub(crate) fn new(most: usize, most_per_host: usize) -> Arc<Self> {
        let (most, most_per_host) = (most.max(1), most_per_host.max(1));
        Arc::new(Self { most_per_host, most, used: Mutex::default(), freed: Condvar::new() })
    }

    /// Waits for a slot; nothing when somebody asked to stop.
    pub(crate) fn take(
        self: &Arc<Self>,
        host: &str,
        is_stopped: &dyn Fn() -> bool,
    ) -> Option<Slot> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if is_stopped() {
                return None;
            }
            let here = used.get(host).copied().unwrap_or_default();
            if here < self.most_per_host && used.values().sum::<usize>() < self.most {
                used.insert(host.to_owned(), here + 1);
                return Some(Slot { slots: Arc::clone(self), host: host.to_owned() });
            }
            let waited = self.freed.wait_timeout(used, TICK);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut used = self.slots.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = used.get_mut(&self.host) {
            *here -= 1;
            if *here == 0 {
                used.remove(&self.host);
            }
        }
        self.slots.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn one_host_has_its_share_and_all_have_theirs() {
        let slots = Slots::new(3, 2);
        // Whoever would have to wait looks twice whether he is to stop.
        let take = |host| {
            let looks = Cell::new(0);
            slots.take(host, &|| looks.replace(looks.get() + 1) > 0)
        };
        let (first, _second) = (take("a"), take("a"));
        assert!(first.is_some() && take("a").is_none());
        let third = take("b");
        assert!(third.is_some() && take("c").is_none());
        drop(first);
        assert!(take("a").is_some() && take("c").is_some());
    }
}
