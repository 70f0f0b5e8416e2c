//! Rules of the tree that no compiler holds: the crate table, budgets, file heads, codes, words.
//!
//! Every rule is a pure function from texts to a list of complaints, with a test on a bad text beside
//! it; here each one meets the real tree.
#![expect(clippy::disallowed_methods, reason = "reads the source tree it judges")]

#[path = "tidy/budgets.rs"]
mod budgets;
#[path = "tidy/codes.rs"]
mod codes;
#[path = "tidy/edges.rs"]
mod edges;
#[path = "tidy/licences.rs"]
mod licences;
#[path = "tidy/packages.rs"]
mod packages;
#[path = "tidy/reasons.rs"]
mod reasons;
#[path = "tidy/scrub.rs"]
mod scrub;
#[path = "tidy/unused.rs"]
mod unused;
#[path = "tidy/words.rs"]
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use edges::{Manifest, Table};

/// Files that may be longer than 400 lines, with the length they must not exceed. Only shrinks.
const LONG_FILES: &[(&str, usize)] = &[];

/// Functions that may be longer than 60 lines, as `file::function`. Only shrinks.
const LONG_FUNCTIONS: &[(&str, usize)] =
    &[("crates/kiln-lock/src/print.rs::a_lock_is_sorted_and_has_a_package_a_line", 63)];

/// Files that walk or remove folders which no build writes: scratch of the store, records of runs, the user's project.
const TRUSTED_FOLDERS: &[&str] = &[
    "crates/kiln-cas/src/disk.rs",
    "crates/kiln-driver/src/run.rs",
    "crates/kiln-driver/src/verify.rs",
    "crates/kiln-project/src/files.rs",
];

/// Text files of the tree by their path from its top; what git ignores is left out.
fn texts() -> BTreeMap<String, String> {
    let root = kiln_testkit::project_root();
    let mut found = BTreeMap::new();
    collect(&root, "", &mut found);
    assert!(found.len() > 100, "the tree was not found at `{}`", root.display());
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree can be read") {
        let entry = entry.expect("a folder of the tree can be read");
        let name = entry.file_name().into_string().expect("names in the tree are UTF-8");
        if matches!(name.as_str(), "target" | ".git" | ".kiln") {
            continue;
        }
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("an entry has a kind");
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), found);
        } else if let (true, Ok(text)) = (kind.is_file(), fs::read_to_string(entry.path())) {
            found.insert(path, text);
        }
    }
}

fn rust_files() -> BTreeMap<String, String> {
    let is_rust = |path: &String| Path::new(path).extension().is_some_and(|end| end == "rs");
    texts().into_iter().filter(|(path, _)| is_rust(path)).collect()
}

/// The table, the manifests of all crates and the lock file of cargo.
fn workspace() -> (Table, Vec<Manifest>, String) {
    let texts = texts();
    let table = Table::parse(&texts["ARCHITECTURE.md"]);
    let is_manifest = |path: &str| path.starts_with("crates/") && path.ends_with("/Cargo.toml");
    let manifests = texts.iter().filter(|(path, _)| is_manifest(path));
    let manifests = manifests.map(|(_, text)| Manifest::parse(text)).collect();
    (table, manifests, texts["Cargo.lock"].clone())
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "the tree is not tidy:\n  {}", complaints.join("\n  "));
}

#[test]
fn no_package_of_the_proofs_is_known_by_name() {
    let texts = texts();
    let listed = &texts["tests/scale/sources.json"];
    let listed: serde_json::Value = serde_json::from_str(listed).expect("a list of sources");
    let sources = listed.as_array().expect("a list of sources").iter();
    let mut names: BTreeSet<String> =
        sources.filter_map(|source| Some(source["source"].as_str()?.to_owned())).collect();
    assert_eq!(names.len(), 92);
    // What the example of a whole stack builds beside them.
    names.extend(["hello", "rust-ripgrep", "ripgrep"].map(str::to_owned));
    let ours = |path: &String| path.starts_with("stdlib/") || path.starts_with("crates/");
    let allowed = packages::Allowed::parse(&texts["tests/tidy/packages.txt"]);
    let texts = texts.into_iter().filter(|(path, _)| ours(path)).collect();
    none(&packages::packages(&texts, &names, &allowed));
}

#[test]
fn crates_and_table_agree() {
    let (table, manifests, _) = workspace();
    none(&edges::rows(&table, &manifests));
}

#[test]
fn no_edge_is_forbidden() {
    let (table, manifests, _) = workspace();
    none(&edges::forbidden(&table, &manifests));
}

#[test]
fn no_dependency_is_unused() {
    none(&unused::unused(&workspace().1, &rust_files()));
}

#[test]
fn bands_are_in_order() {
    let (table, manifests, _) = workspace();
    none(&edges::bands(&table, &manifests));
}

#[test]
fn only_the_driver_names_implementations() {
    none(&edges::implementations(&workspace().1));
}

#[test]
fn the_testkit_is_only_for_tests() {
    none(&edges::testkit(&workspace().1));
}

#[test]
fn fan_out_and_depth_are_bounded() {
    let (table, manifests, _) = workspace();
    none(&edges::fan_out(&table, &manifests, 10));
    none(&edges::depth(&manifests, 9));
}

#[test]
fn pure_crates_reach_no_network_library() {
    let (table, manifests, lock) = workspace();
    none(&edges::pure(&table, &manifests, &lock));
}

#[test]
fn every_dependency_has_a_reason() {
    let texts = texts();
    none(&reasons::reasons(&texts["Cargo.toml"], &texts["docs/design/dependencies.md"]));
}

#[test]
fn every_licence_is_taken() {
    let asked = ["metadata", "--offline", "--locked", "--format-version=1"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(asked).arg("--filter-platform=x86_64-unknown-linux-gnu");
    let answer = cargo.current_dir(kiln_testkit::project_root()).output().expect("cargo runs");
    let problem = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "cargo cannot list the packages: {problem}");
    let metadata = String::from_utf8_lossy(&answer.stdout);
    none(&licences::licences(&metadata, &texts()["deny.toml"]));
}

#[test]
fn every_file_opens_with_its_purpose() {
    none(&words::heads(&rust_files()));
}

#[test]
fn every_crate_says_purpose_never_example() {
    none(&words::crate_docs(&rust_files()));
}

#[test]
fn files_are_short() {
    none(&budgets::files(&rust_files(), LONG_FILES));
}

#[test]
fn functions_are_short() {
    none(&budgets::functions(&rust_files(), LONG_FUNCTIONS));
}

#[test]
fn encodings_name_every_field() {
    none(&budgets::encodings(&rust_files()));
}

#[test]
fn nothing_is_put_off_or_skipped() {
    none(&words::put_off(&rust_files()));
}

#[test]
fn only_trusted_folders_are_walked_and_removed_by_libraries() {
    none(&words::trusting(&rust_files(), TRUSTED_FOLDERS));
}

#[test]
fn no_source_uses_async() {
    none(&words::asynchronous(&rust_files()));
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    none(&words::machine_paths(&texts()));
}

#[test]
fn no_network_host_is_written_down() {
    none(&words::hosts(&texts()));
}

#[test]
fn every_code_has_its_page() {
    none(&codes::pages(&texts()));
}
