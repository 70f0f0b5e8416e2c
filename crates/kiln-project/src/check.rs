//! The static pass over a whole project.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kiln_diag::{Diagnostic, FileId, Texts};
use kiln_eval::on_deep_stack;
use kiln_syntax::{Parse, parse};

use crate::load::program;
use crate::paths::inspect_paths;
use crate::{Files, ProjectError};

/// Adds what is wrong in code that nobody evaluates to what was found when the project was loaded, with the texts that
/// it was loaded with: places of both are the same.
///
/// # Errors
/// When a file cannot be read.
pub fn inspect(
    root: &Path,
    loaded: &Texts,
    findings: &mut Vec<Diagnostic>,
) -> Result<(), ProjectError> {
    let Files { texts: own, files, .. } = Files::read(root)?;
    let mut texts = if loaded.iter().next().is_some() { loaded.clone() } else { own };
    on_deep_stack(|| {
        let mut parsed: BTreeMap<FileId, Arc<Parse>> = BTreeMap::new();
        for file in &files {
            let text = texts.get(file.id).map_or("", |text| &text.text);
            let parse = parse(file.id, text).without_tree();
            inspect_paths(root, &file.path, &parse.ast, findings);
            parsed.insert(file.id, Arc::new(parse));
        }
        let mut stdlib = BTreeMap::new();
        for (stem, text) in kiln_stdlib::files() {
            let name = format!("<stdlib>/{stem}.kiln");
            let known = texts.iter().find(|(_, text)| text.name == name).map(|(file, _)| file);
            let file = known.unwrap_or_else(|| texts.add(name, *text));
            stdlib.insert((*stem).to_owned(), Arc::new(parse(file, text).without_tree()));
        }
        kiln_eval::inspect(&program(stdlib, &files, parsed), &texts, findings);
    });
    Ok(())
}
