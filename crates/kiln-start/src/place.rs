//! The name of a new element, and the file that it belongs into.

use kiln_docs::ProjectText;
use kiln_syntax::ast::{is_capital, is_identifier};

use crate::StartError;
use crate::defined::{Names, quoted};

/// The folder at the root that adds nothing to names.
const TRANSPARENT: &str = "elements";
/// Names with a meaning of their own.
const RESERVED: [&str; 5] = ["project", "option", "machine", "self", "super"];

/// Where an element goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Relative to the root.
    pub(crate) path: String,
    /// The key in the file; nothing where the file is the element.
    pub(crate) key: Option<String>,
    /// The whole name.
    pub(crate) name: String,
}

/// Returns the parts of a name: `libs."gtk+"` has two.
pub(crate) fn parts(name: &str) -> Result<Vec<String>, StartError> {
    let bad = |why: &'static str| {
        let next = "a name is parts joined by dots, such as `libs.zinc`; a part with other characters is put into quotes";
        StartError::BadName { name: name.escape_debug().to_string(), why, next: next.to_owned() }
    };
    let mut parts = Vec::new();
    let mut rest = name;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(text) => text.split_once('"').ok_or_else(|| bad("a quote is not closed"))?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let is_odd = |c: char| c.is_control() || "/\\\"%".contains(c);
        if part.is_empty() || part.contains(is_odd) {
            return Err(bad("a part is empty, or has a character that no name has"));
        }
        if !rest.starts_with('"') && !is_identifier(part) {
            return Err(bad("a part is no identifier"));
        }
        if is_capital(part) {
            return Err(bad("names that begin with a capital are those of kinds"));
        }
        if parts.is_empty() && RESERVED.contains(&part) {
            return Err(bad("this name has a meaning of its own"));
        }
        parts.push(part.to_owned());
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(parts),
            None => return Err(bad("a dot is missing behind a quote")),
        }
    }
}

/// Returns where an element of a name goes: into the file that is asked for, else into the file of items that its name leads
/// to, else into a file of its own.
pub(crate) fn room(
    files: &[ProjectText<'_>],
    folders: &[String],
    parts: &[String],
    asked: Option<&str>,
) -> Result<Room, StartError> {
    if let Some(path) = asked {
        let inside = file_parts(path)?;
        let all: Vec<&String> = inside.iter().chain(parts).collect();
        return Ok(Room { path: path.to_owned(), key: Some(joined(parts)), name: joined(all) });
    }
    let name = joined(parts);
    for len in (1..parts.len()).rev() {
        let (outer, inner) = parts.split_at(len);
        if let Some(file) = files.iter().find(|file| file.parts == outer) {
            return Ok(Room { path: file.path.to_owned(), key: Some(joined(inner)), name });
        }
    }
    let has = |folder: &str| folders.iter().any(|known| known == folder);
    let top = if has(TRANSPARENT) { "elements/" } else { "" };
    let (last, outer) = (&parts[parts.len() - 1], &parts[..parts.len() - 1]);
    let outer = outer.join("/");
    let below =
        |top: &str| if outer.is_empty() { top.to_owned() } else { format!("{top}{outer}/") };
    if let Some(top) = [top, ""].into_iter().find(|top| has(below(top).trim_end_matches('/'))) {
        return Ok(Room { path: format!("{}{last}.kiln", below(top)), key: None, name });
    }
    let Some((first, inner)) = parts.split_first().filter(|(_, inner)| !inner.is_empty()) else {
        return Ok(Room { path: format!("{top}{last}.kiln"), key: None, name });
    };
    Ok(Room { path: format!("{top}{first}.kiln"), key: Some(joined(inner)), name })
}

/// Returns the parts of what a file holds.
fn file_parts(path: &str) -> Result<Vec<String>, StartError> {
    let no_room = |why| StartError::NoRoom {
        path: path.escape_debug().to_string(),
        why,
        next: "name a file of the project that ends with `.kiln`, by its path from the root",
    };
    let Some(stem) = path.strip_suffix(".kiln") else {
        return Err(no_room("it is no file of the language"));
    };
    if stem == "project" {
        return Ok(Vec::new());
    }
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if parts.iter().any(|part| part.is_empty() || part.starts_with('.')) {
        return Err(no_room("it is hidden, or not in the project"));
    }
    if parts.len() > 1 && parts[0] == TRANSPARENT {
        parts.remove(0);
    }
    Ok(parts)
}

/// Refuses a name that is taken, that has members, or that would be a member of something that has none.
pub(crate) fn check_free(names: &Names, name: &str) -> Result<(), StartError> {
    let taken = |name: &str, place: &str, next: String| {
        Err(StartError::Taken { name: name.to_owned(), place: place.to_owned(), next })
    };
    if let Some(defined) = names.get(name) {
        let next = format!("choose another name, or edit what is there: {}", defined.place);
        return taken(name, &defined.place, next);
    }
    let mut outer = name;
    while let Some((before, _)) = outer.rsplit_once('.') {
        outer = before;
        if let Some(defined) = names.get(outer).filter(|defined| !defined.is_open) {
            let next = format!("`{outer}` has no members: choose another name");
            return taken(outer, &defined.place, next);
        }
    }
    Ok(())
}

fn joined<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<String> = parts.into_iter().map(|part| quoted(part.as_ref())).collect();
    parts.join(".")
}
