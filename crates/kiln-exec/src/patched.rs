//! What an element starts from: its sources in one tree, with its patches applied.

use kiln_cas::Cas;
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
    Ok(patched.tree)
}

fn text(file: &PatchFile) -> Text<'_> {
    let PatchFile { path, strip, bytes } = file;
    Text { name: path, strip: *strip, bytes }
}
