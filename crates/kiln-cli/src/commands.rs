//! One function a command: call the driver, show the answer, return the exit status.

use std::sync::Arc;

use kiln_console::{Console, Ticker};
use kiln_driver::{
    BuildTrees, Choices, Form, Inside, LogState, Part, Problem, Session, Tracking, Trust,
};

use crate::arguments::{
    Arguments, CheckoutPart, Command, Denied, Kept, Output, Policy, ShellInside, Stage,
};
use crate::failure::failure_text;
use crate::options::{about_inputs, options_text};
use crate::screen::Screen;
use crate::shown::{lines, shown_text};
use crate::signals::Stop;
use crate::sources::{self, SourceAction};
use crate::{docs, eval, init, new, repl, shell, why};

/// Returns what the command line says for all operations.
pub(crate) fn choices(arguments: &Arguments, words: Vec<String>) -> Choices {
    let Arguments { version: _, common, command } = arguments;
    let said = Choices {
        directory: common.directory.clone(),
        ir: common.ir.clone(),
        jobs: common.jobs.map(usize::from),
        options: common.options.clone(),
        mirrors: common.mirrors.clone(),
        offline: common.offline,
        command: words,
        ..Choices::default()
    };
    match command {
        Command::Build {
            elements: _,
            retry_failed,
            keep_going,
            fail_fast,
            denied,
            bundle,
            policy,
        } => Choices {
            retry_failed: *retry_failed,
            keep_going: *keep_going,
            fail_fast: *fail_fast,
            deny: denied.iter().map(|denied| name_of(*denied)).collect(),
            bundle: bundle.clone(),
            ..with_policy(said, policy)
        },
        Command::Track { fetchers, .. } => Choices { fetchers: fetchers.map(usize::from), ..said },
        Command::Fetch { elements: _, bundle, fetchers } => {
            Choices { fetchers: fetchers.map(usize::from), bundle: bundle.clone(), ..said }
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
        Command::Init(arguments) => init::run(session, screen, &arguments),
        Command::New(arguments) => new::run(session, screen, arguments),
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
        Command::Shell { inside, element, command } => {
            shell::run(session, screen, inside_of(&inside), &element, command)
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
        Command::Track { elements, check, insecure_no_signature, fetchers: _ } => {
            let trust = if insecure_no_signature { Trust::Unsigned } else { Trust::Signed };
            sources::track(session, screen, &elements, Tracking { trust, dry: check })
        }
        Command::Fetch { elements, bundle: _, fetchers: _ } => {
            sources::fetch(session, screen, &elements)
        }
        Command::Bundle { elements, file } => sources::bundle(session, screen, &elements, &file),
        Command::Source { action: SourceAction::Verify { elements } } => {
            sources::verify(session, screen, &elements)
        }
        Command::Options { output } => options(session, screen, output),
        Command::Check(words) => crate::check::run(session, screen, &words),
        Command::Fmt { files, check } => crate::fmt::run(session, screen, &files, check),
        Command::Eval(words) => eval::run(session, screen, &words),
        Command::Repl => repl::run(session, screen),
        Command::Why(words) => why::run(session, screen, &words),
        Command::Docs(arguments) => docs::run(session, screen, &arguments),
        Command::Doctor => doctor(session, screen),
        Command::Explain { code } => explain(screen, &code),
        Command::Debug { stage } => debug(session, screen, stage),
    }
}

fn part_of(part: &CheckoutPart) -> Part {
    match part {
        CheckoutPart { build_tree: true, .. } => Part::BuildTree,
        CheckoutPart { sources: true, .. } => Part::Sources,
        CheckoutPart { root: true, .. } => Part::Root,
        CheckoutPart { .. } => Part::Output,
    }
}

fn inside_of(inside: &ShellInside) -> Inside {
    match inside {
        ShellInside { build: true, .. } => Inside::Sources,
        ShellInside { build_tree: true, .. } => Inside::BuildTree,
        ShellInside { failed: true, .. } => Inside::Failed,
        ShellInside { .. } => Inside::Dependencies,
    }
}

fn print(screen: &Screen, text: Result<String, Problem>) -> u8 {
    match text {
        Ok(text) => screen.result(text.as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}

fn build(session: &Session, screen: &Screen, elements: &[String]) -> u8 {
    let stop = Stop::watch_or_warn(screen);
    let built = stoppable(screen, &stop, |shown| {
        kiln_driver::build(session, elements, shown, &stop.cancel)
    });
    match built {
        Ok(built) if built.report.cancelled => stop.status().unwrap_or(built.exit_status()),
        Ok(built) => built.exit_status(),
        Err(problem) => screen.problem(&problem),
    }
}

/// Shows what happens while something is done that a signal may stop.
pub(crate) fn stoppable<T>(
    screen: &Screen,
    stop: &Arc<Stop>,
    work: impl FnOnce(&Console) -> T,
) -> T {
    let cancel = stop.cancel.clone();
    let console = Arc::new(screen.console().watching(move || cancel.is_set()));
    let shown = Arc::clone(&console);
    stop.before_end(move || shown.clear_now());
    let ticker = Ticker::start(Arc::clone(&console));
    let answer = work(&console);
    drop(ticker);
    console.clear();
    stop.before_end(|| {});
    answer
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

fn options(session: &Session, screen: &Screen, output: Output) -> u8 {
    let shown = kiln_driver::options(session);
    let about = shown.as_ref().ok().and_then(about_inputs);
    let status = print(screen, shown.map(|shown| options_text(&shown.options, output)));
    screen.note(&about.unwrap_or_default());
    status
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
    let near = kiln_console::near(code);
    let help = if near.is_empty() {
        "a code is `K` and four digits, as errors print it".to_owned()
    } else {
        let lines =
            near.iter().map(|(code, title)| format!("\n    kiln explain {code}    {title}"));
        format!("perhaps one of these{}", lines.collect::<String>())
    };
    screen.say(&format!("error[K8008]: `{code}` is no code of kiln\n  help: {help}\n"));
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
