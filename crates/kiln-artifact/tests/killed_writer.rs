//! A writer that is killed loses nothing that it said was kept, and leaves nothing in the way.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it starts itself as the writer"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use kiln_artifact::{Artifact, Index, SqliteIndex};
use kiln_digest::{Digest, Key};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[1..] {
        [word, folder, start] if word == "write" => write(Path::new(folder), start),
        _ => check(),
    }
}

/// Writes artifacts for ever and says which are kept.
fn write(folder: &Path, start: &str) {
    let index = SqliteIndex::open(folder).unwrap();
    for number in start.parse::<u32>().unwrap().. {
        index.put("project", &artifact(number)).unwrap();
        println!("{number}");
        std::io::stdout().flush().unwrap();
    }
}

fn check() {
    let folder = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    for round in 0..5_u32 {
        let start = round * 1_000_000;
        let mut writer = Command::new(&me)
            .args([Path::new("write"), folder.path(), Path::new(&start.to_string())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(writer.stdout.take().unwrap()).lines();
        for _ in 0..10 * round {
            said.next().unwrap().unwrap();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let kept: Vec<u32> = (start..start + 10 * round)
            .chain(said.map_while(|line| line.ok()?.parse().ok()))
            .collect();

        let index = SqliteIndex::open(folder.path()).unwrap();
        assert!(index.take_warnings().is_empty(), "round {round}");
        for number in kept {
            let found = index.get(artifact(number).key).unwrap();
            assert_eq!(found, Some(artifact(number)), "round {round}");
        }
        index.put("project", &artifact(u32::MAX)).unwrap();
    }
    println!("a killed writer loses nothing that it said was kept: ok");
}

fn artifact(number: u32) -> Artifact {
    let out = Digest::of(&number.to_be_bytes());
    Artifact {
        key: Key(out.hash),
        element: format!("e{number}"),
        out,
        run: None,
        overlaps: Vec::new(),
        impure: false,
    }
}
