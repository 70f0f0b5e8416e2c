//! A project that grows by an element.

use std::path::{Component, Path, PathBuf};

use kiln_diag::Diagnostic;
use kiln_project::Files;
use kiln_start::{Addition, StartError, TextEdit};

use crate::loaded::Loaded;
use crate::reference::texts;
use crate::text::replace;
use crate::{Checked, DriverError, Problem, Session};

/// What of a new element is said on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewElement {
    pub kind: String,
    pub name: String,
    /// A URL, a path, or a source as it stands in a file.
    pub source: Option<String>,
    pub file: Option<PathBuf>,
}

/// Adds an element to the project; returns what was written. Paths count from the folder that the project is looked for from.
///
/// The project is checked with it: where it brings a mistake, everything is as it was. What is left open is none.
///
/// # Errors
/// When the name, the kind, the source or the file is none that can be, the file cannot be written, or the project has a
/// mistake that it did not have.
pub fn add_element(session: &Session, new: &NewElement) -> Result<TextEdit, Problem> {
    let root = Loaded::root(session)?;
    let here = session.directory();
    let here = here.canonicalize().unwrap_or(here);
    let files = Files::read(&root)?;
    let file = new.file.as_deref().map(|file| in_project(&root, &here, file, &files));
    let addition = Addition {
        kind: new.kind.clone(),
        name: new.name.clone(),
        source: new.source.as_deref().map(|text| source(&root, &here, text)),
        file: file.transpose()?,
    };
    let edit = kiln_start::add(&texts(&files), &files.looked.folders, &addition)?;
    refuse_options(session, &root)?;
    let path = root.join(&edit.path);
    let before = mistakes(session).ok();
    let written = if edit.is_new { make_room(&path) } else { Ok(()) };
    written.map_err(|cause| DriverError::WriteProject { path: path.clone(), cause })?;
    replace(&path, &edit.text)?;
    // What could not be looked at before tells nothing now.
    let Some(before) = before.filter(|_| edit.open.is_empty()) else { return Ok(edit) };
    let brought = match mistakes(session) {
        Ok(after) => new_ones(before, after),
        Err(world) => Some(world),
    };
    let Some(problem) = brought else { return Ok(edit) };
    take_back(&root, &files, &edit)?;
    Err(problem)
}

/// Refuses options that the project does not have, or that are not of their types.
fn refuse_options(session: &Session, root: &Path) -> Result<(), Problem> {
    let said = &session.choices.options;
    if said.is_empty() {
        return Ok(());
    }
    let kiln_project::Options { texts, mut findings, .. } =
        kiln_project::options(root, said, None)?;
    let is_said = |finding: &Diagnostic| {
        let text = finding.primary.as_ref().and_then(|label| texts.get(label.span.file));
        text.is_some_and(|text| text.name == kiln_project::COMMAND_LINE)
    };
    findings.retain(is_said);
    if findings.is_empty() { Ok(()) } else { Err(Problem::Findings { texts, findings }) }
}

/// Returns the project with its errors alone.
fn mistakes(session: &Session) -> Result<Checked, Problem> {
    let mut checked = crate::text::check(session)?;
    checked.findings.retain(Diagnostic::is_error);
    Ok(checked)
}

/// Returns the mistakes that were not there before; a known one may have moved.
fn new_ones(before: Checked, after: Checked) -> Option<Problem> {
    let mut known = before.findings;
    let mut findings = after.findings;
    findings.retain(|finding| {
        let is_same =
            |old: &Diagnostic| (old.code, &old.message) == (finding.code, &finding.message);
        let found = known.iter().position(is_same);
        found.map(|ix| known.remove(ix)).is_none()
    });
    (!findings.is_empty()).then_some(Problem::Findings { texts: after.texts, findings })
}

/// Makes a file what it was before; a new one goes, with the folders that were made for it.
fn take_back(root: &Path, files: &Files, edit: &TextEdit) -> Result<(), Problem> {
    let path = root.join(&edit.path);
    if let Some(old) = texts(files).iter().find(|file| file.path == edit.path) {
        return Ok(replace(&path, old.text)?);
    }
    std::fs::remove_file(&path).map_err(|cause| DriverError::WriteProject { path, cause })?;
    let mut folder = Path::new(&edit.path);
    while let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        let was_there = files.looked.folders.iter().any(|known| Path::new(known) == above);
        // Somebody else may have put something into it.
        if was_there || std::fs::remove_dir(root.join(above)).is_err() {
            break;
        }
        folder = above;
    }
    Ok(())
}

/// Makes the folder of a new file, and refuses to replace what is no member of the project.
fn make_room(path: &Path) -> std::io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    std::fs::create_dir_all(path.parent().unwrap_or(path))
}

/// Returns the path of a file from the root.
fn in_project(root: &Path, here: &Path, file: &Path, files: &Files) -> Result<String, StartError> {
    let no_room = |why| StartError::NoRoom {
        path: file.display().to_string().escape_debug().to_string(),
        why,
        next: "name a file of the project that ends with `.kiln`",
    };
    let path = below(root, &here.join(file)).ok_or_else(|| no_room("it is not in the project"))?;
    let is_foreign = |folder: &String| path.starts_with(&format!("{folder}/"));
    if files.looked.foreign.iter().any(is_foreign) {
        return Err(no_room("it is part of another project"));
    }
    Ok(path)
}

/// Returns a path of the project as `./path` from its root; any other text as it is.
fn source(root: &Path, here: &Path, text: &str) -> String {
    let is_path = text.starts_with(['.', '/']) || !text.contains(':') && here.join(text).exists();
    let path = if is_path { below(root, &here.join(text)) } else { None };
    path.map_or_else(|| text.to_owned(), |path| format!("./{path}"))
}

/// Returns a path relative to a folder that it lies below, without looking at the disk.
fn below(root: &Path, path: &Path) -> Option<String> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    Some(clean.strip_prefix(root).ok()?.to_str()?.to_owned())
}
