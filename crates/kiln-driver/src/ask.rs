//! The project as what questions are asked of.

use std::io::Read as _;
use std::path::Path;

use kiln_project::{LocalOnly, Readable};

use crate::inputs::Finder;
use crate::{DriverError, Problem, Session};

/// Largest text that is asked, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the project of a session, or the standard library alone where there is no project.
///
/// # Errors
/// When a file cannot be read.
pub fn readable(session: &Session) -> Result<Readable, Problem> {
    let root = kiln_project::find(&session.directory());
    let finder = Finder::locked(session);
    let options = &session.choices.options;
    let read = kiln_project::read(root.as_deref(), options, &finder);
    read.map_err(|error| finder.problem().unwrap_or_else(|| error.into()))
}

/// Reads the standard library alone.
///
/// # Errors
/// Never on a healthy machine: nothing is read from disk.
pub fn standard_library() -> Result<Readable, Problem> {
    Ok(kiln_project::read(None, &[], &LocalOnly)?)
}

/// Makes the folder for what a session remembers.
///
/// # Errors
/// When it cannot be made.
pub fn make_state_folder(folder: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(folder)
        .map_err(|cause| DriverError::Folder { path: folder.to_owned(), cause }.into())
}

/// Reads a text that is asked: a file, or stdin for `-`.
///
/// # Errors
/// When it cannot be read or is no text.
pub fn asked_text(session: &Session, file: &Path) -> Result<String, Problem> {
    let failed = |cause| DriverError::ReadProject { path: file.to_owned(), cause };
    let mut text = String::new();
    if file == Path::new("-") {
        let input = std::io::stdin().lock();
        input.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    } else {
        let input = std::fs::File::open(session.environment.cwd.join(file)).map_err(failed)?;
        input.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
