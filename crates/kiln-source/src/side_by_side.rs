//! Work on many things at once.

use std::ops::ControlFlow;
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
    let one = |task: &T| match work(task) {
        Ok(done) => ControlFlow::Continue(Ok(done)),
        Err(error) => ControlFlow::Break(Some(Err(error))),
    };
    // What was not begun comes after what failed.
    each_side_by_side(tasks, n_threads, one).into_iter().flatten().collect()
}

/// Does one work for each of some tasks, several at once; the answers have their order. After a break no further task is
/// begun: those have no answer.
pub fn each_side_by_side<T: Sync, A: Send>(
    tasks: &[T],
    n_threads: usize,
    work: impl Fn(&T) -> ControlFlow<Option<A>, A> + Sync,
) -> Vec<Option<A>> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Option<A>>> = tasks.iter().map(|_task| Mutex::new(None)).collect();
    let some = || {
        loop {
            let ix = next.fetch_add(1, Ordering::Relaxed);
            let (Some(task), Some(place)) = (tasks.get(ix), answers.get(ix)) else { return };
            let answer = match work(task) {
                ControlFlow::Continue(answer) => Some(answer),
                ControlFlow::Break(answer) => {
                    next.store(tasks.len(), Ordering::Relaxed);
                    answer
                }
            };
            *place.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..n_threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(some);
        }
    });
    let taken =
        |answer: Mutex<Option<A>>| answer.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.into_iter().map(taken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_break_nothing_is_begun() {
        let work = |task: &u32| match task {
            2 => ControlFlow::Break(Some(*task)),
            9 => ControlFlow::Break(None),
            task => ControlFlow::Continue(*task),
        };
        let check = |tasks: &[u32], expected: &[Option<u32>]| {
            assert_eq!(each_side_by_side(tasks, 1, work), expected);
        };
        check(&[0, 1, 3], &[Some(0), Some(1), Some(3)]);
        check(&[0, 2, 3], &[Some(0), Some(2), None]);
        check(&[0, 9, 3], &[Some(0), None, None]);
        check(&[], &[]);
    }

    #[test]
    fn the_first_failure_in_order_is_told() {
        let work = |task: &u32| if task.is_multiple_of(2) { Ok(task * 10) } else { Err(*task) };
        assert_eq!(side_by_side(&[0, 2, 4], 3, work), Ok(vec![0, 20, 40]));
        assert_eq!(side_by_side(&[0, 3, 5, 4], 1, work), Err(3));
    }
}
