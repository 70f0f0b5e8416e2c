//! What a commit is called by the tag before it: from servers that leave out files, and those that do not.

use std::sync::Mutex;

use kiln_cas::MemoryCas;
use kiln_event::{Event, Sink};
use kiln_ir::Content;
use kiln_source::{Fetcher, Mirrors, Ports, Settings, SourceKind as _, ThreadPause};
use kiln_testkit::conformance::Upstream as _;
use kiln_testkit::scratch;

use crate::http::HttpServer;
use crate::upstream::{Dumb, Repository};
use crate::{kind, source};

/// What was warned of.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Sink for Warnings {
    fn emit(&self, event: Event) {
        if let Event::Warning { code, message } = event {
            self.0.lock().unwrap().push(format!("{code} {message}"));
        }
    }
}

/// Tracks a branch, and returns what its commit is called and what was warned of.
fn called(base: &str) -> (Option<String>, Vec<String>) {
    let cache = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set("up", [base]).unwrap();
    let folder = cache.path().join("downloads");
    let settings = Settings { folder, mirrors, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    let (cas, warnings) = (MemoryCas::default(), Warnings::default());
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &warnings };
    let kind = kind(cache.path(), &[]);
    let pin = kind.track(&source("up:up", "other"), ports).unwrap();
    let again = kind.track(&source("up:up", "other"), ports).unwrap();
    assert_eq!(pin, again);
    let Content::Commit(commit) = pin.content else { panic!("no commit") };
    (commit.describe, warnings.0.into_inner().unwrap())
}

#[test]
fn a_branch_is_called_by_the_tag_before_it() {
    let repository = Repository::new();
    let expected = format!("v1.0-1-g{}", &repository.at("other")[..12]);
    let server = HttpServer::start(repository.folder()).with_config("uploadpack.allowFilter=true");
    assert_eq!(called(&server.base()), (Some(expected.clone()), Vec::new()));
    // Commits alone came for it.
    let asked = server.asked();
    let history = |line: &&String| line.contains("deepen 2000");
    assert!(asked.iter().filter(history).all(|line| line.contains("filter tree:0")), "{asked:?}");
    assert_eq!(asked.iter().filter(history).count(), 1);
    let here = format!("file://{}", repository.folder().display());
    assert_eq!(called(&here), (Some(expected.clone()), Vec::new()));
    // This one gave all it has anyway.
    let server = Dumb::start(repository.folder());
    assert_eq!(called(&server.base()), (Some(expected), Vec::new()));
}

#[test]
fn no_files_are_fetched_for_what_a_branch_is_called() {
    let repository = Repository::new();
    let server = HttpServer::start(repository.folder());
    let (describe, warnings) = called(&server.base());
    assert_eq!(describe, None);
    assert!(warnings[0].starts_with("K2409 the commit `"), "{warnings:?}");
    assert!(warnings[0].ends_with("it gives no history without all files of it"), "{warnings:?}");
    let asked = server.asked();
    assert!(!asked.iter().any(|line| line.contains("deepen 2000")), "{asked:?}");
}
