//! Where the files are that `make fixtures` and `make casd` brought.

use std::env;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Returns the folder of the whole project, the one with `Makefile`.
///
/// # Panics
/// When the source tree the test was compiled from is gone.
pub fn project_root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).expect("a crate lies two folders below the root").to_path_buf()
}

/// Returns the folder that looks like a Debian mirror: `dists/bookworm` and `pool/main`.
///
/// # Panics
/// When `make fixtures` has not run.
pub fn debian_mirror() -> PathBuf {
    existing("target/mirror/debian", "SHA256SUMS", "make fixtures")
}

/// Returns the unpacked static shell: `bin/busybox`, `bin/sh` and the other applets.
///
/// # Panics
/// When `make fixtures` has not run.
pub fn shell() -> PathBuf {
    existing("target/fixtures/shell", "bin/busybox", "make fixtures")
}

/// Returns the folder of `buildbox-casd`, `buildbox-run` and `buildbox-fuse`.
///
/// # Panics
/// When `make casd` has not run.
pub fn engine_programs() -> PathBuf {
    existing("target/casd/buildstream/subprojects/buildbox", "buildbox-casd", "make casd")
}

/// Returns `PATH` with the programs that `make tools` unpacked for users without root.
///
/// # Panics
/// When a folder of `PATH` has a colon in its name.
pub fn path_with_tools() -> String {
    let tools = project_root().join("target/tools/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([tools]);
    let joined = env::join_paths(folders).expect("folders of PATH have no colon");
    joined.to_string_lossy().into_owned()
}

/// Returns a fresh folder that goes away with the value.
///
/// # Panics
/// When the folder for temporary files is not writable.
pub fn scratch() -> TempDir {
    tempfile::Builder::new()
        .prefix("kiln-test-")
        .tempdir()
        .expect("the folder for temporary files is writable")
}

fn existing(folder: &str, proof: &str, command: &str) -> PathBuf {
    let found = project_root().join(folder);
    let complete = found.join(proof).exists();
    assert!(
        complete,
        "`{folder}` is missing or incomplete: run `{command}` at the top of the tree"
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_the_makefile() {
        assert!(project_root().join("Makefile").is_file());
    }

    #[test]
    fn the_shell_has_a_shell() {
        assert!(shell().join("bin/sh").exists());
    }

    #[test]
    fn the_mirror_has_a_signed_index() {
        assert!(debian_mirror().join("dists/bookworm/InRelease").is_file());
    }

    #[test]
    #[should_panic(expected = "run `make nothing`")]
    fn a_missing_fixture_names_the_command() {
        existing("target/no-such-fixture", "proof", "make nothing");
    }

    #[test]
    fn a_scratch_folder_goes_away() {
        let folder = scratch();
        let path = folder.path().to_path_buf();
        drop(folder);
        assert!(!path.exists());
    }
}
