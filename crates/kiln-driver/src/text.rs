//! Operations on the texts of a project: load, check, format, print their trees.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use kiln_diag::{Diagnostic, FileId, Texts};
use kiln_lock::Lock;
use kiln_project::{Input, Modules, NoModules, Project, ProjectError};

use crate::inputs::Finder;
use crate::kept::{Kept, KeptModules};
use crate::loaded::{Loaded, parse_lock};
use crate::whole::Whole;
use crate::{DriverError, Problem, Session};

/// What a look at the whole project found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The folder that the names of the texts are relative to.
    pub root: PathBuf,
    pub texts: Texts,
    /// Errors and warnings in order of place.
    pub findings: Vec<Diagnostic>,
    pub n_elements: usize,
}

/// Loads a project in the language.
pub(crate) fn load(
    session: &Session,
    root: PathBuf,
    targets: &[String],
) -> Result<Loaded, Problem> {
    match load_whatever_is_locked(session, root, targets, &Finder::locked(session))? {
        (loaded, None) => Ok(loaded),
        (_, Some(broken)) => Err(broken),
    }
}

/// Loads a project in the language as one without a lock when its lock is broken, and tells what is wrong with that.
pub(crate) fn load_whatever_is_locked(
    session: &Session,
    root: PathBuf,
    targets: &[String],
    finder: &Finder<'_>,
) -> Result<(Loaded, Option<Problem>), Problem> {
    let options = &session.choices.options;
    let modules = modules(session, &root);
    let project = kiln_project::load_with(&root, targets, options, modules, finder);
    taken(project, root, finder)
}

/// Loads all of a project with the options that a key of its `lock-for` sets; a lock that is broken is none.
pub(crate) fn load_for(
    session: &Session,
    root: PathBuf,
    lock_for: &str,
    finder: &Finder<'_>,
) -> Result<Loaded, Problem> {
    let options = &session.choices.options;
    let modules = modules(session, &root);
    let project = kiln_project::load_for(&root, lock_for, options, modules, finder);
    Ok(taken(project, root, finder)?.0)
}

fn modules(session: &Session, root: &Path) -> Box<dyn Modules + Send> {
    match Kept::of(session, root) {
        Some(kept) => Box::new(KeptModules::of(&kept)),
        None => Box::new(NoModules),
    }
}

/// Takes a project that was loaded, if nothing is wrong with it but its lock.
fn taken(
    project: Result<Project, ProjectError>,
    root: PathBuf,
    finder: &Finder<'_>,
) -> Result<(Loaded, Option<Problem>), Problem> {
    let project = project.map_err(|error| finder.problem().unwrap_or_else(|| error.into()))?;
    let broken = project.findings.iter().any(Diagnostic::is_error);
    let Some(ir) = project.ir.filter(|_| !broken) else {
        return Err(Problem::Findings { texts: project.texts, findings: project.findings });
    };
    let (texts, lints, n_texts) = (project.texts, project.findings, project.n_texts);
    let looked = Some(project.looked);
    let lock_sets = project.lock_sets;
    let reads_lock = !project.versions.is_empty() || !project.inputs.is_empty();
    let parsed = project.lock.map(|file| {
        let text = texts.get(file).map_or("", |text| &text.text);
        parse_lock(&texts, file, text)
    });
    let (lock, broken) = match parsed {
        None => (Lock::default(), None),
        Some(Ok(lock)) => (lock, None),
        Some(Err(broken)) => (Lock::default(), Some(broken)),
    };
    let identity = Loaded::identity(&root);
    let (own_lock, inputs) = (lock, project.inputs);
    let mut lock = pinned_by_inputs(&texts, &inputs)?;
    lock.merge(own_lock.clone());
    let fetched = finder.found();
    let loaded = Loaded {
        root,
        identity,
        ir,
        texts,
        lock,
        own_lock,
        inputs,
        fetched,
        lock_sets,
        reads_lock,
        lints,
        looked,
        n_texts,
    };
    Ok((loaded, broken))
}

/// Returns what the locks of inputs pin; of two pins of one source that of the first input counts.
pub(crate) fn pinned_by_inputs(texts: &Texts, inputs: &[Input]) -> Result<Lock, Problem> {
    let mut pinned = Lock::default();
    for input in inputs.iter().rev() {
        let Some(file) = input.lock else { continue };
        let text = texts.get(file).map_or("", |text| &text.text);
        pinned.merge(crate::inputs::pinned_by(&input.name, parse_lock(texts, file, text)?));
    }
    Ok(pinned)
}

/// Checks the whole project, with the code that nothing evaluates.
///
/// # Errors
/// When something of it cannot be read. Mistakes in it are findings.
pub fn check(session: &Session) -> Result<Checked, Problem> {
    let root = Loaded::root(session)?;
    let (texts, mut findings, loaded) = match Loaded::load(session, &[]) {
        Ok(loaded) => (loaded.texts.clone(), loaded.lints.clone(), Some(loaded)),
        Err(Problem::Findings { texts, findings }) => (texts, findings, None),
        Err(world) => return Err(world),
    };
    if session.choices.ir.is_none() {
        kiln_project::inspect(&root, &texts, &mut findings)?;
    }
    let is_sound = !findings.iter().any(Diagnostic::is_error);
    let n_elements = loaded.as_ref().map_or(0, |loaded| loaded.ir.elements.len());
    if let Some(loaded) = loaded.filter(|_| is_sound) {
        match loaded.check_dependencies() {
            Ok(()) => {}
            Err(Problem::Findings { texts: _, findings: more }) => findings.extend(more),
            Err(world) => return Err(world),
        }
    }
    Ok(Checked { root, texts, findings, n_elements })
}

/// What formatting came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    /// Files that changed, or that would.
    pub changed: Vec<String>,
    /// Files with mistakes: what has one was left as it is.
    pub broken: Vec<String>,
}

/// Formats files, all of the project when none is named; writes nothing when `dry`.
///
/// # Errors
/// When a file cannot be read or written, is no plain file, or is a link out of the project.
pub fn format(session: &Session, files: &[PathBuf], dry: bool) -> Result<Formatted, Problem> {
    let here = session.environment.cwd.clone();
    let files: Vec<(PathBuf, String)> = if files.is_empty() {
        let root = Loaded::root(session)?;
        let found = kiln_project::Files::read(&root)?;
        found.files.into_iter().map(|file| (root.join(&file.path), file.path)).collect()
    } else {
        files.iter().map(|path| (here.join(path), path.display().to_string())).collect()
    };
    let mut formatted = Formatted::default();
    for (path, name) in files {
        let path = plain_file(session, path)?;
        let new = FormattedText::of(&read(&path)?);
        if new.is_broken {
            formatted.broken.push(name.clone());
        }
        if !new.changed {
            continue;
        }
        if !dry {
            replace_like(&path, &new.text)?;
        }
        formatted.changed.push(name);
    }
    Ok(formatted)
}

/// A text in the one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormattedText {
    pub text: String,
    /// Whether it was another one before.
    pub changed: bool,
    /// Whether it has mistakes: what has one was left as it is.
    pub is_broken: bool,
}

impl FormattedText {
    fn of(text: &str) -> Self {
        let parse = kiln_syntax::parse(FileId(0), text);
        let formatted = kiln_fmt::format(&parse, text);
        Self { changed: formatted != text, text: formatted, is_broken: parse.has_errors() }
    }
}

/// Formats the text that comes in.
///
/// # Errors
/// When it cannot be read or is no text.
pub fn format_input() -> Result<FormattedText, Problem> {
    let failed = |cause| DriverError::ReadProject { path: PathBuf::from("-"), cause };
    let text = std::io::read_to_string(std::io::stdin()).map_err(failed)?;
    Ok(FormattedText::of(&text))
}

/// Returns the file that a path means; a link must stay inside of the project, or of the current folder outside of any.
fn plain_file(session: &Session, path: PathBuf) -> Result<PathBuf, Problem> {
    let failed = |cause| DriverError::ReadProject { path: path.clone(), cause };
    let found = std::fs::symlink_metadata(&path).map_err(failed)?;
    if found.is_symlink() {
        let root = Loaded::root(session).unwrap_or_else(|_| session.environment.cwd.clone());
        let root = root.canonicalize().map_err(failed)?;
        let target = path.canonicalize().map_err(failed)?;
        if !target.starts_with(root) {
            return Err(ProjectError::LinkOut { path }.into());
        }
        return plain_file(session, target);
    }
    if !found.is_file() {
        return Err(ProjectError::not_plain(path, found.file_type()).into());
    }
    Ok(path)
}

/// Writes a file over another one, whose mode it gets.
fn replace_like(path: &Path, text: &str) -> Result<(), DriverError> {
    let written = || {
        let mode = std::fs::metadata(path)?.permissions();
        let whole = Whole::of_project(path)?;
        let mut file = whole.file();
        file.write_all(text.as_bytes())?;
        file.set_permissions(mode)?;
        whole.keep()
    };
    written().map_err(|cause| DriverError::WriteProject { path: path.to_owned(), cause })
}

/// Returns the lossless tree of a file in its text form.
///
/// # Errors
/// When it cannot be read.
pub fn debug_tree(session: &Session, file: &Path) -> Result<String, Problem> {
    let text = read(&session.environment.cwd.join(file))?;
    Ok(kiln_syntax::parse(FileId(0), &text).debug_tree())
}

fn read(path: &Path) -> Result<String, DriverError> {
    std::fs::read_to_string(path)
        .map_err(|cause| DriverError::ReadProject { path: path.to_owned(), cause })
}

/// Writes a file so that it is either the old one or the new one, never half of it.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), DriverError> {
    let written = || {
        let whole = Whole::of_project(path)?;
        let mut file = whole.file();
        file.write_all(text.as_bytes())?;
        whole.keep()
    };
    written().map_err(|cause| DriverError::WriteProject { path: path.to_owned(), cause })
}
