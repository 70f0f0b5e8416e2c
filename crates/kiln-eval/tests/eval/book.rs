//! The projects on the pages of the book: each is read, evaluated and checked.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::fixture::Fixture;

/// What the pages speak of and do not write out, beside the elements of `tools`.
const AROUND: &str = "
//- /root.kiln
Tarball { source = Local(./root) }
";

const PROJECT: &str = "
//- /project.kiln
Project { name = \"book\", base = Debian { suite = \"bookworm\", profile = \"stack\" } }
";

/// Returns the projects on a page, each with the number of its first line.
fn projects(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        match line.trim() {
            "```kiln" => {
                inside = true;
                found.push((number + 2, String::new()));
            }
            "```" => inside = false,
            _ if inside => {
                let (_, text) = found.last_mut().expect("it began");
                writeln!(text, "{line}").expect("a string");
            }
            _ => {}
        }
    }
    found
}

/// Returns a file of the elements that a project takes from `tools`.
fn tools(text: &str) -> String {
    let named = text.split("tools.").skip(1);
    let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned);
    let names: BTreeSet<String> = named.filter_map(name).collect();
    names.iter().fold("//- /tools.kiln\n".to_owned(), |file, name| file + name + " = Manual {}\n")
}

/// Returns what is wrong with a project, and whether it has elements of its own.
fn findings(text: &str) -> (String, bool) {
    let is_project = text.lines().any(|line| line.starts_with("Project {"));
    let own = if is_project { "//- /project.kiln\n" } else { "//- /page.kiln\n" };
    let project = if is_project { "" } else { PROJECT };
    let mut has_elements = is_project;
    let files = format!("{own}{text}{project}{AROUND}{}", tools(text));
    let shown = Fixture::new(&files).run(&[], |project, _| {
        let elements = project.elements();
        for id in elements {
            has_elements |= project.name(id).starts_with("page");
            // What is wrong is among the findings.
            let _is_good = project.check(id);
        }
        String::new()
    });
    (shown, has_elements)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the pages are files")]
fn every_project_of_the_book_evaluates_without_a_finding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages: Vec<_> =
        fs::read_dir(root.join("docs/book")).unwrap().map(|page| page.unwrap().path()).collect();
    pages.push(root.join("README.md"));
    let mut n_projects = 0;
    for page in &pages {
        for (line, text) in projects(&fs::read_to_string(page).unwrap()) {
            n_projects += 1;
            let (shown, has_elements) = findings(&text);
            let place = format!("{}:{line}", page.display());
            assert!(!shown.contains("error["), "{place}: {shown}");
            assert!(has_elements, "{place}: no element");
        }
    }
    assert!(n_projects > 20, "{n_projects}");
}

#[test]
fn a_project_with_a_fault_is_found() {
    let page = "text\n```kiln\na = Autotools { sauce = null }\n```\n```sh\nb\n```\n";
    let [(3, text)] = &projects(page)[..] else { panic!("one project") };
    assert!(findings(text).0.contains("error["));
}
