//! From the files of a project to its IR.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kiln_diag::{Diagnostic, FileId, Texts};
use kiln_eval::{Folder, Limits, Program, Settings, SourceFile, eval, on_deep_stack};
use kiln_ir::Ir;
use kiln_syntax::{Parse, parse};

use crate::{File, Files, ProjectError};

/// A project, as far as its mistakes let one see.
#[derive(Clone, Debug)]
pub struct Project {
    pub texts: Texts,
    /// Nothing when there is no project to speak of.
    pub ir: Option<Ir>,
    /// The text of the lock; nothing when there is none.
    pub lock: Option<FileId>,
    /// In order of place.
    pub findings: Vec<Diagnostic>,
}

/// Loads a project; `targets` names the elements to lower with all they need, nothing means all.
///
/// # Errors
/// When a file cannot be read. Mistakes in the texts are findings.
pub fn load(root: &Path, targets: &[String]) -> Result<Project, ProjectError> {
    let Files { mut texts, files, lock } = Files::read(root)?;
    let mut findings = Vec::new();
    let mut parsed = BTreeMap::new();
    for (file, text) in texts.iter() {
        if Some(file) != lock {
            let parse = parse(file, &text.text);
            findings.extend(parse.diagnostics.iter().cloned());
            parsed.insert(file, Arc::new(parse));
        }
    }
    let stdlib = kiln_stdlib::files().iter().map(|(stem, text)| {
        let file = texts.add(format!("<stdlib>/{stem}.kiln"), *text);
        ((*stem).to_owned(), Arc::new(parse(file, text)))
    });
    let stdlib = stdlib.collect();
    let program = program(stdlib, &files, &parsed);
    let settings = Settings { build: build_platform().to_owned(), options: Vec::new() };
    let lowered = on_deep_stack(|| {
        let evaluated = eval(&program, &settings, Limits::default());
        let mut findings = evaluated.diagnostics;
        let ir = evaluated.value.map(|mut evaluated| {
            let lowered = kiln_lower::lower(&mut evaluated, targets, &texts);
            findings.extend(lowered.diagnostics);
            lowered.value
        });
        (ir, findings)
    });
    let (ir, found) = lowered;
    findings.extend(found);
    findings.sort_by_key(|finding| finding.primary.as_ref().map(|label| label.span));
    findings.dedup();
    Ok(Project { texts, ir, lock, findings })
}

/// Returns the triple of the machine that builds.
fn build_platform() -> &'static str {
    if cfg!(target_arch = "aarch64") { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" }
}

fn program(
    stdlib: BTreeMap<String, Arc<Parse>>,
    files: &[File],
    parsed: &BTreeMap<FileId, Arc<Parse>>,
) -> Program {
    let (mut project, mut root) = (None, Folder::default());
    for file in files {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let source = SourceFile { folder, parse: Arc::clone(&parsed[&file.id]) };
        let Some((stem, folders)) = file.parts.split_last() else {
            project = Some(source);
            continue;
        };
        let mut inner = &mut root;
        for name in folders {
            inner = inner.folders.entry(name.clone()).or_default();
        }
        inner.files.insert(stem.clone(), source);
    }
    let project = project.expect("`Files::read` puts the file of the project first");
    Program { stdlib, project, root }
}
