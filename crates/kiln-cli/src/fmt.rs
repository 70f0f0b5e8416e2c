//! `kiln fmt`: the files of the project, some files, or what comes in.

use std::path::{Path, PathBuf};

use kiln_driver::Session;

use crate::screen::Screen;
use crate::shown::lines;

/// Formats files, or with `-` what comes in, and returns the exit status.
pub(crate) fn run(session: &Session, screen: &Screen, files: &[PathBuf], check: bool) -> u8 {
    if files == [Path::new("-")] {
        return input(screen, check);
    }
    match kiln_driver::format(session, files, check) {
        Ok(formatted) => {
            for name in &formatted.broken {
                screen.note(&format!(
                    "kiln: `{name}` has mistakes, which are left as they are; `kiln check` shows them\n"
                ));
            }
            let written = screen.result(lines(&formatted.changed).as_bytes());
            if check && !formatted.changed.is_empty() { unformatted(screen) } else { written }
        }
        Err(problem) => screen.problem(&problem),
    }
}

/// Formats what comes in.
fn input(screen: &Screen, check: bool) -> u8 {
    let formatted = match kiln_driver::format_input() {
        Ok(formatted) => formatted,
        Err(problem) => return screen.problem(&problem),
    };
    if formatted.is_broken {
        screen.note("kiln: the text has mistakes, which are left as they are\n");
    }
    match (check, formatted.changed) {
        (true, true) => unformatted(screen),
        (true, false) => 0,
        (false, _) => screen.result(formatted.text.as_bytes()),
    }
}

fn unformatted(screen: &Screen) -> u8 {
    screen.note("kiln: not formatted; `kiln fmt` does it\n");
    1
}
