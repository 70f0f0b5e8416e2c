//! No package of the proof sets is known by name: what builds them is of use to all.

use std::collections::{BTreeMap, BTreeSet};

/// Where names may occur, by name, with the reasons.
pub(crate) struct Allowed(Vec<Entry>);

struct Entry {
    name: String,
    places: Vec<String>,
}

impl Allowed {
    /// Reads lines such as `less crates/ stdlib/: fewer`; a line without a reason allows nothing.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let entry = |line: &str| {
            let (subject, reason) = line.split_once(": ")?;
            let mut words = subject.split(' ').map(str::to_owned);
            let name = words.next().filter(|_| !reason.trim().is_empty())?;
            Some(Entry { name, places: words.collect() })
        };
        Self(lines.filter_map(entry).collect())
    }
}

/// Names that occur where they may not, and entries of the list that allow nothing.
pub(crate) fn packages(
    texts: &BTreeMap<String, String>,
    names: &BTreeSet<String>,
    allowed: &Allowed,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for (path, text) in texts {
        for name in words(text).intersection(names) {
            let here = |place: &String| place == "*" || path.starts_with(place.as_str());
            let allowing = allowed.0.iter().enumerate().filter(|(_, entry)| entry.name == *name);
            let mut places = allowing
                .flat_map(|(entry_ix, entry)| entry.places.iter().map(move |p| (entry_ix, p)))
                .filter(|(_, place)| here(place))
                .peekable();
            if places.peek().is_none() {
                found.push(format!("{path} names the package `{name}`"));
            }
            used.extend(places);
        }
    }
    for (entry_ix, entry) in allowed.0.iter().enumerate() {
        for place in entry.places.iter().filter(|place| !used.contains(&(entry_ix, *place))) {
            found
                .push(format!("`{}` does not occur in `{place}`, where it is allowed", entry.name));
        }
    }
    found
}

/// The words of a text in lower case: letters and digits, joined by `+`, `-`, `.`.
fn words(text: &str) -> BTreeSet<String> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let trimmed = text.split(|c| !is_inner(c)).map(|word| word.trim_matches(['+', '-', '.']));
    let mut found = BTreeSet::new();
    for word in trimmed.filter(|word| !word.is_empty()) {
        let word = word.to_ascii_lowercase();
        // `libs.app`, `app.h` and `app-1.0` name `app`; `app1.2` and `lib-app` are names of their own.
        let mut start = 0;
        for part in word.split('.') {
            found.insert(part.to_owned());
            found.insert(word[start..].to_owned());
            found.insert(word[..start + part.len()].to_owned());
            start += part.len() + 1;
        }
        for (at, _) in word.match_indices('-') {
            if word[at + 1..].starts_with(|c: char| c.is_ascii_digit()) {
                found.insert(word[..at].to_owned());
            }
        }
        found.insert(word);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, allowed: &str, expected: &[&str]) {
        let texts = BTreeMap::from([("a/b.rs".to_owned(), text.to_owned())]);
        let names = ["app", "app1.2", "fewer"].map(str::to_owned).into();
        assert_eq!(packages(&texts, &names, &Allowed::parse(allowed)), expected);
    }

    #[test]
    fn a_name_is_found_as_a_word() {
        let expected = ["a/b.rs names the package `app`"];
        check("x = app", "", &expected);
        check("libs.app", "", &expected);
        check("#include <app.h>", "", &expected);
        check("refs/tags/App-8_10", "", &expected);
        check("apps, lib-app, app-tool, wrapper", "", &[]);
        check("app1.2.tar", "", &["a/b.rs names the package `app1.2`"]);
    }

    #[test]
    fn a_place_with_a_reason_allows() {
        check("app fewer", "# words\napp a/: it is run\nfewer *: a word", &[]);
        check("app", "app a/c a/:  ", &["a/b.rs names the package `app`"]);
        check("app", "app a/:x", &["a/b.rs names the package `app`"]);
        check(
            "app",
            "app c/: it is run",
            &[
                "a/b.rs names the package `app`",
                "`app` does not occur in `c/`, where it is allowed",
            ],
        );
    }
}
