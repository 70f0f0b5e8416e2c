//! Work that makes more work, shared by threads until none is left.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// With fewer tasks than this waiting, another thread is not worth its start.
const MANY: usize = 8;

/// Tasks that wait, the last one first: what was found deep in a folder is done before its neighbours.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    woken: Condvar,
}

struct State<T> {
    waiting: Vec<T>,
    n_busy: usize,
    n_idle: usize,
    is_stopped: bool,
}

impl<T: Send> Queue<T> {
    /// Does a task and all that come of it on some threads, each with a worker of its own, until a worker stops.
    /// Returns the workers.
    pub fn run<W: Send>(
        first: T,
        n_threads: usize,
        worker: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, T, &Self) + Sync,
    ) -> Vec<W> {
        let state = State { waiting: vec![first], n_busy: 0, n_idle: 0, is_stopped: false };
        let queue = Self { state: Mutex::new(state), woken: Condvar::new() };
        let help = || {
            let mut own = worker();
            while let Some(task) = queue.next() {
                let _busy = Busy(&queue);
                work(&mut own, task, &queue);
            }
            own
        };
        thread::scope(|scope| {
            let mut own = worker();
            let mut helpers = Vec::new();
            while let Some(task) = queue.next() {
                let _busy = Busy(&queue);
                if helpers.is_empty() && queue.state().waiting.len() >= MANY {
                    helpers.extend((1..n_threads).map(|_| scope.spawn(help)));
                }
                work(&mut own, task, &queue);
            }
            let mut workers = vec![own];
            for helper in helpers {
                match helper.join() {
                    Ok(own) => workers.push(own),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            workers
        })
    }

    /// Adds tasks.
    pub fn extend(&self, tasks: impl IntoIterator<Item = T>) {
        let mut state = self.state();
        state.waiting.extend(tasks);
        if state.n_idle > 0 {
            self.woken.notify_all();
        }
    }

    /// Lets nothing more be begun.
    pub fn stop(&self) {
        self.state().is_stopped = true;
        self.woken.notify_all();
    }

    fn next(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.is_stopped {
                return None;
            }
            if let Some(task) = state.waiting.pop() {
                state.n_busy += 1;
                return Some(task);
            }
            if state.n_busy == 0 {
                return None;
            }
            state.n_idle += 1;
            state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.n_idle -= 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // No worker holds the lock while it works, so a panic leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that is being done, also when doing it panics: the others must not wait for ever.
struct Busy<'a, T: Send>(&'a Queue<T>);

impl<T: Send> Drop for Busy<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.n_busy -= 1;
        if thread::panicking() {
            state.is_stopped = true;
        }
        let is_over = state.is_stopped || (state.n_busy == 0 && state.waiting.is_empty());
        if is_over && state.n_idle > 0 {
            self.0.woken.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts down from a number, each step being two tasks; returns how many were done.
    fn count(from: u32, n_threads: usize, stop_at: u32) -> usize {
        let step = |n_done: &mut usize, left: u32, queue: &Queue<u32>| {
            *n_done += 1;
            if left == stop_at {
                queue.stop();
            } else if left > 0 {
                queue.extend([left - 1, left - 1]);
            }
        };
        Queue::run(from, n_threads, || 0, step).into_iter().sum()
    }

    #[test]
    fn all_that_comes_of_a_task_is_done_once() {
        for n_threads in [1, 2, 8] {
            assert_eq!(count(10, n_threads, u32::MAX), (1 << 11) - 1);
        }
    }

    #[test]
    fn nothing_is_begun_after_a_stop() {
        assert_eq!(count(10, 1, 10), 1);
        assert_eq!(count(10, 1, 0), 11);
    }
}
