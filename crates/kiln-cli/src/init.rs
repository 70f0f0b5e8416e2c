//! `kiln init`: a new project, and what to type next.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kiln_driver::{Begun, Session};

use crate::screen::Screen;
use crate::sources;

pub(crate) const EXAMPLES: &str = "Examples:
  kiln init && kiln build          here, with the smallest template
  kiln init --template c hello     a C program, in the folder hello
  kiln init --list                 what there is to begin with

Nothing is overwritten. What a template needs from outside is looked up and pinned
in kiln.lock, so that it builds at once; --offline leaves that to `kiln track`.";

/// Where to begin, and with what.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Folder of the project; it is made where it is not there.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// What to begin with [default: minimal].
    #[arg(short, long, value_name = "NAME")]
    template: Option<String>,
    /// List the templates.
    #[arg(long, conflicts_with_all = ["folder", "template"])]
    list: bool,
}

/// Begins a project.
pub(crate) fn run(session: &Session, screen: &Screen, arguments: &InitArguments) -> u8 {
    let InitArguments { folder, template, list } = arguments;
    if *list {
        return screen.result(listed().as_bytes());
    }
    match kiln_driver::init(session, template.as_deref(), folder.as_deref()) {
        Ok(begun) => {
            let mut shown = String::new();
            for path in &begun.files {
                // A string takes everything.
                let _written =
                    writeln!(shown, "{}", without_dot(&begun.folder.join(path)).display());
            }
            let written = screen.result(shown.as_bytes());
            let pinned =
                if begun.template.needs_lock { pin(session, screen, &begun) } else { Ok(()) };
            screen.note(&next(&begun, pinned.is_ok()));
            pinned.err().unwrap_or(written)
        }
        Err(problem) => screen.problem(&problem),
    }
}

fn listed() -> String {
    let mut text = String::new();
    for template in kiln_driver::templates() {
        // A string takes everything.
        let _written = writeln!(text, "{:10} {}", template.name, template.summary);
    }
    text
}

/// Pins what the template needs; a failure is told, and is the exit status. Nothing is looked up where that is not wanted.
fn pin(session: &Session, screen: &Screen, begun: &Begun) -> Result<(), u8> {
    if session.choices.offline {
        return Err(0);
    }
    let mut inside = session.clone();
    let folder = inside.choices.directory.unwrap_or_default().join(&begun.folder);
    inside.choices.directory = Some(folder);
    sources::pin(&inside, screen)?;
    let lock = begun.folder.join("kiln.lock");
    match screen.result(format!("{}\n", without_dot(&lock).display()).as_bytes()) {
        0 => Ok(()),
        failed => Err(failed),
    }
}

/// Returns what to do next.
fn next(begun: &Begun, is_pinned: bool) -> String {
    let mut text = String::new();
    for path in &begun.left {
        let what = "was there and is as it was; add `/.kiln/` to it";
        let _written = writeln!(text, "kiln: `{path}` {what}");
    }
    let _written = writeln!(text, "kiln: a project is begun; next:");
    let folder = without_dot(&begun.folder);
    let mut next: Vec<(String, &str)> = Vec::new();
    if !folder.as_os_str().is_empty() {
        next.push((format!("cd {}", quoted(&folder.display().to_string())), "goes there"));
    }
    if !is_pinned {
        next.push(("kiln track".to_owned(), "looks up what it needs and pins it in kiln.lock"));
    }
    next.extend(begun.template.next.iter().map(|(command, what)| ((*command).to_owned(), *what)));
    let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    for (command, what) in next {
        let _written = writeln!(text, "  {command:width$}  {what}");
    }
    text
}

/// Returns a path without a `.` in front.
fn without_dot(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// Returns a text as a word of the shell.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/+@:=-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
