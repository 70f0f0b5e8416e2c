//! Every library from outside has one line of reason.

use std::collections::BTreeSet;

/// Compares the libraries that the workspace names with the lines of the page.
pub(crate) fn reasons(workspace: &str, page: &str) -> Vec<String> {
    let manifest: toml::Table = workspace.parse().expect("a manifest is TOML");
    let named = manifest["workspace"]["dependencies"].as_table().expect("versions are shared");
    let named: BTreeSet<&str> =
        named.keys().map(String::as_str).filter(|name| !name.starts_with("kiln-")).collect();
    let lines = page.lines().filter_map(|line| line.strip_prefix("- ")?.split_once(": "));
    let explained: BTreeSet<&str> =
        lines.flat_map(|(names, _)| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    let without = named.difference(&explained).map(|name| format!("`{name}` has no reason"));
    let stale = explained.difference(&named).map(|name| format!("`{name}` is not used"));
    without.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_without_a_reason_is_named() {
        let workspace = "[workspace.dependencies]\nkiln-a = \"1\"\nserde = \"1\"\nsha2 = \"1\"";
        let page = "One reason:\n- `serde`, `tar`: both at once.";
        assert_eq!(reasons(workspace, page), ["`sha2` has no reason", "`tar` is not used"]);
    }
}
