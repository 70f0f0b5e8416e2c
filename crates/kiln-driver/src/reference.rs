//! The reference of the standard library and of the project at hand.

use std::path::{Path, PathBuf};

use kiln_docs::{Page, ProjectText, Reference};

use crate::whole::Whole;
use crate::{DriverError, Problem, Session};

/// What of the reference is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter<'a> {
    /// The names, with a sentence each.
    Contents,
    /// Everything.
    All,
    /// One name, or a field of it.
    About(&'a str),
}

/// Returns a part of the reference; where there is no project, of the standard library alone.
///
/// # Errors
/// When a file of the project cannot be read, or nothing has the name.
pub fn docs(session: &Session, chapter: Chapter<'_>) -> Result<Page, Problem> {
    let reference = reference(session)?;
    match chapter {
        Chapter::Contents => Ok(reference.contents()),
        Chapter::All => Ok(reference.all()),
        Chapter::About(name) => Ok(reference.about(name)?),
    }
}

fn reference(session: &Session) -> Result<Reference, Problem> {
    let Some(root) = kiln_project::find(&session.directory()) else {
        return Ok(Reference::read(&[]));
    };
    let files = kiln_project::Files::read(&root)?;
    Ok(Reference::read(&texts(&files)))
}

/// Returns the texts of a project as those who read them without evaluating want them.
pub(crate) fn texts(files: &kiln_project::Files) -> Vec<ProjectText<'_>> {
    let text = |file: &kiln_project::File| files.texts.get(file.id).map_or("", |text| &text.text);
    files
        .files
        .iter()
        .map(|file| ProjectText { path: &file.path, parts: &file.parts, text: text(file) })
        .collect()
}

/// Writes a text into a folder, which is made where it is not there; returns the path.
///
/// # Errors
/// When it cannot be written.
pub fn write_docs(
    session: &Session,
    folder: &Path,
    name: &str,
    text: &str,
) -> Result<PathBuf, Problem> {
    let path = session.environment.cwd.join(folder).join(name);
    let written = || {
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let whole = Whole::beside(&path)?;
        std::io::Write::write_all(&mut whole.file(), text.as_bytes())?;
        whole.keep()
    };
    match written() {
        Ok(()) => Ok(folder.join(name)),
        Err(cause) => Err(DriverError::WriteProject { path, cause }.into()),
    }
}
