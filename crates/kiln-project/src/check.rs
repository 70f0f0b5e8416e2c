//! The static pass over a whole project.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kiln_diag::{Diagnostic, FileId};
use kiln_eval::on_deep_stack;
use kiln_syntax::{Parse, parse};

use crate::load::program;
use crate::{Files, ProjectError};

/// Adds what is wrong in code that nobody evaluates to what was found when the project was loaded.
///
/// # Errors
/// When a file cannot be read.
pub fn inspect(root: &Path, findings: &mut Vec<Diagnostic>) -> Result<(), ProjectError> {
    let Files { mut texts, files, .. } = Files::read(root)?;
    on_deep_stack(|| {
        let mut parsed: BTreeMap<FileId, Arc<Parse>> = BTreeMap::new();
        for file in &files {
            let text = texts.get(file.id).map_or("", |text| &text.text);
            parsed.insert(file.id, Arc::new(parse(file.id, text).without_tree()));
        }
        // The texts come in the order in which loading takes them: places of both are the same.
        let mut stdlib = BTreeMap::new();
        for (stem, text) in kiln_stdlib::files() {
            let file = texts.add(format!("<stdlib>/{stem}.kiln"), *text);
            stdlib.insert((*stem).to_owned(), Arc::new(parse(file, text).without_tree()));
        }
        kiln_eval::inspect(&program(stdlib, &files, parsed), &texts, findings);
    });
    Ok(())
}
