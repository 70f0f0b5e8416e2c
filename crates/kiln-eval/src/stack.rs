//! A thread with room for the deepest evaluation that the budget allows.

use std::thread;

/// Bytes of stack; the depth budget is measured against it.
const STACK: usize = 64 << 20;

/// Runs a step on a thread with 64 MiB of stack and returns its answer.
///
/// # Panics
/// If the thread cannot be made, or with the panic of the step.
pub fn on_deep_stack<T: Send>(step: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("eval".to_owned()).stack_size(STACK);
        let handle = builder.spawn_scoped(scope, step).expect("a thread for the evaluation");
        match handle.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
