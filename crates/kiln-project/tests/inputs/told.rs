//! What amends of inputs come to, and what is told of them.

use super::*;
use kiln_project::load_for;

/// Loads an app whose inputs are these.
#[track_caller]
fn check_inputs(inputs: &str, expected: impl snapbox::IntoData) {
    let app = format!("Project {{ name = \"app\", inputs {{ {inputs} }} }}\n");
    check(&format!("{LIB}//- app/project.kiln\n{app}//- app/mine.kiln\nManual {{}}\n"), expected);
}

#[test]
fn an_override_that_hits_nothing_is_told_whoever_uses_it() {
    check_inputs(
        "lib = Project(Local(../lib)) { libs.tsl = mine }",
        str![[r#"
K0307: `libs` has no `tsl` to override
  project.kiln:1:70 overrides nothing
  help: did you mean `tls`?
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)) { libs { nope = mine } }",
        str![[r#"
K0307: `libs` has no `nope` to override
  project.kiln:1:72 overrides nothing
  help: it has `tls`, `web`
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)) { libs { tls { tests = true } } }",
        str![[r#"
K0204: `Manual` has no field `tests`
  project.kiln:1:78 unknown field
  help: declare it with a type: `tests: String = …`
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)) { libs.tls = \"1.2\" }",
        str![[r#"
K0201: `tls` of `lib.libs` is an Element, and is replaced by a String
  project.kiln:1:76 this is a String
  help: put another element there
mine []

"#]],
    );
}

#[test]
fn what_a_project_cannot_be_amended_by_is_told() {
    check_inputs(
        "lib = Project(Local(../lib)) { inputs { shell = lib } }",
        str![[r#"
K0307: the project `lib` has no input `shell`
  project.kiln:1:74 overrides nothing
  help: there is nothing in it
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)) { defaults { Manaul { env { A = \"b\" } } } }",
        str![[r#"
K0504: `Manaul` is no kind that defaults are for
  project.kiln:1:76 not a kind of elements of the standard library
  help: did you mean `Manual`?
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)), two = lib { shin = mine }",
        str![[r#"
K0307: the project `lib` has no `shin` to override
  project.kiln:1:76 overrides nothing
  help: did you mean `shim`?
mine []

"#]],
    );
}

#[test]
fn options_of_inputs_are_checked() {
    check_inputs(
        "lib = Project(Local(../lib)) { options { levle = 2 } }",
        str![[r#"
K0501: there is no option `levle`
  project.kiln:1:75 set here
  help: did you mean `level`?
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)) { options.depth = 2 }",
        str![[r#"
K0501: there is no option `depth`
  project.kiln:1:73 set here
  help: its options are level; a new one is declared with a type: `options { depth: Bool = false }`
mine []

"#]],
    );
    check_inputs(
        "lib = Project(Local(../lib)) { options { level = \"2\" } }",
        str![[r#"
K0201: `level` of `lib.options` must be `Int`, not the String "2"
  project.kiln:1:83 this is the String "2"
  help: write `2`, without quotes
mine []

"#]],
    );
}

#[test]
fn an_option_of_an_input_without_a_value_is_told() {
    check(
        r#"//- lib/project.kiln
Project { name = "lib", options { word: String, other: Int = 1 } }
//- app/project.kiln
Project { name = "app", inputs { lib = Project(Local(../lib)) } }
"#,
        str![[r#"
K0502: the option `word` is not set
  project.kiln:1:40 this input has no default for it
  help: set it here: `{ options { word = … } }`

"#]],
    );
    check(
        r#"//- lib/project.kiln
Project { name = "lib", options { word: String }, text = Manual { env { W = option.word } } }
//- app/project.kiln
Project { name = "app", inputs { lib = Project(Local(../lib)) { options { word = "w" } } }, a = Stack { deps = [lib.text] } }
"#,
        str![[r#"
a [lib.text]
lib.text [] W=w

"#]],
    );
}

#[test]
fn what_an_amend_brings_is_of_the_project_that_amends() {
    check(
        r#"//- lib/project.kiln
Project { name = "lib", text = Manual { patches = [./own.patch], source = Local(./text) } }
//- lib/own.patch
//- lib/text/x
//- app/fix.patch
//- app/mine/x
//- app/project.kiln
Project {
  name = "app"
  inputs {
    lib = Project(Local(../lib)) { text { patches += [./fix.patch] } }
    other = Project(Local(../lib)) { text { source = Local(./mine), patches = [] } }
  }
  a = Stack { deps = [lib.text, other.text] }
}
"#,
        str![[r#"
a [lib.text other.text]
lib.text [] lib//text <lib//own.patch <fix.patch
other.text [] mine

"#]],
    );
}

/// Loads the app with the options of `arm`, of its `lock-for`.
#[track_caller]
fn check_arm(files: &str, expected: impl snapbox::IntoData) {
    let folder = written(files);
    let root = folder.path().join("app");
    let options = [("level".to_owned(), "2".to_owned())];
    let project = load_for(&root, "arm", &options, Box::new(NoModules), &LocalOnly).unwrap();
    snapbox::assert_data_eq!(shown_project(&root, &project), expected);
}

/// Returns an app that is locked for these sets of options.
fn locked_for(sets: &str) -> String {
    let options = "options { target: Platform = machine.build, level: Int = 1 }";
    format!(
        "//- app/project.kiln\nProject {{ name = \"app\", {options}, lock-for {{ {sets} }} }}\n\
         //- app/all.kiln\nx = Manual {{ env {{ ON = machine.target.cpu, LEVEL = \"%{{option.level}}\" }} }}\n"
    )
}

#[test]
fn a_project_is_what_it_is_with_the_options_that_it_is_locked_for() {
    check_arm(
        &locked_for("arm { target = Platform(\"aarch64-linux-gnu\") }"),
        str![[r#"
all.x [] LEVEL=2 ON=aarch64

"#]],
    );
    check_arm(
        &locked_for("arm { target = Platform(\"aarch64-linux-gnu\"), level = 3 }"),
        str![[r#"
all.x [] LEVEL=3 ON=aarch64

"#]],
    );
    check_arm(
        &locked_for("arm { targte = 1 }"),
        str![[r#"
K0501: there is no option `targte`
  project.kiln:1:104 set here
  help: did you mean `target`?

"#]],
    );
    check_arm(
        &locked_for("arm { level = \"high\" }"),
        str![[r#"
K0201: `level` of `options` must be `Int`, not the String "high"
  project.kiln:1:104 this is the String "high"

"#]],
    );
    check_arm(
        &locked_for("amr { level = 3 }"),
        str![[r#"
K0501: `lock-for` has no options `arm`
  help: did you mean `amr`?

"#]],
    );
}

#[test]
fn options_that_a_project_is_locked_for_are_checked_by_every_command() {
    check(
        &locked_for("other { levle = 3 }"),
        str![[r#"
K0501: there is no option `levle`
  project.kiln:1:106 set here
  help: did you mean `level`?
all.x [] LEVEL=1 ON=x86_64

"#]],
    );
    check(
        &locked_for("other = 3"),
        str![[r#"
K0201: `other` of `lock-for` must be `{Any}`, not the Int 3
  project.kiln:1:106 this is the Int 3
all.x [] LEVEL=1 ON=x86_64

"#]],
    );
}

#[test]
fn two_that_replace_a_member_by_the_same_are_one() {
    check_inputs(
        "one = Project(Local(../lib)) { libs.tls = mine }, two = Project(Local(../lib)) { libs { tls = mine } }, \
         three = Project(Local(../lib)) { options { level = 2 }, libs.tls = mine }, \
         four = Project(Local(../lib)) { libs.tls = mine {} } }, \
         a = Stack { deps = [one.libs.web, two.libs.web, three.libs.web, four.libs.web] }, aliases {",
        str![[r#"
a [one.libs.web one.libs.web three.libs.web four.libs.web]
four.libs.tls []
four.libs.web [four.libs.tls four.shim] FROM=lib
four.shim [] four//shim FROM=lib
mine []
one.libs.web [mine one.shim] FROM=lib
one.shim [] four//shim FROM=lib
three.libs.web [mine three.shim] FROM=lib
three.shim [] four//shim FROM=lib

"#]],
    );
}

#[test]
fn inputs_of_two_inputs_that_come_to_the_same_are_one() {
    let side = |name: &str, level: u32| {
        let lib = format!(
            "inputs {{ lib = Project(Local(../lib)) {{ options {{ level = {level} }} }} }}"
        );
        format!(
            "//- {name}/project.kiln\nProject {{ name = \"{name}\", {lib}, x = Stack {{ deps = [lib.libs.tls] }} }}\n"
        )
    };
    let app = r#"//- app/project.kiln
Project {
  name = "app"
  inputs {
    left = Project(Local(../left))
    right = Project(Local(../right))
    far = Project(Local(../far))
  }
  a = Stack { deps = [left.x, right.x, far.x] }
}
"#;
    let sides = [side("left", 2), side("right", 2), side("far", 3)].concat();
    check(
        &format!("{LIB}{sides}{app}"),
        str![[r#"
a [left.x right.x far.x]
far.lib.libs.tls [] FROM=lib LEVEL=3
far.x [far.lib.libs.tls]
left.x [right.lib.libs.tls]
right.lib.libs.tls [] FROM=lib LEVEL=2
right.x [right.lib.libs.tls]

"#]],
    );
}
