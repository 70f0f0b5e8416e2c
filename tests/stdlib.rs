//! What the texts of the standard library promise: every example in them is a project that evaluates and plans, and those with
//! a folder under `tests/stdlib/` build what that says. So do the templates of `kiln init`.
//!
//! `tests/stdlib/<Kind>/` holds the files that the example of a kind speaks of, and `built.txt`: the files that come of it, by
//! element. Examples are taken from the texts themselves, so that none can be forgotten.
#![expect(
    clippy::disallowed_methods,
    reason = "starts the program under test in folders of its own"
)]

#[path = "stdlib/compiled.rs"]
mod compiled;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};

use kiln_digest::Digest;
use kiln_ir::{BasePin, Fingerprint, Ir, Pins, Step};
use kiln_plan::{Platform, Request, plan};
use tempfile::TempDir;

/// Kinds whose examples are built, not only planned.
const BUILT: [&str; 14] = [
    "Build", "Compose", "Element", "Filter", "Import", "Local", "Make", "Manual", "Oci", "Run",
    "Source", "Sourced", "Stack", "Task",
];

/// Where the other kinds of elements are built. Those without a place need compilers that are too large for every run: their
/// examples are planned here, and `make examples` builds `docs/examples/kinds`.
const ELSEWHERE: [(&str, Option<&str>); 10] = [
    ("Autotools", Some("tests/cases/build/kinds/usual.kiln")),
    ("CMake", Some("docs/examples/kinds/c.kiln")),
    ("Cargo", None),
    ("Debian", Some("docs/examples/kinds/project.kiln")),
    ("Go", None),
    ("Host", Some("tests/cases/build/host/here.kiln")),
    ("Meson", Some("docs/examples/kinds/c.kiln")),
    ("OciBase", Some("tests/behaviour/bases.rs")),
    ("Python", Some("docs/examples/kinds/others.kiln")),
    ("Tarball", Some("tests/behaviour/bases.rs")),
];

/// The store of the tests that run at one time: what a base is made of is unpacked once.
static STORE: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());

/// What the examples of sources stand in.
const PROJECT: &str =
    "Project { name = \"example\", base = Debian { suite = \"bookworm\", profile = \"c-min\" } }\n";

/// A folder with projects, and kiln's own files.
struct Place {
    folder: TempDir,
    store: Arc<TempDir>,
}

impl Place {
    fn new() -> Self {
        let mut shared = STORE.lock().expect("no panic there");
        let store = shared.upgrade().unwrap_or_else(|| Arc::new(kiln_testkit::scratch()));
        *shared = Arc::downgrade(&store);
        Self { folder: kiln_testkit::scratch(), store }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("it is ours");
        fs::write(path, text).expect("it is ours");
    }

    /// Runs kiln in a project; returns what it printed.
    #[track_caller]
    fn kiln(&self, project: &str, arguments: &[&str]) -> String {
        let output = self.ended(project, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{project}: kiln {arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn ended(&self, project: &str, arguments: &[&str]) -> Output {
        let mirror = format!("debian=file://{}", kiln_testkit::debian_mirror().display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command.args(arguments).args(["--mirror", &mirror]).current_dir(self.path(project));
        command.stdin(Stdio::null()).env_clear().env("PATH", kiln_testkit::path_with_tools());
        command.env("HOME", self.path("home")).env("KILN_HOME", self.store.path());
        command.output().expect("the program is there")
    }

    /// Lists the files of all elements of a project that are below one of these names.
    fn built(&self, project: &str, elements: &[String]) -> String {
        let mut listing = String::new();
        for element in elements {
            let out = self.path(&format!("{project}-{element}"));
            self.kiln(project, &["checkout", "-q", element, &out.to_string_lossy()]);
            for path in kiln_testkit::files_below(&out) {
                let path = path.strip_prefix(&out).expect("it is below").display().to_string();
                writeln!(listing, "{element}/{path}").expect("memory takes all");
            }
        }
        listing
    }
}

/// Returns the lock of the example project, which pins the base.
fn lock() -> String {
    let path = kiln_testkit::project_root().join("docs/examples/hello/kiln.lock");
    let text = fs::read_to_string(path).expect("the example has a lock");
    let base = text.find("[[base]]").expect("it has a base");
    format!("version = 1\n\n{}", &text[base..])
}

/// Returns the paths of the project that an example speaks of.
fn paths(example: &str) -> BTreeSet<&str> {
    let starts = example.match_indices("(./").map(|(at, _)| &example[at + 1..]);
    let path = |rest: &'_ str| rest.find([')', ',']).unwrap_or(rest.len());
    starts.map(|rest| &rest[..path(rest)]).collect()
}

/// Writes an example as a project, with the files that it speaks of; returns the name of its file without the ending.
fn write_example(place: &Place, name: &str, stem: &str, example: &str) -> &'static str {
    let fixture = kiln_testkit::project_root().join("tests/stdlib").join(stem);
    let root = place.path(name);
    fs::create_dir_all(&root).expect("it is ours");
    if fixture.is_dir() {
        let copied = Command::new("cp").arg("-r").arg(fixture.join(".")).arg(&root).status();
        assert!(copied.expect("every system has cp").success());
    }
    for path in paths(example) {
        let there = root.join(path);
        if there.exists() {
            continue;
        }
        if Path::new(path).extension().is_some() {
            place.write(&format!("{name}/{path}"), "");
        } else {
            fs::create_dir_all(there).expect("it is ours");
        }
    }
    if example.starts_with("Project {") {
        place.write(&format!("{name}/project.kiln"), example);
        return "project";
    }
    place.write(&format!("{name}/project.kiln"), PROJECT);
    place.write(&format!("{name}/kiln.lock"), &lock());
    place.write(&format!("{name}/example.kiln"), example);
    "example"
}

/// Pins whatever a project needs, to anything.
fn pins(ir: &Ir) -> Pins {
    let mut pins = Pins { host: Some(Fingerprint([0; 32])), ..Pins::default() };
    for element in &ir.elements {
        for placed in &element.sources {
            for source in placed.source.with_inner() {
                pins.sources.insert(source.clone(), Digest::of(b"any"));
            }
        }
        for step in &element.steps {
            if let Step::Base(base) = step {
                pins.bases.insert(base.clone(), BasePin { packages: Vec::new(), fixups: 1 });
            }
        }
    }
    pins
}

/// Returns the examples in the text of a file of the standard library.
fn examples(text: &str) -> Vec<String> {
    let doc = text.lines().map_while(|line| line.strip_prefix("##"));
    let doc = doc.map(|line| line.trim_start_matches('!'));
    let lines: Vec<&str> = doc.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let (mut found, mut inside) = (Vec::new(), false);
    for line in lines {
        match line.trim() {
            "```kiln" => {
                inside = true;
                found.push(String::new());
            }
            "```" => inside = false,
            _ if inside => {
                let example: &mut String = found.last_mut().expect("it began");
                example.push_str(line);
                example.push('\n');
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_example_of_the_standard_library_is_without_a_finding_and_plans() {
    let place = Place::new();
    let mut n_elements = 0;
    for (stem, text) in kiln_stdlib::files() {
        let examples = examples(text);
        assert!(!examples.is_empty(), "{stem} has no example");
        for (ix, example) in examples.iter().enumerate() {
            let name = format!("{stem}-{ix}");
            write_example(&place, &name, stem, example);
            assert_eq!(place.kiln(&name, &["fmt", "--check"]), "", "{stem}: not formatted");
            place.kiln(&name, &["check"]);
            let ir = Ir::from_json(&place.kiln(&name, &["debug", "ir"])).expect("an IR");
            let targets: Vec<_> = ir.elements.iter().map(|element| element.name.clone()).collect();
            let request = Request { targets, platform: Platform::default() };
            let planned = plan(&ir, &pins(&ir), &request);
            n_elements += planned.unwrap_or_else(|error| panic!("{stem}: {error}")).nodes.len();
        }
    }
    assert!(n_elements > 40, "{n_elements}");
}

#[test]
fn the_small_examples_build_what_they_say() {
    let place = Place::new();
    let mut wrong = Vec::new();
    for stem in BUILT {
        let (_, text) = kiln_stdlib::files().iter().find(|(name, _)| *name == stem).expect(stem);
        let file = write_example(&place, stem, stem, &examples(text).concat());
        place.kiln(stem, &["build", "-q"]);
        let ir = Ir::from_json(&place.kiln(stem, &["debug", "ir"])).expect("an IR");
        let names = ir.elements.iter().map(|element| element.name.to_string());
        let elements: Vec<String> = names.filter(|name| name.starts_with(file)).collect();
        let built = place.built(stem, &elements).replace("example.", "");
        let expected =
            kiln_testkit::project_root().join("tests/stdlib").join(stem).join("built.txt");
        if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
            fs::write(&expected, &built).expect("it is in the tree");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if built != expected || built.is_empty() {
            wrong.push(format!("--- {stem}\n{built}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_elements_is_built_or_said_to_be_only_planned() {
    let bodies = ["Element {", "Build {", "Build {}"];
    for (stem, text) in kiln_stdlib::files() {
        if !text.lines().any(|line| bodies.contains(&line)) {
            continue;
        }
        let elsewhere = ELSEWHERE.iter().find(|(kind, _)| kind == stem);
        assert_ne!(BUILT.contains(stem), elsewhere.is_some(), "{stem}: where is it built?");
        if let Some((_, Some(path))) = elsewhere {
            let text = fs::read_to_string(kiln_testkit::project_root().join(path)).expect(path);
            assert!(text.contains(&format!("{stem} {{")), "{path} does not build {stem}");
        }
    }
}

#[test]
fn templates_on_a_base_build_and_run() {
    let place = Place::new();
    fs::create_dir(place.path("start")).expect("it is ours");
    for (template, pins) in [("c", &[][..]), ("system", &["--offline"])] {
        let words = [pins, &["init", "-q", "--template", template, template]].concat();
        place.kiln("start", &words);
        let project = format!("start/{template}");
        let is_pinned = place.path(&format!("{project}/kiln.lock")).exists();
        assert_eq!(is_pinned, pins.is_empty(), "{template}");
        assert_eq!(place.kiln(&project, &["fmt", "--check"]), "");
        place.kiln(&project, &["check"]);
        // The mirror has these packages, which may be older than those that its index names.
        place.write(&format!("{project}/kiln.lock"), &lock());
        place.kiln(&project, &["build", "-q"]);
    }
    let built = place.built("start/c", &["hello".to_owned()]);
    assert_eq!(built, "hello/usr/bin/hello\n");
    let built = place.built("start/system", &["system.image", "system.archive"].map(str::to_owned));
    let image =
        "system.image/etc/motd\nsystem.image/usr/bin/hello\nsystem.image/usr/lib/libgreet.so.1\n";
    assert_eq!(built, format!("{image}system.archive/system.tar.gz\n"));
}
