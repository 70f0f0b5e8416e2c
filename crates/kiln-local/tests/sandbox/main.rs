//! Real commands in real sandboxes on the static shell of `make fixtures`.
//!
//! It has its own `main` because the sandbox executes this very program again as its helper.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed case")]
#![expect(clippy::disallowed_methods, reason = "cases look at the machine")]
#![expect(clippy::print_stdout, reason = "verdicts are for people")]

mod bench;
mod capture;
mod escape;
mod isolation;
mod jobs;
mod ladder;
mod lifetime;
mod machine;
mod shell;
mod traps;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use bench::Bench;

/// A case with its name.
type Case = (&'static str, fn(&Bench));

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(kiln_sandbox::HELPER_WORD) => kiln_sandbox::helper_main(),
        Some(lifetime::VICTIM) => lifetime::victim(&arguments.next().unwrap()),
        Some(machine::ELSEWHERE) => machine::go_on(&arguments.next().unwrap()),
        wanted => run(wanted.filter(|word| !word.starts_with('-'))),
    }
}

/// Cases that need nothing but a bench, whoever runs them.
const PLAIN: &[&[Case]] = &[isolation::CASES, capture::CASES, escape::CASES, traps::CASES];

/// Runs the cases whose name contains a word; returns how many failed.
fn run_cases(cases: &[&[Case]], bench: &Bench, wanted: Option<&str>) -> u32 {
    let mut n_failed = 0;
    for (name, case) in cases.concat() {
        if wanted.is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        let passed = catch_unwind(AssertUnwindSafe(|| case(bench))).is_ok();
        n_failed += u32::from(!passed);
        let verdict = if passed { "ok" } else { "FAILED" };
        println!("case {name} ... {verdict}");
    }
    n_failed
}

/// Runs all cases, or those whose name contains a word.
fn run(wanted: Option<&str>) -> ExitCode {
    let scratch = kiln_testkit::scratch();
    let bench = Bench::new(scratch.path());
    let cases = [
        PLAIN,
        &[traps::LONG, ladder::CASES, lifetime::CASES, machine::CASES, shell::CASES, jobs::CASES],
    ]
    .concat();
    let n_failed = run_cases(&cases, &bench, wanted);
    // The kernel left a closed folder behind an overlay that a case mounted itself.
    drop(bench);
    kiln_stage::remove_folder(scratch.path()).unwrap();
    if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
