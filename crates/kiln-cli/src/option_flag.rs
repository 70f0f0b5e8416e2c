//! `-o name=value`, before or behind the word of the command.

use clap::{Arg, ArgMatches};

/// The field of `Common` that is read wherever it stands.
pub(crate) const OPTIONS: &str = "options";

/// Gives an argument to all commands below; one that is `global` counts only where it is said last.
pub(crate) fn with_argument(
    command: clap::Command,
    argument: Option<&Arg>,
    depth: usize,
) -> clap::Command {
    let command = command.mut_subcommands(|below| with_argument(below, argument, depth + 1));
    match argument {
        Some(argument) if depth > 0 => command.arg(argument.clone()),
        _ => command,
    }
}

/// Returns the options of the project that were said before and behind the words of the command.
pub(crate) fn options_said(matches: &ArgMatches) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let mut at = Some(matches);
    while let Some(matches) = at {
        let here = matches.try_get_many::<(String, String)>(OPTIONS).ok().flatten();
        said.extend(here.into_iter().flatten().cloned());
        at = matches.subcommand().map(|(_name, below)| below);
    }
    said
}

/// Splits `name=value`.
pub(crate) fn option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => {
            Err("an option of the project is `name=value`; a file to write is `--file FILE`"
                .to_owned())
        }
    }
}
