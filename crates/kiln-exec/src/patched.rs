//! What an element starts from: its sources in one tree, with its patches applied.

use std::collections::BTreeSet;

use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_ir::Element;
use kiln_patch::{Failed, Text};
use kiln_tree::Tree;

use crate::error::Foreign;
use crate::{ExecError, PatchFile, Supply};

/// Lays out the trees of the sources of an element and applies its patches; what is new is kept in the store.
///
/// # Errors
/// When two sources bring one path, or a patch cannot be read or does not fit; then nothing is kept.
pub fn lay_out(
    element: &Element,
    trees: &[Tree],
    cas: &dyn Cas,
    supply: &dyn Supply,
) -> Result<Tree, ExecError> {
    let tree = kiln_assemble::sources(element, trees)?;
    if element.patches.is_empty() {
        return Ok(tree);
    }
    let given = tree.digest();
    if let Some(patched) = supply.patched(given, &element.patches)
        && let Some(patched) = still_there(&tree, patched, cas)
    {
        return Ok(patched);
    }
    let name = || element.name.clone();
    let mut files = Vec::new();
    for patch in &element.patches {
        let supplied = supply.patches(patch);
        files.extend(
            supplied
                .map_err(|cause| ExecError::Supply { element: name(), cause: Foreign(cause) })?,
        );
    }
    let texts: Vec<Text<'_>> = files.iter().map(text).collect();
    let read = |digest| cas.read(digest);
    let patched = kiln_patch::apply(&tree, &texts, &read).map_err(|failed| match failed {
        Failed::Patch(cause) => ExecError::Patch { element: name(), cause },
        Failed::Read(cause) => ExecError::Cas(cause),
    })?;
    for file in &patched.files {
        cas.write_file(&file.bytes, file.executable)?;
    }
    cas.write_tree(&patched.tree)?;
    supply.keep_patched(given, &element.patches, patched.tree.digest());
    Ok(patched.tree)
}

/// Returns a tree that was made of another one, which is in the store, if all that is new in it is there, too.
fn still_there(given: &Tree, patched: Digest, cas: &dyn Cas) -> Option<Tree> {
    let patched = cas.read_tree(patched).ok()?;
    let known: BTreeSet<Digest> = given.files().map(|(_, file)| file.digest).collect();
    let new = patched.files().map(|(_, file)| file.digest).filter(|file| !known.contains(file));
    let new: Vec<Digest> = new.collect();
    cas.missing(&new).is_ok_and(|missing| missing.is_empty()).then_some(patched)
}

fn text(file: &PatchFile) -> Text<'_> {
    let PatchFile { path, strip, bytes } = file;
    Text { name: path, strip: *strip, bytes }
}
