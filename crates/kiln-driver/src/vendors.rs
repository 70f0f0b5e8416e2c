//! Who reads the lock files of other programs.

use std::path::Path;

use kiln_source::Vendor;
use kiln_source_cargo::CargoVendor;
use kiln_source_git::{GitKind, GitProgram};

use crate::{Session, registries};

/// Returns all of them; `git` is the folder of git repositories.
pub(crate) fn vendors(session: &Session, git: &Path) -> Vec<Box<dyn Vendor>> {
    let environment = &session.environment;
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
    vec![Box::new(cargo)]
}
