//! Projects that use each other, from their folders up to the IR.
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "projects are folders")]

use std::fmt::Write as _;
use std::path::Path;

use kiln_ir::Source;
use kiln_project::{LocalOnly, NoModules, Project, load};
use snapbox::str;

mod told;

/// Writes files (`//- path` begins one) and loads the project in `app`; returns elements with what they need and
/// findings.
fn loaded(files: &str) -> String {
    let folder = written(files);
    shown(&folder.path().join("app"))
}

fn written(files: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files.split("//- ").filter(|file| !file.is_empty()) {
        let (path, text) = file.split_once('\n').unwrap();
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn shown(root: &Path) -> String {
    shown_project(root, &load(root, &[], &[]).unwrap())
}

fn shown_project(root: &Path, project: &Project) -> String {
    let mut shown = String::new();
    for finding in &project.findings {
        writeln!(shown, "{}: {}", finding.code, finding.message).unwrap();
        if let Some(label) = &finding.primary {
            writeln!(shown, "  {} {}", project.texts.place(label.span), label.text).unwrap();
        }
        if let Some(help) = &finding.help {
            writeln!(shown, "  help: {help}").unwrap();
        }
    }
    for element in project.ir.iter().flat_map(|ir| &ir.elements) {
        let needs: Vec<&str> = element.deps.iter().map(kiln_ir::ElementName::as_str).collect();
        write!(shown, "{} [{}]", element.name, needs.join(" ")).unwrap();
        for placed in &element.sources {
            if let Source::Local { path, .. } = &placed.source {
                write!(shown, " {path}").unwrap();
            }
        }
        for patch in &element.patches {
            write!(shown, " <{}", patch.path).unwrap();
        }
        for (key, value) in element.env.iter() {
            write!(shown, " {key}={value}").unwrap();
        }
        shown.push('\n');
    }
    shown.replace(&root.parent().unwrap().display().to_string(), "[ROOT]")
}

#[track_caller]
fn check(files: &str, expected: impl snapbox::IntoData) {
    snapbox::assert_data_eq!(loaded(files), expected);
}

/// A library with a default, an option, a source of its own and two elements, of which one needs the other.
const LIB: &str = r#"//- lib/project.kiln
Project {
  name = "lib"
  options { level: Int = 1 }
  defaults { Element { env { FROM = "lib" } } }
  shim = Import { source = Local(./shim) }
}
//- lib/shim/x
//- lib/libs.kiln
tls = Manual { env { LEVEL = "%{option.level}" } }
web = Manual { deps = [tls, shim] }
"#;

#[test]
fn an_element_of_an_input_keeps_its_names_and_defaults() {
    check(
        &format!(
            "{LIB}{}",
            r#"//- app/project.kiln
Project {
  name = "app"
  inputs { base-lib = Project(Local(../lib)) }
  defaults { Element { env { FROM = "app" } } }
  app = Manual { deps = [base-lib.libs.web] }
  mine = base-lib.libs.tls { env { LEVEL = "9" } }
}
"#
        ),
        str![[r#"
app [base-lib.libs.web] FROM=app
base-lib.libs.tls [] FROM=lib LEVEL=1
base-lib.libs.web [base-lib.libs.tls base-lib.shim] FROM=lib
base-lib.shim [] base-lib//shim FROM=lib
mine [] FROM=lib LEVEL=9

"#]],
    );
}

#[test]
fn an_input_is_amended_by_options_and_elements() {
    check(
        &format!(
            "{LIB}{}",
            r#"//- app/project.kiln
Project {
  name = "app"
  inputs {
    lib = Project(Local(../lib)) {
      options { level = 3 }
      libs.tls = tls
      shim = super { env { FROM = "amended" } }
    }
  }
  tls = Manual { env { MINE = "yes" } }
  app = Manual { deps = [lib.libs.web] }
}
"#
        ),
        str![[r#"
app [lib.libs.web]
lib.libs.web [tls lib.shim] FROM=lib
lib.shim [] lib//shim FROM=amended
tls [] MINE=yes

"#]],
    );
}

#[test]
fn what_is_the_same_is_one_instance_and_what_differs_is_two() {
    check(
        &format!(
            "{LIB}{}",
            r#"//- mid/project.kiln
Project { name = "mid", inputs { lib = Project(Local(../lib)) }, m = Stack { deps = [lib.libs.tls] } }
//- app/project.kiln
Project {
  name = "app"
  inputs {
    lib = Project(Local(../lib))
    mid = Project(Local(../mid))
    other = Project(Local(../lib)) { options { level = 2 } }
    same = Project(Local(../lib)) { options { level = 1 } }
  }
  app = Stack { deps = [lib.libs.tls, mid.m, other.libs.tls, same.libs.tls] }
}
"#
        ),
        str![[r#"
app [lib.libs.tls mid.m other.libs.tls lib.libs.tls]
lib.libs.tls [] FROM=lib LEVEL=1
mid.m [lib.libs.tls]
other.libs.tls [] FROM=lib LEVEL=2

"#]],
    );
}

#[test]
fn an_input_of_an_input_is_amended_like_all_else() {
    check(
        &format!(
            "{LIB}{}",
            r#"//- mid/project.kiln
Project { name = "mid", inputs { lib = Project(Local(../lib)) }, m = Stack { deps = [lib.libs.tls] } }
//- app/project.kiln
Project {
  name = "app"
  inputs {
    lib = Project(Local(../lib)) { options { level = 7 } }
    mid = Project(Local(../mid)) { inputs { lib = lib } }
  }
  app = Stack { deps = [mid.m] }
}
"#
        ),
        str![[r#"
app [mid.m]
lib.libs.tls [] FROM=lib LEVEL=7
mid.m [lib.libs.tls]

"#]],
    );
}

#[test]
fn an_instance_that_a_later_key_binds_has_its_name() {
    check(
        &format!(
            "{LIB}{}",
            r#"//- mid/project.kiln
Project { name = "mid", inputs { lib = Project(Local(../lib)) }, m = Stack { deps = [lib.libs.tls] } }
//- app/project.kiln
Project {
  name = "app"
  inputs {
    lib = Project(Local(../lib)) { options { level = 2 } }
    mid = Project(Local(../mid))
    both = Project(Local(../mid)) { inputs { lib = lib } }
  }
  app = Stack { deps = [lib.libs.tls, mid.m, both.m] }
}
"#
        ),
        str![[r#"
app [lib.libs.tls mid.m both.m]
both.m [lib.libs.tls]
lib.libs.tls [] FROM=lib LEVEL=2
mid.lib.libs.tls [] FROM=lib LEVEL=1
mid.m [mid.lib.libs.tls]

"#]],
    );
}

#[test]
fn a_cross_build_is_an_instance_with_another_target() {
    check(
        r#"//- lib/project.kiln
Project {
  name = "lib"
  options { target: Platform = machine.build }
  let native = project { options { target = machine.build } }
  cc = Manual { env { FOR = machine.target.cpu } }
  out = Manual { env { FOR = machine.target.cpu }, deps = [native.cc] }
}
//- app/project.kiln
Project {
  name = "app"
  inputs {
    lib = Project(Local(../lib))
    arm = Project(Local(../lib)) { options { target = Platform("aarch64-linux-gnu") } }
  }
  app = Stack { deps = [lib.out, arm.out] }
}
"#,
        str![[r#"
app [lib.out arm.out]
arm.out [lib.cc] FOR=aarch64
lib.cc [] FOR=x86_64
lib.out [lib.cc] FOR=x86_64

"#]],
    );
}

#[test]
fn what_is_no_input_is_told() {
    let app = |inputs: &str| {
        format!("{LIB}//- app/project.kiln\nProject {{ name = \"app\", inputs {{ {inputs} }} }}\n")
    };
    check(
        &app("lib = Project(Local(../lob))"),
        str![[r#"
K0521: the input `../lob` is not there
  project.kiln:1:40 this input
  help: the path is relative to the folder of the file that it is written in

"#]],
    );
    check(
        &app("lib = Project(Local(../lib/shim))"),
        str![[r#"
K0521: there is no `project.kiln` in `../lib/shim`
  project.kiln:1:40 this input
  help: the path is relative to the folder of the file that it is written in

"#]],
    );
    check(
        &app("lib = Project(Git(\"https://example.org/lib.git\"))"),
        str![[r#"
K0522: the input `lib`, `https://example.org/lib.git`, is not in the lock
  project.kiln:1:40 this input
  help: kiln track

"#]],
    );
    check(
        &app("me = Project(Local(.))"),
        str![[r#"
K0520: this project is an input of itself
  project.kiln:1:39 means this project
  help: move what both need into a third project that is an input of both

"#]],
    );
    check(
        &app(
            "lib = Project(Local(../lib)) { libs.tsl = Manual {} }, other = Project(Local(../lib)) { shin = null }",
        ),
        str![[r#"
K0307: `libs` has no `tsl` to override
  project.kiln:1:70 overrides nothing
  help: did you mean `tls`?
K0307: the project `lib` has no `shin` to override
  project.kiln:1:122 overrides nothing
  help: did you mean `shim`?

"#]],
    );
}

#[test]
fn projects_that_need_each_other_are_told() {
    check(
        r#"//- b/project.kiln
Project { name = "b", inputs { c = Project(Local(../c)) } }
//- c/project.kiln
Project { name = "c", inputs { b = Project(Local(../b)) } }
//- app/project.kiln
Project { name = "app", inputs { b = Project(Local(../b)) } }
"#,
        str![[r#"
K0520: `b.c` and `b` are inputs of each other
  [ROOT]/c/project.kiln:1:36 means `b`
  help: move what both need into a third project that is an input of both

"#]],
    );
}

#[test]
fn sources_of_inputs_are_written_with_their_aliases() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let lib = r#"aliases { one = "https://example.org/lib/", two = "https://example.org/two/" }"#;
    write("lib/project.kiln", &format!("Project {{ name = \"lib\", {lib}, x = Stack {{}} }}\n"));
    let app = r#"aliases { one = "https://example.org/app/" }, y = Stack { deps = [lib.x] }"#;
    let inputs = "inputs { lib = Project(Local(../lib)) }";
    write("app/project.kiln", &format!("Project {{ name = \"app\", {inputs}, {app} }}\n"));
    let aliases = load(&folder.path().join("app"), &[], &[]).unwrap().ir.unwrap().aliases;
    let expected = [("one", "https://example.org/app/"), ("two", "https://example.org/two/")];
    let expected = expected.map(|(alias, url)| (alias.to_owned(), url.to_owned()));
    assert_eq!(aliases.into_iter().collect::<Vec<_>>(), expected);
}
