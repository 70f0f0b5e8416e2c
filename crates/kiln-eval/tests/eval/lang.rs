//! The executable specification: each file of `tests/lang` with its value or its findings beside it.

use crate::fixture::Fixture;
use crate::show::show;
use kiln_eval::{Failed, Value};
use snapbox::Data;
use std::path::{Path, PathBuf};

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

/// Compares all cases of a folder; the case is the member `case` of an otherwise empty project.
fn check(folder: &str) -> usize {
    let cases = cases(folder);
    for (path, text) in &cases {
        let shown = Fixture::new(text).run(&[], |project, _| {
            let value = project.value("case");
            for id in project.elements() {
                // What fails is among the findings.
                let _: usize =
                    project.fields(id).iter().filter(|f| project.field(id, f).is_err()).count();
                let _: Result<(), Failed> = project.check(id);
            }
            match value {
                Some(Value::Element(id)) => format!("<{}>\n", project.name(id)),
                Some(value) => show(project, &value),
                None => String::new(),
            }
        });
        let expected = Data::read_from(&path.with_extension("txt"), None);
        snapbox::assert_data_eq!(shown, expected.raw());
    }
    cases.len()
}

#[test]
fn values() {
    assert!(check("ok") > 20);
}

#[test]
fn findings() {
    assert!(check("err") > 20);
}
