//! Every library comes under a licence that `deny.toml` takes.

use std::collections::BTreeSet;

/// Compares the licences in what `cargo metadata` prints with the list in `deny.toml`.
pub(crate) fn licences(metadata: &str, deny: &str) -> Vec<String> {
    let deny: toml::Table = deny.parse().expect("deny.toml is TOML");
    let allowed = deny["licenses"]["allow"].as_array().expect("deny.toml allows licences");
    let allowed: BTreeSet<&str> = allowed.iter().filter_map(toml::Value::as_str).collect();
    let metadata: serde_json::Value = serde_json::from_str(metadata).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let mut found = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("no licence");
        if !taken(licence, &allowed) {
            let name = package["name"].as_str().unwrap_or_default();
            found.push(format!("`{name}` comes under `{licence}`"));
        }
    }
    found
}

/// Whether the expression can be fulfilled: all parts of an `AND`, one part of an `OR`.
fn taken(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ");
    let (start, tail) = match expression.trim().strip_prefix('(') {
        Some(inner) => inner.split_once(')').unwrap_or((inner, "")),
        None => match expression.find('(') {
            Some(at) => expression.split_at(at),
            None => (expression.as_str(), ""),
        },
    };
    // Only one pair of parentheses at one end occurs; anything else is refused and looked at.
    let (start, tail) = (start.trim(), tail.trim());
    let simple = |text: &str| {
        let mut choices = text.split(" OR ");
        choices.any(|all| all.split(" AND ").all(|one| allowed.contains(one.trim())))
    };
    if let Some(rest) = tail.strip_prefix("AND ") {
        return simple(start) && taken(rest, allowed);
    }
    if let Some(rest) = tail.strip_prefix("OR ") {
        return simple(start) || taken(rest, allowed);
    }
    match start.strip_suffix(" AND") {
        Some(left) if !tail.is_empty() => simple(left) && taken(tail, allowed),
        _ => tail.is_empty() && simple(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(licence: &str, expected: bool) {
        let metadata =
            format!("{{\"packages\": [{{\"name\": \"a\", \"license\": \"{licence}\"}}]}}");
        let found = licences(&metadata, "[licenses]\nallow = [\"MIT\", \"ISC\"]");
        let complaint = format!("`a` comes under `{licence}`");
        assert_eq!(found, if expected { vec![] } else { vec![complaint] });
    }

    #[test]
    fn a_licence_that_is_not_taken_is_named() {
        check("MIT", true);
        check("GPL-3.0-only", false);
        check("", false);
    }

    #[test]
    fn one_choice_is_enough_and_all_parts_are_needed() {
        check("GPL-3.0-only OR MIT", true);
        check("Unlicense/MIT", true);
        check("MIT AND ISC", true);
        check("MIT AND GPL-3.0-only", false);
        check("MIT AND GPL-3.0-only OR ISC", true);
    }

    #[test]
    fn parentheses_bind() {
        check("(MIT OR GPL-3.0-only) AND ISC", true);
        check("(MIT OR GPL-3.0-only) AND Zlib", false);
        check("ISC AND (MIT OR GPL-3.0-only)", true);
        check("Zlib AND (MIT OR GPL-3.0-only)", false);
        check("((MIT))", false);
    }
}
