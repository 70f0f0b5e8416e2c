//! `kiln repl`: questions to the project, one after the other, on a terminal or in a pipe.

use std::cell::RefCell;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kiln_driver::{Chapter, Look, Problem, Readable, Session};
use kiln_repl::{Dialogue, Line, is_whole, joined, on_deep_stack};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

use crate::eval::ground;
use crate::screen::Screen;

/// The status where a question has a mistake, and where a command is none.
const MISTAKE: u8 = 3;
const USAGE: u8 = 2;

const PROMPT: &str = "kiln> ";

const HELP: &str = "\
EXPR              its value
let x = EXPR      keeps a value
:t EXPR           its type
:doc NAME         what `kiln docs` says of a kind, field or member
:why NAME[.FIELD] where it comes from; also :why FILE:LINE:COL
:reload           reads the files of the project again
:q, Ctrl-D        leaves; Ctrl-C clears the line or stops an evaluation
";

/// Reads lines until they end; nothing that is asked ends it.
pub(crate) fn run(session: &Session, screen: &Screen) -> u8 {
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    on_deep_stack(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let (dialogue, status) = begin(session, screen, &stop);
        let Some(dialogue) = dialogue else { return status };
        let mut talk = Talk { session, screen, dialogue, status };
        if on_terminal { talk.on_terminal(&stop) } else { talk.in_pipe() }
    })
}

/// Starts with the project, or with the standard library alone where the project cannot be evaluated; then the status
/// says so.
fn begin(session: &Session, screen: &Screen, stop: &Arc<AtomicBool>) -> (Option<Dialogue>, u8) {
    let start = |readable: Result<Readable, Problem>| match readable {
        Err(problem) => Err(screen.problem(&problem)),
        Ok(readable) => {
            Dialogue::start(ground(readable), Arc::clone(stop)).map_err(|(texts, trouble)| {
                screen.findings(&texts, &trouble);
                MISTAKE
            })
        }
    };
    let status = match start(kiln_driver::readable(session)) {
        Ok(dialogue) => return (Some(dialogue), 0),
        Err(status) => status,
    };
    screen.note("kiln: there is only the standard library until `:reload`\n");
    match start(kiln_driver::standard_library()) {
        Ok(dialogue) => (Some(dialogue), status),
        Err(status) => (None, status),
    }
}

/// A session and what it is about.
struct Talk<'a> {
    session: &'a Session,
    screen: &'a Screen,
    dialogue: Dialogue,
    /// Of the first question that failed.
    status: u8,
}

/// Whether more lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    /// The session was asked to end.
    Quit,
    /// It cannot go on.
    End(u8),
}

impl Talk<'_> {
    fn in_pipe(&mut self) -> u8 {
        let mut lines: Vec<String> = Vec::new();
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else {
                self.screen.say("error[K8045]: a line of stdin is no text\n  help: the language is written in UTF-8\n");
                return 2;
            };
            lines.push(line);
            let text = joined(&lines);
            if is_command(&lines) || is_whole(&text) {
                lines.clear();
                match self.answer(&text) {
                    Next::More => {}
                    Next::Quit => return self.status,
                    Next::End(status) => return status,
                }
            }
        }
        match self.answer(&joined(&lines)) {
            Next::End(status) => status,
            Next::More | Next::Quit => self.status,
        }
    }

    fn on_terminal(self, stop: &Arc<AtomicBool>) -> u8 {
        let (session, screen) = (self.session, self.screen);
        // Where the signal cannot be taken, it ends the program, as it would anyway.
        drop(signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(stop)));
        let mut editor = match Editor::<Words<'_>, DefaultHistory>::new() {
            Ok(editor) => editor,
            Err(cause) => {
                screen.say(&format!("error[K8045]: the terminal cannot be used\n  cause: {cause}\n  help: pipe the lines: `kiln repl < FILE`\n"));
                return 6;
            }
        };
        let history = history(session);
        if let Some(path) = &history {
            // There is none at the first time.
            drop(editor.load_history(path));
        }
        editor.set_helper(Some(Words { talk: RefCell::new(self) }));
        screen.note("kiln: `:help` tells what can be asked, Ctrl-D leaves\n");
        let status = loop {
            // What came before is not about the next question. While a line is edited, Ctrl-C is a key and no signal.
            stop.store(false, Ordering::Relaxed);
            match editor.readline(PROMPT) {
                Ok(line) => {
                    drop(editor.add_history_entry(line.trim_end()));
                    let lines: Vec<String> = line.lines().map(str::to_owned).collect();
                    let answered = editor
                        .helper_mut()
                        .map(|words| words.talk.get_mut().answer(&joined(&lines)));
                    // Whoever sits there was told of all that failed.
                    match answered {
                        Some(Next::More) => {}
                        Some(Next::Quit) | None => break 0,
                        Some(Next::End(status)) => break status,
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(_) => break 0,
            }
        };
        if let Some(path) = &history {
            // Nothing depends on it.
            drop(editor.save_history(path));
        }
        status
    }

    /// Answers one whole text.
    fn answer(&mut self, text: &str) -> Next {
        let answer = match Line::read(text) {
            Line::Nothing => return Next::More,
            Line::Quit => return Next::Quit,
            Line::Help => Ok(HELP.to_owned()),
            Line::Reload => return self.reload(),
            Line::Ask(text) => {
                self.dialogue.text(text).map(|text| text.map_or(String::new(), |text| text + "\n"))
            }
            Line::Type(text) => self.dialogue.type_text(text).map(|text| text + "\n"),
            Line::Doc(name) => return self.doc(name),
            Line::Why(what) => self.dialogue.why(what).map(|why| why.text().to_owned()),
            Line::Unknown(word) => {
                self.screen.say(&format!(
                    "error[K8045]: there is no command `:{word}`\n  help: `:help` tells them\n"
                ));
                self.failed(USAGE);
                return Next::More;
            }
        };
        match answer {
            Ok(text) => self.print(&text),
            Err(trouble) => {
                self.screen.findings(self.dialogue.texts(), &trouble);
                self.failed(MISTAKE);
                Next::More
            }
        }
    }

    /// Prints a page of the reference, as the files are now.
    fn doc(&mut self, name: &str) -> Next {
        let chapter = if name.is_empty() { Chapter::Contents } else { Chapter::About(name) };
        match kiln_driver::docs(self.session, chapter) {
            Ok(page) => {
                let (color, width) = (self.screen.color_results(), self.screen.width_of_results());
                self.print(&page.text(Look { color, width }))
            }
            Err(problem) => {
                self.failed(self.screen.problem(&problem));
                Next::More
            }
        }
    }

    fn print(&self, text: &str) -> Next {
        match self.screen.result(text.as_bytes()) {
            0 => Next::More,
            failed => Next::End(failed),
        }
    }

    /// Keeps the status of the first failure.
    fn failed(&mut self, status: u8) {
        self.status = if self.status == 0 { status } else { self.status };
    }

    fn reload(&mut self) -> Next {
        match kiln_driver::readable(self.session) {
            Err(problem) => self.failed(self.screen.problem(&problem)),
            Ok(readable) => match self.dialogue.reload(ground(readable)) {
                Ok(()) => self.screen.note("kiln: read again\n"),
                Err((texts, trouble)) => {
                    self.screen.findings(&texts, &trouble);
                    self.failed(MISTAKE);
                }
            },
        }
        Next::More
    }
}

/// Returns the file of earlier lines, in a folder that is made where it is not there.
fn history(session: &Session) -> Option<PathBuf> {
    let folder = session.environment.state().ok()?;
    kiln_driver::make_state_folder(&folder).ok()?;
    Some(folder.join("repl-history"))
}

fn is_command(lines: &[String]) -> bool {
    matches!(lines, [line] if line.trim_start().starts_with(':'))
}

/// What the line editor asks while a line is written.
struct Words<'a> {
    talk: RefCell<Talk<'a>>,
}

impl Completer for Words<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.talk.borrow_mut().dialogue.complete(line, at))
    }
}

impl Validator for Words<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let whole = text.trim_start().starts_with(':') || is_whole(text);
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Helper for Words<'_> {}

impl Highlighter for Words<'_> {}

impl Hinter for Words<'_> {
    type Hint = String;
}
