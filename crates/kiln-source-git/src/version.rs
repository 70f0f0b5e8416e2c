//! Order of the versions that tags stand for.

use std::cmp::Ordering;

/// Words that stand before the version they belong to: `1.0-rc1` is older than `1.0`.
const BEFORE: [&str; 9] =
    ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot", "test", "unstable"];

/// What a version is made of; everything else only separates.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    /// Digits without leading zeros.
    Number(&'a str),
    Word(String),
}

/// Compares two versions: numbers as numbers, words as words, and what is before a version as older.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (parts(a).into_iter(), parts(b).into_iter());
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(part), None) => after_nothing(&part),
            (None, Some(part)) => after_nothing(&part).reverse(),
            (Some(a), Some(b)) => compare_parts(&a, &b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn after_nothing(part: &Part<'_>) -> Ordering {
    match part {
        Part::Word(word) if BEFORE.contains(&word.as_str()) => Ordering::Less,
        Part::Number(_) | Part::Word(_) => Ordering::Greater,
    }
}

fn compare_parts(a: &Part<'_>, b: &Part<'_>) -> Ordering {
    match (a, b) {
        (Part::Number(a), Part::Number(b)) => a.len().cmp(&b.len()).then(a.cmp(b)),
        (Part::Number(_), Part::Word(_)) => Ordering::Greater,
        (Part::Word(_), Part::Number(_)) => Ordering::Less,
        (Part::Word(a), Part::Word(b)) => {
            let is_release = |word: &String| !BEFORE.contains(&word.as_str());
            is_release(a).cmp(&is_release(b)).then_with(|| a.cmp(b))
        }
    }
}

fn parts(version: &str) -> Vec<Part<'_>> {
    let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        match kind(first) {
            (true, _) => parts.push(Part::Number(text.trim_start_matches('0'))),
            (_, true) => parts.push(Part::Word(text.to_lowercase())),
            _ => {}
        }
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_order() {
        let versions = [
            "1.0-alpha",
            "1.0-rc1",
            "1.0rc2",
            "1.0",
            "1.0a",
            "1.0.1",
            "1.2",
            "1.10",
            "1.10.0",
            "2-beta",
            "2",
            "2.0",
            "20240131",
            "99999999999999999999999",
        ];
        for pair in versions.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("1_02", "1.2"), Ordering::Equal);
    }
}
