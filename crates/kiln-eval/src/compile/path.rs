//! Paths of a file, made relative to the project root.

/// Joins a folder (relative to the root, clean) and a written path; none if it leaves the root.
///
/// The root itself is `.`. A folder of an input says so first: `platform//src`.
pub(crate) fn join(folder: &str, written: &str) -> Option<String> {
    if let Some((input, folder)) = folder.split_once("//") {
        return Some(format!("{input}//{}", join(folder, written)?));
    }
    let mut parts: Vec<&str> =
        folder.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Joins a folder and a written path that may leave the project: `../lib`.
pub(crate) fn join_outside(folder: &str, written: &str) -> String {
    if let Some((input, folder)) = folder.split_once("//") {
        return format!("{input}//{}", join_outside(folder, written));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(written.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|part| *part != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::{join, join_outside};

    #[test]
    fn a_path_stays_inside_the_project() {
        assert_eq!(join("elements", "../src/server").as_deref(), Some("src/server"));
        assert_eq!(join("", ".").as_deref(), Some("."));
        assert_eq!(join("a/b", "./c//d/.").as_deref(), Some("a/b/c/d"));
        assert_eq!(join("a", "../../x"), None);
    }

    #[test]
    fn a_path_of_an_input_stays_inside_the_input() {
        assert_eq!(join("lib//", "./src").as_deref(), Some("lib//src"));
        assert_eq!(join("lib//a", "..").as_deref(), Some("lib//."));
        assert_eq!(join("lib//a", "../../x"), None);
    }

    #[test]
    fn a_project_may_lie_outside() {
        assert_eq!(join_outside("a", "../../x"), "../x");
        assert_eq!(join_outside("", "../../x/./y"), "../../x/y");
        assert_eq!(join_outside("lib//a", "../.."), "lib//..");
        assert_eq!(join_outside("a", ".."), ".");
    }
}
