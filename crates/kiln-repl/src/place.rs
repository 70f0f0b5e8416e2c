//! Places as people write them, and the files that they mean.

use std::sync::Arc;

use kiln_diag::{FileId, Texts};
use kiln_eval::{Folder, InputProject, SourceFile};
use kiln_syntax::{Parse, Syntax};

use crate::dialogue::Ground;

/// A file of the project or of an input.
pub(crate) struct Found {
    pub(crate) file: FileId,
    pub(crate) parse: Arc<Parse>,
    /// The index of the input that it is of.
    pub(crate) input: Option<usize>,
    /// Those that it lies in, as names see them.
    pub(crate) folders: Vec<String>,
}

/// Reads `FILE:LINE:COL`.
pub(crate) fn place_of(text: &str) -> Option<(&str, usize, usize)> {
    let (rest, column) = text.trim().rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let is_file = file.strip_suffix(".kiln").is_some();
    Some((file, line.parse().ok()?, column.parse().ok()?)).filter(|_| is_file)
}

/// Finds a file by its path as messages show it: one of the project, or of an input.
pub(crate) fn find(ground: &Ground, path: &str) -> Option<Found> {
    let Ground { texts, program, inputs, files, .. } = ground;
    let own = files.iter().find(|(_, name, _)| name == path);
    if let Some((file, _, parts)) = own {
        let parse = own_file(&program.project, &program.root, parts)?;
        let folders = parts.split_last().map(|(_, folders)| folders.to_vec()).unwrap_or_default();
        return Some(Found { file: *file, parse, input: None, folders });
    }
    inputs.projects.iter().enumerate().find_map(|(ix, input)| {
        let InputProject { name: _, project, root } = input;
        let (parse, folders) = in_file(project, path, texts)
            .map(|parse| (parse, Vec::new()))
            .or_else(|| in_folder(root, path, texts, &mut Vec::new()))?;
        Some(Found { file: parse.ast.file, parse, input: Some(ix), folders })
    })
}

fn own_file(project: &SourceFile, root: &Folder, parts: &[String]) -> Option<Arc<Parse>> {
    let parse = |file: &SourceFile| Syntax::into_parse(file.parse.clone());
    let Some((stem, folders)) = parts.split_last() else { return Some(parse(project)) };
    let mut folder = root;
    for name in folders {
        folder = folder.folders.get(name)?;
    }
    folder.files.get(stem).map(parse)
}

fn in_file(file: &SourceFile, path: &str, texts: &Texts) -> Option<Arc<Parse>> {
    let id = file.parse.read().ast.file;
    let is_it = texts.get(id).is_some_and(|text| text.name == path);
    is_it.then(|| file.parse.clone().into_parse())
}

fn in_folder(
    folder: &Folder,
    path: &str,
    texts: &Texts,
    above: &mut Vec<String>,
) -> Option<(Arc<Parse>, Vec<String>)> {
    let here = folder.files.values().find_map(|file| in_file(file, path, texts));
    if let Some(parse) = here {
        return Some((parse, above.clone()));
    }
    for (name, inner) in &folder.folders {
        above.push(name.clone());
        let found = in_folder(inner, path, texts, above);
        above.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Returns the paths of all files that a place may be in.
pub(crate) fn texts_by_name(ground: &Ground) -> Vec<String> {
    let names = ground.texts.iter().map(|(_, text)| text.name.clone());
    names.filter(|name| !name.starts_with('<')).collect()
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn a_place_has_a_file_a_line_and_a_column() {
        assert_eq!(place_of("libs/a.kiln:3:14"), Some(("libs/a.kiln", 3, 14)));
        assert_eq!(place_of("libs.a"), None);
        assert_eq!(place_of("a.kiln:x:1"), None);
        assert_eq!(place_of("a:1:1"), None);
    }
}
