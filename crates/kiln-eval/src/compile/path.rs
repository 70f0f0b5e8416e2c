//! Paths of a file, made relative to the project root.

/// Joins a folder (relative to the root, clean) and a written path; none if it leaves the root.
///
/// The root itself is `.`.
pub(crate) fn join(folder: &str, written: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn a_path_stays_inside_the_project() {
        assert_eq!(join("elements", "../src/server").as_deref(), Some("src/server"));
        assert_eq!(join("", ".").as_deref(), Some("."));
        assert_eq!(join("a/b", "./c//d/.").as_deref(), Some("a/b/c/d"));
        assert_eq!(join("a", "../../x"), None);
    }
}
