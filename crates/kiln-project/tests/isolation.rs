//! A mistake in one item is told in that item: what `kiln check` says about all others stays as it was.
//!
//! Real projects of many items, one of which is changed at random, by all that is said about them: syntax, values,
//! lowering and the static pass. `ISOLATION_CASES` says how many mutants are tried, `ISOLATION_SEED` which; `make fuzz`
//! says 10,000.

#![expect(
    clippy::disallowed_methods,
    reason = "the texts are files, the number of cases comes from outside"
)]

#[expect(dead_code, reason = "other tests take all of it")]
#[path = "../../kiln-syntax/tests/texts/mutants.rs"]
mod mutants;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use kiln_diag::{Diagnostic, FileId};
use kiln_syntax::ast::{Ast, Entry, KeyPart};
use kiln_syntax::parse;
use mutants::{Random, mutation};

/// Some seconds in a debug build.
const FEW: u64 = 60;

/// The file of projects that write none.
const PROJECT: &str = "Project { name = \"test\" }\n";

/// Items of all sorts, sound and not; each stands for itself.
const MIXED: &str = include_str!("isolation/mixed.kiln");

/// The file of them in projects of other texts.
const BESIDE: &str = "beside.kiln";

/// A project that is changed.
struct Sample {
    root: tempfile::TempDir,
    files: Vec<SampleFile>,
    /// What is said about each item of each file.
    said: Vec<Vec<String>>,
}

struct SampleFile {
    path: String,
    text: String,
    chunks: Vec<Range<usize>>,
    /// What others see of it.
    names: BTreeSet<String>,
}

impl Sample {
    fn new(files: Vec<(String, String)>) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let file = |(path, text): (String, String)| {
            let parse = parse(FileId(0), &text);
            let chunks: Vec<_> = parse.chunks().collect();
            SampleFile { names: names(&parse.ast), chunks, path, text }
        };
        let mut files: Vec<SampleFile> = files.into_iter().map(file).collect();
        if !files.iter().any(|file| file.path == "project.kiln") {
            files.push(file(("project.kiln".to_owned(), PROJECT.to_owned())));
        }
        for file in &files {
            write(root.path(), &file.path, &file.text);
        }
        let mut sample = Self { root, files, said: Vec::new() };
        let bounds: Vec<Vec<Range<usize>>> =
            sample.files.iter().map(|file| file.chunks.clone()).collect();
        sample.said = sample.findings(&bounds);
        sample
    }

    /// Returns what is said about each item, with places counted from its begin.
    fn findings(&self, bounds: &[Vec<Range<usize>>]) -> Vec<Vec<String>> {
        let project = kiln_project::load(self.root.path(), &[], &[]).expect("files that are read");
        let (texts, mut found) = (project.texts, project.findings);
        kiln_project::inspect(self.root.path(), &texts, &mut found).expect("files that are read");
        let mut said: Vec<Vec<String>> =
            bounds.iter().map(|chunks| vec![String::new(); chunks.len()]).collect();
        for finding in &found {
            let Some(label) = &finding.primary else { continue };
            let Some(text) = texts.get(label.span.file) else { continue };
            let Some(file) = self.files.iter().position(|file| file.path == text.name) else {
                continue;
            };
            let at = label.span.start as usize;
            // A place at the very end belongs to the last item.
            let after = bounds[file].partition_point(|chunk| chunk.start <= at);
            let chunk = after.saturating_sub(1);
            let start = bounds[file][chunk].start;
            let line = summary(finding, at - start);
            writeln!(said[file][chunk], "{line}").expect("a string");
        }
        said
    }

    /// Returns whether nothing is said about it but about what stands beside it, so that all of it means something.
    fn is_sound(&self) -> bool {
        let own = self.files.iter().zip(&self.said).filter(|(file, _)| file.path != BESIDE);
        own.flat_map(|(_, said)| said).all(String::is_empty)
    }

    /// Returns the places of all items; of files that only stand beside a case none.
    fn items(&self) -> impl Iterator<Item = (usize, usize)> {
        let chunks =
            |(ix, file): (usize, &SampleFile)| (0..file.chunks.len()).map(move |c| (ix, c));
        let is_own = |file: &SampleFile| file.text != PROJECT && file.path != BESIDE;
        self.files.iter().enumerate().filter(move |(_, file)| is_own(file)).flat_map(chunks)
    }

    /// Changes one item, and returns what became of the others.
    fn change(&self, file: usize, chunk: usize, random: &mut Random) -> Change {
        let old = &self.files[file];
        // The end of its last line keeps it apart from the next.
        let mut range = old.chunks[chunk].clone();
        range.end = range.start + old.text[range.clone()].trim_end().len();
        let inside = mutation(&old.text[range.clone()], random);
        let text = format!("{}{inside}{}", &old.text[..range.start], &old.text[range.end..]);
        let parse = parse(FileId(0), &text);
        let is_sound = parse.diagnostics.is_empty();
        if is_sound && names(&parse.ast) != old.names {
            return Change::Other;
        }
        let moved = |place: usize| place + inside.len() - range.len();
        let mut bounds: Vec<Vec<Range<usize>>> =
            self.files.iter().map(|file| file.chunks.clone()).collect();
        bounds[file][chunk].end = moved(bounds[file][chunk].end);
        for later in &mut bounds[file][chunk + 1..] {
            *later = moved(later.start)..moved(later.end);
        }
        write(self.root.path(), &old.path, &text);
        let mut said = self.findings(&bounds);
        write(self.root.path(), &old.path, &old.text);
        said[file][chunk].clone_from(&self.said[file][chunk]);
        let all = self.files.iter().enumerate();
        let mut all =
            all.flat_map(|(ix, file)| (0..file.chunks.len()).map(move |chunk| (ix, chunk)));
        let other = all.find(|(file, chunk)| said[*file][*chunk] != self.said[*file][*chunk]);
        let Some((other, other_chunk)) = other else { return Change::None };
        let names = names_in(&old.text[range]);
        let user = &self.files[other];
        if is_sound && mentions(&user.text[user.chunks[other_chunk].clone()], &names) {
            return Change::Other;
        }
        let (was, is) = (&self.said[other][other_chunk], &said[other][other_chunk]);
        let (path, other) = (&old.path, &user.path);
        Change::Said(format!("--- {path} becomes\n{inside}\n{other} was\n{was}is\n{is}"))
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// What a mutation of one item made of the others.
#[derive(PartialEq)]
enum Change {
    None,
    /// The mutant is as sound as the item was and defines something else: another name, or a value that those who use it
    /// are told about. That is no mistake of the item.
    Other,
    Said(String),
}

/// Returns the names that an item defines, and those of its fields.
fn names_in(item: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let heads = item.split(['=', ':', '{', '(']).map(|head| {
        let head = head.trim_end().trim_end_matches(['+', '?']).trim_end();
        head[head.trim_end_matches(is_part).len()..].to_owned()
    });
    heads.filter(|name| !name.is_empty()).collect()
}

/// Returns whether one of some names stands in an item.
fn mentions(item: &str, names: &[String]) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    item.split(|c| !is_part(c)).any(|word| names.iter().any(|name| name == word))
}

/// Returns the names that a file defines.
fn names(ast: &Ast) -> BTreeSet<String> {
    let name = |entry: &Entry| match entry {
        Entry::Field(field) => {
            let parts = field.key.iter().map(|part| match part {
                KeyPart::Name(name) => name.text.to_string(),
                KeyPart::Dynamic(_) => String::new(),
            });
            Some(parts.collect::<Vec<_>>().join("."))
        }
        Entry::Let(item) => Some(item.name.text.to_string()),
        Entry::Type(item) => Some(item.name.text.to_string()),
        _ => None,
    };
    ast.entries.iter().filter_map(name).collect()
}

fn summary(finding: &Diagnostic, at: usize) -> String {
    let Diagnostic { code, message, help, .. } = finding;
    format!("{at} {code} {message} ({})", help.as_deref().unwrap_or_default())
}

/// Splits a case into its files: `//- /libs/zinc.kiln` begins one.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(path) = line.strip_prefix("//- /") {
            files.push((path.trim().to_owned(), String::new()));
            continue;
        }
        if files.is_empty() {
            files.push(("case.kiln".to_owned(), String::new()));
        }
        files.last_mut().expect("a file").1.push_str(line);
    }
    files
}

/// Returns the kiln files below a folder, by their paths relative to it.
fn texts(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of texts") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "kiln") {
                let name = path.strip_prefix(root).expect("below it").to_str().expect("a name");
                found.push((name.to_owned(), std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    found.sort();
    found
}

/// Returns projects of the repository: examples, the standard library as kinds of a user, cases; beside each a file
/// of items with mistakes.
fn samples() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = |mut files: Vec<(String, String)>| {
        files.push((BESIDE.to_owned(), MIXED.to_owned()));
        Sample::new(files)
    };
    let mut samples = vec![Sample::new(sections(MIXED)), Sample::new(texts(&root.join("stdlib")))];
    for example in ["hello", "stack", "inputs/library"] {
        samples.push(beside(texts(&root.join("docs/examples").join(example))));
    }
    for folder in ["ok", "syntax/ok"] {
        let cases = texts(&root.join("tests/lang").join(folder));
        let cases = cases.iter().map(|case| beside(sections(&case.1)));
        samples.extend(cases.filter(|sample| sample.is_sound() && sample.items().count() > 1));
    }
    samples
}

fn from_outside(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

#[test]
fn fuzz_a_mutant_of_one_item_leaves_what_is_said_of_the_others() {
    let (n_cases, seed) = (from_outside("ISOLATION_CASES", FEW), from_outside("ISOLATION_SEED", 1));
    let samples = samples();
    let places: Vec<(usize, (usize, usize))> = samples
        .iter()
        .enumerate()
        .flat_map(|(ix, sample)| sample.items().map(move |item| (ix, item)))
        .collect();
    assert!(samples.len() > 30 && places.len() > 250, "{} of {}", places.len(), samples.len());
    let mut random = Random::new(seed);
    let (mut n_tried, mut n_sound, mut moved) = (0, 0, Vec::new());
    while n_tried < n_cases {
        let (sample, (file, chunk)) = places[random.below(places.len())];
        let change = samples[sample].change(file, chunk, &mut random);
        n_tried += u64::from(change != Change::Other);
        match change {
            Change::Said(said) => moved.push(said),
            Change::Other => n_sound += 1,
            Change::None => {}
        }
    }
    let n_same = n_tried - moved.len() as u64;
    eprintln!(
        "isolation: {n_same} of {n_tried} mutants of {} items in {} projects, seed {seed}; {n_sound} more were sound and another definition",
        places.len(),
        samples.len(),
    );
    // Few mutants say little: a case more in the repository draws others.
    let least = if n_tried < 1_000 { 95 } else { 99 };
    assert!(n_same * 100 >= n_tried * least, "{n_same} of {n_tried}\n{}", moved.concat());
}
