//! Options: what is built anew when they are said, and what is not.

use crate::bench::{Bench, launched};

const PROJECT: &str = r#"
Project {
  name = "demo"
  base = sysroot
  options { debug: Bool = false, unread: String = "" }
  defaults {
    Manual {
      ## Said in all that is made.
      note: String = if option.debug then "debug" else "plain"
    }
  }
}
"#;

/// One element that reads the option by way of a default, one that depends on it, one that does not.
fn project() -> Bench {
    let bench = Bench::new(&[
        ("noted", "Manual { install = \"echo %{note} > $KILN_OUT/note\" }\n"),
        ("user", "Manual { deps = [noted], install = \"cp /note $KILN_OUT/copy\" }\n"),
        ("alone", "Manual { install = \"echo alone > $KILN_OUT/alone\" }\n"),
        ("own", "Manual { note = \"own\", install = \"echo %{note} > $KILN_OUT/own\" }\n"),
    ]);
    bench.write("project.kiln", PROJECT);
    bench
}

#[test]
fn an_option_builds_anew_what_it_changes_and_nothing_else() {
    let bench = project();
    let built = |arguments: &[&str]| {
        let mut built = launched(&bench.events(arguments));
        built.sort();
        built
    };
    assert_eq!(built(&["build"]), ["alone", "noted", "own", "user"]);
    assert_eq!(built(&["build", "-o", "unread=anything"]), [""; 0]);
    assert_eq!(built(&["build", "-o", "debug=true"]), ["noted", "user"]);
    // Both are kept: who goes back builds nothing.
    assert_eq!(built(&["build", "-o", "debug=false"]), [""; 0]);
    assert_eq!(built(&["-o", "debug=true", "build"]), [""; 0]);

    let copy = |option: &str, folder: &str| {
        let to = bench.path(folder).display().to_string();
        let said = bench.run(&["checkout", "user", &to, "-o", option]);
        assert_eq!(said.status, 0, "{}", said.stderr);
        std::fs::read_to_string(bench.path(folder).join("copy")).expect("it was checked out")
    };
    assert_eq!(copy("debug=true", "a"), "debug\n");
    assert_eq!(copy("debug=false", "b"), "plain\n");
}

#[test]
fn every_command_that_loads_a_project_refuses_an_option_that_is_none() {
    let bench = project();
    let commands: [&[&str]; 12] = [
        &["build"],
        &["plan"],
        &["show"],
        &["checkout", "alone", "out"],
        &["shell", "alone", "--", "true"],
        &["track"],
        &["fetch"],
        &["bundle", "--file", "bundle"],
        &["source", "verify"],
        &["options"],
        &["check"],
        &["debug", "ir"],
    ];
    for command in commands {
        let arguments: Vec<&str> = ["-o", "debgu=true"].iter().chain(command).copied().collect();
        let said = bench.run(&arguments);
        assert_eq!(said.status, 3, "{command:?}: {}", said.stderr);
        assert!(said.stderr.contains("error[K0501]"), "{command:?}: {}", said.stderr);
    }
}
