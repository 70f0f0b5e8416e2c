//! The static pass over a whole project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_diag::{Code, Diagnostic, FileId, Span, Texts};
use kiln_eval::on_deep_stack;
use kiln_syntax::ast::{Ast, Entry, Expr, ExprId, KeyPart, Right};
use kiln_syntax::{Parse, parse};

use crate::elsewhere::say_where;
use crate::load::{load, program};
use crate::paths::inspect_paths;
use crate::{Files, PROJECT_FILE, ProjectError};

/// The setting that names other projects.
const INPUTS: &str = "inputs";

/// Adds what is wrong in code that nobody evaluated to what was found when the project was loaded, whose texts these
/// are. Of an input beside the project it is said only that it has mistakes: they are for its own check.
///
/// # Errors
/// When a file cannot be read.
pub fn inspect(
    root: &Path,
    texts: &Texts,
    findings: &mut Vec<Diagnostic>,
) -> Result<(), ProjectError> {
    let is_input_broken = |found: &Diagnostic| {
        let name = file_of(found, texts);
        name.is_some_and(|name| name.starts_with("../"))
    };
    let told: Vec<Diagnostic> =
        findings.iter().filter(|one| is_input_broken(one)).cloned().collect();
    let inputs = inspect_own(root, texts, findings)?;
    for input in inputs {
        // Which of its files something was told of is in their names.
        let folder = format!("{}/", input.path);
        let is_told = told
            .iter()
            .any(|one| file_of(one, texts).is_some_and(|name| name.starts_with(&folder)));
        let n_mistakes = if is_told { 0 } else { n_mistakes(&input.root) };
        if n_mistakes > 0 {
            let (name, path) = (&input.name, &input.path);
            let counted = if n_mistakes == 1 {
                "a mistake".to_owned()
            } else {
                format!("{n_mistakes} mistakes")
            };
            let message = format!("the input `{name}` has {counted} of its own");
            findings.push(
                Diagnostic::warning(Code(910), message)
                    .at(input.span, "not in what is used of it here")
                    .help(format!("`kiln -C {path} check` tells them")),
            );
        }
    }
    say_where(findings, texts);
    kiln_diag::in_order(findings);
    Ok(())
}

/// Inspects the files of the project itself and returns the inputs beside it.
fn inspect_own(
    root: &Path,
    texts: &Texts,
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<Beside>, ProjectError> {
    let Files { texts: own, files, .. } = Files::read(root)?;
    let mut texts = if texts.iter().next().is_some() { texts.clone() } else { own };
    let known: BTreeMap<String, FileId> =
        texts.iter().map(|(id, text)| (text.name.clone(), id)).collect();
    Ok(on_deep_stack(|| {
        let mut parsed: BTreeMap<FileId, Arc<Parse>> = BTreeMap::new();
        for file in &files {
            // Own files come first, in the same order.
            let text = texts.get(file.id).map_or("", |text| &text.text);
            let parse = parse(file.id, text).without_tree();
            inspect_paths(root, &file.path, &parse.ast, findings);
            parsed.insert(file.id, Arc::new(parse));
        }
        let mut stdlib = BTreeMap::new();
        for (stem, text) in kiln_stdlib::files() {
            let name = format!("<stdlib>/{stem}.kiln");
            let file = known.get(&name).copied().unwrap_or_else(|| texts.add(name, *text));
            stdlib.insert((*stem).to_owned(), Arc::new(parse(file, text).without_tree()));
        }
        let project = files.first().and_then(|file| parsed.get(&file.id));
        let inputs = project.map(|project| beside(root, &project.ast)).unwrap_or_default();
        kiln_eval::inspect(&program(stdlib, &files, parsed), &texts, findings);
        inputs
    }))
}

/// Counts the mistakes of a project on its own.
fn n_mistakes(root: &Path) -> usize {
    let Ok(project) = load(root, &[], &[]) else { return 1 };
    let mut findings = project.findings;
    if inspect_own(root, &project.texts, &mut findings).is_err() {
        return 1;
    }
    findings.iter().filter(|one| one.is_error()).count()
}

/// An input that is a folder of this machine, as `project.kiln` names it.
struct Beside {
    name: String,
    path: String,
    root: PathBuf,
    span: Span,
}

fn file_of<'a>(finding: &Diagnostic, texts: &'a Texts) -> Option<&'a str> {
    let file = finding.primary.as_ref()?.span.file;
    texts.get(file).map(|text| text.name.as_str())
}

/// Returns the inputs that are written as `name = Project(Local(path))`, amended or not.
fn beside(root: &Path, ast: &Ast) -> Vec<Beside> {
    let Some(Expr::Amend { body, .. }) = ast.value.map(|value| ast.expr(value)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for field in fields(&body.entries).filter(|(name, _)| *name == INPUTS) {
        let inner = match field.1 {
            Right::Amend(body) => &body.entries,
            Right::Set(value) => match ast.expr(*value) {
                Expr::Record(body) => &body.entries,
                _ => continue,
            },
            Right::Add(_) | Right::Declared => continue,
        };
        for (name, right) in fields(inner) {
            let Right::Set(value) = right else { continue };
            let Some((path, span)) = local_path(ast, *value) else { continue };
            let root = root.join(path);
            if root.join(PROJECT_FILE).is_file() {
                found.push(Beside { name: name.to_owned(), path: path.to_owned(), root, span });
            }
        }
    }
    found
}

fn fields(entries: &[Entry]) -> impl Iterator<Item = (&str, &Right)> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Field(field) => match field.key.as_slice() {
            [KeyPart::Name(name)] => Some((name.text.as_ref(), &field.right)),
            _ => None,
        },
        _ => None,
    })
}

/// Returns the path of `Project(Local(path))` and where that stands.
fn local_path(ast: &Ast, value: ExprId) -> Option<(&str, Span)> {
    let project = match ast.expr(value) {
        Expr::Amend { base, .. } => *base,
        _ => value,
    };
    let source = argument(ast, project, "Project")?;
    match ast.expr(argument(ast, source, "Local")?) {
        Expr::Path(path) => Some((path, ast.span(project))),
        _ => None,
    }
}

/// Returns the first argument of a call of a name.
fn argument(ast: &Ast, call: ExprId, wanted: &str) -> Option<ExprId> {
    let Expr::Call { callee, args } = ast.expr(call) else { return None };
    let is_wanted = matches!(ast.expr(*callee), Expr::Name(name) if name.text.as_ref() == wanted);
    is_wanted.then_some(args.first()?.value)
}
