//! Identity: keys and digests that must never change by accident, and nothing of the machine in them.
//!
//! `tests/keys/*.txt` are the golden vectors of `docs/spec/identity.md` and `docs/spec/sandbox.md`, `tests/keys/project` a
//! project with all its pins. `SNAPSHOTS=overwrite cargo test -p kiln-cli --test keys` writes what is so now; a difference
//! in what is there already is a new scheme (`docs/spec/identity.md`), or a change of what `stdlib` builds.
#![expect(
    clippy::disallowed_methods,
    reason = "starts the program under test in folders of its own"
)]

#[path = "keys/machines.rs"]
mod machines;
#[path = "keys/vectors.rs"]
mod vectors;

use snapbox::{Assert, Data};

/// Compares a text with a golden file.
#[track_caller]
fn check(actual: String, file: &str) {
    let path = kiln_testkit::project_root().join("tests/keys").join(file);
    let expected = Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
    Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(Data::text(actual), expected.raw());
}
