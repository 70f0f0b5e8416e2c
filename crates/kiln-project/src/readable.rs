//! The texts of a project, parsed but not evaluated: what questions are asked of.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kiln_diag::{Diagnostic, FileId, Texts};
use kiln_eval::{Inputs, Program, Settings, on_deep_stack};
use kiln_syntax::{Parse, Syntax, parse};

use crate::inputs::{Gathered, Reading};
use crate::load::{build_platform, gather, on_command_line, program};
use crate::{File, Files, FindInput, PROJECT_FILE, ProjectError};

/// A project as text and syntax, with the whole standard library.
#[derive(Clone, Debug)]
pub struct Readable {
    pub texts: Texts,
    pub program: Program,
    /// The projects that it uses.
    pub inputs: Inputs,
    pub settings: Settings,
    /// The files of the project; none if there is no project.
    pub files: Vec<File>,
    /// Mistakes of the syntax and of inputs.
    pub findings: Vec<Diagnostic>,
}

/// What stands for the project where there is none.
const NO_PROJECT: &str = "Project { name = \"none\" }\n";

/// Reads and parses a project with those that it uses, or the standard library alone.
///
/// # Errors
/// When a file cannot be read, or an input cannot be brought. Mistakes in the texts are findings.
pub fn read(
    root: Option<&Path>,
    options: &[(String, String)],
    find: &dyn FindInput,
) -> Result<Readable, ProjectError> {
    let found = match root {
        Some(root) => Files::read(root)?,
        None => nothing(),
    };
    let Files { mut texts, files, lock, .. } = found;
    let mut findings = Vec::new();
    let mut parsed: BTreeMap<FileId, Syntax> = BTreeMap::new();
    for file in &files {
        let parse = parse_file(file.id, &texts);
        findings.extend(parse.diagnostics.iter().cloned());
        parsed.insert(file.id, parse.into());
    }
    let options = on_command_line(options, &mut texts);
    let settings = Settings { build: build_platform().to_owned(), options, lock_for: None };
    let mut gathered = match root {
        Some(root) => on_deep_stack(|| {
            let reading = Reading { root, lock, find };
            let mut gathered = gather(&reading, &files, &mut parsed, &settings, &mut texts);
            gathered.inputs.versions = gathered.versions(&reading, &texts);
            gathered
        }),
        None => Gathered::default(),
    };
    if let Some(failure) = gathered.failure {
        return Err(failure);
    }
    findings.append(&mut gathered.findings);
    gathered.inputs.is_complete = !gathered.is_stopped;
    let inputs = gathered.inputs;
    let mut stdlib = BTreeMap::new();
    for (stem, text) in kiln_stdlib::files() {
        let file = texts.add(format!("<stdlib>/{stem}.kiln"), *text);
        stdlib.insert((*stem).to_owned(), parse_file(file, &texts));
    }
    let program = program(stdlib, &files, parsed);
    let files = if root.is_some() { files } else { Vec::new() };
    Ok(Readable { texts, program, inputs, settings, files, findings })
}

fn nothing() -> Files {
    let mut files = Files::default();
    let id = files.texts.add(PROJECT_FILE, NO_PROJECT);
    files.files.push(File { id, path: PROJECT_FILE.to_owned(), parts: Vec::new() });
    files
}

fn parse_file(file: FileId, texts: &Texts) -> Arc<Parse> {
    let text = texts.get(file).map_or("", |text| &text.text);
    Arc::new(parse(file, text).without_tree())
}
