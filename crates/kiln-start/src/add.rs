//! A new element: what is written, and into which file.

use kiln_diag::FileId;
use kiln_docs::{Entry, ProjectText, Reference};
use kiln_syntax::ast::{Ast, Expr};
use kiln_syntax::{Parse, parse};

use crate::place::{Room, check_free, parts, room};
use crate::source::source;
use crate::{StartError, defined};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    pub kind: String,
    /// Its whole name; the name within the file where one is asked for.
    pub name: String,
    /// A URL, a path from the root of the project as `./path`, or a source as it stands in a file.
    pub source: Option<String>,
    /// A file by its path from the root of the project.
    pub file: Option<String>,
}

/// A file with a new element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    /// Relative to the root.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Whether the file is a new one.
    pub is_new: bool,
    /// The line of the element.
    pub line: usize,
    /// The whole name of the element.
    pub name: String,
    /// Whether its source has to be looked up before it can be built.
    pub needs_lock: bool,
    /// Fields that were left open.
    pub open: Vec<String>,
}

/// Returns the file that gets a new element. `folders` are those of the project, relative to its root.
///
/// # Errors
/// When the name is bad or taken, the kind is none, or the file has no room for it.
pub fn add(
    files: &[ProjectText<'_>],
    folders: &[String],
    asked: &Addition,
) -> Result<TextEdit, StartError> {
    let reference = Reference::read(files);
    let kind = kind(&reference, &asked.kind)?;
    let place = room(files, folders, &parts(&asked.name)?, asked.file.as_deref())?;
    check_free(&defined::names(files), &place.name)?;
    let folder = place.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let source = match &asked.source {
        Some(_) if !has_source(&reference, kind) => {
            return Err(StartError::NoSource { kind: asked.kind.clone() });
        }
        Some(text) => Some(source(text, folder)?),
        None => None,
    };
    let open = open_fields(&reference, kind, source.is_some());
    let value = written(&asked.kind, source.as_deref(), &open);
    let item = match &place.key {
        Some(key) => format!("{key} = {value}"),
        None => value,
    };
    let old = files.iter().find(|file| file.path == place.path);
    let text = match old {
        Some(file) => inserted(file, &item)?,
        None => formatted(&format!("{item}\n")),
    };
    let line = line_of(&text, place.key.as_deref());
    let needs_lock = source.as_ref().is_some_and(|source| !source.starts_with("Local("));
    let open = open.into_iter().map(|(name, _)| name).collect();
    let Room { path, name, .. } = place;
    Ok(TextEdit { path, text, is_new: old.is_none(), line, name, needs_lock, open })
}

/// Returns the kind of a name.
fn kind<'a>(reference: &'a Reference, name: &str) -> Result<&'a Entry, StartError> {
    let kinds = reference.kinds_of_elements();
    // A kind of the project hides that of the standard library.
    let found = kinds.iter().rev().find(|kind| kind.name == name).copied();
    found.ok_or_else(|| {
        let near = kiln_diag::suggestion(name, kinds.iter().map(|kind| kind.name.as_str()));
        let next = near.unwrap_or_else(|| "`kiln docs` lists the kinds of elements".to_owned());
        StartError::NoKind { name: name.escape_debug().to_string(), next }
    })
}

fn has_source(reference: &Reference, kind: &Entry) -> bool {
    reference.fields(kind).iter().any(|field| field.name == "source")
}

/// Returns the fields that have to be set, each with what stands there until somebody does.
fn open_fields(
    reference: &Reference,
    kind: &Entry,
    has_source: bool,
) -> Vec<(String, &'static str)> {
    let required = reference.required(kind).into_iter();
    let is_open = |field: &&kiln_docs::Field| !(has_source && field.name == "source");
    let value = |ty: &str| match ty {
        "Script" => "[]",
        ty if ty.starts_with('[') => "[]",
        ty if ty.starts_with('{') => "{}",
        _ => "...",
    };
    required.filter(is_open).map(|field| (field.name.clone(), value(&field.ty))).collect()
}

fn written(kind: &str, source: Option<&str>, open: &[(String, &str)]) -> String {
    let source = source.map(|source| format!("  source = {source}\n"));
    let open = open.iter().map(|(name, value)| format!("  {name} = {value}\n"));
    let fields: String = source.into_iter().chain(open).collect();
    if fields.is_empty() { format!("{kind} {{}}") } else { format!("{kind} {{\n{fields}}}") }
}

/// Returns a text with an item more, as its last; everything else stays as it is.
fn inserted(file: &ProjectText<'_>, item: &str) -> Result<String, StartError> {
    let parse = parse(FileId(0), file.text);
    let no_room = |why, next| StartError::NoRoom { path: file.path.to_owned(), why, next };
    if parse.has_errors() {
        return Err(no_room("it has mistakes", "`kiln check` tells them"));
    }
    if file.parts.is_empty() {
        let why = "it is not `Project { … }`";
        let next = "name another file with `--in`";
        return into_braces(file, &parse, item).ok_or_else(|| no_room(why, next));
    }
    if parse.ast.value.is_some() {
        let next = "choose a name that does not lead into it, or another file with `--in`";
        return Err(no_room("it is one element, not a list of items", next));
    }
    let old = file.text.trim_end();
    let item = formatted(&format!("{item}\n"));
    if old.is_empty() {
        return Ok(item);
    }
    let last = old.rsplit('\n').next().unwrap_or_default();
    let is_dense = !item.trim_end().contains('\n') && !last.starts_with(['}', ']', ')', ' ', '#']);
    let gap = if is_dense { "\n" } else { "\n\n" };
    Ok(format!("{old}{gap}{item}"))
}

/// Returns the text of `project.kiln` with an item more in its braces.
fn into_braces(file: &ProjectText<'_>, parse: &Parse, item: &str) -> Option<String> {
    let ast: &Ast = &parse.ast;
    let Expr::Amend { body, .. } = ast.expr(ast.value?) else { return None };
    let end = (body.span.end as usize).checked_sub(1)?;
    let (before, after) = (file.text.get(..end)?, file.text.get(end..)?);
    let lines: Vec<String> = item.lines().map(|line| format!("  {line}")).collect();
    let item = lines.join("\n");
    let text = format!("{}\n{item}\n{after}", before.trim_end_matches([' ', '\n', ',']));
    let was_formatted = kiln_fmt::format(parse, file.text) == file.text;
    Some(if was_formatted { formatted(&text) } else { text })
}

fn formatted(text: &str) -> String {
    kiln_fmt::format(&parse(FileId(0), text), text)
}

/// Returns the line of a new item: the last one that its key begins; the first where the file is the item.
fn line_of(text: &str, key: Option<&str>) -> usize {
    let Some(key) = key else { return 1 };
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().rposition(|line| begins(line)).map_or(1, |ix| ix + 1)
}
