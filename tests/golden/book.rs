//! Sessions on the pages of the book: each is run in the files of the blocks of kiln code above it.
//!
//! A block of `console` holds commands, `$ kiln check`, and below each what it prints. A block of kiln code with
//! `# project.kiln` begins another project; `# libs/one.kiln` is the file that the lines below it are in.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::case::{Session, session};
use crate::world::World;

/// The files of a project and what is typed in it.
struct Scene {
    page: String,
    files: BTreeMap<String, String>,
    typed: String,
}

/// Returns the path of the file that a line of code begins.
fn path_of(line: &str) -> Option<&str> {
    let path = line.strip_prefix("# ")?;
    path.strip_suffix(".kiln").filter(|stem| !stem.contains(' ')).map(|_| path)
}

/// Returns the sessions of a page.
fn scenes(name: &str, page: &str) -> Vec<Scene> {
    let mut found = Vec::new();
    let mut files = BTreeMap::new();
    let mut fence: Option<&str> = None;
    let mut file = String::new();
    let mut typed = String::new();
    for line in page.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(word)) => fence = word.split(' ').next(),
            (Some(word), Some(_)) => {
                if word == "console" {
                    let typed = std::mem::take(&mut typed);
                    found.push(Scene { page: name.to_owned(), files: files.clone(), typed });
                }
                (fence, file) = (None, String::new());
            }
            (Some("kiln"), None) => {
                if let Some(path) = path_of(line) {
                    path.clone_into(&mut file);
                    if path == "project.kiln" {
                        files.clear();
                    }
                } else if !file.is_empty() {
                    let text: &mut String = files.entry(file.clone()).or_default();
                    writeln!(text, "{line}").expect("a string");
                }
            }
            (Some("console"), None) => writeln!(typed, "{line}").expect("a string"),
            _ => {}
        }
    }
    found
}

/// Complains where a session prints something else than the page says.
fn complaint(scene: &Scene) -> Option<String> {
    let folder = kiln_testkit::scratch();
    for (path, text) in &scene.files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a scratch folder");
        fs::write(path, text).expect("a scratch folder");
    }
    let world = World::new(folder.path());
    let printed: Vec<Session> = session(&scene.typed, &world);
    let printed: String = printed.iter().map(ToString::to_string).collect();
    (printed != scene.typed)
        .then(|| format!("--- {}\n{}--- prints\n{printed}", scene.page, scene.typed))
}

/// Returns the pages of the book.
fn pages() -> Vec<PathBuf> {
    let listed = fs::read_dir(kiln_testkit::project_root().join("docs/book")).expect("the book");
    let mut pages: Vec<PathBuf> = listed.map(|page| page.expect("a page").path()).collect();
    pages.sort();
    pages
}

#[test]
fn every_session_of_the_book_prints_what_the_page_says() {
    let mut n_sessions = 0;
    let mut complaints = String::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for scene in scenes(&page.display().to_string(), &text) {
            n_sessions += 1;
            complaints.extend(complaint(&scene));
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(n_sessions > 0);
}
