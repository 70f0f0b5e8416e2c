//! Projects of several files: folders, names across files, options, instances.

use crate::fixture::Fixture;
use crate::show::show;
use snapbox::data::Inline;
use snapbox::{IntoData, str};
use std::fmt::Write;

/// Compares the values at some paths, and the list of elements, with what is expected.
pub(crate) fn check(text: &str, paths: &[&str], expected: Inline) {
    check_with(text, &[], paths, expected);
}

pub(crate) fn check_with(text: &str, options: &[(&str, &str)], paths: &[&str], expected: Inline) {
    let shown = Fixture::new(text).run(options, |project, _| {
        let listed = project.elements();
        let names: Vec<String> = listed.iter().map(|id| project.name(*id)).collect();
        let mut text = format!("elements: {}\n", names.join(" "));
        for path in paths {
            if let Some(value) = project.value(path) {
                let value = show(project, &value).trim_end().replace('\n', "; ");
                writeln!(text, "{path}: {value}").expect("a string");
            }
        }
        text
    });
    snapbox::assert_data_eq!(shown, expected.raw());
}

#[test]
fn folders_are_records_and_elements_is_transparent() {
    check(
        r#"//- /elements/libs.kiln
zinc = Manual { version = "1.3" }
opentls = Manual { deps = [zinc] }
//- /elements/core/linux.kiln
Manual { build = "make %{project.name}", deps = [small.toolbox, libs.zinc] }
//- /elements/core/small.kiln
toolbox = Manual { version = libs.zinc.version }
//- /app.kiln
Manual { deps = [libs.opentls, core.linux, core.small.toolbox] }
"#,
        &["app.deps", "core.linux.deps", "core.linux.build", "core.small.toolbox.version"],
        str![[r#"
elements: app core.linux core.small.toolbox libs.opentls libs.zinc
app.deps: [<libs.opentls>, <core.linux>, <core.small.toolbox>]
core.linux.deps: [<core.small.toolbox>, <libs.zinc>]
core.linux.build: ["make test"]
core.small.toolbox.version: "1.3"

"#]],
    );
}

#[test]
fn members_of_project_kiln_stand_beside_the_files() {
    check(
        r#"//- /project.kiln
Project {
  name = "p"
  version = "1"
  virtual = { kernel = linux }
  let hidden = Manual {}
  own = Manual { deps = [virtual.kernel], version = version }
}
//- /linux.kiln
Manual { summary = "%{own.version} %{project.version}" }
"#,
        &["own.deps", "linux.summary", "own.version"],
        str![[r#"
elements: linux own
own.deps: [<linux>]
linux.summary: "1 1"
own.version: "1"

"#]],
    );
}

#[test]
fn a_file_and_a_folder_of_one_name_are_merged() {
    check(
        r#"//- /libs.kiln
zinc = Manual { deps = [libs.xz] }
//- /libs/xz.kiln
Manual { version = "5" }
"#,
        &["libs.zinc.deps"],
        str![[r#"
elements: libs.xz libs.zinc
libs.zinc.deps: [<libs.xz>]

"#]],
    );
    check(
        r#"//- /libs.kiln
xz = 1
//- /libs/xz.kiln
Manual {}
//- /one.kiln
Manual {}
//- /one/two.kiln
Manual {}
"#,
        &[],
        str![[r#"
elements: one
error[K0104]: `libs.xz` comes from a file and from a folder
  libs.kiln:1:1 `xz` the folder `libs` has a member of this name too
  help: rename one of them
error[K0104]: `one` is a file with one expression and a folder
  one.kiln:1:1 `Manual {}` the expression
  help: rename `one.kiln` or the folder `one`

"#]],
    );
}

#[test]
fn a_cycle_across_files_names_both_places() {
    check(
        r#"//- /a.kiln
x = b.y
//- /b.kiln
y = a.x
"#,
        &["a.x"],
        str![[r#"
elements: 
error[K0401]: `b.y` needs itself: b.y -> a.x -> b.y
  a.kiln:1:7 `y` `a.x` asks for `b.y`
  b.kiln:1:7 `x` `b.y` asks for `a.x`

"#]],
    );
}

#[test]
fn kinds_and_mixins_of_other_files() {
    check(
        r#"//- /Pyproject.kiln
## A kind of this project.
Build {
  backends: [Element] = []
  module: String? = null
  build-deps += backends
  build = "python3 -m build"
  check = if module == null then [] else "python3 -c 'import %{module}'"
}
//- /stage.kiln
sysroot = "/cross"
target = mixin Build { triplet: String = "x", env { PATH = "%{sysroot}/bin" } }
//- /py.kiln
interpreter = Manual { version = "3.12" }
let Package = Pyproject {
  build-deps += [interpreter]
  run-deps = [interpreter]
}
idna = Package { backends = [flit] }
flit = Package { ..stage.target, module = "flit", version = triplet }
typed: [Pyproject] = [idna, flit]
//- /old.kiln
py { interpreter = Manual { version = "3.9" } }
"#,
        &[
            "py.idna.build-deps",
            "py.flit.check",
            "py.flit.env",
            "py.flit.version",
            "old.idna.build-deps",
            "old.interpreter.version",
        ],
        str![[r#"
elements: old.flit old.idna old.interpreter py.flit py.idna py.interpreter
py.idna.build-deps: [<py.flit>, <py.interpreter>]
py.flit.check: ["python3 -c 'import flit'"]
py.flit.env: PATH = "/cross/bin"
py.flit.version: "x"
old.idna.build-deps: [<old.flit>, <old.interpreter>]
old.interpreter.version: "3.9"

"#]],
    );
}

#[test]
fn what_a_let_made_is_no_dependency() {
    check(
        r#"//- /x.kiln
let hidden = Manual {}
a = Manual { deps = [hidden] }
b = hidden { version = "1" }
"#,
        &["x.a.deps", "x.b"],
        str![[r#"
elements: x.a x.b
x.a.deps: [<x.hidden>]
x.b: <x.b>

"#]],
    );
}

#[test]
fn a_member_cannot_be_named_like_a_setting() {
    check(
        r#"//- /base.kiln
Manual {}
//- /project.kiln
Project { name = "p", lib = 1 }
//- /lib.kiln
Manual {}
"#,
        &[],
        str![[r#"
elements: 
error[K0103]: the member `base` is named like a setting of `Project`
  project.kiln:1:1 `Project { name = "p", lib = 1 }` the project
  help: rename the file or folder `base`
error[K0104]: `lib` comes from `project.kiln` and from a file or folder
  project.kiln:1:23 `lib` a file or folder has this name too
  help: rename one of them

"#]],
    );
}

#[test]
fn a_project_file_without_a_project_is_refused() {
    check(
        "//- /project.kiln\nx = 1\n",
        &[],
        str![[r#"
error[K0110]: `project.kiln` holds no project
  project.kiln:1:1 `x = 1` not a `Project { … }`
  help: write `Project { name = "…" }`

"#]],
    );
    check(
        "//- /project.kiln\n{ name = \"p\" }\n",
        &[],
        str![[r#"
error[K0110]: `project.kiln` holds no project
  project.kiln:1:1 `{ name = "p" }` not a `Project { … }`
  help: write `Project { name = "…" }`

"#]],
    );
    check(
        "//- /project.kiln\nProject { nam = \"p\" }\n",
        &["nam"],
        str![[r#"
elements: 
nam: "p"

"#]],
    );
}

#[test]
fn a_text_that_cannot_be_read_brings_no_further_findings() {
    check(
        r#"//- /libs.kiln
zinc = Manual { version = }
png = Manual { deps = [zinc }
card = Manual { version = 1 }
//- /app.kiln
Manual { deps = [libs.zinc, libs.png, libs.jpeg] }
"#,
        &[],
        str![[r#"
elements: app libs.card libs.png libs.zinc
error[K0002]: expected a value after `=`
  libs.kiln:1:26 `` a value is missing
  help: use `null` for no value, `...` for one to be written
error[K0004]: `[` is not closed
  libs.kiln:2:28 `` `]` is missing
  libs.kiln:2:23 `[` opened here
  help: write `]` here

"#]],
    );
    check(
        "//- /project.kiln\nProject {\n",
        &[],
        str![[r#"
elements: 
error[K0004]: `{` is not closed
  project.kiln:1:10 `` `}` is missing
  project.kiln:1:9 `{` opened here
  help: write `}` here

"#]],
    );
}

#[test]
fn types_and_kinds_of_other_files_are_types() {
    check(
        r#"//- /stage.kiln
let max = 10
type Port = Int where (p) => p < max
Image = Manual { size: Port = 1 }
//- /x.kiln
a: stage.Port = 3
b: stage.Port = 30
c: stage.Image = stage.Image { size = 11 }
d: stage.Image = Manual {}
e: stage.Imag = Manual {}
size = c.size
"#,
        &["x.a", "x.c"],
        str![[r#"
elements: x.c
x.a: 3
x.c: <x.c>
error[K0201]: `b` of `x` must be `stage.Port`, not the Int 30
  x.kiln:2:17 `30` this is the Int 30
  x.kiln:2:1 `b` declared here
  stage.kiln:2:23 `(p) => p < max` what `Port` has to be
error[K0201]: `size` of `x.c` must be `Port`, not the Int 11
  x.kiln:3:39 `11` this is the Int 11
  stage.kiln:3:18 `size` declared here
  stage.kiln:2:23 `(p) => p < max` what `Port` has to be
error[K0201]: `d` of `x` must be `stage.Image`, not the element `x.d`
  x.kiln:4:18 `Manual {}` this is the element `x.d`
  x.kiln:4:1 `d` declared here
error[K0402]: `stage` has no key `Imag`
  x.kiln:5:10 `Imag` not there
  help: did you mean `Image`?

"#]],
    );
}

#[test]
fn a_missing_option_or_member_is_named_as_such() {
    check(
        r#"//- /project.kiln
Project { name = "p", options { debug: Bool = false } }
//- /libs.kiln
zinc = Manual {}
//- /x.kiln
a = option.debgu
b = project.lisb
c = libs.znc
d = machine.targt
"#,
        &[],
        str![[r#"
elements: libs.zinc
error[K0501]: there is no option `debgu`
  x.kiln:1:12 `debgu` not there
  help: did you mean `debug`?
error[K0402]: the project has no key `lisb`
  x.kiln:2:13 `lisb` not there
  help: did you mean `libs`?
error[K0402]: `libs` has no key `znc`
  x.kiln:3:10 `znc` not there
  help: did you mean `zinc`?
error[K0402]: this record has no key `targt`
  x.kiln:4:13 `targt` not there
  help: did you mean `target`?

"#]],
    );
}
