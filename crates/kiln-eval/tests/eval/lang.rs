//! The executable specification: each file of `tests/lang` with its value or its findings beside it.
//!
//! A case of `err` has three files: `NAME.kiln`, its findings `NAME.txt`, and `NAME.fixed.kiln`, the text after the
//! edits that the helps propose. What a finding carries as an edit is applied; the rest is a few lines written by hand.

use crate::fixture::Fixture;
use crate::show::show;
use kiln_diag::{Diagnostic, Edit};
use kiln_eval::{Evaluated, Failed, Value};
use snapbox::Data;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Lines that the help of one finding may change without an edit of its own: one leaves, two come.
const LINES_BY_HAND: usize = 3;

/// Returns the cases of a folder, in order of name.
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn cases(folder: &str) -> Vec<(PathBuf, String)> {
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
fn force(project: &mut Evaluated) -> String {
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

/// Compares a case with the text beside it.
fn check(path: &Path, shown: &str) {
    let expected = Data::read_from(&path.with_extension("txt"), None);
    snapbox::assert_data_eq!(shown, expected.raw());
}

/// Applies what the findings of a case propose and sees all of them gone.
fn check_fixed(path: &Path, fixture: &Fixture, findings: &[Diagnostic]) {
    let name = path.display();
    let edits: BTreeSet<&Edit> = findings.iter().flat_map(|finding| &finding.edits).collect();
    let edits: Vec<Edit> = edits.into_iter().cloned().collect();
    let proposed = fixture.edited(&edits);
    let proposed = proposed.unwrap_or_else(|| panic!("{name}: edits overlap: {edits:?}"));
    let fixed_path = path.with_extension("fixed.kiln");
    let without_edit = findings.iter().filter(|finding| finding.edits.is_empty()).count();
    if without_edit == 0 {
        let expected = Data::read_from(&fixed_path, None);
        snapbox::assert_data_eq!(proposed.as_str(), expected.raw());
    }
    let fixed = Data::read_from(&fixed_path, None).to_string();
    let n_changed = n_changed_lines(&proposed, &fixed);
    assert!(
        n_changed <= LINES_BY_HAND * without_edit,
        "{name}: {n_changed} lines change for {without_edit} findings without edits\n{proposed}"
    );
    let left = Fixture::new(&fixed).found(&[], |project, _| force(project)).1;
    let left: Vec<String> = left.iter().map(|one| Fixture::new(&fixed).render(one)).collect();
    assert!(left.is_empty(), "{name}: after the edit is found\n{}", left.concat());
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

#[test]
fn values() {
    let cases = cases("ok");
    assert!(cases.len() > 20);
    for (path, text) in &cases {
        check(path, &Fixture::new(text).run(&[], |project, _| force(project)));
    }
}

#[test]
fn findings_and_what_they_propose() {
    let cases = cases("err");
    assert!(cases.len() > 40);
    for (path, text) in cases.iter().filter(|(path, _)| !is_fixed(path)) {
        let fixture = Fixture::new(text);
        let (mut shown, findings) = fixture.found(&[], |project, _| force(project));
        findings.iter().for_each(|finding| shown.push_str(&fixture.render(finding)));
        check(path, &shown);
        check_fixed(path, &fixture, &findings);
    }
}
