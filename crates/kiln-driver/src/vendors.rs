//! Who reads the lock files of other programs.

use std::path::Path;

use kiln_source::Vendor;
use kiln_source_cargo::CargoVendor;
use kiln_source_git::{GitKind, GitProgram};
use kiln_source_go::GoVendor;
use kiln_source_npm::NpmVendor;
use kiln_source_pypi::PypiVendor;

use crate::{Session, registries};

/// Folder of notes how files of Python packages are called, beside the downloads.
const PYPI_NOTES: &str = "pypi-v1";

/// Returns all of them; `git` is the folder of git repositories.
pub(crate) fn vendors(session: &Session, git: &Path, downloads: &Path) -> Vec<Box<dyn Vendor>> {
    let environment = &session.environment;
    let notes = downloads.with_file_name(PYPI_NOTES);
    let program = environment.find_program("git").unwrap_or_else(|| "git".into());
    let git = GitKind {
        git: Box::new(GitProgram::new(program, environment.variables())),
        mirrors: git.to_owned(),
    };
    let cargo = CargoVendor {
        git,
        alias: registries::CRATES.to_owned(),
        registries: registries::of_cargo(session),
        n_threads: session.jobs(),
    };
    let pypi = PypiVendor { alias: registries::PYPI.to_owned(), notes };
    let npm = NpmVendor { alias: registries::NPM.to_owned() };
    let go = GoVendor { alias: registries::GOPROXY.to_owned() };
    vec![Box::new(cargo), Box::new(pypi), Box::new(npm), Box::new(go)]
}
