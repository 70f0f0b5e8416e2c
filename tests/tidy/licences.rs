//! Every library comes under a licence that `deny.toml` takes.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::SplitWhitespace;

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
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = Peekable<SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &BTreeSet<&str>) -> bool {
    let mut fulfilled = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        fulfilled |= both(words, allowed);
    }
    fulfilled
}

fn both(words: &mut Words<'_>, allowed: &BTreeSet<&str>) -> bool {
    let mut fulfilled = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        fulfilled &= one(words, allowed);
    }
    fulfilled
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<&str>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let inner = either(words, allowed);
        return words.next() == Some(")") && inner;
    }
    let known = words.next().is_some_and(|licence| allowed.contains(licence));
    // An exception only ever allows more.
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
    }
    known
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
        check("((MIT)) AND ISC WITH LLVM-exception", true);
        check("(GPL-3.0-only) OR MIT", true);
        check("(MIT", false);
    }
}
