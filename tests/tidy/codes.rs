//! Every code that a crate can print has a page, and every page a code.

use std::collections::{BTreeMap, BTreeSet};

/// Compares the codes in the sources of the crates with the pages in `docs/errors/`.
pub(crate) fn pages(texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut used: BTreeMap<String, &String> = BTreeMap::new();
    let mut pages: BTreeSet<String> = BTreeSet::new();
    for (path, text) in texts {
        if path.starts_with("crates/") && path.contains("/src/") {
            used.extend(codes_of(text).map(|code| (code, path)));
        }
        let page = path.strip_prefix("docs/errors/").and_then(|name| name.strip_suffix(".md"));
        pages.extend(page.filter(|name| is_code(name)).map(str::to_owned));
    }
    let without_page = used.iter().filter(|(code, _)| !pages.contains(*code));
    let without_use = pages.iter().filter(|code| !used.contains_key(*code));
    let pageless = without_page.map(|(code, path)| format!("{code} of {path} has no page"));
    let useless = without_use.map(|code| format!("docs/errors/{code}.md explains no code"));
    pageless.chain(useless).collect()
}

/// Finds string literals that are a code and nothing else, and values such as `Code(101)`.
fn codes_of(text: &str) -> impl Iterator<Item = String> {
    let literals = text.split('"').filter(|literal| is_code(literal)).map(str::to_owned);
    let values = text.split("Code(").skip(1).filter_map(|rest| {
        let number: u16 = rest.split_once(')')?.0.parse().ok()?;
        Some(format!("K{number:04}"))
    });
    literals.chain(values)
}

fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix('K').unwrap_or_default();
    digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        assert_eq!(pages(&texts.collect()), expected);
    }

    #[test]
    fn a_code_without_a_page_is_named() {
        let source = ("crates/a/src/lib.rs", "code(\"K5012\") \"K12\" \"see K5013\"");
        check(&[source], &["K5012 of crates/a/src/lib.rs has no page"]);
        check(&[source, ("docs/errors/K5012.md", "x")], &[]);
        let value = ("crates/a/src/b.rs", "pub struct Code(pub u16); Code(12)");
        check(&[value], &["K0012 of crates/a/src/b.rs has no page"]);
    }

    #[test]
    fn a_page_without_a_code_is_named() {
        let page = ("docs/errors/K5012.md", "x");
        check(&[page], &["docs/errors/K5012.md explains no code"]);
        check(&[page, ("tests/a.rs", "\"K5012\"")], &["docs/errors/K5012.md explains no code"]);
        check(&[("docs/errors/README.md", "x")], &[]);
    }
}
