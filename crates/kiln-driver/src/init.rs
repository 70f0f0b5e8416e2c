//! A new project from a template: all of it, or nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use kiln_project::PROJECT_FILE;
use kiln_start::Template;

use crate::whole::Whole;
use crate::{DriverError, Problem, Session};

/// A file that a project may have before it is one.
const IGNORE_FILE: &str = ".gitignore";

/// A project that was begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// As it was said, or as it is called.
    pub folder: PathBuf,
    pub template: &'static Template,
    /// Paths that were written, in order.
    pub files: Vec<&'static str>,
    /// Paths that were there and were left as they are.
    pub left: Vec<&'static str>,
}

/// Begins a project in a folder, which is made where it is not there; in the current one where none is said.
///
/// # Errors
/// When there is no such template, something would be overwritten, or the folder cannot be written to; then nothing is left.
pub fn init(
    session: &Session,
    template: Option<&str>,
    folder: Option<&Path>,
) -> Result<Begun, Problem> {
    let template = kiln_start::template(template)?;
    let said = folder.unwrap_or(Path::new("."));
    let root = session.directory().join(said);
    let named = fs::canonicalize(&root).unwrap_or_else(|_missing| root.clone());
    let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut files = kiln_start::files(template, &name);
    check_free(&root, said, &files)?;
    let is_there = |path: &str| fs::symlink_metadata(root.join(path)).is_ok();
    let left: Vec<&str> = [IGNORE_FILE].into_iter().filter(|path| is_there(path)).collect();
    files.retain(|(path, _)| !left.contains(path));
    let mut made = Made::default();
    for (path, text) in &files {
        made.file(&root.join(path), text)?;
    }
    made.paths.clear();
    let files = files.iter().map(|(path, _)| *path).collect();
    Ok(Begun { folder: said.to_owned(), template, files, left })
}

/// Refuses a folder that is a project, or where something would be overwritten or be taken for a part of the template.
fn check_free(root: &Path, said: &Path, files: &[(&str, String)]) -> Result<(), DriverError> {
    let folder = said.to_owned();
    if fs::symlink_metadata(root.join(PROJECT_FILE)).is_ok() {
        return Err(DriverError::IsProject { folder });
    }
    let ours: BTreeSet<&str> = files.iter().map(|(path, _)| *path).collect();
    for path in ours.iter().filter(|path| **path != IGNORE_FILE) {
        let top = path.split('/').next().unwrap_or(path);
        if fs::symlink_metadata(root.join(top)).is_ok() {
            return Err(DriverError::InTheWay { folder, name: top.to_owned() });
        }
    }
    Ok(())
}

/// What was made so far; taken away again when this is dropped.
#[derive(Default)]
struct Made {
    /// Folders before what is in them.
    paths: Vec<PathBuf>,
}

impl Made {
    /// Makes a file with the folders that it needs.
    fn file(&mut self, path: &Path, text: &str) -> Result<(), DriverError> {
        self.write(path, text)
            .map_err(|cause| DriverError::WriteProject { path: path.to_owned(), cause })
    }

    fn write(&mut self, path: &Path, text: &str) -> io::Result<()> {
        self.folders(path.parent().unwrap_or(path))?;
        let whole = Whole::beside(path)?;
        whole.file().write_all(text.as_bytes())?;
        whole.keep()?;
        self.paths.push(path.to_owned());
        Ok(())
    }

    fn folders(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.folders(above)?;
        }
        fs::create_dir(folder)?;
        self.paths.push(folder.to_owned());
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.paths.iter().rev() {
            let is_folder = path.is_dir();
            drop(if is_folder { fs::remove_dir(path) } else { fs::remove_file(path) });
        }
    }
}
