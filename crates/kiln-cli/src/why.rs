//! `kiln why`: where a field or name comes from.

use clap::Args;
use kiln_driver::Session;

use crate::arguments::Output;
use crate::eval::with_dialogue;
use crate::screen::Screen;

pub(crate) const EXAMPLES: &str = "Examples:
  kiln why app.cflags     every layer that sets the field, the last one wins
  kiln why app            what the name means, and the bodies it is made of
  kiln why app.kiln:3:14  what stands there: a name, or a key";

/// What `kiln why` explains, and how it is printed.
#[derive(Debug, Args)]
pub(crate) struct WhyWords {
    /// A name, a field of it, or a place: app.kiln:3:14.
    #[arg(value_name = "NAME[.FIELD]")]
    what: String,
    /// How to print it.
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    output: Output,
}

/// Prints every layer that sets a field, or what a name means.
pub(crate) fn run(session: &Session, screen: &Screen, words: &WhyWords) -> u8 {
    let told = kiln_driver::readable(session).and_then(|readable| {
        with_dialogue(readable, |dialogue| {
            let why = dialogue.why(&words.what)?;
            Ok(match words.output {
                Output::Text => why.text().to_owned(),
                Output::Json => why.json(),
            })
        })
    });
    match told {
        Ok(text) => screen.result(text.as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}
