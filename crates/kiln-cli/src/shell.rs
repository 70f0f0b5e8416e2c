//! `kiln shell`: a sandbox on the terminal of a person, or in a pipe.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;

use kiln_console::text;
use kiln_driver::{Inside, Opened, Opening, Problem, Session, Stdio, open_shell};

use crate::commands::stoppable;
use crate::relay::{Pair, Raw, is_interactive, relay};
use crate::screen::Screen;
use crate::signals::Stop;

/// What a terminal is that does not say so.
const PLAIN_TERMINAL: &str = "dumb";

/// Runs a command in the sandbox of an element, a shell where none is named; returns its exit status.
pub(crate) fn run(
    session: &Session,
    screen: &Screen,
    inside: Inside,
    element: &str,
    command: Vec<String>,
) -> u8 {
    let stop = Stop::watch_or_warn(screen);
    let opened =
        stoppable(screen, &stop, |shown| open_shell(session, element, inside, shown, &stop.cancel));
    let opened = match opened {
        Ok(Opening::Ready(opened)) => opened,
        Ok(Opening::NotBuilt(report)) if report.cancelled => return stop.status().unwrap_or(130),
        Ok(Opening::NotBuilt(_)) => return 1,
        Err(problem) => return screen.problem(&problem),
    };
    let interactive = is_interactive();
    let command = if command.is_empty() { shell_of(&opened, interactive) } else { command };
    let ended = if interactive {
        screen.note(&header(element, inside, &opened));
        on_terminal(session, &opened, &command, &stop)
    } else {
        given().map(|stdio| opened.run(&command, stdio, None, &stop.cancel))
    };
    match (stop.status(), ended) {
        (Some(status), _) => status,
        (None, Ok(Ok(status))) => u8::try_from(status).unwrap_or(1),
        (None, Ok(Err(problem))) => screen.problem(&problem),
        (None, Err(cause)) => {
            screen.say(&format!(
                "error[K8010]: cannot use this terminal\n  cause: {cause}\n  help: run the command without one: `kiln shell {} -- COMMAND < /dev/null`\n",
                text::quoted(element)
            ));
            2
        }
    }
}

/// Returns the shell: for a person, or for a script on stdin, which gets no prompts.
fn shell_of(opened: &Opened, interactive: bool) -> Vec<String> {
    let shell = opened.shell().to_owned();
    if interactive { vec![shell, "-i".to_owned()] } else { vec![shell] }
}

/// Says where one is and what to do there.
fn header(element: &str, inside: Inside, opened: &Opened) -> String {
    let what = match inside {
        Inside::Dependencies => "all it is built with, /build is empty",
        Inside::Sources => "its sources in /build, no phase has run",
        Inside::BuildTree => "/build as its last run left it",
        Inside::Failed => "/build as its failed run left it",
    };
    let mut lines = vec![format!("kiln: the sandbox of {element}: {what}; nothing of it is kept")];
    let script = |path: &String| format!("/bin/sh -e {path}");
    match (&opened.failed, inside) {
        (Some(failed), _) => lines.push(format!("kiln: what failed: {}", script(failed))),
        (None, Inside::Dependencies) => {}
        (None, _) if opened.phases.is_empty() => {}
        (None, _) => {
            let phases: Vec<String> = opened.phases.iter().map(script).collect();
            lines.push(format!("kiln: the phases: {}", phases.join("; ")));
        }
    }
    lines.join("\n") + "\n"
}

/// Returns the streams of this process.
fn given() -> io::Result<Stdio> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    Ok(Stdio::Given([stdin, stdout, stderr]))
}

fn on_terminal(
    session: &Session,
    opened: &Opened,
    command: &[String],
    stop: &Arc<Stop>,
) -> io::Result<Result<i32, Problem>> {
    let Pair { outer, inner } = Pair::open()?;
    let raw = Raw::enter()?;
    stop.before_end(raw.restorer());
    let kind = session.environment.variable("TERM").unwrap_or(PLAIN_TERMINAL);
    let ended = thread::scope(|scope| {
        let run = || opened.run(command, Stdio::Terminal(inner), Some(kind), &stop.cancel);
        let running =
            thread::Builder::new().name("kiln-shell".to_owned()).spawn_scoped(scope, run)?;
        let relayed = relay(&outer);
        if relayed.is_err() {
            stop.cancel.set();
        }
        let ended = running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        relayed.map(|()| ended)
    });
    drop(raw);
    ended
}
