//! Projects that use each other: what is built anew, and what is pinned.

use std::fs;

use crate::bench::{Bench, launched, said};

const PRODUCT: &str = r#"
Project {
  name = "demo"
  base = sysroot
  inputs { lib = Project(Local(../lib)) { base = sysroot, libs.text = mine } }
}
"#;

/// A text, what is made of it, and what is not.
const LIBS: &str = r#"
text = Manual { install = "echo theirs > $KILN_OUT/text" }
greeter = Manual { deps = [text], source = Local(./files), install = "cat /text said > $KILN_OUT/greeting" }
other = Manual { install = "echo other > $KILN_OUT/other" }
"#;

/// Writes the library of a bench beside its project.
fn library(bench: &Bench) {
    bench.write("../lib/project.kiln", "Project { name = \"lib\" }\n");
    bench.write("../lib/libs.kiln", LIBS);
    bench.write("../lib/files/said", "said\n");
}

fn built(bench: &Bench, arguments: &[&str]) -> Vec<String> {
    let mut built = launched(&bench.events(arguments));
    built.sort();
    built
}

#[test]
fn a_replaced_element_of_an_input_builds_anew_what_needs_it_and_nothing_else() {
    let bench = Bench::new(&[
        ("mine", "Manual { install = \"echo mine > $KILN_OUT/text\" }\n"),
        (
            "app",
            "Manual { deps = [lib.libs.greeter, lib.libs.other], install = \"cp /greeting $KILN_OUT/all\" }\n",
        ),
    ]);
    library(&bench);
    bench.write("project.kiln", &PRODUCT.replace(", libs.text = mine", ""));
    let first = built(&bench, &["build", "app"]);
    assert_eq!(first, ["app", "lib.libs.greeter", "lib.libs.other", "lib.libs.text"]);
    bench.write("project.kiln", PRODUCT);
    assert_eq!(built(&bench, &["build", "app"]), ["app", "lib.libs.greeter", "mine"]);
    let to = bench.path("out").display().to_string();
    let copied = bench.run(&["checkout", "app", &to]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    let all = fs::read_to_string(bench.path("out/all")).expect("it was checked out");
    assert_eq!(all, "mine\nsaid\n");
    // An edit of a file of the input, too, is seen.
    bench.write("../lib/files/said", "other\n");
    assert_eq!(built(&bench, &["build", "app"]), ["app", "lib.libs.greeter"]);
}

#[test]
fn an_input_from_git_is_pinned_and_then_built_offline() {
    let bench = Bench::new(&[(
        "app",
        "Manual { deps = [lib.libs.greeter], install = \"cp /greeting $KILN_OUT/all\" }\n",
    )]);
    library(&bench);
    let commit = "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
        export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
        test -e .git || git init --quiet --initial-branch=main
        git add . && git commit --quiet --message=a";
    let commit = || {
        let mut command = bench.command("sh");
        let said = said(command.current_dir(bench.path("lib")).args(["-ec", commit]));
        assert_eq!(said.status, 0, "{}", said.stderr);
    };
    commit();
    let url = format!("Git(\"file://{}\")", bench.path("lib").display());
    let product = PRODUCT.replace(", libs.text = mine", "").replace("Local(../lib)", &url);
    bench.write("project.kiln", &product);
    let refused = bench.run(&["build", "app"]);
    assert_eq!(refused.status, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("error[K0522]"), "{}", refused.stderr);

    let tracked = bench.run(&["track"]);
    assert_eq!(tracked.status, 0, "{}", tracked.stderr);
    let lock = fs::read_to_string(bench.path("project/kiln.lock")).expect("it was tracked");
    assert!(lock.contains("[[input]]\nkind = \"git\""), "{lock}");
    let first = built(&bench, &["--offline", "build", "app"]);
    assert_eq!(first, ["app", "lib.libs.greeter", "lib.libs.text"]);

    // What is pinned stays, whatever is committed there, until it is tracked again.
    bench.write("../lib/files/said", "later\n");
    commit();
    assert_eq!(built(&bench, &["--offline", "build", "app"]), [""; 0]);
    assert_eq!(bench.run(&["track", "--check"]).status, 1);
    assert_eq!(bench.run(&["track"]).status, 0);
    assert_eq!(built(&bench, &["--offline", "build", "app"]), ["app", "lib.libs.greeter"]);
}

#[test]
fn the_examples_that_use_each_other_are_planned() {
    let bench = Bench::new(&[]);
    let examples = kiln_testkit::project_root().join("docs/examples/inputs/product");
    let folder = examples.display().to_string();
    let planned = bench.run(&["-C", &folder, "plan"]);
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    let mut names: Vec<&str> =
        planned.stdout.lines().filter_map(|line| line.split_whitespace().last()).collect();
    names.sort_unstable();
    let expected =
        ["library.libs.greeter", "library.libs.text", "mine", "ours.libs.greeter", "system"];
    assert_eq!(names, expected, "{}", planned.stdout);
}
