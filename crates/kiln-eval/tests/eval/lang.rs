//! The executable specification: each file of `tests/lang` with its value or its findings beside it.
//!
//! A case of `err` has three files: `NAME.kiln`, its findings `NAME.txt`, and `NAME.fixed.kiln`, the text after the
//! edits that the helps propose. What a finding carries as an edit is applied; the rest is a few lines written by hand.

use crate::fixture::Fixture;
use crate::show::show;
use kiln_diag::{Diagnostic, Edit, Texts};
use kiln_eval::{Evaluated, Failed, Value};
use snapbox::{Assert, Data};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Lines that the help of one finding may change without an edit of its own: one leaves, two come.
const LINES_BY_HAND: usize = 3;

/// Returns the cases of a folder, in order of name.
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
pub(crate) fn cases(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang").join(folder);
    let listed = std::fs::read_dir(&folder).expect("the folder of cases");
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "kiln"));
    paths.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a case");
    paths.iter().map(|path| (path.clone(), read(path))).collect()
}

fn is_fixed(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".fixed.kiln")
}

/// Forces all of a project; the case is the member `case` of an otherwise empty project.
pub(crate) fn force(project: &mut Evaluated, _: &Texts) -> String {
    let value = project.value("case");
    for id in project.elements() {
        // What fails is among the findings.
        let _: usize = project.fields(id).iter().filter(|f| project.field(id, f).is_err()).count();
        let _: Result<(), Failed> = project.check(id);
    }
    match value {
        Some(Value::Element(id)) => format!("<{}>\n", project.name(id)),
        Some(value) => show(project, &value),
        None => String::new(),
    }
}

/// Compares a text with the one in a file; a difference is an answer, so that all cases are seen at once.
pub(crate) fn compare(path: &Path, shown: &str) -> Result<(), String> {
    let assert = Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
    let (shown, expected) = (shown.to_owned().into(), Data::read_from(path, None).raw());
    let compared = assert.try_eq(Some(&path.display()), shown, expected);
    compared.map_err(|different| different.to_string())
}

/// Applies what the findings of a case propose and sees all of them gone.
fn check_fixed(path: &Path, fixture: &Fixture, findings: &[Diagnostic]) -> Result<(), String> {
    let name = path.display();
    let edits: BTreeSet<&Edit> = findings.iter().flat_map(|finding| &finding.edits).collect();
    let edits: Vec<Edit> = edits.into_iter().cloned().collect();
    let proposed =
        fixture.edited(&edits).ok_or_else(|| format!("{name}: edits overlap: {edits:?}\n"))?;
    let fixed_path = path.with_extension("fixed.kiln");
    let without_edit = findings.iter().filter(|finding| finding.edits.is_empty()).count();
    if without_edit == 0 {
        compare(&fixed_path, &proposed)?;
    }
    let fixed = Data::read_from(&fixed_path, None).to_string();
    let n_changed = n_changed_lines(&proposed, &fixed);
    if n_changed > LINES_BY_HAND * without_edit {
        let counted = format!("{n_changed} lines change for {without_edit} findings without edits");
        return Err(format!("{name}: {counted}\n{proposed}"));
    }
    let fixture = Fixture::new(&fixed);
    let left = fixture.checked(force).1;
    let left: String = left.iter().map(|one| fixture.render(one)).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("{name}: after the edit is found\n{left}")) }
}

/// Counts the lines that one text has and the other has not, in order.
fn n_changed_lines(left: &str, right: &str) -> usize {
    let (left, right): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    let mut common = vec![0; right.len() + 1];
    for line in &left {
        let mut diagonal = 0;
        for (ix, other) in right.iter().enumerate() {
            let above = common[ix + 1];
            common[ix + 1] = if line == other { diagonal + 1 } else { above.max(common[ix]) };
            diagonal = above;
        }
    }
    left.len() + right.len() - 2 * common[right.len()]
}

/// Runs all cases and tells what is wrong with any of them.
pub(crate) fn check_all(
    cases: &[(PathBuf, String)],
    check: impl Fn(&Path, &str) -> Result<(), String>,
) {
    let wrong: Vec<String> =
        cases.iter().filter_map(|(path, text)| check(path, text).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn values() {
    let cases = cases("ok");
    assert!(cases.len() > 20);
    check_all(&cases, |path, text| {
        let fixture = Fixture::new(text);
        let (mut shown, findings) = fixture.checked(force);
        for finding in findings.iter().filter(|finding| finding.is_error()) {
            shown.push_str(&fixture.render(finding));
        }
        compare(&path.with_extension("txt"), &shown)
    });
}

#[test]
fn findings_and_what_they_propose() {
    let mut cases = cases("err");
    cases.retain(|(path, _)| !is_fixed(path));
    assert!(cases.len() > 20);
    check_all(&cases, |path, text| {
        let fixture = Fixture::new(text);
        let (mut shown, findings) = fixture.checked(force);
        for finding in &findings {
            shown.push_str(&fixture.render(finding));
        }
        let compared = compare(&path.with_extension("txt"), &shown);
        let mended = check_fixed(path, &fixture, &findings);
        let both = [compared.err(), mended.err()].into_iter().flatten().collect::<String>();
        if both.is_empty() { Ok(()) } else { Err(both) }
    });
}

/// The folder of a case of the index is the first part of its name; a test of this crate is `fn NAME`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn the_index_of_rules_names_what_is_there() {
    let lang = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang");
    let index = std::fs::read_to_string(lang.join("README.md")).expect("the index of the rules");
    let tests = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval"));
    let tests = tests.expect("the tests").map(|entry| entry.expect("a test").path());
    let tests: String = tests.map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    let rows: Vec<&str> = index.lines().filter(|line| line.starts_with("| ")).collect();
    // What stands in backticks behind the name of a rule.
    let columns = rows.iter().flat_map(|row| row.split(" | ").skip(1));
    let named: BTreeSet<&str> =
        columns.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 150, "only {} names", named.len());
    for name in &named {
        let is_there = match name.strip_prefix("fn ") {
            Some(name) => tests.contains(&format!("fn {name}()")),
            None => lang.join(format!("{name}.kiln")).exists(),
        };
        assert!(is_there, "there is no {name}");
    }
    for (path, _) in cases("ok") {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(named.contains(format!("ok/{name}").as_str()), "no rule names ok/{name}");
    }
}
