//! The files of a project as they come in, compiled with all names resolved.

use crate::compile::{Lost, Members, Place, Shared, compile};
use crate::input::InputProject;
use crate::machine::{FolderCode, MemberCode, ProgramCode, ProjectCode};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::{self, Ast, Expr, KeyPart};
use kiln_syntax::{Parse, Syntax};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// All texts of a project, parsed; nothing in it says how they were found.
#[derive(Clone, Debug)]
pub struct Program {
    /// The standard library by stem: `Autotools`.
    pub stdlib: BTreeMap<String, Arc<Parse>>,
    /// `project.kiln`.
    pub project: SourceFile,
    /// The folder of `project.kiln`, with the members of `elements/` among its own.
    pub root: Folder,
}

/// A folder of the project.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// By stem.
    pub files: BTreeMap<String, SourceFile>,
    pub folders: BTreeMap<String, Folder>,
}

/// A parsed file and where it lies.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The folder that its paths are relative to, relative to the project root; the root is empty.
    pub folder: String,
    pub parse: Syntax,
}

/// The compiled form of a program.
pub(crate) struct Compiled {
    pub(crate) code: ProgramCode,
    pub(crate) shared: Shared,
    /// What texts see that are asked later, and what those of the inputs see.
    pub(crate) root: Members,
    pub(crate) roots_of_inputs: Vec<Members>,
}

/// Resolves all names of all files.
pub(crate) fn compile_program(program: &Program, inputs: &[InputProject]) -> Compiled {
    let mut shared = Shared::new(program.stdlib.keys().map(String::as_str));
    let project_span = whole(&program.project.parse.read().ast);
    let lost = Rc::new(lost_names(program, inputs));
    let mut code = ProgramCode {
        folders: Vec::new(),
        files: Vec::new(),
        stdlib: BTreeMap::new(),
        stdlib_files: BTreeSet::new(),
        projects: Vec::new(),
        project_span,
        lost: Rc::clone(&lost),
    };
    shared.lost = lost;
    for (stem, parse) in &program.stdlib {
        let place = Place { around: Vec::new(), folder: "", stdlib: true };
        let file = compile(&parse.ast, &place, &mut shared);
        let symbol = shared.symbols.intern(stem);
        code.stdlib.insert(symbol, code.files.len());
        code.stdlib_files.insert(parse.ast.file);
        code.files.push(file);
    }
    let settings = program.stdlib.get("Project").map(|parse| settings(&parse.ast));
    let settings = settings.unwrap_or_default();
    let root = add_project("", &program.project, &program.root, &settings, &mut code, &mut shared);
    let mut roots_of_inputs = Vec::new();
    for InputProject { name, project, root } in inputs {
        let members = add_project(name, project, root, &settings, &mut code, &mut shared);
        roots_of_inputs.push(members);
    }
    Compiled { code, shared, root, roots_of_inputs }
}

/// Compiles the files of one project: the one at hand, or an input.
fn add_project(
    name: &str,
    project: &SourceFile,
    root: &Folder,
    settings: &BTreeSet<String>,
    code: &mut ProgramCode,
    shared: &mut Shared,
) -> Members {
    let parse = project.parse.read();
    let ast = &parse.ast;
    let written = written_members(ast, settings);
    let inputs = written_inputs(ast);
    let mut names: BTreeSet<Symbol> = BTreeSet::new();
    for name in member_names(root).chain(written.keys().copied()).chain(inputs.keys().copied()) {
        names.insert(shared.symbols.intern(name));
    }
    report_clashes(ast, root, settings, &written, shared);
    report_inputs(&inputs, root, settings, &written, shared);
    let members = Members { scope: crate::code::ScopeId::PROJECT, names: Rc::new(names) };
    let folder = add_folder(root, &members, None, code, shared);
    let place = Place { around: vec![&members], folder: &project.folder, stdlib: false };
    let file = code.files.len();
    code.files.push(compile(ast, &place, shared));
    let names = name.split('.').filter(|part| !part.is_empty());
    let name = names.map(|part| shared.symbols.intern(part)).collect();
    code.projects.push(ProjectCode { name, file, folder, span: whole(ast) });
    members
}

/// Returns what items that could not be read may have been called.
fn lost_names(program: &Program, inputs: &[InputProject]) -> Lost {
    let mut lost = Lost::default();
    let of_inputs = inputs.iter().map(|input| (&input.project, &input.root));
    for (project, root) in std::iter::once((&program.project, &program.root)).chain(of_inputs) {
        add_lost(project, true, &mut lost);
        add_lost_below(root, &mut lost);
    }
    lost
}

fn add_lost(file: &SourceFile, is_project: bool, lost: &mut Lost) {
    if file.parse.has_errors() {
        lost.add(file.parse.read().ast.file, is_project, file.parse.lost());
    }
}

fn add_lost_below(folder: &Folder, lost: &mut Lost) {
    for file in folder.files.values() {
        add_lost(file, false, lost);
    }
    for inner in folder.folders.values() {
        add_lost_below(inner, lost);
    }
}

fn member_names(folder: &Folder) -> impl Iterator<Item = &str> {
    folder.files.keys().chain(folder.folders.keys()).map(String::as_str)
}

/// Compiles a folder below the root (or the root, if `inner` is none) and returns its number.
fn add_folder(
    folder: &Folder,
    root: &Members,
    inner: Option<&Members>,
    code: &mut ProgramCode,
    shared: &mut Shared,
) -> usize {
    let ix = code.folders.len();
    let scope = inner.map_or(root.scope, |members| members.scope);
    code.folders.push(FolderCode { scope, members: BTreeMap::new() });
    let mut members: BTreeMap<Symbol, MemberCode> = BTreeMap::new();
    for (stem, file) in &folder.files {
        let mut around = vec![root];
        around.extend(inner);
        let place = Place { around, folder: &file.folder, stdlib: false };
        let parse = file.parse.read();
        let compiled = compile(&parse.ast, &place, shared);
        let symbol = shared.symbols.intern(stem);
        members.entry(symbol).or_default().file = Some(code.files.len());
        code.files.push(compiled);
    }
    for (name, child) in &folder.folders {
        let mut names = BTreeSet::new();
        for name in member_names(child) {
            names.insert(shared.symbols.intern(name));
        }
        let scope = shared.fresh_scope();
        let child_ix =
            add_folder(child, root, Some(&Members { scope, names: Rc::new(names) }), code, shared);
        let symbol = shared.symbols.intern(name);
        members.entry(symbol).or_default().folder = Some(child_ix);
        if let Some(file) = folder.files.get(name) {
            report_merge(name, file, child, shared);
        }
    }
    code.folders[ix].members = members;
    ix
}

/// A file and a folder of one name: the file must be items, and no key may be a member too.
fn report_merge(name: &str, file: &SourceFile, folder: &Folder, shared: &mut Shared) {
    let parse = file.parse.read();
    let ast = &parse.ast;
    if let Some(value) = ast.value {
        let message = format!("`{name}` is a file with one expression and a folder");
        shared.diagnostics.push(
            Diagnostic::error(Code(104), message)
                .at(ast.span(value), "the expression")
                .help(format!("rename `{name}.kiln` or the folder `{name}`")),
        );
        return;
    }
    for entry in &ast.entries {
        let ast::Entry::Field(field) = entry else { continue };
        let Some(KeyPart::Name(key)) = field.key.first() else { continue };
        if member_names(folder).any(|member| member == key.text.as_ref()) {
            let message = format!("`{name}.{}` comes from a file and from a folder", key.text);
            shared.diagnostics.push(
                Diagnostic::error(Code(104), message)
                    .at(key.span, format!("the folder `{name}` has a member of this name too"))
                    .help("rename one of them"),
            );
        }
    }
}

/// Returns the settings of a project: the typed fields of the stdlib's `Project`.
fn settings(ast: &Ast) -> BTreeSet<String> {
    let Some(Expr::Record(body)) = ast.value.map(|value| ast.expr(value)) else {
        return BTreeSet::new();
    };
    let mut names = BTreeSet::new();
    for entry in &body.entries {
        if let ast::Entry::Field(field) = entry
            && let Some(KeyPart::Name(name)) = field.key.first()
        {
            names.insert(name.text.to_string());
        }
    }
    names
}

/// Returns the members that `project.kiln` writes itself, with their places.
fn written_members<'a>(ast: &'a Ast, settings: &BTreeSet<String>) -> BTreeMap<&'a str, Span> {
    let mut members = BTreeMap::new();
    let Some(Expr::Amend { body, .. }) = ast.value.map(|value| ast.expr(value)) else {
        return members;
    };
    for entry in &body.entries {
        if let ast::Entry::Field(field) = entry
            && let Some(KeyPart::Name(name)) = field.key.first()
            && !settings.contains(name.text.as_ref())
        {
            members.entry(name.text.as_ref()).or_insert(name.span);
        }
    }
    members
}

/// Returns the names of the inputs that `project.kiln` writes, with their places.
fn written_inputs(ast: &Ast) -> BTreeMap<&str, Span> {
    let mut inputs: BTreeMap<&str, Span> = BTreeMap::new();
    let Some(Expr::Amend { body, .. }) = ast.value.map(|value| ast.expr(value)) else {
        return inputs;
    };
    for entry in &body.entries {
        let ast::Entry::Field(field) = entry else { continue };
        let Some((KeyPart::Name(key), rest)) = field.key.split_first() else { continue };
        if key.text.as_ref() != "inputs" {
            continue;
        }
        let inner = match &field.right {
            _ if !rest.is_empty() => {
                add_name(&mut inputs, rest.first());
                continue;
            }
            ast::Right::Amend(body) => body,
            ast::Right::Set(value) => match ast.expr(*value) {
                Expr::Record(body) => body,
                _ => continue,
            },
            ast::Right::Add(_) | ast::Right::Declared => continue,
        };
        for entry in &inner.entries {
            if let ast::Entry::Field(field) = entry {
                add_name(&mut inputs, field.key.first());
            }
        }
    }
    inputs
}

fn add_name<'a>(names: &mut BTreeMap<&'a str, Span>, key: Option<&'a KeyPart>) {
    if let Some(KeyPart::Name(name)) = key {
        names.entry(name.text.as_ref()).or_insert(name.span);
    }
}

/// The name of an input is that of nothing else of the project.
fn report_inputs(
    inputs: &BTreeMap<&str, Span>,
    root: &Folder,
    settings: &BTreeSet<String>,
    written: &BTreeMap<&str, Span>,
    shared: &mut Shared,
) {
    for (name, span) in inputs {
        let is_member =
            written.contains_key(name) || member_names(root).any(|other| other == *name);
        let finding = if settings.contains(*name) {
            let message = format!("the input `{name}` is named like a setting of `Project`");
            Diagnostic::error(Code(103), message).at(*span, "an input")
        } else if is_member {
            let message = format!("`{name}` is an input and a member of the project");
            Diagnostic::error(Code(104), message).at(*span, "an input")
        } else {
            continue;
        };
        shared.diagnostics.push(finding.help(format!("rename the input: `{name}-project`")));
    }
}

fn report_clashes(
    project: &Ast,
    root: &Folder,
    settings: &BTreeSet<String>,
    written: &BTreeMap<&str, Span>,
    shared: &mut Shared,
) {
    let span = whole(project);
    for name in member_names(root) {
        if settings.contains(name) {
            let message = format!("the member `{name}` is named like a setting of `Project`");
            shared.diagnostics.push(
                Diagnostic::error(Code(103), message)
                    .at(span, "the project")
                    .help(format!("rename the file or folder `{name}`")),
            );
        }
        if let Some(key) = written.get(name) {
            let message = format!("`{name}` comes from `project.kiln` and from a file or folder");
            shared.diagnostics.push(
                Diagnostic::error(Code(104), message)
                    .at(*key, "a file or folder has this name too")
                    .help("rename one of them"),
            );
        }
    }
}

/// Returns a place for what concerns a file as a whole.
fn whole(ast: &Ast) -> Span {
    let value = ast.value.map(|value| ast.span(value));
    let first = ast.entries.first().map(ast::Entry::span);
    value.or(first).unwrap_or(Span::new(ast.file, 0, 0))
}
