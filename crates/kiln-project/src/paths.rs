//! The paths that the texts of a project write: what they name has to be there.

use std::collections::BTreeSet;
use std::path::Path;

use kiln_diag::{Code, Diagnostic, Span, nearest, suggestion};
use kiln_syntax::ast::{Ast, Expr, Part};

/// A path as written, in the folder of its file.
struct Written<'a> {
    folder: &'a str,
    text: &'a str,
    span: Span,
    is_bare: bool,
}

/// Adds a finding for each path of a file that names nothing in the project.
///
/// Not those of a source with `of`: they lie in the tree of another source.
pub(crate) fn inspect_paths(root: &Path, file: &str, ast: &Ast, findings: &mut Vec<Diagnostic>) {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut elsewhere = BTreeSet::new();
    let mut written = Vec::new();
    for (id, expr) in ast.exprs() {
        match expr {
            Expr::Path(text) => {
                written.push((id, Written { folder, text, span: ast.span(id), is_bare: true }));
            }
            Expr::Call { callee, args } => {
                let of = |name: &kiln_syntax::ast::Name| name.text.as_ref() == "of";
                if args.iter().any(|arg| arg.name.as_ref().is_some_and(of)) {
                    elsewhere.extend(args.iter().map(|arg| arg.value));
                }
                let is_path =
                    matches!(ast.expr(*callee), Expr::Name(name) if name.text.as_ref() == "path");
                if let [one] = &args[..]
                    && is_path
                    && let Expr::Text(parts) = ast.expr(one.value)
                    && let [Part::Text(text)] = &parts[..]
                {
                    let span = ast.span(one.value);
                    written.push((id, Written { folder, text, span, is_bare: false }));
                }
            }
            _ => {}
        }
    }
    let own = written.iter().filter(|(id, _)| !elsewhere.contains(id));
    findings.extend(own.filter_map(|(_, written)| missing(root, written)));
}

/// Returns what is wrong with a path, if it names nothing; one that leaves the project is told by others.
fn missing(root: &Path, written: &Written<'_>) -> Option<Diagnostic> {
    let mut at: Vec<&str> = written.folder.split('/').filter(|part| !part.is_empty()).collect();
    let parts: Vec<&str> = written.text.split('/').collect();
    for (ix, part) in parts.iter().enumerate() {
        match *part {
            "" | "." => {}
            ".." => drop(at.pop()?),
            name => {
                let folder = root.join(at.join("/"));
                at.push(name);
                if folder.join(name).symlink_metadata().is_err() {
                    return stays(&at, &parts[ix + 1..])
                        .then(|| report(written, (&parts, ix), &at, &names(&folder)));
                }
            }
        }
    }
    None
}

/// Returns whether the rest of a path stays inside the project.
fn stays(at: &[&str], rest: &[&str]) -> bool {
    let mut depth = at.len();
    for part in rest {
        match *part {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

fn report(
    written: &Written<'_>,
    (parts, ix): (&[&str], usize),
    at: &[&str],
    names: &[String],
) -> Diagnostic {
    let message = format!("there is no `{}` in the project", at.join("/"));
    let finding = Diagnostic::error(Code(106), message).at(written.span, "no such file or folder");
    let names = || names.iter().map(String::as_str);
    let Some(help) = suggestion(parts[ix], names()) else {
        return finding
            .help("make it, or correct the path: it is relative to the folder of this file");
    };
    let mut parts = parts.to_vec();
    parts[ix] = nearest(parts[ix], names())[0];
    let path = parts.join("/");
    let edit = if written.is_bare { path } else { format!("{path:?}") };
    finding.help(help).edit(written.span, edit)
}

/// Returns what lies in a folder, in byte order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(listed) = folder.read_dir() else { return Vec::new() };
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_diag::{FileId, edited};

    /// Looks at the paths of a text in a folder with `src/main.c` and `patches/one.patch`, and applies what is proposed.
    fn check(text: &str, said: &[&str], mended: &str) {
        let root = tempfile::tempdir().expect("a folder");
        for (folder, file) in [("src", "main.c"), ("patches", "one.patch")] {
            std::fs::create_dir(root.path().join(folder)).expect("a folder");
            std::fs::write(root.path().join(folder).join(file), "").expect("a file");
        }
        std::fs::create_dir(root.path().join("libs")).expect("a folder");
        let mut findings = Vec::new();
        let parsed = kiln_syntax::parse(FileId(0), text);
        inspect_paths(root.path(), "libs/app.kiln", &parsed.ast, &mut findings);
        let found: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, said);
        let edits: Vec<_> = findings.iter().flat_map(|finding| finding.edits.clone()).collect();
        assert_eq!(edited(FileId(0), text, &edits).as_deref(), Some(mended));
    }

    #[test]
    fn a_path_that_names_nothing_is_told_with_near_names() {
        check(
            "a = [../src, ../scr/main.c, path(\"../patches/on.patch\"), ./here]\n",
            &[
                "there is no `scr` in the project",
                "there is no `patches/on.patch` in the project",
                "there is no `libs/here` in the project",
            ],
            "a = [../src, ../src/main.c, path(\"../patches/one.patch\"), ./here]\n",
        );
    }

    #[test]
    fn paths_of_other_trees_and_out_of_the_project_are_left_alone() {
        let text = "a = [Pypi(./uv.lock, of = tar), ../../x, ../no/../../x, path(\"%{b}\")]\n";
        check(text, &[], text);
    }
}
