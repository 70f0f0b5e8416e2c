//! `kiln repl`: questions to the project, one after the other, on a terminal or in a pipe.

use std::cell::RefCell;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kiln_driver::Session;
use kiln_repl::{Dialogue, Line, Trouble, is_whole, joined, on_deep_stack};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

use crate::eval::ground;
use crate::screen::Screen;

const PROMPT: &str = "kiln> ";

const HELP: &str = "\
EXPR              its value
let x = EXPR      keeps a value
:t EXPR           its type
:doc NAME         what a kind, file or member is for
:why NAME[.FIELD] where it comes from; also :why FILE:LINE:COL
:reload           reads the files of the project again
:q, Ctrl-D        leaves; Ctrl-C clears the line or stops an evaluation
";

/// Reads lines until they end; nothing that is asked ends it.
pub(crate) fn run(session: &Session, screen: &Screen) -> u8 {
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    on_deep_stack(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let Some(dialogue) = begin(session, screen, &stop) else { return 3 };
        let mut talk = Talk { session, screen, dialogue };
        if on_terminal { talk.on_terminal(&stop) } else { talk.in_pipe() }
    })
}

/// Starts with the project, or with the standard library alone where the project cannot be evaluated.
fn begin(session: &Session, screen: &Screen, stop: &Arc<AtomicBool>) -> Option<Dialogue> {
    let start = |readable| Dialogue::start(ground(readable), Arc::clone(stop));
    match kiln_driver::readable(session).map(start) {
        Ok(Ok(dialogue)) => return Some(dialogue),
        Ok(Err((texts, trouble))) => screen.findings(&texts, &trouble),
        Err(problem) => {
            screen.problem(&problem);
        }
    }
    screen.note("kiln: there is only the standard library until `:reload`\n");
    match kiln_driver::standard_library().map(start) {
        Ok(Ok(dialogue)) => Some(dialogue),
        Ok(Err((texts, trouble))) => {
            screen.findings(&texts, &trouble);
            None
        }
        Err(problem) => {
            screen.problem(&problem);
            None
        }
    }
}

/// A session and what it is about.
struct Talk<'a> {
    session: &'a Session,
    screen: &'a Screen,
    dialogue: Dialogue,
}

/// Whether more lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
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
                if let Next::End(status) = self.answer(&text) {
                    return status;
                }
            }
        }
        match self.answer(&joined(&lines)) {
            Next::End(status) => status,
            Next::More => 0,
        }
    }

    fn on_terminal(self, stop: &Arc<AtomicBool>) -> u8 {
        let Self { session, screen, dialogue } = self;
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
        editor.set_helper(Some(Words { talk: RefCell::new(Talk { session, screen, dialogue }) }));
        screen.note("kiln: `:help` tells what can be asked, Ctrl-D leaves\n");
        let status = loop {
            match editor.readline(PROMPT) {
                Ok(line) => {
                    drop(editor.add_history_entry(line.trim_end()));
                    let lines: Vec<String> = line.lines().map(str::to_owned).collect();
                    // What came before is not about this question.
                    stop.store(false, Ordering::Relaxed);
                    let answered = editor
                        .helper_mut()
                        .map(|words| words.talk.get_mut().answer(&joined(&lines)));
                    if let Some(Next::End(status)) = answered {
                        break status;
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
            Line::Quit => return Next::End(0),
            Line::Help => Ok(HELP.to_owned()),
            Line::Reload => return self.reload(),
            Line::Ask(text) => {
                self.dialogue.text(text).map(|text| text.map_or(String::new(), |text| text + "\n"))
            }
            Line::Type(text) => self.dialogue.type_text(text).map(|text| text + "\n"),
            Line::Doc(name) => self.dialogue.doc(name),
            Line::Why(what) => self.dialogue.why(what).map(|why| why.text().to_owned()),
            Line::Unknown(word) => {
                self.screen.say(&format!(
                    "error[K8045]: there is no command `:{word}`\n  help: `:help` tells them\n"
                ));
                return Next::More;
            }
        };
        match answer {
            Ok(text) => match self.screen.result(text.as_bytes()) {
                0 => Next::More,
                failed => Next::End(failed),
            },
            Err(trouble) => {
                self.complain(&trouble);
                Next::More
            }
        }
    }

    fn complain(&self, trouble: &Trouble) {
        self.screen.findings(self.dialogue.texts(), trouble);
    }

    fn reload(&mut self) -> Next {
        match kiln_driver::readable(self.session) {
            Err(problem) => {
                self.screen.problem(&problem);
            }
            Ok(readable) => match self.dialogue.reload(ground(readable)) {
                Ok(()) => self.screen.note("kiln: read again\n"),
                Err((texts, trouble)) => self.screen.findings(&texts, &trouble),
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
