//! Options, defaults, instances of a project.

use crate::projects::{check, check_with};
use snapbox::str;

const OPTIONS: &str = r#"//- /project.kiln
type Jobs = Int where (n) => n > 0
Project {
  name = "p"
  options {
    debug: Bool = false
    tls: "opentls" | "none" = "opentls"
    jobs: Jobs = 4
    features: [String] = ["a"]
    target: Platform = machine.build
  }
}
//- /x.kiln
shown = [option.debug, option.tls, option.jobs, option.features, machine.target.cpu, machine.build.cpu]
"#;

#[test]
fn options_have_defaults_and_are_set_from_outside() {
    check(
        OPTIONS,
        &["x.shown"],
        str![[r#"
elements: 
x.shown: [false, "opentls", 4, ["a"], "x86_64", "x86_64"]

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
        OPTIONS,
        &all,
        &["x.shown"],
        str![[r#"
elements: 
x.shown: [true, "none", 8, ["b", "c"], "aarch64", "x86_64"]

"#]],
    );
}

#[test]
fn options_from_outside_are_checked_before_anything_is_evaluated() {
    check_with(
        OPTIONS,
        &[("jobs", "0")],
        &[],
        str![[r#"
error[K0201]: `jobs` of `options` must be `Jobs`, not the Int 0
  project.kiln:7:5 `jobs` this is the Int 0
  project.kiln:7:5 `jobs` declared here
  project.kiln:1:23 `(n) => n > 0` what `Jobs` has to be

"#]],
    );
    check_with(
        OPTIONS,
        &[("tls", "opentl")],
        &[],
        str![[r#"
error[K0201]: `tls` of `options` must be `"opentls" | "none"`, not the String "opentl"
  project.kiln:6:5 `tls` this is the String "opentl"
  project.kiln:6:5 `tls` declared here
  help: did you mean "opentls"?

"#]],
    );
    check_with(
        OPTIONS,
        &[("debug", "yes"), ("jobs", "many")],
        &[],
        str![[r#"
error[K0201]: `debug` of `options` must be `Bool`, not the String "yes"
  project.kiln:5:5 `debug` this is the String "yes"
  project.kiln:5:5 `debug` declared here
error[K0201]: `jobs` of `options` must be `Int`, not the String "many"
  project.kiln:7:5 `jobs` this is the String "many"
  project.kiln:7:5 `jobs` declared here

"#]],
    );
    check_with(
        OPTIONS,
        &[("debgu", "true")],
        &[],
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
zinc = Manual {}
//- /x.kiln
a = libs { zincb = Manual {} }
b = project { lib = 1 }
c = libs { zinc = super { version = "2" } }.zinc.version
d = a.zinc
"#,
        &["x.c", "x.d"],
        str![[r#"
elements: libs.zinc x.a.zinc x.a.zincb
x.c: "2"
x.d: <x.a.zinc>
error[K0307]: `x.a` has no key `zincb` to override
  x.kiln:1:12 `zincb` overrides nothing
  libs.kiln:1:1 `zinc` declared here
  help: did you mean `zinc`?
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
x.shown: [["-O2", "-g", "-O3", "-last"], { CFLAGS = "-O2 -g -O3 -last -ffile-prefix-map=/build=.", CXXFLAGS = "-O2 -g -O3 -last -ffile-prefix-map=/build=.", LC_ALL = "C", LDFLAGS = "" }, ["mine", "copy licenses of p"], "us", "/opt", { LC_ALL = "C" }]

"#]],
    );
}

#[test]
fn defaults_that_are_for_nothing_are_refused() {
    check(
        r#"//- /project.kiln
Project {
  name = "p"
  defaults {
    Autotool { cflags += ["-g"] }
    App { summary = "a kind of the project" }
    Tar { strip = 0 }
    Make = 3
    Build { install += "licences" }
  }
}
//- /x.kiln
App = Manual {}
app = App {}
"#,
        &["x.app.install"],
        str![[r#"
elements: x.app
x.app.install: ["licences"]
error[K0504]: `Autotool` is no kind that defaults are for
  project.kiln:4:5 `Autotool { cflags += ["-g"] }` not a kind of elements of the standard library
  help: did you mean `Autotools`?
error[K0504]: `App` is no kind that defaults are for
  project.kiln:5:5 `App { summary = "a kind of the project" }` not a kind of elements of the standard library
  help: defaults are for kinds of the standard library; a kind of your own says itself what holds for it
error[K0504]: `Tar` is no kind that defaults are for
  project.kiln:6:5 `Tar { strip = 0 }` not a kind of elements of the standard library
  help: defaults are for kinds of the standard library; a kind of your own says itself what holds for it
error[K0504]: the defaults of `Make` are no amend
  project.kiln:7:12 `3` not `{ … }`
  help: write `Make { … }`; `..m` in it applies a mixin

"#]],
    );
}

#[test]
fn defaults_stand_between_the_standard_library_and_kinds_of_the_project() {
    check(
        r#"//- /project.kiln
Project {
  name = "p"
  options { level: Int = 2 }
  defaults {
    Element { summary = "of element", env { WHO = "defaults" } }
    Build {
      ..m.traced
      ..m.levelled(option.level)
      licences: [String] = ["COPYING"]
      install += ["licences %{licences.words}"]
    }
    Autotools { cflags += ["-fdefault"], licences += ["AUTHORS"] }
  }
}
//- /m.kiln
traced = mixin Build { trace: Bool = false, install += ["trace %{trace}"] }
levelled(n: Int) = mixin Build { level: Int = n }
//- /x.kiln
App = Autotools { port: Int, cflags += ["-fkind"], install = "unit %{port}" }
Daemon = App { port = 80, cflags += ["-fdaemon"] }
a = App { port = 8080, cflags += ["-fown"] }
b = Daemon { licences = [], trace = true, install = [super, "level %{level}"] }
c = Manual { install += "own" }
d = Stack {}
flags = [a.cflags, b.cflags]
installs = [a.install, b.install, c.install]
others = [c.licences, c.env.WHO, d.summary]
"#,
        &["x.flags", "x.installs", "x.others"],
        str![[r#"
elements: x.a x.b x.c x.d
x.flags: [["-O2", "-fdefault", "-fkind", "-fown"], ["-O2", "-fdefault", "-fkind", "-fdaemon"]]
x.installs: [["unit 8080"], ["unit 80", "level 2"], ["trace false", "licences \"COPYING\"", "own"]]
x.others: [["COPYING"], "defaults", "of element"]

"#]],
    );
}
