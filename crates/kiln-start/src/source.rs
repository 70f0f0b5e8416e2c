//! A source as it is written in a file, from what somebody types.

use kiln_diag::FileId;
use kiln_syntax::ast::is_capital;
use kiln_syntax::parse;

use crate::StartError;

/// Endings of archives, with the kind of source that reads them.
const ENDINGS: &[(&str, &str)] = &[
    (".tar", "Tar"),
    (".tar.gz", "Tar"),
    (".tgz", "Tar"),
    (".tar.xz", "Tar"),
    (".txz", "Tar"),
    (".tar.bz2", "Tar"),
    (".tbz2", "Tar"),
    (".tar.zst", "Tar"),
    (".tar.lzma", "Tar"),
    (".zip", "Zip"),
    (".deb", "Deb"),
    (".dsc", "Dsc"),
    (".git", "Git"),
];

/// Returns the source that a text means: an expression as it is, a path of the project, or a URL by its ending. Paths are
/// relative to the root of the project; `folder` is that of the file that they are written in.
pub(crate) fn source(text: &str, folder: &str) -> Result<String, StartError> {
    let unknown = || StartError::UnknownSource { text: text.to_owned() };
    if text.chars().any(char::is_control) || text.is_empty() {
        return Err(unknown());
    }
    if is_capital(text) && text.ends_with(')') {
        let parse = parse(FileId(0), text);
        return if parse.has_errors() { Err(unknown()) } else { Ok(text.to_owned()) };
    }
    if let Some(path) = local(text) {
        return Ok(format!("Local({})", written_path(&from_folder(&path, folder))));
    }
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let is_git = ["git://", "ssh://", "git@", "git+"].iter().any(|start| text.starts_with(start));
    let ending = ENDINGS.iter().find(|(ending, _)| plain.ends_with(ending)).map(|(_, kind)| *kind);
    let kind = if is_git { Some("Git") } else { ending.filter(|_| text.contains(':')) };
    kind.map(|kind| format!("{kind}({})", written_string(text))).ok_or_else(unknown)
}

/// Returns the parts of a path of the project, if the text is one.
fn local(text: &str) -> Option<Vec<&str>> {
    let is_path = text == "." || text.starts_with("./");
    let parts: Vec<&str> =
        text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (is_path && !parts.contains(&"..")).then_some(parts)
}

/// Returns a path of the project as it is written in a file of a folder.
fn from_folder(path: &[&str], folder: &str) -> String {
    let folder: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let shared = folder.iter().zip(path).take_while(|(a, b)| a == b).count();
    let up = vec![".."; folder.len() - shared];
    let mut parts: Vec<&str> = if up.is_empty() { vec!["."] } else { up };
    parts.extend(&path[shared..]);
    parts.join("/")
}

fn written_path(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/+@~:=-".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("path({})", written_string(path))
    }
}

fn written_string(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace("%{", "%%{");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, folder: &str, expected: Option<&str>) {
        assert_eq!(source(text, folder).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn a_source_is_known_by_its_form() {
        let tar = "https://example.org/app-1.2.tar.gz";
        check(tar, "", Some(&format!("Tar(\"{tar}\")")));
        check("debian:pool/a_1.dsc", "", Some("Dsc(\"debian:pool/a_1.dsc\")"));
        check("https://example.org/a.git", "", Some("Git(\"https://example.org/a.git\")"));
        check("git@example.org:a/b", "", Some("Git(\"git@example.org:a/b\")"));
        check("https://example.org/a.zip?x=1", "", Some("Zip(\"https://example.org/a.zip?x=1\")"));
        check(
            "Git(\"https://example.org/a\", track = \"v*\")",
            "",
            Some("Git(\"https://example.org/a\", track = \"v*\")"),
        );
    }

    #[test]
    fn what_could_be_anything_is_asked_for() {
        for text in ["", "https://example.org/a", "a.tar.gz", "Git(", "../x", "./a/../../b", "x\ny"]
        {
            check(text, "", None);
        }
    }

    #[test]
    fn a_path_is_written_from_its_file() {
        check("./app", "", Some("Local(./app)"));
        check(".", "", Some("Local(.)"));
        check("./libs/a", "libs", Some("Local(./a)"));
        check("./app", "libs/x", Some("Local(../../app)"));
        check("./a b", "", Some("Local(path(\"./a b\"))"));
    }

    #[test]
    fn a_url_is_a_string_whatever_is_in_it() {
        check(
            "https://example.org/%{x}\"\\.zip",
            "",
            Some("Zip(\"https://example.org/%%{x}\\\"\\\\.zip\")"),
        );
    }
}
