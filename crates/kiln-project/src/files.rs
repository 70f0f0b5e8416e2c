//! The kiln files of a project: a folder is a record of its files and folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kiln_diag::{FileId, Texts};
use walkdir::{DirEntry, WalkDir};

use crate::{LOCK_FILE, PROJECT_FILE, ProjectError};

/// Largest file that is read as text, in MiB.
const MAX_MIB: u64 = 64;
/// The folder at the root that adds nothing to names.
const TRANSPARENT: &str = "elements";

/// A file of the language in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub id: FileId,
    /// Path relative to the root, as people see it.
    pub path: String,
    /// Folders and stem that name what the file holds; `elements/` at the root left out.
    pub parts: Vec<String>,
}

/// The files of a project.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub texts: Texts,
    /// `project.kiln` first, then the others in byte order of their paths.
    pub files: Vec<File>,
    /// The text of the lock; nothing when there is no such file.
    pub lock: Option<FileId>,
    pub looked: Looked,
}

/// Where the files of a project were looked for. Paths are relative to the root, which is the empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Folders whose names were read, each before those in it.
    pub folders: Vec<String>,
    /// Folders with a `project.kiln` of their own.
    pub foreign: Vec<String>,
    /// Something was met whose meaning may change without a trace in the folders: a dangling link named
    /// `project.kiln`, a folder whose name is not UTF-8.
    pub is_odd: bool,
}

/// A file of the language or a folder that may hold some, by its path relative to the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    File(String),
    Folder(String),
}

/// Returns what of one folder belongs to the project, by the rules of [`Files::read`], in order; nothing when
/// something odd is in it.
///
/// # Errors
/// When the folder cannot be read.
pub fn members(root: &Path, folder: &str) -> Result<Option<Vec<Member>>, ProjectError> {
    let mut looked = Looked::default();
    let walk = WalkDir::new(root.join(folder)).min_depth(1).max_depth(1).into_iter();
    let mut members = Vec::new();
    for entry in walk.filter_entry(|entry| looked.is_member(root, entry)) {
        let entry = entry.map_err(|error| unreadable(root, error))?;
        match (relative(root, &entry), entry.file_type().is_dir()) {
            (Some(path), true) => members.push(Member::Folder(path)),
            (Some(path), false) if is_text(&entry, &path) => members.push(Member::File(path)),
            _ => {}
        }
    }
    members.sort_unstable();
    Ok((!looked.is_odd).then_some(members))
}

/// Returns the root of the project that a folder lies in: the nearest folder upwards with a `project.kiln`.
pub fn find(from: &Path) -> Option<PathBuf> {
    // Whatever has this name is meant to be one: reading says what is wrong with it.
    let has = |folder: &&Path| folder.join(PROJECT_FILE).symlink_metadata().is_ok();
    from.ancestors().find(has).map(Path::to_owned)
}

/// Returns the name of a file in the project, by parts.
pub(crate) fn parts_of(path: &str) -> Vec<String> {
    let stem = path.strip_suffix(".kiln").unwrap_or(path);
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if parts.len() > 1 && parts[0] == TRANSPARENT {
        parts.remove(0);
    }
    parts
}

impl Files {
    /// Reads all files of a project. Hidden folders, folders with a `project.kiln` of their own and links are no
    /// members.
    ///
    /// # Errors
    /// When a file cannot be read or is no text.
    pub fn read(root: &Path) -> Result<Self, ProjectError> {
        let mut found = Self::default();
        found.add(root, PROJECT_FILE, Vec::new())?;
        let mut looked = Looked::default();
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| looked.is_member(root, entry)) {
            let entry = entry.map_err(|error| unreadable(root, error))?;
            refuse_odd(root, &entry)?;
            let Some(path) = relative(root, &entry).filter(|path| is_text(&entry, path)) else {
                continue;
            };
            found.add(root, &path, parts_of(&path))?;
        }
        found.looked = looked;
        found.check_names()?;
        let lock = root.join(LOCK_FILE);
        if lock.symlink_metadata().is_ok() {
            refuse_link_out(root, &lock)?;
            let text = read(&lock)?;
            found.lock = Some(found.texts.add(LOCK_FILE, text));
        }
        Ok(found)
    }

    /// Two files of one name would hide each other.
    fn check_names(&self) -> Result<(), ProjectError> {
        let mut named: BTreeMap<&[String], &str> = BTreeMap::new();
        for file in &self.files {
            if let Some(first) = named.insert(&file.parts, &file.path) {
                let (first, second) = (first.to_owned(), file.path.clone());
                return Err(ProjectError::Twice { first, second, name: file.parts.join(".") });
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Path, path: &str, parts: Vec<String>) -> Result<(), ProjectError> {
        let from = root.join(path);
        refuse_link_out(root, &from)?;
        let id = self.texts.add(path, read(&from)?);
        self.files.push(File { id, path: path.to_owned(), parts });
        Ok(())
    }
}

impl Looked {
    /// Returns whether an entry belongs to the project, and notes what it depends on.
    fn is_member(&mut self, root: &Path, entry: &DirEntry) -> bool {
        let is_root = entry.depth() == 0;
        if !is_root && entry.file_name().as_encoded_bytes().starts_with(b".") {
            return false;
        }
        if !entry.file_type().is_dir() {
            self.is_odd |= entry.path_is_symlink() && entry.file_name() == PROJECT_FILE;
            self.is_odd |= is_odd(entry);
            return true;
        }
        let Some(path) = relative(root, entry) else {
            self.is_odd = true;
            return true;
        };
        let is_foreign = !is_root && entry.path().join(PROJECT_FILE).is_file();
        let folders = if is_foreign { &mut self.foreign } else { &mut self.folders };
        folders.push(path);
        !is_foreign
    }
}

/// Returns the path of an entry relative to the root, if it is UTF-8.
fn relative(root: &Path, entry: &DirEntry) -> Option<String> {
    Some(entry.path().strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// Returns whether an entry is a file of the language, other than the one of the project.
fn is_text(entry: &DirEntry, path: &str) -> bool {
    entry.file_type().is_file() && path.strip_suffix(".kiln").is_some() && path != PROJECT_FILE
}

/// Returns whether something is named like a file of the language and is neither one nor a folder.
fn is_odd(entry: &DirEntry) -> bool {
    let found = entry.file_type();
    let is_named = entry.path().extension().is_some_and(|extension| extension == "kiln");
    is_named && !found.is_file() && !found.is_dir()
}

/// Refuses what is named like a file of the language and cannot be one: pipes, devices, sockets, links that lead out of
/// the project or nowhere. Links to other files of it are no members.
fn refuse_odd(root: &Path, entry: &DirEntry) -> Result<(), ProjectError> {
    if !is_odd(entry) {
        return Ok(());
    }
    if entry.path_is_symlink() {
        return refuse_link_out(root, entry.path());
    }
    Err(ProjectError::not_plain(entry.path().to_owned(), entry.file_type()))
}

/// Refuses a link that leads out of the project, or nowhere.
fn refuse_link_out(root: &Path, path: &Path) -> Result<(), ProjectError> {
    let unreadable = |cause| ProjectError::Read { path: path.to_owned(), cause };
    if !path.symlink_metadata().map_err(unreadable)?.is_symlink() {
        return Ok(());
    }
    let target = path.canonicalize().map_err(unreadable)?;
    let root = root.canonicalize().map_err(unreadable)?;
    if target.starts_with(root) {
        return Ok(());
    }
    Err(ProjectError::LinkOut { path: path.to_owned() })
}

fn unreadable(root: &Path, error: walkdir::Error) -> ProjectError {
    let path = error.path().unwrap_or(root).to_owned();
    ProjectError::Read { path, cause: error.into() }
}

fn read(path: &Path) -> Result<String, ProjectError> {
    let unreadable = |cause| ProjectError::Read { path: path.to_owned(), cause };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    // To open a pipe could wait for ever, and what a device has to say may have no end.
    if !found.is_file() {
        return Err(ProjectError::not_plain(path.to_owned(), found.file_type()));
    }
    if found.len() > MAX_MIB << 20 {
        return Err(ProjectError::Large { path: path.to_owned(), limit: MAX_MIB });
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        ProjectError::NotText { path: path.to_owned(), at }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[&str], members: &str) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = Files::read(root.path()).unwrap();
        let names: Vec<String> = found
            .files
            .iter()
            .map(|file| format!("{}={}", file.path, file.parts.join(".")))
            .collect();
        assert_eq!(names.join(" "), members);
    }

    #[test]
    fn files_are_named_by_their_place() {
        check(
            &["project.kiln", "hello.kiln", "elements/libs/z.kiln", "elements/app.kiln", "x.txt"],
            "project.kiln= elements/app.kiln=app elements/libs/z.kiln=libs.z hello.kiln=hello",
        );
    }

    #[test]
    fn hidden_and_foreign_folders_are_no_members() {
        check(&["project.kiln", ".kiln/a.kiln", "sub/project.kiln", "sub/b.kiln"], "project.kiln=");
    }

    #[test]
    fn a_project_is_found_from_below() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        assert_eq!(find(&below), None);
        std::fs::write(root.path().join(PROJECT_FILE), "").unwrap();
        assert_eq!(find(&below), Some(root.path().to_owned()));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(PROJECT_FILE), b"ok\xff").unwrap();
        let error = Files::read(root.path()).unwrap_err();
        assert!(matches!(error, ProjectError::NotText { at: 3, .. }), "{error:?}");
    }

    #[track_caller]
    fn check_refused(name: &str, make: impl Fn(&Path), expected: &str) {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(PROJECT_FILE), "").unwrap();
        let path = root.path().join(name);
        if name == PROJECT_FILE {
            std::fs::remove_file(&path).unwrap();
        }
        make(&path);
        assert_eq!(find(root.path()), Some(root.path().to_owned()));
        let error = Files::read(root.path()).unwrap_err();
        let code = miette::Diagnostic::code(&error).unwrap().to_string();
        let shown = error.to_string().replace(&format!("{}/", root.path().display()), "");
        assert_eq!(format!("{code} {shown}"), expected);
        assert!(!name.starts_with("a.") || members(root.path(), "").unwrap().is_none());
    }

    #[test]
    fn what_is_no_plain_file_is_refused_unopened() {
        let pipe = |path: &Path| {
            let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        };
        check_refused("a.kiln", pipe, "K1016 `a.kiln` is a pipe, no file with text");
        check_refused(PROJECT_FILE, pipe, "K1016 `project.kiln` is a pipe, no file with text");
        let socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        check_refused("a.kiln", socket, "K1016 `a.kiln` is a socket, no file with text");
        let folder = |path: &Path| std::fs::create_dir(path).unwrap();
        check_refused(PROJECT_FILE, folder, "K1016 `project.kiln` is a folder, no file with text");
        check_refused(LOCK_FILE, pipe, "K1016 `kiln.lock` is a pipe, no file with text");
    }

    #[test]
    fn links_that_leave_the_project_are_refused() {
        let link = |target: &'static str| {
            move |path: &Path| std::os::unix::fs::symlink(target, path).unwrap()
        };
        check_refused("a.kiln", link("/dev/zero"), "K1017 `a.kiln` is a link out of the project");
        let outside = "K1017 `project.kiln` is a link out of the project";
        check_refused(PROJECT_FILE, link("/etc/passwd"), outside);
        let outside = "K1017 `kiln.lock` is a link out of the project";
        check_refused(LOCK_FILE, link("/etc/passwd"), outside);
        check_refused(LOCK_FILE, link("nowhere"), "K1011 cannot read `kiln.lock`");
        check_refused("a.kiln", link("a.kiln"), "K1011 cannot read `a.kiln`");
        check_refused("a.kiln", link("nowhere"), "K1011 cannot read `a.kiln`");
        check_refused(PROJECT_FILE, link(PROJECT_FILE), "K1011 cannot read `project.kiln`");
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("elements")).unwrap();
        for file in [PROJECT_FILE, "a.kiln", "elements/a.kiln"] {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        let error = Files::read(root.path()).unwrap_err();
        assert_eq!(error.to_string(), "`a.kiln` and `elements/a.kiln` both define `a`");
    }
}
