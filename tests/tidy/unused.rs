//! No crate names a dependency in its manifest that its sources do not name.

use std::collections::BTreeMap;

use super::edges::Manifest;

/// Compares each manifest with the sources of its crate; `files` are all sources by path.
pub(crate) fn unused(manifests: &[Manifest], files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for manifest in manifests {
        let folder = format!("crates/{}/src/", manifest.full_name());
        let sources = files.iter().filter(|(path, _)| path.starts_with(&folder));
        let sources: Vec<&str> = sources.map(|(_, text)| text.as_str()).collect();
        for dependency in manifest.dependencies() {
            let name = dependency.replace('-', "_");
            if !sources.iter().any(|text| has_word(text, &name)) {
                found.push(format!("`{}` does not use `{dependency}`", manifest.full_name()));
            }
        }
    }
    found
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_no_source_names_is_named() {
        let manifest =
            "[package]\nname = \"kiln-a\"\n[dependencies]\nkiln-b = \"1\"\nx-y = \"1\"\n";
        let source =
            |text: &str| BTreeMap::from([("crates/kiln-a/src/lib.rs".to_owned(), text.to_owned())]);
        let check = |text: &str| unused(&[Manifest::parse(manifest)], &source(text));
        assert!(check("use kiln_b::C;\nx_y::f();").is_empty());
        assert_eq!(check("use kiln_b::C;\nmy_x_y::f();"), ["`kiln-a` does not use `x-y`"]);
    }
}
