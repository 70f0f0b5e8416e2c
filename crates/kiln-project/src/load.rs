//! From the files of a project to its IR.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use kiln_diag::{Diagnosed, Diagnostic, FileId, Span, Texts, in_order};
use kiln_eval::{
    Evaluated, Folder, Limits, OptionSetting, Program, ProjectOption, Settings, SourceFile,
    VersionsRead, eval_with_inputs, on_deep_stack,
};
use kiln_ir::Ir;
use kiln_syntax::{Parse, Syntax, parse};

use crate::elsewhere::say_where;
use crate::inputs::{Gathered, Reading};
use crate::modules::{Modules, NoModules, read_all, read_one};
use crate::{File, Files, FindInput, Input, LocalOnly, Looked, ProjectError};

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
    pub looked: Looked,
    /// How many of the texts are those that the value was made of; they are the first.
    pub n_texts: u32,
    /// The projects that it uses.
    pub inputs: Vec<Input>,
    /// The keys of `lock-for`: the option sets that are tracked besides the current one.
    pub lock_sets: Vec<String>,
    /// What the evaluation asked of the lock, and what it was told.
    pub versions: VersionsRead,
}

/// The options of a project, as far as its mistakes let one see.
#[derive(Clone, Debug)]
pub struct Options {
    pub texts: Texts,
    pub options: Vec<ProjectOption>,
    /// Whether there may be inputs.
    pub has_inputs: bool,
    /// In order of place.
    pub findings: Vec<Diagnostic>,
}

/// Loads a project; `targets` names the elements to lower with all they need, nothing means all. Options are set as
/// `-o` sets them.
///
/// # Errors
/// When a file cannot be read. Mistakes in the texts are findings.
pub fn load(
    root: &Path,
    targets: &[String],
    options: &[(String, String)],
) -> Result<Project, ProjectError> {
    load_kept(root, targets, options, Box::new(NoModules))
}

/// Loads a project like [`load`], with what was kept of its texts, and keeps what they say; `modules` is let go once they
/// are parsed.
///
/// # Errors
/// When a file cannot be read. Mistakes in the texts are findings.
pub fn load_kept(
    root: &Path,
    targets: &[String],
    options: &[(String, String)],
    modules: Box<dyn Modules + Send + '_>,
) -> Result<Project, ProjectError> {
    load_all(AtEnd::Free, root, targets, (options, None), modules, &LocalOnly)
}

/// Loads a project like [`load_with`] with the options that a key of its `lock-for` sets, too.
///
/// # Errors
/// When a file cannot be read, or an input cannot be brought. Mistakes in the texts are findings.
pub fn load_for(
    root: &Path,
    lock_for: &str,
    options: &[(String, String)],
    modules: Box<dyn Modules + Send + '_>,
    find: &dyn FindInput,
) -> Result<Project, ProjectError> {
    load_all(AtEnd::Free, root, &[], (options, Some(lock_for)), modules, find)
}

/// Loads a project like [`load_kept`], with one who brings inputs that are fetched; for a process that ends soon, to
/// which the memory of the evaluation is left.
///
/// # Errors
/// When a file cannot be read, or an input cannot be brought. Mistakes in the texts are findings.
pub fn load_with(
    root: &Path,
    targets: &[String],
    options: &[(String, String)],
    modules: Box<dyn Modules + Send + '_>,
    find: &dyn FindInput,
) -> Result<Project, ProjectError> {
    load_all(AtEnd::Leave, root, targets, (options, None), modules, find)
}

/// What is done with the memory of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtEnd {
    Free,
    /// To free a million small pieces takes a tenth of the time that it takes to make them and do all the rest.
    Leave,
}

fn load_all(
    end: AtEnd,
    root: &Path,
    targets: &[String],
    (options, lock_for): (&[(String, String)], Option<&str>),
    modules: Box<dyn Modules + Send + '_>,
    find: &dyn FindInput,
) -> Result<Project, ProjectError> {
    let files = Files::read(root)?;
    let (lock, looked) = (files.lock, files.looked.clone());
    let n_texts = files.files.last().map_or(0, |file| file.id.0 + 1);
    let lower = |evaluated: &mut Evaluated, texts: &Texts| {
        let lock_sets = evaluated.lock_sets();
        let Diagnosed { value, diagnostics } = kiln_lower::lower(evaluated, targets, texts);
        let value = Lowered { ir: value, lock_sets, versions: evaluated.versions_read() };
        Diagnosed { value, diagnostics }
    };
    let reading = Reading { root, lock, find };
    let (value, texts, findings, gathered) =
        evaluate(end, files, (options, lock_for), modules, Some(&reading), lower);
    if let Some(failure) = gathered.failure {
        return Err(failure);
    }
    let (ir, lock_sets, versions) = match value {
        Some(Lowered { ir, lock_sets, versions }) => (Some(ir), lock_sets, versions),
        None => (None, Vec::new(), VersionsRead::new()),
    };
    let inputs = gathered.folders;
    Ok(Project { texts, ir, lock, findings, looked, n_texts, inputs, lock_sets, versions })
}

/// What comes of an evaluated project.
struct Lowered {
    ir: Ir,
    lock_sets: Vec<String>,
    versions: VersionsRead,
}

/// Reads the options of a project and, with one who brings them, of its inputs; no element is evaluated for them.
///
/// # Errors
/// When a file cannot be read, or an input cannot be brought. Mistakes in the texts are findings.
pub fn options(
    root: &Path,
    options: &[(String, String)],
    find: Option<&dyn FindInput>,
) -> Result<Options, ProjectError> {
    let list = |evaluated: &mut Evaluated, _: &Texts| {
        let mut options = evaluated.options();
        // No input has a say in those of the project.
        if find.is_some() {
            options.extend(evaluated.options_of_inputs());
        }
        Diagnosed { value: options, diagnostics: evaluated.take_diagnostics() }
    };
    let files = Files::read(root)?;
    let has_inputs = may_have_inputs(&files.files, &files.texts);
    let reading = find.map(|find| Reading { root, lock: files.lock, find });
    let modules = Box::new(NoModules);
    let (options, texts, findings, gathered) =
        evaluate(AtEnd::Free, files, (options, None), modules, reading.as_ref(), list);
    if let Some(failure) = gathered.failure {
        return Err(failure);
    }
    Ok(Options { texts, options: options.unwrap_or_default(), has_inputs, findings })
}

/// Evaluates a project and does one thing with it; nothing comes of it when there is no project to speak of.
fn evaluate<T: Send>(
    end: AtEnd,
    files: Files,
    (options, lock_for): (&[(String, String)], Option<&str>),
    modules: Box<dyn Modules + Send + '_>,
    inputs: Option<&Reading<'_>>,
    step: impl FnOnce(&mut Evaluated, &Texts) -> Diagnosed<T> + Send,
) -> (Option<T>, Texts, Vec<Diagnostic>, Gathered) {
    let Files { mut texts, files, lock: _, looked: _ } = files;
    // On one thread, so that what the syntax leaves is used again by the values.
    let (value, mut findings, gathered) = on_deep_stack(|| {
        let ids: Vec<FileId> = files.iter().map(|file| file.id).collect();
        let read = read_all(&ids, &texts, modules.as_ref());
        let mut findings: Vec<_> = read.iter().flat_map(Syntax::diagnostics).cloned().collect();
        let mut parsed: BTreeMap<FileId, Syntax> = ids.into_iter().zip(read).collect();
        let options = on_command_line(options, &mut texts);
        let build = build_platform().to_owned();
        let settings = Settings { build, options, lock_for: lock_for.map(str::to_owned) };
        let mut gathered = match inputs {
            Some(reading) => gather(reading, &files, &mut parsed, &settings, &mut texts),
            None => Gathered::default(),
        };
        findings.append(&mut gathered.findings);
        let asks_for_versions = parsed.values().any(|syntax| syntax.capitals().contains(&GIT));
        let stdlib = needed_stdlib(&parsed, &mut texts, modules.as_ref());
        drop(modules);
        let program = program(stdlib, &files, parsed);
        let mut known = std::mem::take(&mut gathered.inputs);
        known.is_complete = inputs.is_some() && !gathered.is_stopped;
        if let Some(reading) = inputs.filter(|_| asks_for_versions) {
            known.versions = gathered.versions(reading, &texts);
        }
        let evaluated = eval_with_inputs(program, known, &settings, Limits::default());
        findings.extend(evaluated.diagnostics);
        let value = evaluated.value.map(|mut evaluated| {
            if !gathered.folders.is_empty() {
                // What is wrong with how they are amended is told, whoever uses them.
                drop(evaluated.wanted_inputs());
            }
            let done = step(&mut evaluated, &texts);
            findings.extend(done.diagnostics);
            if end == AtEnd::Leave {
                std::mem::forget(evaluated);
            }
            done.value
        });
        (value, findings, gathered)
    });
    say_where(&mut findings, &texts);
    in_order(&mut findings);
    findings.dedup_by(|next, first| is_same(first, next));
    (value, texts, findings, gathered)
}

/// Reads the inputs of a project, if it has any; the syntax of their files is put beside that of its own.
pub(crate) fn gather(
    reading: &Reading<'_>,
    files: &[File],
    parsed: &mut BTreeMap<FileId, Syntax>,
    settings: &Settings,
    texts: &mut Texts,
) -> Gathered {
    let mut gathered = Gathered::default();
    if may_have_inputs(files, texts) {
        let program = program(BTreeMap::new(), files, parsed.clone());
        gathered.gather(reading, &program, parsed, settings, texts);
        parsed.append(&mut gathered.parsed);
    }
    gathered
}

fn may_have_inputs(files: &[File], texts: &Texts) -> bool {
    let text = files.first().and_then(|file| texts.get(file.id));
    text.is_some_and(|text| text.text.contains(INPUTS))
}

/// Returns whether two findings tell of one mistake: a value or key that is wrong for all who inherit it is told once.
fn is_same(first: &Diagnostic, next: &Diagnostic) -> bool {
    let place = |finding: &Diagnostic| finding.primary.as_ref().map(|label| label.span);
    let is_of_one_text = matches!(first.code.0, 201 | 204) && place(first).is_some();
    first == next || is_of_one_text && first.code == next.code && place(first) == place(next)
}

/// Writes options as one text, so that findings can point at them.
pub(crate) fn on_command_line(
    options: &[(String, String)],
    texts: &mut Texts,
) -> Vec<OptionSetting> {
    if options.is_empty() {
        return Vec::new();
    }
    let mut text = String::new();
    let mut places = Vec::new();
    for (name, value) in options {
        text.push_str(if text.is_empty() { "-o " } else { " -o " });
        let start = text.len();
        text.extend([name, "=", value]);
        places.push((start, text.len()));
    }
    let file = texts.add(COMMAND_LINE, text);
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let setting =
        |((name, value), (start, end)): (&(String, String), (usize, usize))| OptionSetting {
            name: name.clone(),
            value: value.clone(),
            span: Some(Span::new(file, place(start), place(end))),
        };
    options.iter().zip(places).map(setting).collect()
}

/// How the place of options is called that are set from outside.
pub const COMMAND_LINE: &str = "command line";

/// The setting without which a project has no inputs.
const INPUTS: &str = "inputs";

/// The kind of sources whose versions stand in the lock.
const GIT: &str = "Git";

/// What the evaluator itself asks for.
const ROOTS: [&str; 5] = ["Element", "Platform", "Project", "Source", "Step"];

/// Parses the files of the standard library whose names stand in the project, or in files that do.
///
/// The others are known by name only: they are empty.
pub(crate) fn needed_stdlib(
    parsed: &BTreeMap<FileId, Syntax>,
    texts: &mut Texts,
    modules: &dyn Modules,
) -> BTreeMap<String, Arc<Parse>> {
    let all: BTreeMap<&str, FileId> = kiln_stdlib::files()
        .iter()
        .map(|(stem, text)| (*stem, texts.add(format!("<stdlib>/{stem}.kiln"), *text)))
        .collect();
    let stem_of = |name: &str| all.get_key_value(name).map(|(stem, _)| *stem);
    let mut needed: BTreeSet<&str> = ROOTS.into_iter().filter_map(stem_of).collect();
    for parse in parsed.values() {
        needed.extend(parse.capitals().into_iter().filter_map(stem_of));
    }
    let mut waiting: Vec<&str> = needed.iter().copied().collect();
    let empty = |(stem, file): (&&str, &FileId)| ((*stem).to_owned(), Arc::new(parse(*file, "")));
    let mut stdlib: BTreeMap<String, Arc<Parse>> = all.iter().map(empty).collect();
    while let Some(stem) = waiting.pop() {
        let parse = read_one(all[stem], texts, modules).into_parse();
        waiting.extend(parse.capitals().filter_map(stem_of).filter(|stem| needed.insert(stem)));
        stdlib.insert(stem.to_owned(), parse);
    }
    stdlib
}

/// Returns the triple of the machine that builds.
pub(crate) fn build_platform() -> &'static str {
    if cfg!(target_arch = "aarch64") { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" }
}

pub(crate) fn program(
    stdlib: BTreeMap<String, Arc<Parse>>,
    files: &[File],
    parsed: BTreeMap<FileId, impl Into<Syntax>>,
) -> Program {
    let (project, root) = folder_of(files, "", parsed);
    Program { stdlib, project, root }
}

/// Returns `project.kiln` and all other files as they lie in folders, which begin with the prefix of an input.
pub(crate) fn folder_of(
    files: &[File],
    prefix: &str,
    mut parsed: BTreeMap<FileId, impl Into<Syntax>>,
) -> (SourceFile, Folder) {
    let (mut project, mut root) = (None, Folder::default());
    for file in files {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = format!("{prefix}{folder}");
        let Some(parse) = parsed.remove(&file.id) else { continue };
        let source = SourceFile { folder, parse: parse.into() };
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
    (project, root)
}
