//! Every fenced block of the README and of all pages below `docs/` is run by a test, or says why not.
//!
//! | block | run by |
//! |---|---|
//! | `kiln`, `kiln CODE` | `crates/kiln-eval/tests/eval/book.rs`: evaluated whole, with its values and findings |
//! | `console` | `book.rs` beside this file: prints what the page says |
//! | `sh` | here: in order, in the project of the blocks above it, or in a small one; each has to succeed |
//! | `toml config` | here: it is the `config.toml` of a user |
//!
//! A block of another kind, or one that cannot be run, has a word of [`REASONS`] behind its language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::world::World;

/// Why a block is not run; no other word is taken.
const REASONS: [(&str, &str); 8] = [
    ("demo", "`make demo`, `make examples` and `make test` run it"),
    ("network", "it needs a server that tests do not have"),
    (
        "machine",
        "it needs, or changes, what is wrong with a machine, a project or an earlier build",
    ),
    ("tool", "it runs a program that is no part of kiln"),
    ("output", "it is what a program prints"),
    ("file", "it is a part of a file that a program writes, or of a format"),
    ("grammar", "it is a grammar"),
    ("theirs", "it is another tool's language"),
];

/// What a block may call when it is run; everything else may be missing, or do something to the machine.
const HARMLESS: [&str; 18] = [
    "[", "cat", "cd", "chmod", "cp", "diff", "echo", "env", "export", "false", "grep", "head",
    "kiln", "ls", "mkdir", "printf", "true", "uname",
];

/// Pages side by side.
const AT_ONCE: usize = 3;

/// What pages speak of that have no project of their own.
const PROJECT: &[(&str, &str)] = &[
    (
        "project.kiln",
        "Project {\n  name = \"demo\"\n  base = sysroot\n  options {\n    ## Symbols.\n    debug: Bool = false\n    \
         product: \"shop\" | \"router\" = \"shop\"\n  }\n}\n",
    ),
    ("sysroot.kiln", "Import { base = null, source = Local(./shell) }\n"),
    (
        "hello.kiln",
        "Manual { source = Local(./src), install = \"mkdir -p $KILN_OUT/usr/bin && echo hello > $KILN_OUT/usr/bin/hello\" }\n",
    ),
    (
        "app.kiln",
        "Manual { version = \"1.2\", deps = [hello], install = \"echo app > $KILN_OUT/app\" }\n",
    ),
    (
        "libs.kiln",
        "\"gtk+\" = Stack { deps = [hello] }\nflags = (word: String) => [\"-D%{word}\"]\n",
    ),
    ("libs/app.kiln", "Stack {\n  deps = [\n    hello\n  ]\n}\n"),
    ("src/main.c", "int main(void) { return 0; }\n"),
];

/// A fenced block of a page.
struct Block {
    page: String,
    /// The number of its first line.
    line: usize,
    /// Behind the fence.
    words: Vec<String>,
    text: String,
}

/// What becomes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// By the tests of the evaluator.
    Evaluated,
    /// By the sessions of the book.
    Session,
    Run,
    Config,
    /// Not run, for a reason.
    Explained,
    /// Not run.
    Forgotten,
}

impl Block {
    fn fate(&self) -> Fate {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let is_reason = |word: &str| REASONS.iter().any(|(reason, _)| *reason == word);
        let folders = ["README.md", "docs/book/", "docs/spec/", "docs/errors/"];
        let is_evaluated = folders.iter().any(|folder| self.page.starts_with(folder));
        match words[..] {
            ["kiln"] | ["kiln", _] if is_evaluated => Fate::Evaluated,
            ["console"] if self.page.starts_with("docs/book/") => Fate::Session,
            ["sh"] if programs(&self.text).iter().all(|program| HARMLESS.contains(program)) => {
                Fate::Run
            }
            ["toml", "config"] => Fate::Config,
            [language, reason] if language != "kiln" && is_reason(reason) => Fate::Explained,
            _ => Fate::Forgotten,
        }
    }
}

/// Returns the programs that commands call.
fn programs(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        // Quoted parts hold no commands, and a remark ends a line.
        let bare: Vec<&str> = line.split(['\'', '"']).step_by(2).collect();
        let mut is_start = true;
        for word in bare.iter().flat_map(|part| part.split_whitespace()) {
            if word.starts_with('#') {
                break;
            }
            let is_variable = word.contains('=') && !word.starts_with('-');
            if is_start && !is_variable {
                found.push(word.trim_end_matches(';'));
                is_start = false;
            }
            is_start |= ["&&", "||", "|"].contains(&word) || word.ends_with(';');
        }
    }
    found
}

/// Returns the blocks of a page.
fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (ix, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), is_inside) {
            (Some(_), true) => is_inside = false,
            (Some(words), false) => {
                is_inside = true;
                let words = words.split_whitespace().map(str::to_owned).collect();
                let (page, text) = (page.to_owned(), String::new());
                found.push(Block { page, line: ix + 2, words, text });
            }
            (None, true) => {
                let block = found.last_mut().expect("it began");
                writeln!(block.text, "{line}").expect("a string");
            }
            (None, false) => {}
        }
    }
    found
}

/// Returns the blocks of each page, by its path.
fn pages() -> BTreeMap<String, Vec<Block>> {
    let root = kiln_testkit::project_root();
    let mut paths = kiln_testkit::files_below(&root.join("docs"));
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.insert(root.join("README.md"));
    let page = |path: &std::path::PathBuf| {
        let name = path.strip_prefix(&root).expect("it is below").display().to_string();
        let text = fs::read_to_string(path).expect("a page");
        let blocks = blocks(&name, &text);
        (name, blocks)
    };
    paths.iter().map(page).collect()
}

/// Returns the files that a block of kiln code names, each with its text.
fn files(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let stem = line.strip_prefix("# ").and_then(|name| name.strip_suffix(".kiln"));
        let name = stem.filter(|stem| !stem.contains(' ')).map(|stem| format!("{stem}.kiln"));
        match (name, files.last_mut()) {
            (Some(name), _) => files.push((name, String::new())),
            (None, Some((_, file))) => writeln!(file, "{line}").expect("a string"),
            (None, None) => {}
        }
    }
    files
}

/// Makes the project that the commands of a page are typed in.
fn world(files: &BTreeMap<String, String>) -> World {
    let folder = kiln_testkit::scratch();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("it is ours");
        fs::write(path, text).expect("it is ours");
    };
    for (path, text) in files {
        write(path, text);
    }
    if !files.contains_key("project.kiln") {
        for (path, text) in PROJECT {
            write(path, text);
        }
    }
    let world = World::new(folder.path());
    let copied = world.run("mkdir -p shell && cp -r \"$SHELL_TREE/bin\" shell/bin");
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    world
}

/// Returns commands that write into the folder of the test what they write into folders of the machine.
fn elsewhere(script: &str) -> String {
    let folders = ["/var/tmp/", "/var/lib/"];
    let moved = |script: String, folder| script.replace(folder, &format!("$WORLD{folder}"));
    let script = folders.into_iter().fold(script.to_owned(), moved);
    format!("mkdir -p $WORLD/var/tmp $WORLD/var/lib\n{script}")
}

/// Runs the commands of a page in order; returns those that failed.
fn complaints(blocks: &[Block], home: &Path) -> String {
    let mut told = String::new();
    let mut files_so_far = BTreeMap::new();
    let mut current: Option<World> = None;
    for block in blocks {
        let script = match block.fate() {
            Fate::Evaluated => {
                let named = files(&block.text);
                if named.iter().any(|(path, _)| path == "project.kiln") {
                    files_so_far.clear();
                }
                current = current.filter(|_| named.is_empty());
                files_so_far.extend(named);
                continue;
            }
            Fate::Run => elsewhere(&block.text),
            Fate::Config => {
                let file = "\"$HOME/.config/kiln/config.toml\"";
                format!(
                    "mkdir -p \"$HOME/.config/kiln\"\ncat > {file} <<'END'\n{}END\nunset KILN_HOME\nkiln eval 1\n",
                    block.text
                )
            }
            _ => continue,
        };
        let world = current.get_or_insert_with(|| world(&files_so_far));
        let mirror = kiln_testkit::debian_mirror();
        let said = world.run(&format!(
            "set -e\nexport KILN_HOME='{}' KILN_MIRROR_DEBIAN='file://{}'\n{script}",
            home.display(),
            mirror.display()
        ));
        if said.status != 0 {
            let (Block { page, line, .. }, status) = (block, said.status);
            writeln!(told, "{page}:{line}: status {status}\n{}{}", block.text, said.stderr)
                .expect("a string");
        }
    }
    told
}

#[test]
fn every_block_of_the_documents_is_run_or_says_why_not() {
    let mut n_run = 0;
    let mut forgotten = String::new();
    for block in pages().into_values().flatten() {
        match block.fate() {
            Fate::Forgotten => {
                let (page, line, words) = (&block.page, block.line, block.words.join(" "));
                writeln!(forgotten, "{page}:{line}: nothing runs this block (`{words}`)")
                    .expect("a string");
            }
            Fate::Explained => {}
            _ => n_run += 1,
        }
    }
    let reasons: Vec<String> =
        REASONS.iter().map(|(word, why)| format!("  {word}: {why}\n")).collect();
    assert!(forgotten.is_empty(), "{forgotten}words that are reasons:\n{}", reasons.concat());
    assert!(n_run > 200, "{n_run}");
}

#[test]
fn every_command_of_the_documents_works() {
    let home = kiln_testkit::scratch();
    let home = home.path().join("kiln");
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut jobs: Vec<Vec<Block>> = Vec::new();
    for (page, blocks) in pages() {
        let runs = |block: &Block| matches!(block.fate(), Fate::Run | Fate::Config);
        // Pages of errors repeat each other.
        let text: String =
            blocks.iter().filter(|block| runs(block)).map(|block| &*block.text).collect();
        let is_new = !page.starts_with("docs/errors/") || seen.insert(text.clone());
        if is_new && !text.is_empty() {
            jobs.push(blocks);
        }
    }
    let (next, told) = (AtomicUsize::new(0), Mutex::new(String::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(blocks) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let complaints = complaints(blocks, &home);
                    told.lock().expect("no panic there").push_str(&complaints);
                }
            });
        }
    });
    let told = told.into_inner().expect("no panic there");
    assert!(told.is_empty(), "{told}");
}

#[test]
fn a_block_that_nothing_runs_is_found() {
    let check = |page: &str, fence: &str, expected: Fate| {
        let found = blocks(page, &format!("a\n  ```{fence}\n  kiln\n  ```\nb\n"));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, &*found[0].text), (3, "  kiln\n"));
        assert_eq!(found[0].fate(), expected, "{page} {fence}");
    };
    check("docs/book/a.md", "kiln K0101", Fate::Evaluated);
    check("docs/design/a.md", "kiln", Fate::Forgotten);
    check("docs/book/a.md", "kiln network", Fate::Evaluated);
    check("docs/book/a.md", "console", Fate::Session);
    check("README.md", "console", Fate::Forgotten);
    check("README.md", "sh", Fate::Run);
    check("README.md", "sh network", Fate::Explained);
    check("README.md", "sh tool", Fate::Explained);
    check("README.md", "sh because", Fate::Forgotten);
    check("README.md", "toml", Fate::Forgotten);
    check("README.md", "text output", Fate::Explained);
    check("README.md", "", Fate::Forgotten);
}

#[test]
fn a_command_that_fails_is_found() {
    let home = kiln_testkit::scratch();
    let check = |text: &str, expected: bool| {
        let told = complaints(&blocks("README.md", text), home.path());
        assert_eq!(!told.is_empty(), expected, "{told}");
    };
    check("```sh\nkiln show hello\n```\n", false);
    check("```sh\nkiln show helo\n```\n", true);
    check("```sh\nfalse\ntrue\n```\n", true);
    check(
        "```kiln\n# project.kiln\nProject { name = \"own\" }\n```\n```sh\nkiln eval project.name | grep own\n```\n",
        false,
    );
    check("```toml config\njobs = 2\n```\n", false);
    check("```toml config\njobz = 2\n```\n", true);
}

#[test]
fn a_block_that_calls_other_programs_is_not_run() {
    let check = |text: &str, expected: &[&str]| assert_eq!(programs(text), expected, "{text}");
    check("A=1 kiln build # rm\nls | grep x && cd ~; fg", &["kiln", "ls", "grep", "cd", "fg"]);
    check("echo 'a | rm' \"b; rm\" || sudo rm", &["echo", "sudo"]);
    let block = |text: &str| blocks("README.md", &format!("```sh\n{text}\n```\n")).remove(0).fate();
    assert_eq!(block("kiln build"), Fate::Run);
    assert_eq!(block("kiln build && apt-get install x"), Fate::Forgotten);
}
