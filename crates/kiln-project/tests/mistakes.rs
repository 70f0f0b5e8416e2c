//! Mistakes that only a whole project can have, `tests/lang/project`, and how many mistakes have a case at all.
//!
//! A case has three files: `NAME.kiln`, the files of a project (`//- path` begins one; paths are relative to the
//! folder around the project, which is `app`; `//o name=value` sets an option, `//t name` asks for an element),
//! `NAME.txt` with what is found, and `NAME.fixed.kiln`, the same files after the edits that the helps propose.
//! Where a finding proposes none a person has followed the help. `SNAPSHOTS=overwrite` writes the expected files.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "projects and cases are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kiln_diag::{Diagnostic, Edit, Texts, edited};
use kiln_project::{inspect, load};
use miette::Diagnostic as _;
use snapbox::{Assert, Data};

/// The files of a case, in order, and how it is loaded.
#[derive(Default)]
struct Case {
    /// Path and text.
    files: Vec<(String, String)>,
    options: Vec<(String, String)>,
    targets: Vec<String>,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case = Self::default();
        for line in text.split_inclusive('\n') {
            if let Some(path) = line.strip_prefix("//- ") {
                case.files.push((path.trim().to_owned(), String::new()));
            } else if let Some(option) = line.strip_prefix("//o ") {
                let (name, value) = option.trim().split_once('=').unwrap();
                case.options.push((name.to_owned(), value.to_owned()));
            } else if let Some(target) = line.strip_prefix("//t ") {
                case.targets.push(target.trim().to_owned());
            } else {
                case.files.last_mut().unwrap().1.push_str(line);
            }
        }
        case
    }

    fn write(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.options {
            writeln!(text, "//o {name}={value}").unwrap();
        }
        for target in &self.targets {
            writeln!(text, "//t {target}").unwrap();
        }
        for (path, content) in &self.files {
            write!(text, "//- {path}\n{content}").unwrap();
        }
        text
    }

    /// Loads and checks the project; a failure to read it is text, too.
    fn found(&self) -> (Vec<Diagnostic>, Texts, String) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in &self.files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = folder.path().join("app");
        let loaded = load(&root, &self.targets, &self.options).and_then(|project| {
            let mut findings = project.findings;
            inspect(&root, &project.texts, &mut findings)?;
            Ok((findings, project.texts))
        });
        match loaded {
            Ok((findings, texts)) => {
                let said = findings.iter().map(|one| shown(one, &texts)).collect::<String>();
                let said = said.replace(&folder.path().display().to_string(), "[ROOT]");
                (findings, texts, said)
            }
            Err(error) => {
                let code = error.code().unwrap();
                let mut said = format!("error[{code}]: {error}\n");
                if let Some(help) = error.help() {
                    writeln!(said, "  help: {help}").unwrap();
                }
                let said = said.replace(&folder.path().display().to_string(), "[ROOT]");
                (Vec::new(), Texts::default(), said)
            }
        }
    }

    /// Returns the case with edits applied.
    fn edited(&self, edits: &[Edit], texts: &Texts) -> Option<Self> {
        let mut files = self.files.clone();
        for (file, text) in texts.iter() {
            // Texts are named from the project, or from the folder of an input.
            let path =
                text.name.strip_prefix("../").map_or(format!("app/{}", text.name), str::to_owned);
            let edited = edited(file, &text.text, edits)?;
            if let Some((_, content)) = files.iter_mut().find(|(known, _)| *known == path) {
                *content = edited;
            }
        }
        Some(Self { files, options: self.options.clone(), targets: self.targets.clone() })
    }
}

fn shown(finding: &Diagnostic, texts: &Texts) -> String {
    let word = if finding.is_error() { "error" } else { "warning" };
    let mut said = format!("{word}[{}]: {}\n", finding.code, finding.message);
    for label in finding.primary.iter().chain(&finding.secondary) {
        let name = texts.get(label.span.file).map_or("", |text| &text.name);
        // Lines of the standard library move with its documentation.
        let at =
            if name.starts_with("<stdlib>") { name.to_owned() } else { texts.place(label.span) };
        writeln!(said, "  {at} {}", label.text).unwrap();
    }
    if let Some(help) = &finding.help {
        writeln!(said, "  help: {help}").unwrap();
    }
    said
}

fn lang(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang").join(folder)
}

/// Returns the cases of a folder that have a text after the edit, by their paths.
fn cases(folder: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(lang(folder)).unwrap();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".kiln") && !name.ends_with(".fixed.kiln")
    });
    paths.sort();
    paths
}

fn compare(path: &Path, shown: &str) -> Result<(), String> {
    let assert = Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
    let (shown, expected) = (shown.to_owned().into(), Data::read_from(path, None).raw());
    let compared = assert.try_eq(Some(&path.display()), shown, expected);
    compared.map_err(|different| different.to_string())
}

fn check(path: &Path) -> Result<(), String> {
    let case = Case::read(&std::fs::read_to_string(path).unwrap());
    let (findings, texts, said) = case.found();
    compare(&path.with_extension("txt"), &said)?;
    let fixed = path.with_extension("fixed.kiln");
    let edits: BTreeSet<&Edit> = findings.iter().flat_map(|finding| &finding.edits).collect();
    let edits: Vec<Edit> = edits.into_iter().cloned().collect();
    let all = !findings.is_empty() && findings.iter().all(|finding| !finding.edits.is_empty());
    if all {
        let edited = case.edited(&edits, &texts).ok_or_else(|| format!("{edits:?} overlap"))?;
        compare(&fixed, &edited.write())?;
    }
    let fixed_text =
        std::fs::read_to_string(&fixed).map_err(|e| format!("{}: {e}", fixed.display()))?;
    let (_, _, left) = Case::read(&fixed_text).found();
    let name = path.display();
    if left.is_empty() { Ok(()) } else { Err(format!("{name}: after the edit is found\n{left}")) }
}

#[test]
fn mistakes_of_whole_projects_and_what_mends_them() {
    let cases = cases("project");
    assert!(cases.len() > 10);
    let wrong: String = cases.iter().filter_map(|path| check(path).err()).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

/// Codes of the language and of projects that no case shows, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("K0414", "somebody who asks at a prompt stops the evaluation; no text does"),
    ("K0510", "what this kiln does not have yet goes away"),
    ("K1001", "the disk cannot be read"),
    ("K1002", "an IR is written by programs"),
    ("K1003", "the disk cannot be written"),
    ("K1010", "there are no files to put a case into"),
    ("K1011", "the disk cannot be read"),
    ("K1012", "a case is a text, and this is none"),
    ("K1013", "a case would be larger than all others together"),
    ("K1015", "a server is asked"),
    ("K1016", "a case is a text, and this is a pipe, device, socket or folder"),
    ("K1017", "a case is a text, and this is a link"),
    ("K1101", "`kiln track` writes the lock anew; no edit of it is proposed"),
    ("K1102", "`kiln track` writes the lock anew; no edit of it is proposed"),
    ("K1103", "`kiln track` writes the lock anew; no edit of it is proposed"),
    ("K1104", "`kiln track` writes the lock anew; no edit of it is proposed"),
    ("K1105", "`kiln track` adds to the lock; no edit is proposed"),
    ("K1106", "`kiln track` adds to the lock; no edit is proposed"),
    ("K1107", "`kiln track` adds to the lock; no edit is proposed"),
    ("K1108", "`kiln track` adds to the lock; no edit is proposed"),
    ("K1110", "`kiln track` adds to the lock; no edit is proposed"),
];

/// Returns the codes that the cases of a folder print, and how many cases have a text after the edit.
fn counted(folder: &str) -> (usize, BTreeSet<String>) {
    let mut codes = BTreeSet::new();
    let mut n_cases = 0;
    for path in cases(folder) {
        if !path.with_extension("fixed.kiln").is_file() {
            continue;
        }
        let said = std::fs::read_to_string(path.with_extension("txt")).unwrap();
        let heads = said.lines().filter_map(|line| {
            line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))
        });
        let before = codes.len();
        let own: BTreeSet<String> =
            heads.filter_map(|head| head.split(']').next()).map(str::to_owned).collect();
        assert!(!own.is_empty() && before <= codes.len(), "{} finds nothing", path.display());
        codes.extend(own);
        n_cases += 1;
    }
    (n_cases, codes)
}

#[test]
fn every_code_of_the_language_has_a_case_with_its_edit() {
    let counts: BTreeMap<&str, (usize, BTreeSet<String>)> =
        ["err", "syntax/err", "project"].map(|folder| (folder, counted(folder))).into();
    let n_cases: usize = counts.values().map(|(n_cases, _)| n_cases).sum();
    let shown: BTreeSet<&str> =
        counts.values().flat_map(|(_, codes)| codes).map(String::as_str).collect();
    assert!(n_cases >= 120, "{n_cases} cases");
    assert!(shown.len() >= 60, "{} codes: {shown:?}", shown.len());

    let pages = std::fs::read_dir(lang("../../docs/errors")).unwrap();
    let pages: BTreeSet<String> = pages
        .map(|page| page.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|stem| stem.starts_with("K0") || stem.starts_with("K1"))
        .collect();
    let excused: BTreeSet<&str> = WITHOUT.iter().map(|(code, _)| *code).collect();
    let untold: Vec<&String> = pages
        .iter()
        .filter(|code| !shown.contains(code.as_str()) && !excused.contains(code.as_str()))
        .collect();
    assert!(untold.is_empty(), "neither a case nor a reason: {untold:?}");
    let needless: Vec<&&str> = excused.iter().filter(|code| shown.contains(*code)).collect();
    assert!(needless.is_empty(), "there is a case: {needless:?}");
}
