//! Arguments, exit codes, the binary `kiln`.
//!
//! # Purpose
//! Words of the command line to operations of `kiln-driver`; their answers to stdout, what a person should see of
//! them to stderr, and an exit status (`docs/errors/README.md`).
//!
//! # Never
//! Does work of its own, but for the terminal of a person, which it lends to a shell.
//!
//! # Example
//! `kiln build hello && kiln checkout hello out`

mod arguments;
mod check;
mod commands;
mod docs;
mod eval;
mod examples;
mod failure;
mod fmt;
mod init;
mod new;
mod option_flag;
mod options;
mod overview;
mod relay;
mod repl;
mod screen;
mod shell;
mod shown;
mod signals;
mod sources;
mod tracked;
mod why;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use kiln_driver::{Environment, HELPER_WORD, Session, helper_main};

use crate::arguments::Arguments;
use crate::screen::Screen;

/// Exit status of a defect of kiln itself (sysexits `EX_SOFTWARE`).
const INTERNAL: u8 = 70;

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if words.get(1).is_some_and(|word| word == HELPER_WORD) {
        return helper_main();
    }
    let arguments = Arguments::read();
    // A defect is told in one line with what to do, not as a backtrace in the middle of a progress view.
    match catch_unwind(AssertUnwindSafe(|| run(arguments, words))) {
        Ok(status) => ExitCode::from(status),
        Err(_panic) => {
            Screen::plain().say("error[K9001]: kiln has a defect and stopped\n  help: run the command again with RUST_BACKTRACE=1 and report what it prints\n");
            ExitCode::from(INTERNAL)
        }
    }
}

fn run(arguments: Arguments, words: Vec<String>) -> u8 {
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(error) => return Screen::plain().problem(&error.into()),
    };
    let screen = Screen::new(&environment, &arguments.common);
    if let Some(option) = arguments.misplaced() {
        screen.say(&format!("error[K8011]: `{option}` has no meaning for this command\n  help: leave it out; `kiln explain K8011` tells more\n"));
        return 2;
    }
    let choices = commands::choices(&arguments, words);
    match Session::new(environment, choices) {
        Ok(session) => commands::run(&session, &screen, arguments.command),
        Err(problem) => screen.problem(&problem),
    }
}
