//! The files that kiln itself puts into every input root; their bytes are part of identity (`docs/spec/sandbox.md`).

use kiln_digest::Digest;
use kiln_ir::Phase;
use kiln_tree::{Blocked, Draft, File, RelPath};

/// `/kiln/run`: starts, runs and ends the phases.
pub const RUN: &str = include_str!("run.sh");
/// `/etc/passwd`.
pub const PASSWD: &str = "root:x:0:0:root:/:/bin/sh\n\
    builder:x:1000:1000:builder:/tmp:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/false\n";
/// `/etc/group`.
pub const GROUP: &str = "root:x:0:\ntty:x:5:\nbuilder:x:1000:\nnogroup:x:65534:\n";
/// `/etc/hosts`.
pub const HOSTS: &str = "127.0.0.1 localhost buildbox\n::1 localhost\n";
/// What keeps the build tree of a success out of the outputs.
const DROPS_BUILD_TREE: &str = "  else\n    mv /build /kiln/done || kiln_status=125\n";
/// Folders that are empty when the command starts.
const EMPTY: [&str; 6] = ["build", "dev", "meta", "out", "proc", "tmp"];

/// Returns `/kiln/run` without its last act: the build tree of a success comes back, too.
pub fn run_keeping() -> String {
    RUN.replacen(DROPS_BUILD_TREE, "", 1)
}

/// Puts the generated files and folders into a draft and their contents into `files`.
pub(crate) fn lay_out(
    draft: &mut Draft,
    run: &str,
    phases: &[Phase],
    files: &mut Vec<Vec<u8>>,
) -> Result<(), Blocked> {
    let mut put = |path: &str, content: &str| {
        let path = RelPath::in_root(path).map_err(|_unclean| Blocked(RelPath::default()))?;
        files.push(content.as_bytes().to_vec());
        draft.put(&path, File::new(Digest::of(content.as_bytes()), false))
    };
    put("etc/passwd", PASSWD)?;
    put("etc/group", GROUP)?;
    put("etc/hosts", HOSTS)?;
    put("kiln/run", run)?;
    for (ix, phase) in phases.iter().enumerate() {
        let mut script = phase.script.to_string();
        if !script.ends_with('\n') {
            script.push('\n');
        }
        put(&format!("kiln/{ix:02}-{}", phase.name), &script)?;
    }
    for folder in EMPTY {
        if let Ok(path) = RelPath::parse(folder) {
            draft.make_folder(&path)?;
        }
    }
    Ok(())
}
