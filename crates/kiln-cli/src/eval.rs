//! `kiln eval`: one question to the project.

use std::path::PathBuf;

use clap::Args;
use kiln_driver::{Problem, Readable, Session};
use kiln_repl::{Dialogue, Ground, on_deep_stack};

use crate::arguments::Output;
use crate::screen::Screen;

pub(crate) const EXAMPLES: &str = "Examples:
  kiln eval app.version
  kiln eval --json '[x.version for x in app.deps]'
  kiln eval --type app.cflags
  echo 'let n = 3 in n * n' | kiln eval -

An element is printed as its name, in JSON as {\"element\": NAME, \"kind\": KIND}.";

/// What `kiln eval` evaluates, and how it is printed.
#[derive(Debug, Args)]
pub(crate) struct EvalWords {
    /// An expression; `-` or nothing reads stdin.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: Option<String>,
    /// Read the expression from a file.
    #[arg(short, long, value_name = "FILE", conflicts_with = "expression")]
    file: Option<PathBuf>,
    /// Print JSON; the same as `--output json`.
    #[arg(long)]
    json: bool,
    /// Print the type instead of the value.
    #[arg(long = "type", conflicts_with = "json")]
    ty: bool,
    /// How to print it.
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    output: Output,
}

/// Evaluates a text and prints its value, its JSON form or its type.
pub(crate) fn run(session: &Session, screen: &Screen, words: &EvalWords) -> u8 {
    let asked = text(session, words).and_then(|text| {
        let readable = kiln_driver::readable(session)?;
        with_dialogue(readable, |dialogue| {
            if words.ty {
                dialogue.type_text(&text).map(|ty| ty + "\n")
            } else if words.json || words.output == Output::Json {
                dialogue.json(&text)
            } else {
                dialogue.written(&text)
            }
        })
    });
    match asked {
        Ok(text) => screen.result(text.as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}

fn text(session: &Session, words: &EvalWords) -> Result<String, Problem> {
    match (&words.expression, &words.file) {
        (_, Some(file)) => kiln_driver::asked_text(session, file),
        (Some(expression), None) if expression != "-" => Ok(expression.clone()),
        _ => kiln_driver::asked_text(session, "-".as_ref()),
    }
}

/// Asks something of a project that was read, where its evaluation has room.
pub(crate) fn with_dialogue<T: Send>(
    readable: Readable,
    ask: impl FnOnce(&mut Dialogue) -> Result<T, kiln_repl::Trouble> + Send,
) -> Result<T, Problem> {
    let ground = ground(readable);
    let answer = on_deep_stack(|| {
        let mut dialogue = Dialogue::start(ground, std::sync::Arc::default())?;
        ask(&mut dialogue).map_err(|trouble| (dialogue.texts().clone(), trouble))
    });
    answer.map_err(|(texts, mut findings)| {
        kiln_driver::say_where(&mut findings, &texts);
        Problem::Findings { texts, findings }
    })
}

/// Returns what questions are asked of.
pub(crate) fn ground(readable: Readable) -> Ground {
    let Readable { texts, program, inputs, settings, files, findings } = readable;
    let files = files.into_iter().map(|file| (file.id, file.path, file.parts)).collect();
    Ground { texts, program, inputs, settings, findings, files }
}
