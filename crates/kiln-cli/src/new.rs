//! `kiln new`: one element more in the project.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use kiln_driver::{NewElement, Problem, Session, TextEdit};

use crate::init::quoted;
use crate::screen::Screen;

pub(crate) const EXAMPLES: &str = "Examples:
  kiln new Make app --source ./app
  kiln new Autotools libs.zinc --source https://example.org/zinc-1.2.tar.gz
  kiln new CMake app --source 'Git(\"https://example.org/app\", track = \"v*\")'

It goes into the file that its name leads to: `libs.zinc` into libs.kiln or into
the folder libs, `app` into app.kiln. Everything else there stays as it is.";

/// What to add.
#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// Kind of the element; `kiln docs` lists them.
    kind: String,
    /// Name of the element; with --in, its name within the file.
    name: String,
    /// A URL, a path, or a source as it stands in a file.
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// File that it goes into.
    #[arg(long = "in", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Adds an element and says where it is.
pub(crate) fn run(session: &Session, screen: &Screen, arguments: NewArguments) -> u8 {
    let NewArguments { kind, name, source, file } = arguments;
    match kiln_driver::add_element(session, &NewElement { kind, name, source, file }) {
        Ok(edit) => {
            let written = screen.result(format!("{}:{}\n", edit.path, edit.line).as_bytes());
            screen.note(&next(&edit));
            written
        }
        Err(problem) => {
            let status = screen.problem(&problem);
            if matches!(problem, Problem::Findings { .. }) {
                screen.note("kiln: nothing is added; all files are as they were\n");
            }
            status
        }
    }
}

/// Returns what was done and what comes next.
fn next(edit: &TextEdit) -> String {
    let TextEdit { path, name, .. } = edit;
    let into = if edit.is_new { "is in a new file," } else { "is the last item of" };
    let mut text = format!("kiln: `{name}` {into} {path}; next:\n");
    let name = quoted(name);
    if !edit.open.is_empty() {
        let open: Vec<String> = edit.open.iter().map(|field| format!("`{field}`")).collect();
        // A string takes everything.
        let _written = writeln!(text, "  set {} in {path}", open.join(", "));
    }
    if edit.needs_lock {
        let _written = writeln!(text, "  kiln track {name}");
    }
    let _written = writeln!(text, "  kiln build {name}");
    text
}
