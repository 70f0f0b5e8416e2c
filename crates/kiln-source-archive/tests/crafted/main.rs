//! Crafted archives of all formats: each becomes exactly one tree, or one error with nothing left.
//!
//! The cases are tables: what an archive is called, how it is made, and the tree or the code that must come out.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests write what they serve, and list what is left"
)]

mod bombs;
mod fuzz;
mod programs;
#[path = "../../src/sample.rs"]
mod sample;
mod tars;
#[path = "../../src/zip/sample.rs"]
mod zip_sample;
mod zips;

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use kiln_cas::{Cas, DiskCas};
use kiln_source_archive::{ArchiveError, Limits, Unpack, extract, extract_zip, strip};
use kiln_testkit::{files_below, listed, scratch};
use kiln_tree::Tree;
use miette::Diagnostic as _;

/// Compressions of tar archives, by the endings of their files.
const ENDINGS: [&str; 6] = ["tar", "gz", "xz", "lzma", "bz2", "zst"];

/// One archive and what becomes of it.
struct Case {
    name: &'static str,
    archive: Vec<u8>,
    /// A listing, or the code of an error.
    expected: String,
    limits: Limits,
}

fn case(name: &'static str, archive: impl Into<Vec<u8>>, expected: &str) -> Case {
    let limits = Limits::default();
    Case { name, archive: archive.into(), expected: expected.to_owned(), limits }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tar,
    Zip,
}

/// Unpacks into a store on disk; returns the listing, or the code when nothing is left of the archive.
fn unpacked(form: Form, archive: &[u8], limits: Limits) -> String {
    let folder = scratch();
    let disk = DiskCas::open(folder.path()).unwrap();
    let before = files_below(folder.path());
    match unpack(form, archive, limits, &disk) {
        Ok(tree) => {
            disk.write_tree(&tree).unwrap();
            assert_eq!(disk.read_tree(tree.digest()).unwrap(), tree);
            listed(&tree, &disk)
        }
        Err(error) => {
            let left: Vec<PathBuf> =
                files_below(folder.path()).difference(&before).cloned().collect();
            assert!(left.is_empty(), "`{error}` leaves {left:?}");
            told(&error)
        }
    }
}

fn unpack(form: Form, archive: &[u8], limits: Limits, cas: &dyn Cas) -> Result<Tree, ArchiveError> {
    let place = strip(0);
    let unpack = Unpack { name: "a", cas, limits, place: &place };
    match form {
        Form::Tar => extract(archive, &unpack),
        Form::Zip => extract_zip(Cursor::new(archive), &unpack),
    }
}

/// Returns the code of an error that is one clear line.
fn told(error: &ArchiveError) -> String {
    let text = error.to_string();
    let is_line = !text.contains(char::is_control) && !text.ends_with('.') && text.len() < 5_000;
    assert!(is_line && text.starts_with("cannot unpack `a`: "), "{text:?}");
    assert!(error.help().is_some(), "{text}");
    error.code().unwrap().to_string()
}

/// Fails with all lines at once.
#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tar_archives_of_all_compressions_become_their_tree_or_one_error() {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in tars::cases() {
        assert!(names.insert(case.name), "two cases are called `{}`", case.name);
        for ending in ENDINGS {
            let archive = sample::compressed(ending, &case.archive);
            let found = unpacked(Form::Tar, &archive, case.limits);
            if found != case.expected {
                wrong.push(format!("{} as {ending}: {found}, not {}", case.name, case.expected));
            }
        }
    }
    none(&wrong);
    assert!(names.len() >= 100, "only {} cases", names.len());
}

#[test]
fn compressed_streams_become_their_tree_or_one_error() {
    let mut wrong = Vec::new();
    for (name, archive, expected) in tars::streams() {
        let found = unpacked(Form::Tar, &archive, Limits::default());
        if found != expected {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
    }
    none(&wrong);
}

#[test]
fn zip_archives_become_their_tree_or_one_error() {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in zips::cases() {
        assert!(names.insert(case.name), "two cases are called `{}`", case.name);
        let found = unpacked(Form::Zip, &case.archive, case.limits);
        if found != case.expected {
            wrong.push(format!("{}: {found}, not {}", case.name, case.expected));
        }
    }
    none(&wrong);
    assert!(names.len() >= 60, "only {} cases", names.len());
}
