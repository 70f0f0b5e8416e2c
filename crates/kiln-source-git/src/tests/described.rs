//! What commits are called: as `git describe` itself has it.

use std::fmt::Write as _;

use super::{World, commit_of, source};

/// Commits with tags, by their numbers.
const TAGGED: [usize; 5] = [2, 5, 9, 14, 15];

/// Returns the parents of a commit of a history in which lines part and meet; always the same.
fn parents(ix: usize) -> Vec<usize> {
    let spread = (ix * 2_654_435_761) >> 7;
    let first = ix - 1 - (spread % 3).min(ix - 1);
    let second = ix.saturating_sub(2 + spread / 3 % 6);
    let mut parents = vec![first];
    if ix.is_multiple_of(3) && second != first {
        parents.push(second);
    }
    parents.retain(|parent| *parent > 0);
    parents
}

#[test]
fn a_commit_is_called_as_git_calls_it() {
    let world = World::new();
    let mut history = String::new();
    for ix in 1..=24 {
        let when = 1_000_000_000 + ix * 100;
        writeln!(history, "commit refs/heads/b{ix}\nmark :{ix}").unwrap();
        writeln!(history, "committer a <a@example.org> {when} +0000\ndata 1\nx").unwrap();
        for (nth, parent) in parents(ix).into_iter().enumerate() {
            let word = if nth == 0 { "from" } else { "merge" };
            writeln!(history, "{word} :{parent}").unwrap();
        }
        writeln!(history, "M 100644 inline f\ndata 2\n{ix:02}\n").unwrap();
        if TAGGED.contains(&ix) {
            writeln!(history, "reset refs/tags/v{ix}\nfrom :{ix}\n").unwrap();
        }
    }
    world.git("up", &["fast-import", "--quiet"], history.as_bytes());
    let mut n_merged = 0;
    for ix in 1..=24 {
        let branch = format!("b{ix}");
        let has_tag = TAGGED.iter().any(|tag| {
            let range = format!("b{ix}..v{tag}");
            world.git("up", &["rev-list", "--count", &range], b"") == "0"
        });
        let expected =
            has_tag.then(|| world.git("up", &["describe", "--tags", "--abbrev=12", &branch], b""));
        let found = commit_of(&world.track(&source("a:up", &branch)).unwrap()).describe;
        assert_eq!(found, expected, "{branch}");
        n_merged += usize::from(parents(ix).len() > 1);
    }
    assert!(n_merged > 4);
}
