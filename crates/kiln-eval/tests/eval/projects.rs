//! Projects of several files: folders, names across files, options, instances.

use crate::fixture::Fixture;
use crate::show::show;
use snapbox::data::Inline;
use snapbox::{IntoData, str};
use std::fmt::Write;

/// Compares the values at some paths, and the list of elements, with what is expected.
fn check(text: &str, paths: &[&str], expected: Inline) {
    check_with(text, &[], paths, expected);
}

fn check_with(text: &str, options: &[(&str, &str)], paths: &[&str], expected: Inline) {
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
zlib = Manual { version = "1.3" }
openssl = Manual { deps = [zlib] }
//- /elements/core/linux.kiln
Manual { build = "make %{project.name}", deps = [small.busybox, libs.zlib] }
//- /elements/core/small.kiln
busybox = Manual { version = libs.zlib.version }
//- /app.kiln
Manual { deps = [libs.openssl, core.linux, core.small.busybox] }
"#,
        &["app.deps", "core.linux.deps", "core.linux.build", "core.small.busybox.version"],
        str![[r#"
elements: app core.linux core.small.busybox libs.openssl libs.zlib
app.deps: [<libs.openssl>, <core.linux>, <core.small.busybox>]
core.linux.deps: [<core.small.busybox>, <libs.zlib>]
core.linux.build: ["make test"]
core.small.busybox.version: "1.3"

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
zlib = Manual { deps = [libs.xz] }
//- /libs/xz.kiln
Manual { version = "5" }
"#,
        &["libs.zlib.deps"],
        str![[r#"
elements: libs.xz libs.zlib
libs.zlib.deps: [<libs.xz>]

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
fn options_are_typed_and_set_from_outside() {
    let text = r#"//- /project.kiln
type Jobs = Int where (n) => n > 0
Project {
  name = "p"
  options {
    debug: Bool = false
    tls: "openssl" | "none" = "openssl"
    jobs: Jobs = 4
    features: [String] = ["a"]
    target: Platform = machine.build
  }
}
//- /x.kiln
shown = [option.debug, option.tls, option.jobs, option.features, machine.target.cpu, machine.build.cpu]
"#;
    check(
        text,
        &["x.shown"],
        str![[r#"
elements: 
x.shown: [false, "openssl", 4, ["a"], "x86_64", "x86_64"]

"#]],
    );
    let all = [
        ("debug", "true"),
        ("tls", "none"),
        ("jobs", "8"),
        ("features", "b,c"),
        ("target", "aarch64-linux-gnu"),
    ];
    check_with(
        text,
        &all,
        &["x.shown"],
        str![[r#"
elements: 
x.shown: [true, "none", 8, ["b", "c"], "aarch64", "x86_64"]

"#]],
    );
    check_with(
        text,
        &[("jobs", "0")],
        &["x.shown"],
        str![[r#"
elements: 
error[K0201]: `jobs` of `options` is a value of type `Jobs`, not the Int 0
  project.kiln:7:5 `jobs` this is the Int 0
  project.kiln:7:5 `jobs` declared here

"#]],
    );
    check_with(
        text,
        &[("tls", "opensl")],
        &["x.shown"],
        str![[r#"
elements: 
error[K0201]: `tls` of `options` is a value of type `"openssl" | "none"`, not the String "opensl"
  project.kiln:6:5 `tls` this is the String "opensl"
  project.kiln:6:5 `tls` declared here
  help: did you mean "openssl"?

"#]],
    );
    check_with(
        text,
        &[("debgu", "true")],
        &["x.shown"],
        str![[r#"
error[K0501]: there is no option `debgu`
  help: did you mean `debug`?

"#]],
    );
}

#[test]
fn an_amended_project_is_an_instance() {
    check(
        r#"//- /project.kiln
Project {
  name = "cross"
  options { target: Platform = machine.build }
  let native = project { options { target = machine.build } }
  tool = Manual { version = machine.target.cpu }
  gcc = Manual { build-deps = [native.tool, tool] }
  variants = { for c in ["aarch64", "x86_64"] then { [c] = project { options { target = Platform("%{c}-linux-gnu") } } } }
  own = project { tool = super { version = "9" } }
}
//- /x.kiln
versions = [variants.aarch64.tool.version, variants.x86_64.tool.version, variants.aarch64.lib.v]
same = [variants.x86_64.tool == tool, variants.aarch64.tool == tool]
let arm = project { options { target = Platform("aarch64-none-elf") } }
let swapped = project { lib = { v = "other" } }
named = [arm.tool, arm.gcc.build-deps.last, swapped.tool, swapped.lib.v]
deps = [tool.build-deps, variants.aarch64.gcc.build-deps.map((d) => d.version)]
own = [project.own.tool.version, project.own.gcc.build-deps.last.version]
//- /lib.kiln
v = tool.version
"#,
        &["gcc.build-deps", "x.versions", "x.same", "x.deps", "x.own", "x.named"],
        str![[r#"
elements: gcc tool
gcc.build-deps: [<tool>, <tool>]
x.versions: ["aarch64", "x86_64", "aarch64"]
x.same: [true, false]
x.deps: [[], ["x86_64", "aarch64"]]
x.own: ["9", "9"]
x.named: [<tool{target=aarch64-none-elf}>, <tool{target=aarch64-none-elf}>, <tool{6}>, "other"]

"#]],
    );
}

#[test]
fn an_override_that_hits_nothing_is_refused() {
    check(
        r#"//- /libs.kiln
zlib = Manual {}
//- /x.kiln
a = libs { zlibb = Manual {} }
b = project { lib = 1 }
c = libs { zlib = super { version = "2" } }.zlib.version
d = a.zlib
"#,
        &["x.c", "x.d"],
        str![[r#"
elements: libs.zlib x.a.zlib x.a.zlibb
x.c: "2"
x.d: <x.a.zlib>
error[K0307]: `x.a` has no key `zlibb` to override
  x.kiln:1:12 `zlibb` overrides nothing
  libs.kiln:1:1 `zlib` declared here
  help: did you mean `zlib`?
error[K0307]: the project has no `lib` to override
  x.kiln:2:15 `lib` overrides nothing
  help: did you mean `libs`?

"#]],
    );
}

#[test]
fn defaults_come_after_the_library_and_before_kinds_of_users() {
    check(
        r#"//- /project.kiln
Project {
  name = "p"
  defaults {
    Element { env { LC_ALL = "C" }, prefix = "/opt" }
    Build { install += licenses, team: String = "none" }
    Autotools { cflags += ["-g"] }
  }
  let licenses = "copy licenses of %{project.name}"
}
//- /Mine.kiln
Autotools { cflags += ["-O3"] }
//- /x.kiln
a = Mine { cflags += ["-last"], team = "us", install = ["mine", super.last] }
b = Import {}
shown = [a.cflags, a.env, a.install, a.team, b.prefix, b.env]
"#,
        &["x.shown"],
        str![[r#"
elements: x.a x.b
x.shown: [["-O2", "-g", "-O3", "-last"], { LC_ALL = "C" }, ["mine", "copy licenses of p"], "us", "/opt", { LC_ALL = "C" }]

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
fn inputs_are_refused_until_they_work() {
    check(
        r#"//- /project.kiln
Project { name = "p", inputs { q = 1 } }
"#,
        &[],
        str![[r#"
error[K0510]: inputs are not supported yet
  project.kiln:1:23 `inputs` other projects cannot be used yet

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
