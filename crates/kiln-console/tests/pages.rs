//! Every code has one meaning, one page, and every page one code.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "it reads the tree")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kiln_console::{codes, explain, near};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_page_is_known() {
    let pages = files(&root().join("docs/errors"));
    let pages: BTreeSet<&str> = pages
        .iter()
        .map(|page| page.file_stem().unwrap().to_str().unwrap())
        .filter(|stem| *stem != "README")
        .collect();
    let known: Vec<&str> = codes().collect();
    assert!(known.is_sorted(), "the list in explain.rs is not sorted");
    let unknown: Vec<_> = pages.iter().filter(|page| !known.contains(page)).collect();
    assert!(unknown.is_empty(), "add to the list in explain.rs: {unknown:?}");
}

#[test]
fn a_code_may_be_written_short() {
    let page = explain("K0101").unwrap();
    assert!(page.starts_with("# K0101: "));
    for short in ["k0101", " K101 ", "101"] {
        assert_eq!(explain(short), Some(page), "{short}");
    }
    for other in ["", "K", "K00101", "K9999", "-101", "K\u{661}01", "README"] {
        assert_eq!(explain(other), None, "{other}");
    }
}

#[test]
fn what_is_no_code_finds_those_that_are_near() {
    let check = |written: &str, expected: &[&str]| {
        let found: Vec<&str> = near(written).into_iter().map(|(code, _)| code).collect();
        assert_eq!(found, expected, "{written}");
    };
    check("not defined", &["K0101"]);
    check("K0100", &["K0010", "K0101", "K0102"]);
    check("xyzzy", &[]);
    check("", &[]);
}

#[test]
fn every_page_has_the_form() {
    for code in codes() {
        let page = explain(code).unwrap();
        let lines: Vec<&str> = page.lines().collect();
        let has = |start: &str| lines.iter().any(|line| line.starts_with(start));
        let title = lines[0].strip_prefix(&format!("# {code}: "));
        assert!(title.is_some_and(|title| !title.ends_with('.')), "{code}: title");
        assert!(has("Why: ") && has("What to do: ") && has("```"), "{code}: parts");
        assert!((8..=24).contains(&lines.len()), "{code}: {} lines", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 120), "{code}: long line");
    }
}

#[test]
fn codes_and_pages_are_the_same_and_those_of_the_world_have_one_owner() {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let crates = root().join("crates");
    for file in files(&crates) {
        let within = file.strip_prefix(&crates).unwrap().to_str().unwrap();
        let mut parts = within.split('/');
        let (owner, source) = (parts.next().unwrap(), parts.next() == Some("src"));
        if source && Path::new(within).extension().is_some_and(|ending| ending == "rs") {
            let source = fs::read_to_string(&file).unwrap();
            for code in codes_in(&source, &["code(\"K", "error[K", "Code("]) {
                owners.entry(code).or_default().insert(owner.to_owned());
            }
            used.extend(codes_in(&source, &["code: \"K"]));
        }
    }
    assert!(owners.len() > 100, "the scan finds {}", owners.len());
    let known: BTreeSet<&str> = codes().collect();
    used.extend(owners.keys().cloned());
    for code in &used {
        assert!(known.contains(code.as_str()), "{code} has no page in docs/errors");
    }
    for code in known {
        assert!(used.contains(code), "docs/errors/{code}.md explains no code");
    }
    // Passes of the language say the same thing of the same text.
    for (code, owners) in owners.into_iter().filter(|(code, _)| !code.starts_with("K0")) {
        assert!(owners.len() == 1, "{code} has several owners: {owners:?}");
    }
}

/// Returns the codes of a source file that follow one of these texts, such as `code("K0101")` or `Code(101)`.
fn codes_in(source: &str, starts: &[&str]) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for start in starts {
            for (at, _) in line.match_indices(start) {
                let digits: String =
                    line[at + start.len()..].chars().take_while(char::is_ascii_digit).collect();
                if !digits.is_empty() {
                    found.push(format!("K{digits:0>4}"));
                }
            }
        }
    }
    found
}
