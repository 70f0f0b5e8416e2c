//! The commands about what comes from outside: `track`, `fetch`, `bundle`, `source verify`.

use std::path::Path;

use clap::Subcommand;
use kiln_console::{Console, sanitise, text};
use kiln_driver::{Problem, Session, Tracking, Trust, Verdict, Verified};

use crate::commands::stoppable;
use crate::screen::Screen;
use crate::signals::Stop;
use crate::tracked::tracked_text;

/// What `kiln source` does.
#[derive(Debug, Subcommand)]
pub(crate) enum SourceAction {
    /// Fetch sources and packages again and compare them with the lock.
    ///
    /// Fetches sources and packages again and compares them with the lock. Neither
    /// the lock nor what is in the cache changes. Exit status: 0 all are the same,
    /// 1 some are not.
    Verify {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
}

/// Failures of a verification that are told in full.
const MOST_FAILURES: usize = 10;

pub(crate) fn track(
    session: &Session,
    screen: &Screen,
    elements: &[String],
    tracking: Tracking,
) -> u8 {
    let what = "kiln.lock is as it was";
    run(screen, what, |stop, shown| {
        kiln_driver::track(session, elements, tracking, shown, &stop.cancel)
    })
    .map_or_else(
        |status| status,
        |tracked| {
            let is_current = tracked.changes.is_empty();
            let written = screen.result(tracked_text(&tracked).as_bytes());
            match (is_current, tracking.dry) {
                (true, _) => screen.note("kiln: nothing has changed\n"),
                (false, true) => {
                    screen.note("kiln: the lock is not current; `kiln track` writes it\n");
                }
                (false, false) => {}
            }
            if tracking.dry && !is_current { 1 } else { written }
        },
    )
}

/// Writes the lock of a new project, without a word about it.
pub(crate) fn pin(session: &Session, screen: &Screen) -> Result<(), u8> {
    let tracking = Tracking { trust: Trust::Signed, dry: false };
    run(screen, "nothing is pinned", |stop, shown| {
        kiln_driver::track(session, &[], tracking, shown, &stop.cancel)
    })
    .map(|_tracked| ())
}

pub(crate) fn fetch(session: &Session, screen: &Screen, elements: &[String]) -> u8 {
    let what = "the next run goes on from here";
    let brought =
        run(screen, what, |stop, shown| kiln_driver::fetch(session, elements, shown, &stop.cancel));
    match brought {
        Err(status) => status,
        Ok(brought) => {
            let kiln_driver::Brought { n_sources, n_bases, n_files, bytes } = brought;
            screen.note(&format!(
                "kiln: all is here: {}, {} ({}, {})\n",
                of(n_sources, "source"),
                of(n_bases, "base"),
                of(n_files, "file"),
                text::bytes(bytes)
            ));
            0
        }
    }
}

pub(crate) fn bundle(session: &Session, screen: &Screen, elements: &[String], file: &Path) -> u8 {
    let what = "no bundle was written";
    let bundled = run(screen, what, |stop, shown| {
        kiln_driver::bundle(session, elements, file, shown, &stop.cancel)
    });
    match bundled {
        Err(status) => status,
        Ok(bundled) => {
            screen.note(&format!(
                "kiln: {}: {}, {}, {}\n",
                sanitise(&file.display().to_string(), false),
                of(bundled.n_files, "file"),
                of(bundled.n_trees, "tree"),
                text::bytes(bundled.bytes)
            ));
            0
        }
    }
}

pub(crate) fn verify(session: &Session, screen: &Screen, elements: &[String]) -> u8 {
    let what = "nothing was changed";
    let verified = run(screen, what, |stop, shown| {
        kiln_driver::verify(session, elements, shown, &stop.cancel)
    });
    match verified {
        Err(status) => status,
        Ok(verified) => told(screen, &verified),
    }
}

/// Tells what is not the same, and how many are.
fn told(screen: &Screen, verified: &[Verified]) -> u8 {
    let others: Vec<&Verified> =
        verified.iter().filter(|one| one.verdict != Verdict::Same).collect();
    for problem in others.iter().filter_map(|one| one.error.as_ref()).take(MOST_FAILURES) {
        screen.problem(problem);
    }
    let line =
        |one: &&Verified| format!("{:7} {}\n", one.verdict.to_string(), sanitise(&one.what, false));
    let written = screen.result(others.iter().map(line).collect::<String>().as_bytes());
    let n_same = verified.len() - others.len();
    screen.note(&format!(
        "kiln: {} of {} are what the lock says\n",
        text::count(n_same),
        text::count(verified.len())
    ));
    if others.is_empty() { written } else { 1 }
}

fn of(number: usize, what: &str) -> String {
    format!("{} {what}{}", text::count(number), if number == 1 { "" } else { "s" })
}

/// Does something that a signal may stop; a failure is told, and answers with the exit status. `stopped` says how things
/// are after a signal.
fn run<T>(
    screen: &Screen,
    stopped: &str,
    work: impl FnOnce(&Stop, &Console) -> Result<T, Problem>,
) -> Result<T, u8> {
    let stop = Stop::watch_or_warn(screen);
    match (stoppable(screen, &stop, |shown| work(&stop, shown)), stop.status()) {
        (Ok(done), _) => Ok(done),
        (Err(_), Some(status)) => {
            screen.note(&format!("kiln: stopped; {stopped}\n"));
            Err(status)
        }
        (Err(problem), None) => Err(screen.problem(&problem)),
    }
}
