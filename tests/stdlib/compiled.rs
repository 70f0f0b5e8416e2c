//! Kinds that compile: what they run, to the line, and one small library and program built by each that is cheap.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kiln_ir::{Element, Ir, Step};
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

use kiln_testkit::files_below;

use crate::Place;

/// Compares a text with a golden file beside the projects.
#[track_caller]
fn check(actual: String, file: &str) {
    let path = kiln_testkit::project_root().join("tests/stdlib").join(file);
    let expected = Data::read_from(&path, Some(DataFormat::Text));
    Assert::new().action_env("SNAPSHOTS").eq(Data::text(actual), expected.raw());
}

fn copy(from: &str, to: &Path) {
    let from = kiln_testkit::project_root().join(from).join(".");
    fs::create_dir_all(to).expect("it is ours");
    let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(copied.expect("every system has cp").success());
}

/// What an element does, as text; a phase that was printed before is named only.
fn described(element: &Element, seen: &mut BTreeMap<String, String>) -> String {
    let mut text = format!("=== {} ({})\n", element.name, element.advice.kind);
    let lists = [("build-deps", &element.build_deps), ("deps", &element.deps)];
    for (list, names) in lists.into_iter().chain([("run-deps", &element.run_deps)]) {
        for name in names {
            writeln!(text, "{list} {name}").expect("memory takes all");
        }
    }
    for (name, value) in element.env.iter() {
        writeln!(text, "{name}={value}").expect("memory takes all");
    }
    for step in &element.steps {
        let Step::Run { phases } = step else {
            let json = serde_json::to_string(step).expect("it has a form");
            writeln!(text, "{json}").expect("memory takes all");
            continue;
        };
        for phase in phases {
            let known = seen.entry(phase.script.to_string()).or_insert(element.name.to_string());
            if *known == element.name.as_str() {
                writeln!(text, "--- {}\n{}", phase.name, phase.script).expect("memory takes all");
            } else {
                writeln!(text, "--- {} as in {known}", phase.name).expect("memory takes all");
            }
        }
    }
    // The tests run on machines of several cpus.
    text.replace(std::env::consts::ARCH, "CPU")
}

fn planned(project: &str) -> String {
    let place = Place::new();
    copy(&format!("tests/stdlib/{project}"), &place.path("project"));
    // Folders that hold nothing are not in git.
    fs::create_dir_all(place.path("project/app")).expect("it is ours");
    assert_eq!(place.kiln("project", &["fmt", "--check"]), "");
    place.kiln("project", &["check"]);
    let ir = Ir::from_json(&place.kiln("project", &["debug", "ir"])).expect("an IR");
    let mut seen = BTreeMap::new();
    ir.elements.iter().map(|element| described(element, &mut seen)).collect()
}

#[test]
fn what_kinds_that_compile_run_is_as_committed() {
    check(planned("planned"), "planned.txt");
}

#[test]
fn defaults_kinds_and_mixins_of_a_project_reach_every_kind() {
    check(planned("defaults"), "defaults.txt");
}

/// The elements of the example that are built here; `make examples` builds all of it.
const CHEAP: [&str; 9] = [
    "c.by-make",
    "c.by-cmake",
    "c.by-meson",
    "others.by-python",
    "parts.runtime",
    "parts.devel",
    "parts.doc",
    "parts.locale",
    "parts.debug",
];

#[test]
fn one_library_is_built_by_each_kind_and_cut_into_parts() {
    let place = Place::new();
    copy("docs/examples/kinds", &place.path("kinds"));
    let root = kiln_testkit::project_root();
    let lock = fs::read_to_string(root.join("tests/stdlib/kiln.lock")).expect("it is committed");
    place.write("kinds/kiln.lock", &lock);
    let option = ["-o", "debug=true"];
    place.kiln("kinds", &[&["build", "-q"], option.as_slice(), &CHEAP].concat());
    let mut listing = String::new();
    for element in CHEAP {
        let out = place.path(element);
        let folder = out.to_string_lossy();
        place
            .kiln("kinds", &[&["checkout", "-q"], option.as_slice(), &[element, &folder]].concat());
        for path in files_below(&out) {
            let name = path.strip_prefix(&out).expect("it is below").display().to_string();
            let name = without_build_id(&name);
            let bytes = fs::read(&path).unwrap_or_default();
            let is_built = bytes.starts_with(b"\x7fELF");
            let names_its_folder = bytes.windows(6).any(|bytes| bytes == b"/build");
            assert!(!is_built || !names_its_folder, "{element}: {name} names /build");
            // The library says when it was compiled.
            let has_the_time = bytes.windows(11).any(|bytes| bytes == b"Nov 11 2011");
            assert!(
                has_the_time || !name.contains("libgreet.so.1"),
                "{element}: {name} has another time"
            );
            let has_symbols = bytes.windows(7).any(|bytes| bytes == b".symtab");
            let mark = if is_built && has_symbols { " with symbols" } else { "" };
            writeln!(listing, "{element} {name}{mark}").expect("memory takes all");
        }
    }
    check(listing, "kinds.txt");
}

/// Build ids are those of one compiler.
fn without_build_id(name: &str) -> String {
    match name.split_once(".build-id/") {
        Some((before, _)) => format!("{before}.build-id/ID"),
        None => name.to_owned(),
    }
}

#[test]
fn the_lock_of_the_tests_is_part_of_that_of_the_example() {
    let root = kiln_testkit::project_root();
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("it is committed");
    let ours = read("tests/stdlib/kiln.lock");
    let base = &ours[ours.find("[[base]]").expect("it has a base")..];
    assert!(read("docs/examples/kinds/kiln.lock").contains(base.trim_end()));
}
