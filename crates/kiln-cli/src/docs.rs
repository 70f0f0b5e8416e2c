//! `kiln docs`: the reference, to be read in a terminal or kept as a file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kiln_driver::{Chapter, Look, Page, Session};

use crate::screen::Screen;

pub(crate) const EXAMPLES: &str = "Examples:
  kiln docs                            the names, with a sentence each
  kiln docs Make                       a kind: its text, its fields, what it inherits
  kiln docs Make.install-args          a field
  kiln docs --format html -d public    everything, in one file that needs no other

What the project defines is documented by the `##` lines in front of it.";

/// What is told of, and how.
#[derive(Debug, Args)]
pub(crate) struct DocsArguments {
    /// A kind, element, option or other name, or a field of it.
    #[arg(value_name = "NAME[.FIELD]")]
    name: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    format: Format,
    /// Write into a file of this folder; all of the reference when no name is said.
    #[arg(short = 'd', long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

/// How the reference is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal; without a name, the contents.
    Text,
    /// For another page.
    Markdown,
    /// One file for a browser.
    Html,
}

/// Prints or writes a part of the reference.
pub(crate) fn run(session: &Session, screen: &Screen, arguments: &DocsArguments) -> u8 {
    let DocsArguments { name, format, output_dir } = arguments;
    let is_short = *format == Format::Text && output_dir.is_none();
    let chapter = match name {
        Some(name) => Chapter::About(name),
        None if is_short => Chapter::Contents,
        None => Chapter::All,
    };
    let page = match kiln_driver::docs(session, chapter) {
        Ok(page) => page,
        Err(problem) => return screen.problem(&problem),
    };
    let Some(folder) = output_dir else {
        let look = Look { color: screen.color_results(), width: screen.width_of_results() };
        return screen.result(printed(&page, *format, look).as_bytes());
    };
    let look = Look { color: false, width: 80 };
    let file = match format {
        Format::Text => "reference.txt",
        Format::Markdown => "reference.md",
        Format::Html => "index.html",
    };
    match kiln_driver::write_docs(session, folder, file, &printed(&page, *format, look)) {
        Ok(path) => screen.result(format!("{}\n", path.display()).as_bytes()),
        Err(problem) => screen.problem(&problem),
    }
}

fn printed(page: &Page, format: Format, look: Look) -> String {
    match format {
        Format::Text => page.text(look),
        Format::Markdown => page.markdown(),
        Format::Html => page.html("kiln"),
    }
}
