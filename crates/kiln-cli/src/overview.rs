//! The list of commands that the help begins with: those of every day; the others are named behind them.

use crate::examples::EXAMPLES;

/// Commands that the short help only names, so that it fits the smallest terminal.
const MORE: &[&str] =
    &["bundle", "debug", "docs", "doctor", "eval", "new", "options", "repl", "source", "why"];

/// Takes the rarer commands out of the list and tells of them behind it.
pub(crate) fn overview(command: clap::Command) -> clap::Command {
    let rarer = command.get_subcommands().filter(|found| MORE.contains(&found.get_name()));
    let (names, lines): (Vec<String>, Vec<String>) = rarer
        .map(|found| {
            let about = found.get_about().cloned().unwrap_or_default();
            (found.get_name().to_owned(), format!("  {:<8}  {about}", found.get_name()))
        })
        .unzip();
    let short = format!("More commands, which `kiln --help` tells of:\n  {}", names.join(", "));
    let long = format!("More commands:\n{}\n\n{EXAMPLES}", lines.join("\n"));
    names
        .iter()
        .fold(command, |command, name| command.mut_subcommand(name, |found| found.hide(true)))
        .after_help(short)
        .after_long_help(long)
}
