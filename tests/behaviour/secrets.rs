//! What is nobody else's business is in no message and no record, and a lock is there whole or not at all.

use std::fs;
use std::path::Path;

use kiln_testkit::FileServer;

use crate::bench::{Bench, Said, said};

/// Returns all that is written below a folder, as text.
fn written(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&written(&path));
        } else {
            text.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap_or_default()));
        }
    }
    text
}

/// Runs kiln and sees that nobody tells the password.
#[track_caller]
fn quiet(bench: &Bench, arguments: &[&str]) -> Said {
    let said = said(bench.kiln().args(arguments));
    let told = format!("{}{}{}", said.stdout, said.stderr, written(&bench.path("kiln/state")));
    assert!(!told.contains("hidden"), "{told}");
    said
}

#[test]
fn a_password_in_a_url_is_told_to_nobody() {
    let bench = Bench::new(&[]);
    let upstream = bench.path("upstream");
    fs::create_dir_all(upstream.join("a-1.0")).expect("the folder is ours");
    fs::write(upstream.join("a-1.0/message"), "text").expect("the folder is ours");
    fs::write(upstream.join("b-1.0.tar"), "no archive at all").expect("the folder is ours");
    let packed =
        bench.command("tar").current_dir(&upstream).args(["-cf", "a-1.0.tar", "a-1.0"]).status();
    assert!(packed.expect("every system has tar").success());
    let server = FileServer::start(&upstream);
    let url = server.url().replace("http://", "http://me:hidden@");
    let source = |name: &str| format!("Import {{ source = Tar(\"{url}/{name}-1.0.tar\") }}\n");
    bench.write("app.kiln", &source("a"));
    let first = quiet(&bench, &["track"]);
    assert_eq!(first.status, 0, "{first:?}");
    assert!(first.stderr.contains("K2010"), "{first:?}");
    let shown = format!("{}/a-1.0.tar", server.url());
    assert!(first.stdout.contains(&shown), "{first:?}");
    for command in [&["build", "app"][..], &["source", "verify"], &["fetch"], &["show", "app"]] {
        let said = quiet(&bench, command);
        assert_eq!(said.status, 0, "{command:?} {said:?}");
    }
    bench.write("app.kiln", &source("b"));
    let broken = quiet(&bench, &["track"]);
    assert_ne!(broken.status, 0);
    assert!(broken.stderr.contains("b-1.0.tar"), "{broken:?}");
    let unlocked = quiet(&bench, &["build", "app"]);
    assert_ne!(unlocked.status, 0);
}

#[test]
fn a_broken_lock_is_written_anew_also_where_nothing_is_locked() {
    let bench = Bench::new(&[("app", "Manual { install = \"true\" }\n")]);
    bench.write("kiln.lock", "<<<<<<< ours\n");
    assert_ne!(bench.run(&["build", "app"]).status, 0);
    // Who only looks writes nothing, and does not say that all is well.
    assert_ne!(bench.run(&["track", "--check"]).status, 0);
    let said = bench.run(&["track"]);
    assert_eq!(said.status, 0, "{said:?}");
    let said = bench.run(&["build", "app"]);
    assert_eq!(said.status, 0, "{said:?}");
    let beside = fs::read_dir(bench.path("project")).expect("it is ours").flatten();
    let names: Vec<_> = beside.map(|entry| entry.file_name()).collect();
    assert!(!names.iter().any(|name| name == ".kiln"), "{names:?}");
}
