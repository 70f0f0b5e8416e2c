//! The process that stacks the folders and becomes `bwrap`.

use std::process::ExitCode;

/// First argument of this program when it is to call [`helper_main`] before anything else.
pub const HELPER_WORD: &str = "__sandbox";

/// Reads a specification from the standard input and becomes the sandbox. Called first thing in `main`, while
/// there is one thread; returns only when it failed, after it told its parent why.
pub fn helper_main() -> ExitCode {
    unimplemented!()
}
