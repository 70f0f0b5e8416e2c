//! Where output goes: results to stdout, everything else to stderr, in the style that suits it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use kiln_console::{Console, Mode, Size, Style, report, stderr_size};
use kiln_diag::{Diagnostic, Texts};
use kiln_driver::{Environment, Problem};

use crate::arguments::{Common, When};

/// Findings shown of one run.
const MOST_FINDINGS: usize = 20;
/// Columns where no terminal says how many there are.
const COLUMNS: usize = 100;

/// The two streams and their style.
pub(crate) struct Screen {
    style: Style,
    /// Whether progress may be drawn over.
    live: bool,
    quiet: bool,
    /// Whether colours were asked for, wherever they go.
    insists: bool,
}

impl Screen {
    /// Chooses the style: flag, `NO_COLOR`, `CLICOLOR_FORCE`, `FORCE_COLOR`, then whether stderr is a terminal.
    pub(crate) fn new(environment: &Environment, common: &Common) -> Self {
        let set = |name: &str| environment.variable(name).is_some();
        let terminal = std::io::stderr().is_terminal();
        let dumb = environment.variable("TERM").is_none_or(|term| term == "dumb");
        let forced = set("CLICOLOR_FORCE") || set("FORCE_COLOR");
        let color = match common.color {
            Some(When::Always) => true,
            Some(When::Never) => false,
            Some(When::Auto) | None => !set("NO_COLOR") && (forced || terminal && !dumb),
        };
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| environment.variable(name));
        let unicode = locale.is_some_and(|locale| locale.to_ascii_uppercase().contains("UTF"));
        let width = stderr_size().map_or(COLUMNS, |size| usize::from(size.columns));
        let live = terminal && !dumb && !set("CI");
        Self {
            style: Style { color, unicode, width },
            live,
            quiet: common.quiet,
            insists: common.color == Some(When::Always),
        }
    }

    /// Returns the screen before anything is known.
    pub(crate) fn plain() -> Self {
        Self { style: Style::PLAIN, live: false, quiet: false, insists: false }
    }

    /// Whether results on stdout may have colours: on a terminal, and where somebody insists.
    pub(crate) fn color_results(&self) -> bool {
        self.style.color && (self.insists || std::io::stdout().is_terminal())
    }

    /// Returns the columns of the terminal that results go to, or those of one that nobody has changed.
    pub(crate) fn width_of_results(&self) -> usize {
        let is_terminal = std::io::stdout().is_terminal();
        if is_terminal { self.style.width } else { Style::PLAIN.width }
    }

    /// Writes a text to stderr.
    #[expect(clippy::unused_self, reason = "who has the screen may write to it")]
    pub(crate) fn say(&self, text: &str) {
        // There is nowhere left to say that stderr cannot be written.
        let _said = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Writes to stderr what is neither a result nor an error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Writes a result to stdout. A reader that has seen enough is no failure.
    pub(crate) fn result(&self, bytes: &[u8]) -> u8 {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => 0,
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Err(cause) => {
                self.say(&format!("error[K8007]: cannot write the result\n  cause: {cause}\n  help: is the disk full?\n"));
                5
            }
        }
    }

    /// Reports a problem and returns the exit status for it.
    pub(crate) fn problem(&self, problem: &Problem) -> u8 {
        match problem {
            Problem::Findings { texts, findings } => self.findings(texts, findings),
            Problem::World(error) => self.say(&report::failure(error.as_ref(), self.style)),
        }
        problem.exit_status()
    }

    /// Reports findings.
    pub(crate) fn findings(&self, texts: &Texts, findings: &[Diagnostic]) {
        self.say(&report::findings(findings, texts, self.style, MOST_FINDINGS));
    }

    /// Reports findings of a text that has no mistakes.
    pub(crate) fn lints(&self, texts: &Texts, lints: &[Diagnostic]) {
        if !self.quiet {
            self.findings(texts, lints);
        }
    }

    /// Makes the view of a run.
    #[expect(clippy::disallowed_methods, reason = "the clock of the view comes in here")]
    pub(crate) fn console(&self) -> Console {
        let started = Instant::now();
        let mode = match (self.quiet, self.live) {
            (true, _) => Mode::Quiet,
            (false, true) => {
                Mode::Terminal(Arc::new(|| stderr_size().unwrap_or(Size { rows: 24, columns: 80 })))
            }
            (false, false) => Mode::Plain,
        };
        let clock = Arc::new(move || started.elapsed());
        Console::new(mode, self.style, clock, Box::new(std::io::stderr()))
    }
}
