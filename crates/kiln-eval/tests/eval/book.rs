//! The kiln code on the pages of the book, of the specification, of the errors and of the README: each block is evaluated
//! whole.
//!
//! | in a block | means |
//! |---|---|
//! | <code>\`\`\`kiln</code> | a project, or a file of one: no finding |
//! | <code>\`\`\`kiln K0204</code> | findings of this code and of no other |
//! | `# libs/zinc.kiln` | the file that the lines below it are in |
//! | `key = e  # => value` | the value of the key |
//! | `# a.b => value` | the value of a path |

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fixture::Fixture;
use crate::show::show;

/// What the pages speak of and do not write out, beside the elements of `tools`.
const AROUND: &str = "
//- /root.kiln
Tarball { source = Local(./root) }
";

const PROJECT: &str = "
//- /project.kiln
Project { name = \"book\", base = Debian { suite = \"bookworm\", profile = \"stack\" } }
";

/// A block of a page.
struct Block {
    /// The number of its first line.
    line: usize,
    /// The code of the error that it shows, if it shows one.
    fault: Option<String>,
    text: String,
}

/// What is known of a block once it was evaluated.
struct Outcome {
    findings: String,
    /// Places with the values that are written there and those that are found.
    values: Vec<(String, String, String)>,
    is_empty: bool,
}

/// Returns the blocks of kiln code on a page.
fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        let fence = line.trim().strip_prefix("```");
        match fence {
            Some(word) if !inside && word.split(' ').next() == Some("kiln") => {
                inside = true;
                let fault = word.split_once(' ').map(|(_, code)| code.to_owned());
                found.push(Block { line: number + 2, fault, text: String::new() });
            }
            Some(_) => inside = false,
            None if inside => {
                let block = found.last_mut().expect("it began");
                writeln!(block.text, "{line}").expect("a string");
            }
            None => {}
        }
    }
    found
}

/// Returns the name of the file that a line of a block begins.
fn file_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("# ")?.trim();
    let stem = name.strip_suffix(".kiln")?;
    stem.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c)).then_some(name)
}

/// Returns the files of a block in the form of the fixture; those without a name are `page` or the project.
fn files(text: &str) -> String {
    let mut files = String::new();
    if text.lines().next().is_none_or(|line| file_name(line).is_none()) {
        let is_project = text.lines().any(|line| line.starts_with("Project {"));
        files.push_str(if is_project { "//- /project.kiln\n" } else { "//- /page.kiln\n" });
    }
    for line in text.lines() {
        match file_name(line) {
            Some(name) => writeln!(files, "//- /{name}").expect("a string"),
            None => writeln!(files, "{line}").expect("a string"),
        }
    }
    if !files.contains("//- /project.kiln") {
        files.push_str(PROJECT);
    }
    without_inputs(&files) + AROUND
}

/// Leaves out the files of other projects, which lie in folders of their own: sessions on the pages show them.
fn without_inputs(files: &str) -> String {
    let sections = || files.split_inclusive("//- ").map(|part| part.trim_end_matches("//- "));
    let path = |section: &str| section.lines().next().unwrap_or_default().to_owned();
    let folder = |section| path(section).strip_suffix("/project.kiln").map(str::to_owned);
    let others: Vec<String> = sections().filter_map(folder).filter(|one| !one.is_empty()).collect();
    let is_own = |section: &&str| !others.iter().any(|other| path(section).starts_with(other));
    let own: Vec<&str> = sections().filter(is_own).collect();
    own.join("//- ")
}

/// Returns a file of the elements that a project takes from `tools`, unless it has one.
fn tools(text: &str) -> String {
    if text.contains("# tools.kiln") || text.contains("tools =") {
        return String::new();
    }
    let named = text.split("tools.").skip(1);
    let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned);
    let names: BTreeSet<String> = named.filter_map(name).collect();
    names.iter().fold("//- /tools.kiln\n".to_owned(), |file, name| file + name + " = Manual {}\n")
}

/// Returns the values that a block promises: the path and what is written for it.
fn promised(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut stem = "page".to_owned();
    for line in text.lines() {
        if let Some(name) = file_name(line) {
            stem = name.trim_end_matches(".kiln").replace('/', ".");
        }
        let Some((code, value)) = line.split_once("# ").and_then(|(code, comment)| {
            let (path, value) = comment.split_once("=> ")?;
            Some((if code.is_empty() { path } else { code }, value))
        }) else {
            continue;
        };
        let key = code.split([' ', '(', ':']).next().unwrap_or_default();
        assert!(!key.is_empty(), "no key in front of `{line}`");
        let path = if stem == "project" { key.to_owned() } else { format!("{stem}.{key}") };
        found.push((path, value.trim().to_owned()));
    }
    found
}

/// Evaluates a block as a project of its own.
fn outcome(text: &str) -> Outcome {
    let promised = promised(text);
    let mut values = Vec::new();
    let mut is_empty = !text.lines().any(|line| line.starts_with("Project {"));
    let fixture = Fixture::new(&(files(text) + &tools(text)));
    let findings = fixture.run(&[], |project, _| {
        for id in project.elements() {
            is_empty &= ["tools.", "root"].iter().any(|one| project.name(id).starts_with(one));
            // What is wrong is among the findings.
            let _is_good = project.check(id);
        }
        if let Some(value) = project.value("page") {
            is_empty &= show(project, &value).is_empty();
        }
        for (path, written) in promised {
            is_empty = false;
            let value = project.value(&path);
            let found = value.map_or("nothing".to_owned(), |value| match show(project, &value) {
                text if text.contains(" = ") => {
                    format!("{{ {} }}", text.trim().replace('\n', ", "))
                }
                text => text.trim().to_owned(),
            });
            values.push((path, written, found));
        }
        String::new()
    });
    Outcome { findings, values, is_empty }
}

/// Returns what a block shows otherwise than it says.
fn complaints(block: &Block) -> Vec<String> {
    let Outcome { findings, values, is_empty } = outcome(&block.text);
    let errors = findings.lines().filter(|line| line.starts_with("error["));
    let codes: BTreeSet<&str> = errors.filter_map(|line| line.get(6..11)).collect();
    let wanted: BTreeSet<&str> = block.fault.iter().map(String::as_str).collect();
    let mut complaints = Vec::new();
    if codes != wanted {
        complaints.push(format!("findings {codes:?}, not {wanted:?}:\n{findings}"));
    }
    for (path, written, found) in values {
        if written != found {
            complaints.push(format!("`{path}` is {found}, not {written}"));
        }
    }
    if is_empty && block.fault.is_none() {
        complaints.push("neither an element nor a value".to_owned());
    }
    complaints
}

/// Returns the pages with code in them.
#[expect(clippy::disallowed_methods, reason = "the pages are files")]
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    for folder in ["docs/book", "docs/spec", "docs/errors"] {
        let listed = fs::read_dir(root.join(folder)).expect("a folder of pages");
        pages.extend(listed.map(|page| page.expect("a page").path()));
    }
    pages.sort();
    let read = |page: &PathBuf| fs::read_to_string(page).expect("a page");
    pages.iter().map(|page| (page.clone(), read(page))).collect()
}

#[test]
fn every_block_of_the_pages_does_what_it_says() {
    let mut n_blocks = 0;
    let mut wrong = String::new();
    for (page, text) in pages() {
        for block in blocks(&text) {
            n_blocks += 1;
            for complaint in complaints(&block) {
                writeln!(wrong, "{}:{}: {complaint}", page.display(), block.line).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(n_blocks > 20, "{n_blocks}");
}

#[test]
fn a_block_that_says_what_is_not_so_is_found() {
    let page = "text\n```kiln\na = Autotools { sauce = null }\n```\n```sh\nb\n```\n
```kiln K0204
a = Autotools { sauce = null }
```
```kiln K0101
a = Autotools { sauce = null }
```
```kiln
# libs/one.kiln
a = 1 + 1  # => 2
b = { c = [a] }
# b.c => [3]
```
```kiln
let a = 1
```
";
    let found: Vec<usize> = blocks(page).iter().map(|block| complaints(block).len()).collect();
    assert_eq!(found, [1, 0, 1, 1, 1]);
}
