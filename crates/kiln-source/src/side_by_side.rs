//! Work on many things at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does one work for each of some tasks, several at once; the answer has their order. After a failure no further task is
/// begun.
///
/// # Errors
/// That of the first task in order that failed.
pub fn side_by_side<T: Sync, R: Send, E: Send>(
    tasks: &[T],
    n_threads: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let some = || {
        loop {
            let ix = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(ix) else { return };
            let result = work(task);
            if result.is_err() {
                next.store(tasks.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((ix, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..n_threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(some);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(ix, _)| *ix);
    done.into_iter().map(|(_, result)| result).collect()
}
