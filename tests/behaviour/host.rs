//! This machine itself as a base: really compiled on, built anew when it is upgraded, never hidden.
//!
//! Machines that are changed are folders with the static shell in them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use kiln_event::Event;

use crate::bench::{Bench, Said, said};

/// What is said of everything that stands on this machine.
const LINE: &str = "base: host (impure, not shared)";

/// A project whose base is a machine in a folder.
fn bench(elements: &[(&str, &str)]) -> Bench {
    let bench = Bench::new(elements);
    bench.write("sysroot.kiln", "Host {}\n");
    for folder in ["bin", "lib"] {
        fs::create_dir_all(bench.path("machine/usr").join(folder)).expect("the folder is ours");
        symlink(format!("usr/{folder}"), bench.path("machine").join(folder)).expect("it is ours");
    }
    let from = kiln_testkit::shell().join("bin/.");
    let copy = Command::new("cp").arg("-a").arg(from).arg(bench.path("machine/usr/bin")).status();
    assert!(copy.expect("every system has cp").success());
    install(&bench, "cc", "#!/bin/sh\necho 1\n");
    bench
}

/// Puts a program into the machine.
fn install(bench: &Bench, name: &str, text: &str) {
    let path = bench.path("machine/usr/bin").join(name);
    fs::write(&path, text).expect("the folder is ours");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// Returns kiln on the machine in the folder, ready for arguments.
fn kiln(bench: &Bench) -> Command {
    let mut command = bench.kiln();
    command.env("KILN_HOST_ROOT", bench.path("machine"));
    command
}

fn run(bench: &Bench, arguments: &[&str]) -> Said {
    said(kiln(bench).args(arguments))
}

#[test]
fn the_compiler_of_this_machine_builds_a_program() {
    let app = r#"Manual {
  source = Local(./c)
  build = "cc -O2 -o a a.c; ./a"
  install = "install -D a $KILN_OUT/usr/bin/kiln-a; ! touch /usr/x; ! test -e /home"
}
"#;
    let uses = "Manual { deps = [app], build = \"cc --version\", install = \"kiln-a > $KILN_OUT/said\" }\n";
    let plain = "Import { source = Local(./shell), target = \"/plain\" }\n";
    let bench = Bench::new(&[
        ("app", app),
        ("uses", uses),
        ("plain", plain),
        ("whole", "Compose { of = [uses, plain] }\n"),
        ("pure", "Compose { base = null, of = [plain] }\n"),
    ]);
    bench.write("sysroot.kiln", "Host {}\n");
    bench.write("c/a.c", "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n");
    let events = bench.events(&["build", "whole"]);
    let impure = events.iter().filter(|event| matches!(event, Event::Impure { .. })).count();
    assert_eq!(impure, 1);
    let out = bench.path("out").display().to_string();
    let written = bench.run(&["checkout", "uses", &out]);
    assert_eq!((written.status, written.stderr.contains(LINE)), (0, true), "{}", written.stderr);
    assert_eq!(fs::read_to_string(bench.path("out/said")).expect("it is built"), "hello\n");

    let shown = bench.run(&["show"]).stdout;
    assert!(shown.starts_with(&format!("{LINE}\n")), "{shown}");
    let is_impure = |name: &str| {
        let row = shown.lines().find(|row| row.split(' ').next() == Some(name));
        row.unwrap_or_else(|| panic!("no `{name}`: {shown}")).contains(" impure ")
    };
    let found = ["sysroot", "app", "uses", "whole", "plain", "pure"].map(is_impure);
    assert_eq!(found, [true, true, true, true, false, false], "{shown}");

    assert!(bench.run(&["plan", "app"]).stdout.starts_with(&format!("{LINE}\n")));
    assert!(!bench.run(&["plan", "pure"]).stdout.contains("impure"));
    assert_eq!(bench.run(&["build", "pure"]).stderr.matches("impure").count(), 0);
    let pure = bench.run(&["checkout", "pure", &bench.path("pure").display().to_string()]);
    assert_eq!((pure.status, pure.stderr.as_str()), (0, ""));
    let again = bench.run(&["build"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(bench.leftovers(), [] as [&str; 0]);
}

#[test]
fn a_machine_that_was_upgraded_builds_anew() {
    let bench = bench(&[("app", "Manual { install = \"cc > $KILN_OUT/version\" }\n")]);
    let built = run(&bench, &["build", "app"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    assert!(built.stderr.contains(&format!("{LINE}\n")), "{}", built.stderr);
    assert!(run(&bench, &["build", "app"]).stderr.contains("nothing to do"));
    install(&bench, "cc", "#!/bin/sh\necho 2\n");
    assert!(run(&bench, &["plan", "app"]).stdout.contains("build "));
    let built = run(&bench, &["build", "app"]);
    let told = format!("{LINE}; changed since the last build: `cc`\n");
    assert!(built.stderr.contains(&told), "{}", built.stderr);
    let out = bench.path("out").display().to_string();
    assert_eq!(run(&bench, &["checkout", "app", &out]).status, 0);
    assert_eq!(fs::read_to_string(bench.path("out/version")).expect("it is built"), "2\n");
    // As it was before, what was built then is there.
    install(&bench, "cc", "#!/bin/sh\necho 1\n");
    let back = run(&bench, &["build", "app"]);
    assert!(back.stderr.contains("nothing to do"), "{}", back.stderr);
    fs::remove_file(bench.path("machine/usr/bin/cc")).expect("it is ours");
    let told = format!("{LINE}; no C compiler (`cc`) is here; changed since the last build: `cc`");
    let built = run(&bench, &["build", "app"]);
    assert!(built.stderr.contains(&told), "{}", built.stderr);
    assert_eq!(built.status, 1);
}

#[test]
fn what_is_built_while_the_machine_changes_is_forgotten() {
    let wait = "touch /tmp/x; echo waits; until test -e /usr/go; do sleep 0.02; done";
    let bench =
        bench(&[("app", &format!("Manual {{ install = \"{wait}; cc > $KILN_OUT/version\" }}\n"))]);
    let mut building = kiln(&bench);
    let building = building.args(["build", "app"]).stderr(std::process::Stdio::piped());
    let building = building.spawn().expect("it starts");
    bench.wait_until("the script waits", |bench| {
        let logs = bench.runs().into_iter().map(|run| run.join("app.log"));
        logs.filter_map(|log| fs::read_to_string(log).ok()).any(|log| log.contains("waits"))
    });
    install(&bench, "cc", "#!/bin/sh\necho 2\n");
    fs::write(bench.path("machine/usr/go"), "").expect("the folder is ours");
    let ended = building.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{told}");
    assert!(told.contains("error[K3033]"), "{told}");
    // Under the key of the machine that was, nothing is there.
    install(&bench, "cc", "#!/bin/sh\necho 1\n");
    let built = run(&bench, &["build", "app"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let out = bench.path("out").display().to_string();
    assert_eq!(run(&bench, &["checkout", "app", &out]).status, 0);
    assert_eq!(fs::read_to_string(bench.path("out/version")).expect("it is built"), "1\n");
}

#[test]
fn nothing_changes_the_machine() {
    let bench = bench(&[
        ("app", "Manual { install = \"echo x > /usr/bin/cc\" }\n"),
        (
            "lib",
            "Manual { integrate = \"mkdir /usr/made\", install = \"mkdir $KILN_OUT/lib; echo x > $KILN_OUT/lib/x\" }\n",
        ),
        ("uses", "Manual { deps = [lib], install = \"cp /lib/x $KILN_OUT/y\" }\n"),
        ("etc", "Manual { integrate = \"echo x > /etc/made\" }\n"),
        ("made", "Manual { deps = [etc], install = \"cat /etc/made > $KILN_OUT/made\" }\n"),
    ]);
    for (element, advice) in [
        ("app", "install below `$KILN_OUT`"),
        ("uses", "what `integrate` would change there needs another base than `Host`"),
    ] {
        // What is recorded is told as what just happened.
        for _time in 0..2 {
            let failed = run(&bench, &["build", element]);
            assert_eq!(failed.status, 1, "{}", failed.stderr);
            let told = format!(
                "warning[K4109]: `{element}`: `/usr` is that of this machine and cannot be written: {advice}"
            );
            assert!(failed.stderr.contains(&told), "{}", failed.stderr);
        }
    }
    let cc = fs::read_to_string(bench.path("machine/usr/bin/cc")).expect("it is there");
    assert_eq!(cc, "#!/bin/sh\necho 1\n");
    let made = run(&bench, &["build", "made"]);
    assert_eq!(made.status, 0, "{}", made.stderr);
}

#[test]
fn dependencies_are_stacked_or_refused() {
    let bench = bench(&[
        ("lib", "Manual { install = \"mkdir $KILN_OUT/lib; echo x > $KILN_OUT/lib/x\" }\n"),
        ("uses", "Manual { deps = [lib], install = \"cat /usr/lib/x > $KILN_OUT/y; cc\" }\n"),
        (
            "beside",
            "Manual { stage-at { \"/sys-root\" = [lib] }, install = \"cp /sys-root/lib/x $KILN_OUT/y; cc\" }\n",
        ),
    ]);
    let on = |rung: &str, element: &str| {
        let home = bench.path(&format!("kiln-{rung}"));
        let mut command = kiln(&bench);
        said(command.env("KILN_STAGING", rung).env("KILN_HOME", home).args(["build", element]))
    };
    for rung in ["overlay", "legacy"] {
        let built = on(rung, "uses");
        assert_eq!(built.status, 0, "{rung}: {}", built.stderr);
    }
    for element in ["lib", "beside"] {
        let built = on("copy", element);
        assert_eq!(built.status, 0, "{}", built.stderr);
    }
    let refused = on("copy", "uses");
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    assert_eq!(refused.stderr.matches("error[K4008]").count(), 1, "{}", refused.stderr);
}

#[test]
fn a_bundle_has_the_sources_and_says_that_it_has_no_base() {
    let bench = bench(&[("app", "Manual { install = \"cc > $KILN_OUT/version\" }\n")]);
    let bundle = bench.path("bundle").display().to_string();
    let made = run(&bench, &["bundle", "--file", &bundle, "app"]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let told = format!("{LINE}; the bundle has sources and no base: each machine takes its own\n");
    assert!(made.stderr.contains(&told), "{}", made.stderr);
    let built = run(&bench, &["build", "--offline", "--bundle", &bundle, "app"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
}
