//! One function a command: call the driver, show the answer, return the exit status.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kiln_console::{Console, Ticker};
use kiln_driver::{BuildTrees, CancelFlag, Choices, Form, LogState, Part, Problem, Session, Trust};

use crate::arguments::{Arguments, CheckoutPart, Command, Denied, Kept, Policy, Stage};
use crate::failure::failure_text;
use crate::screen::Screen;
use crate::shown::{lines, shown_text};

/// Returns what the command line says for all operations.
pub(crate) fn choices(arguments: &Arguments, words: Vec<String>) -> Choices {
    let Arguments { common, command } = arguments;
    let said = Choices {
        directory: common.directory.clone(),
        ir: common.ir.clone(),
        jobs: common.jobs.map(usize::from),
        mirrors: common.mirrors.clone(),
        offline: common.offline,
        command: words,
        ..Choices::default()
    };
    match command {
        Command::Build { elements: _, retry_failed, keep_going, fail_fast, denied, policy } => {
            Choices {
                retry_failed: *retry_failed,
                keep_going: *keep_going,
                fail_fast: *fail_fast,
                deny: denied.iter().map(|denied| name_of(*denied)).collect(),
                ..with_policy(said, policy)
            }
        }
        _ => said,
    }
}

fn name_of(denied: Denied) -> String {
    let name = match denied {
        Denied::Overlaps => "overlaps",
        Denied::Warnings => "warnings",
    };
    name.to_owned()
}

fn with_policy(said: Choices, policy: &Policy) -> Choices {
    let kept = |kept: Kept| match kept {
        Kept::Failure => BuildTrees::Failure,
        Kept::Always => BuildTrees::Always,
        Kept::Never => BuildTrees::Never,
    };
    Choices {
        build_trees: policy.build_trees.map(kept),
        time_limit: policy.time_limit,
        silence: policy.silence_limit,
        fetchers: policy.fetchers.map(usize::from),
        ..said
    }
}

/// Runs a command and returns the exit status.
pub(crate) fn run(session: &Session, screen: &Screen, command: Command) -> u8 {
    match command {
        Command::Build { elements, .. } => build(session, screen, &elements),
        Command::Plan { elements } => print(screen, kiln_driver::plan_text(session, &elements)),
        Command::Show { elements } => {
            let shown = kiln_driver::show(session, &elements);
            print(screen, shown.map(|shown| shown_text(&shown)))
        }
        Command::Checkout { part, element, folder, force } => {
            let part = part_of(&part);
            with_progress(screen, |shown| {
                kiln_driver::checkout(session, &element, part, &folder, force, shown)
            })
            .map_or_else(|problem| screen.problem(&problem), |()| 0)
        }
        Command::Log { element } => match kiln_driver::log(session, &element) {
            Ok(log) => {
                let written = screen.result(&log.bytes);
                match log.state {
                    LogState::Whole => {}
                    LogState::Growing => screen.note("kiln: that is all so far\n"),
                    LogState::Cut => screen.note("kiln: the build was stopped here\n"),
                }
                written
            }
            Err(problem) => screen.problem(&problem),
        },
        Command::Track { elements, insecure_no_signature } => {
            let trust = if insecure_no_signature { Trust::Unsigned } else { Trust::Signed };
            track(session, screen, &elements, trust)
        }
        Command::Check => check(session, screen),
        Command::Fmt { files, check } => format(session, screen, &files, check),
        Command::Doctor => doctor(session, screen),
        Command::Explain { code } => explain(screen, &code),
        Command::Debug { stage } => debug(session, screen, stage),
    }
}

fn part_of(part: &CheckoutPart) -> Part {
    match part {
        CheckoutPart { build_tree: true, .. } => Part::BuildTree,
        CheckoutPart { sources: true, .. } => Part::Sources,
        CheckoutPart { .. } => Part::Output,
    }
}

fn print(screen: &Screen, text: Result<String, Problem>) -> u8 {
    match text {
        Ok(text) => screen.result(text.as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}

fn build(session: &Session, screen: &Screen, elements: &[String]) -> u8 {
    let cancel = CancelFlag::default();
    let status = Arc::new(AtomicUsize::new(0));
    if let Err(cause) = watch_signals(&cancel, &status) {
        screen.say(&format!("warning: Ctrl-C will not end builds gracefully: {cause}\n"));
    }
    let watched = cancel.clone();
    let console = Arc::new(screen.console().watching(move || watched.is_set()));
    let ticker = Ticker::start(Arc::clone(&console));
    let built = kiln_driver::build(session, elements, console.as_ref(), &cancel);
    drop(ticker);
    console.clear();
    match built {
        Ok(built) if built.report.cancelled => {
            u8::try_from(status.load(Ordering::SeqCst)).unwrap_or(built.exit_status())
        }
        Ok(built) => built.exit_status(),
        Err(problem) => screen.problem(&problem),
    }
}

/// The first signal asks the build to stop, the second ends the program at once; the kernel then ends all sandboxes.
/// The exit status for a signal is 128 and its number.
fn watch_signals(cancel: &CancelFlag, status: &Arc<AtomicUsize>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let asked = Arc::new(AtomicBool::new(false));
    for (signal, by_signal) in [(SIGINT, 130_u8), (SIGTERM, 143), (SIGHUP, 129)] {
        let at_once = Arc::clone(&asked);
        signal_hook::flag::register_conditional_shutdown(signal, by_signal.into(), at_once)?;
        signal_hook::flag::register_usize(signal, Arc::clone(status), by_signal.into())?;
        signal_hook::flag::register(signal, Arc::clone(&asked))?;
    }
    let cancel = cancel.clone();
    std::thread::spawn(move || {
        while !asked.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        cancel.set();
    });
    Ok(())
}

/// Shows what happens while something is done.
fn with_progress<T>(screen: &Screen, work: impl FnOnce(&Console) -> T) -> T {
    let console = Arc::new(screen.console());
    let ticker = Ticker::start(Arc::clone(&console));
    let answer = work(&console);
    drop(ticker);
    console.clear();
    answer
}

fn track(session: &Session, screen: &Screen, elements: &[String], trust: Trust) -> u8 {
    let tracked =
        with_progress(screen, |shown| kiln_driver::track(session, elements, trust, shown));
    match tracked {
        Ok(changes) => screen.result(changes.to_string().as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}

fn check(session: &Session, screen: &Screen) -> u8 {
    match kiln_driver::check(session) {
        Ok(checked) => {
            screen.findings(&checked.texts, &checked.lints);
            screen.note(&format!("kiln: {} elements, no mistakes\n", checked.n_elements));
            0
        }
        Err(problem) => screen.problem(&problem),
    }
}

fn format(session: &Session, screen: &Screen, files: &[std::path::PathBuf], check: bool) -> u8 {
    match kiln_driver::format(session, files, check) {
        Ok(changed) if check && !changed.is_empty() => {
            screen.result(lines(&changed).as_bytes());
            screen.note("kiln: not formatted; `kiln fmt` does it\n");
            1
        }
        Ok(changed) => screen.result(lines(&changed).as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}

fn doctor(session: &Session, screen: &Screen) -> u8 {
    let findings = kiln_driver::doctor(session);
    let written = screen.result(lines(&findings).as_bytes());
    let broken = findings.iter().any(|finding| !finding.ok && finding.needed);
    if broken { 6 } else { written }
}

fn explain(screen: &Screen, code: &str) -> u8 {
    if let Some(page) = kiln_console::explain(code) {
        return screen.result(page.as_bytes());
    }
    screen.say(&format!("error[K8008]: `{code}` is no code of kiln\nhelp: a code is `K` and four digits, as errors print it\n"));
    2
}

fn debug(session: &Session, screen: &Screen, stage: Stage) -> u8 {
    let text = match stage {
        Stage::Failure { element } => {
            let report = kiln_driver::failure(session, &element);
            report.map(|report| failure_text(&report, screen.color_results()))
        }
        Stage::Cst { file } => kiln_driver::debug_tree(session, &file),
        Stage::Ir { elements } => kiln_driver::debug(session, Form::Ir, &elements),
        Stage::Plan { elements } => kiln_driver::debug(session, Form::Plan, &elements),
        Stage::Graph { elements } => kiln_driver::debug(session, Form::Graph, &elements),
    };
    print(screen, text)
}
