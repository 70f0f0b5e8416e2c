//! What every index promises, over both implementations; each check sees two connections to one index.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::sync::Arc;

use kiln_artifact::{
    Artifact, Failure, Index, MemoryIndex, Phase, Record, Run, SqliteIndex, Usage,
};
use kiln_digest::{Digest, Key};

/// Runs a check with two connections to one empty index, for each implementation.
fn check(promise: impl Fn(&dyn Index, &dyn Index)) {
    let memory = Arc::new(MemoryIndex::default());
    promise(&*memory, &*Arc::clone(&memory));

    let folder = tempfile::tempdir().unwrap();
    let left = SqliteIndex::open(folder.path()).unwrap();
    let right = SqliteIndex::open(folder.path()).unwrap();
    promise(&left, &right);
    assert!(left.take_warnings().is_empty() && right.take_warnings().is_empty());
}

fn key(number: u8) -> Key {
    Key([number; 32])
}

fn run(action: &str, exit: i32) -> Run {
    Run {
        action: Digest::of(action.as_bytes()),
        input_root: Digest::of(b"root"),
        exit,
        out: (exit == 0).then(|| Digest::of(b"out")),
        others: BTreeMap::from([("usr".into(), Digest::of(b"usr"))]),
        build_tree: (exit != 0).then(|| Digest::of(b"build")),
        log: Digest::of(b"log"),
        phases: vec![Phase {
            name: "build".into(),
            start: "1.25".into(),
            end: Some("2.5".into()),
            exit: Some(exit),
            usage: None,
        }],
        usage: Usage {
            user_micros: 1,
            system_micros: 2,
            max_rss_kib: 3,
            wall_micros: 4,
            ..Usage::default()
        },
        warnings: vec!["`x`: a FIFO was dropped".into()],
        host: BTreeMap::new(),
    }
}

fn built(number: u8, element: &str, run: Option<Run>) -> Artifact {
    Artifact {
        key: key(number),
        element: element.into(),
        out: Digest::of(&[number]),
        run,
        overlaps: Vec::new(),
        impure: false,
    }
}

fn failed(number: u8, element: &str, action: &str) -> Failure {
    let (key, element, run) = (key(number), element.into(), run(action, 2));
    Failure { key, element, run, stopped: None, impure: false }
}

#[test]
fn an_empty_index_has_nothing() {
    check(|index, _| {
        assert_eq!(index.have(&[key(1)]).unwrap(), BTreeMap::new());
        assert_eq!(index.get(key(1)).unwrap(), None);
        assert_eq!(index.action(Digest::EMPTY).unwrap(), None);
        assert_eq!(index.failure(Digest::EMPTY).unwrap(), None);
        assert_eq!(index.latest("p", "e").unwrap(), None);
        index.forget(key(1)).unwrap();
        index.forget_action(Digest::EMPTY).unwrap();
        index.touch(&[key(1)], 7).unwrap();
    });
}

#[test]
fn an_artifact_comes_back_whole_on_another_connection() {
    check(|writer, reader| {
        let zinc = built(1, "zinc", Some(run("make", 0)));
        let import = built(2, "base", None);
        writer.put("p", &zinc).unwrap();
        writer.put("p", &import).unwrap();
        assert_eq!(reader.get(key(1)).unwrap(), Some(zinc.clone()));
        assert_eq!(reader.get(key(2)).unwrap(), Some(import.clone()));
        let have = reader.have(&[key(3), key(2), key(1), key(1)]).unwrap();
        assert_eq!(have, BTreeMap::from([(key(1), zinc.out), (key(2), import.out)]));
    });
}

#[test]
fn a_later_artifact_of_a_key_replaces_the_earlier() {
    check(|writer, reader| {
        writer.put("p", &built(1, "zinc", Some(run("old", 0)))).unwrap();
        let later = Artifact { out: Digest::of(b"other"), ..built(1, "zinc", None) };
        writer.put("p", &later).unwrap();
        assert_eq!(reader.get(key(1)).unwrap(), Some(later.clone()));
        assert_eq!(reader.have(&[key(1)]).unwrap(), BTreeMap::from([(key(1), later.out)]));
    });
}

#[test]
fn the_run_of_an_artifact_is_found_by_its_action() {
    check(|writer, reader| {
        writer.put("p", &built(1, "zinc", Some(run("make", 0)))).unwrap();
        writer.put_action(&run("integrate", 0)).unwrap();
        for action in ["make", "integrate"] {
            let found = reader.action(Digest::of(action.as_bytes())).unwrap();
            assert_eq!(found, Some(run(action, 0)));
        }
    });
}

#[test]
fn what_is_forgotten_is_gone_and_nothing_else() {
    check(|writer, reader| {
        let action = Digest::of(b"make");
        writer.put("p", &built(1, "zinc", Some(run("make", 0)))).unwrap();
        writer.put("p", &built(2, "other", None)).unwrap();
        writer.forget(key(1)).unwrap();
        assert_eq!(reader.get(key(1)).unwrap(), None);
        assert_eq!(reader.have(&[key(1), key(2)]).unwrap().len(), 1);
        assert_eq!(reader.latest("p", "zinc").unwrap(), None);
        assert!(reader.action(action).unwrap().is_some());
        writer.forget_action(action).unwrap();
        assert_eq!(reader.action(action).unwrap(), None);
    });
}

#[test]
fn a_failure_is_remembered_until_its_action_succeeds() {
    check(|writer, reader| {
        let action = Digest::of(b"make");
        let failure = failed(1, "zinc", "make");
        writer.put_failure("p", &failure).unwrap();
        assert_eq!(reader.failure(action).unwrap(), Some(failure.clone()));
        assert_eq!(reader.action(action).unwrap(), None);
        assert_eq!(reader.get(key(1)).unwrap(), None);
        assert_eq!(reader.have(&[key(1)]).unwrap(), BTreeMap::new());
        assert_eq!(reader.latest("p", "zinc").unwrap(), Some(Record::Failed(failure)));

        let artifact = built(1, "zinc", Some(run("make", 0)));
        writer.put("p", &artifact).unwrap();
        assert_eq!(reader.failure(action).unwrap(), None);
        assert_eq!(reader.latest("p", "zinc").unwrap(), Some(Record::Built(artifact)));
    });
}

#[test]
fn a_run_that_was_stopped_is_the_latest_and_no_failure() {
    check(|writer, reader| {
        let stopped = Some("the time limit ended it".to_owned());
        let failure = Failure { stopped, ..failed(1, "zinc", "make") };
        writer.put_failure("p", &failed(1, "zinc", "make")).unwrap();
        writer.put_failure("p", &failure).unwrap();
        assert_eq!(reader.failure(Digest::of(b"make")).unwrap(), None);
        assert_eq!(reader.latest("p", "zinc").unwrap(), Some(Record::Failed(failure)));
    });
}

#[test]
fn durations_are_of_the_last_runs_that_are_known() {
    check(|writer, reader| {
        writer.put("p", &built(1, "built", Some(run("make", 0)))).unwrap();
        writer.put("p", &built(2, "import", None)).unwrap();
        writer.put_failure("p", &failed(3, "failed", "other")).unwrap();
        writer.put("q", &built(4, "elsewhere", Some(run("more", 0)))).unwrap();
        let names = ["built", "import", "failed", "elsewhere", "never"];
        let expected = [("built".to_owned(), 4), ("failed".to_owned(), 4)];
        assert_eq!(reader.durations("p", &names).unwrap(), BTreeMap::from(expected));
    });
}

#[test]
fn the_latest_is_by_project_and_under_the_name_asked_for() {
    check(|writer, reader| {
        writer.put("p", &built(1, "zinc", None)).unwrap();
        writer.put("q", &built(2, "zinc", None)).unwrap();
        // The same key under another name: one artifact, two names.
        writer.put("p", &built(1, "libz", None)).unwrap();
        let latest = |project, element| reader.latest(project, element).unwrap();
        assert_eq!(latest("p", "zinc"), Some(Record::Built(built(1, "zinc", None))));
        assert_eq!(latest("p", "libz"), Some(Record::Built(built(1, "libz", None))));
        assert_eq!(latest("q", "zinc"), Some(Record::Built(built(2, "zinc", None))));
        assert_eq!(latest("q", "libz"), None);
    });
}

#[test]
fn writers_at_once_lose_nothing() {
    check(|left, right| {
        std::thread::scope(|scope| {
            for (half, index) in [(0, left), (1, right)] {
                scope.spawn(move || {
                    for number in 0..100 {
                        let number = 2 * number + half;
                        index.put("p", &built(number, &format!("e{number}"), None)).unwrap();
                        assert!(index.get(key(number)).unwrap().is_some());
                    }
                });
            }
        });
        let keys: Vec<Key> = (0..200).map(key).collect();
        assert_eq!(left.have(&keys).unwrap().len(), 200);
        assert_eq!(right.have(&keys).unwrap().len(), 200);
    });
}
