//! Folders and files of the project, held to what all kinds of sources promise.
#![expect(clippy::disallowed_methods, reason = "tests write their own projects")]

use std::fs;
use std::path::Path;

use kiln_ir::Source;
use kiln_source::SourceKind;
use kiln_source_local::LocalKind;
use kiln_testkit::conformance::{Subject, check};
use kiln_testkit::scratch;

#[test]
fn folders_and_files_of_the_project_keep_the_promises() {
    let project = scratch();
    fs::create_dir_all(project.path().join("src/empty")).unwrap();
    fs::write(project.path().join("src/main.c"), "int main;").unwrap();
    fs::write(project.path().join("src/main.o"), "o").unwrap();
    let kind = |_cache: &Path| {
        Box::new(LocalKind { project: project.path().into() }) as Box<dyn SourceKind>
    };
    for (path, exclude) in
        [("src", vec![]), ("src", vec!["*.o".to_owned()]), ("src/main.c", vec![])]
    {
        let source = Source::Local { path: path.to_owned(), exclude, with_ignored: false };
        check(&Subject { kind: &kind, source, server: None });
    }
}
