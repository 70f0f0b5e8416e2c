//! Requirements with hashes, as pip reads them.

use crate::PypiError;
use crate::lockfile::{Locked, Place, file_name, project, sha256, syntax};

/// What URLs of repositories begin with.
const REPOSITORIES: [&str; 4] = ["git+", "hg+", "svn+", "bzr+"];

/// Reads a file of requirements: each with the hashes of the files that may be taken.
pub(crate) fn parse(path: &str, text: &str) -> Result<Vec<Locked>, PypiError> {
    let mut files = Vec::new();
    for (number, line) in lines(text) {
        let path = &*format!("{path}:{number}");
        let mut words = line.split_whitespace().peekable();
        if words.peek().is_some_and(|word| word.starts_with('-')) {
            option(path, &line)?;
            continue;
        }
        let requirement: Vec<&str> =
            std::iter::from_fn(|| words.next_if(|word| !word.starts_with("--"))).collect();
        let requirement = requirement.join(" ");
        if let Some(what) = elsewhere(&requirement) {
            let named = requirement.chars().take(100).collect();
            return Err(PypiError::Unsupported { path: path.to_owned(), named, what });
        }
        let name_end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
        let (name, rest) = requirement.split_at(name_end.unwrap_or(requirement.len()));
        if name.is_empty() {
            let start: String = requirement.chars().take(60).collect();
            return Err(syntax(path, &format!("`{}` is no requirement", start.escape_debug())));
        }
        let project = project(path, name)?;
        let url = rest.split_once('@').map(|(_, url)| url.split(';').next().unwrap_or(url).trim());
        let place = url.map(|url| {
            Ok::<_, PypiError>(Place {
                name: file_name(path, url)?,
                url: url.to_owned(),
                index: None,
            })
        });
        let place = place.transpose()?;
        let before = files.len();
        while let Some(word) = words.next() {
            let hash = match word.strip_prefix("--hash") {
                Some("") => words.next(),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            let hash = hash.unwrap_or_default();
            // Others may stand beside it; one of them is enough for pip, and this one for kiln.
            if hash.starts_with("sha384:") || hash.starts_with("sha512:") {
                continue;
            }
            let sha256 = sha256(path, name, hash.strip_prefix("sha256:"))?;
            let place = place.clone();
            files.push(Locked { project: project.clone(), sha256, size: None, place });
        }
        if files.len() == before {
            return Err(PypiError::NoHash { path: path.to_owned(), named: name.to_owned() });
        }
    }
    Ok(files)
}

/// Returns where a requirement is from, if that is no index and no server.
fn elsewhere(requirement: &str) -> Option<&'static str> {
    let url = requirement.split_once('@').map_or(requirement, |(_, url)| url).trim_start();
    if REPOSITORIES.iter().any(|kind| url.starts_with(kind)) {
        return Some("from a repository");
    }
    let is_here = url.starts_with(['.', '/']) || url.starts_with("file:");
    is_here.then_some("from this machine")
}

/// Refuses options that bring more than this file says; what is about indexes or about building is not for kiln.
fn option(path: &str, line: &str) -> Result<(), PypiError> {
    let word = line.split(['=', ' ']).next().unwrap_or_default();
    let what = match word {
        "-r" | "--requirement" => "from another file of requirements",
        "-c" | "--constraint" => "with another file of constraints",
        "-e" | "--editable" => "as a folder",
        _ => return Ok(()),
    };
    let named = line.chars().take(100).collect();
    Err(PypiError::Unsupported { path: path.to_owned(), named, what })
}

/// Returns lines without comments, those that go on joined, each with the number of its first.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open = String::new();
    let mut first = 1;
    for (ix, line) in text.lines().enumerate() {
        if open.is_empty() {
            first = ix + 1;
        }
        let line = line.strip_prefix('#').map_or(line, |_comment| "");
        let line = line.find(" #").map_or(line, |start| &line[..start]).trim_end();
        match line.strip_suffix('\\') {
            Some(start) => open.extend([start, " "]),
            None => lines.push((first, std::mem::take(&mut open) + line)),
        }
    }
    lines.push((first, open));
    lines.retain(|(_, line)| !line.trim().is_empty());
    lines.into_iter().map(|(number, line)| (number, line.trim().to_owned())).collect()
}
