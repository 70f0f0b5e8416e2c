//! Projects that are inputs, carried to where there is no network, and pinned for more than the options at hand.

use std::fs;

use crate::bench::{Bench, Said, launched, said};
use crate::offline::Other;

/// A product of two libraries: a commit, and an archive that has its project in a folder.
const PRODUCT: &str = r#"
Project {
  name = "demo"
  base = sysroot
  inputs {
    lib = Project(Git("up:lib", track = "v*")) { base = sysroot, greeter { patches += [./said.patch] } }
    fonts = Project(Tar("up:fonts-2.tar", subdir = "kiln")) { base = sysroot, two = app.brought }
  }
  aliases { up = "https://up.example.org/" }
}
"#;

/// Uses both, and brings a source to one of them.
const APP: &str = r#"
brought = Manual { source = File("up:brought.txt"), install = "cp brought.txt $KILN_OUT/two" }
all = Manual {
  deps = [lib.greeter, fonts.both]
  install = "cat /greeting /both /version > $KILN_OUT/all"
}
"#;

/// Pins its own source, and knows its version.
const LIB: &str = r#"
Project {
  name = "lib"
  aliases { own = "https://own.example.org/" }
  greeter = Manual {
    sources { "." = Local(./files), code = Git("own:code", track = "v*") }
    version = sources["code"]?.version
    install = "cat said code/text > $KILN_OUT/greeting; echo version %{version ?? "none"} > $KILN_OUT/version"
  }
}
"#;

const FONTS: &str = r#"
Project {
  name = "fonts"
  one = Manual { source = Local(./files), install = "cp one $KILN_OUT/one" }
  two = Manual { install = "echo theirs > $KILN_OUT/two" }
  both = Manual { deps = [one, two], install = "cat /one /two > $KILN_OUT/both" }
}
"#;

const PATCH: &str = "--- a/said\n+++ b/said\n@@ -1 +1 @@\n-said\n+patched\n";

/// Runs a script of the shell that must succeed.
#[track_caller]
fn sh(bench: &Bench, folder: &str, script: &str) {
    let folder = bench.path(folder);
    fs::create_dir_all(&folder).expect("the folder is ours");
    let git = "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
        export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
        commit() { test -e .git || git init --quiet --initial-branch=main
            git add . && git commit --quiet --message=a && git tag \"$1\"; }";
    let mut command = bench.command("sh");
    let said = said(command.current_dir(folder).args(["-ec", &format!("{git}\n{script}")]));
    assert_eq!(said.status, 0, "{said:?}");
}

/// Runs kiln with the mirrors that there are.
fn run(bench: &Bench, arguments: &[&str]) -> Said {
    let mirror = |alias: &str| format!("{alias}=file://{}", bench.path("up").display());
    let mirrors = ["--mirror".to_owned(), mirror("up"), "--mirror".to_owned(), mirror("own")];
    said(bench.kiln().args(arguments).args(mirrors))
}

#[track_caller]
fn ok(bench: &Bench, arguments: &[&str]) -> Said {
    let said = run(bench, arguments);
    assert_eq!(said.status, 0, "{arguments:?}: {}", said.stderr);
    said
}

/// Makes the product and what is upstream of it.
fn product() -> Bench {
    let bench = Bench::new(&[("app", APP)]);
    bench.write("project.kiln", PRODUCT);
    bench.write("said.patch", PATCH);
    bench.write("../up/code/text", "code\n");
    sh(&bench, "up/code", "commit v1.0");
    bench.write("../up/lib/project.kiln", LIB);
    bench.write("../up/lib/files/said", "said\n");
    // The library pins what it is made of itself, before it is published.
    let url = format!("own=file://{}", bench.path("up").display());
    let lib = bench.path("up/lib").display().to_string();
    let tracked = bench.run(&["-C", &lib, "track", "--mirror", &url]);
    assert_eq!(tracked.status, 0, "{tracked:?}");
    sh(&bench, "up/lib", "commit v1.0");
    bench.write("../up/kiln/project.kiln", FONTS);
    bench.write("../up/kiln/files/one", "one\n");
    bench.write("../up/brought.txt", "brought\n");
    sh(&bench, "up", "mkdir fonts-2 && cp -r kiln fonts-2/kiln && tar -cf fonts-2.tar fonts-2");
    bench
}

#[test]
fn a_bundle_carries_inputs_and_their_sources() {
    let bench = product();
    ok(&bench, &["track"]);
    let lock = fs::read_to_string(bench.path("project/kiln.lock")).expect("it was tracked");
    assert_eq!(lock.matches("[[input]]").count(), 2, "{lock}");
    // What the amend brings is pinned here, what the library needs is pinned there.
    assert!(lock.contains("up:brought.txt") && !lock.contains("own:code"), "{lock}");
    ok(&bench, &["bundle", "--file", "../all"]);
    // The same lock gives the same bytes, whatever is in the cache.
    fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
    ok(&bench, &["bundle", "--file", "../again"]);
    let bytes = |name: &str| fs::read(bench.path(name)).expect("it was written");
    assert!(bytes("all") == bytes("again"));
    ok(&bench, &["bundle", "app.brought", "--file", "../small"]);
    fs::rename(bench.path("up"), bench.path("gone")).expect("the folder is ours");
    for other in Other::all(&bench) {
        let lacks = other.run(&bench, &["build", "app.all"]);
        assert_eq!(lacks.status, 4, "{other:?}: {lacks:?}");
        assert!(lacks.stderr.contains("up:fonts-2.tar"), "{other:?}: {lacks:?}");
        let small = other.run(&bench, &["build", "--bundle", "../small"]);
        assert_eq!(small.status, 4, "{other:?}: {small:?}");
        let told = "neither the bundle `../small` nor the cache has";
        assert!(small.stderr.contains(told), "{other:?}: {small:?}");
        let built = other.run(&bench, &["build", "--bundle", "../all"]);
        assert_eq!(built.status, 0, "{other:?}: {}", built.stderr);
        // Now all of it is here.
        let planned = other.run(&bench, &["plan"]);
        assert_eq!(planned.status, 0, "{other:?}: {planned:?}");
        let folder = bench.path("out");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).expect("the folder is ours");
        let open = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
        fs::set_permissions(&folder, open).expect("the folder is ours");
        let to = folder.join("all").display().to_string();
        let copied = other.run(&bench, &["checkout", "app.all", &to]);
        assert_eq!(copied.status, 0, "{other:?}: {copied:?}");
        let all = fs::read_to_string(folder.join("all/all")).expect("it was checked out");
        assert_eq!(all, "patched\ncode\none\nbrought\nversion 1.0\n", "{other:?}");
    }
}

#[test]
fn a_fetch_brings_inputs_and_their_sources() {
    let bench = product();
    ok(&bench, &["track"]);
    fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
    ok(&bench, &["fetch"]);
    fs::rename(bench.path("up"), bench.path("gone")).expect("the folder is ours");
    ok(&bench, &["--offline", "build", "app.all"]);
}

#[test]
fn a_version_follows_the_lock() {
    let bench = Bench::new(&[(
        "app",
        "Manual { source = Git(\"up:code\", track = \"v*\"), install = \"echo %{version ?? \"none\"} > $KILN_OUT/version\" }\n",
    )]);
    bench.write("../up/code/text", "code\n");
    sh(&bench, "up/code", "commit v1.0");
    let version =
        || run(&bench, &["eval", "[app.version, app.source.version]"]).stdout.trim().to_owned();
    assert_eq!(version(), "[null, null]");
    ok(&bench, &["track"]);
    assert_eq!(version(), "[\"1.0\", \"1.0\"]");
    let built = || {
        let before = bench.runs();
        ok(&bench, &["build"]);
        let new: Vec<_> = bench.runs().difference(&before).cloned().collect();
        launched(&crate::bench::records(&new[0]))
    };
    assert_eq!(built(), ["app"]);
    assert_eq!(built(), [""; 0]);
    // The same tree with another version is another element, as it says so in what it runs.
    sh(&bench, "up/code", "git tag v1.1");
    assert_eq!(built(), [""; 0]);
    ok(&bench, &["track"]);
    assert_eq!(version(), "[\"1.1\", \"1.1\"]");
    assert_eq!(built(), ["app"]);
}

#[test]
fn sources_of_other_options_are_pinned_too() {
    let bench = Bench::new(&[(
        "app",
        "app = Manual { sources = if machine.target.cpu == \"aarch64\" then { \".\" = File(\"up:arm.txt\") } else {}, install = \"true\" }
        arm = if machine.target.cpu == \"aarch64\" then Manual { source = File(\"up:only.txt\"), install = \"true\" } else null\n",
    )]);
    let project = |sets: &str| {
        let text = "Project { name = \"demo\", base = sysroot, options { target: Platform = machine.build }";
        bench.write("project.kiln", &format!("{text}{sets} }}\n"));
    };
    for name in ["arm.txt", "only.txt"] {
        bench.write(&format!("../up/{name}"), name);
    }
    let lock = || fs::read_to_string(bench.path("project/kiln.lock")).unwrap_or_default();
    let arm = "-otarget=aarch64-linux-gnu";
    project("");
    ok(&bench, &["track"]);
    assert_eq!(lock().matches("[[source]]").count(), 0, "{}", lock());
    let refused = run(&bench, &["plan", arm]);
    assert!(refused.stderr.contains("error[K1105]"), "{refused:?}");
    project(", lock-for { arm { target = Platform(\"aarch64-linux-gnu\") } }");
    assert_eq!(run(&bench, &["track", "--check"]).status, 1);
    ok(&bench, &["track"]);
    assert_eq!(lock().matches("[[source]]").count(), 2, "{}", lock());
    ok(&bench, &["track", "--check"]);
    ok(&bench, &["plan", arm]);
    ok(&bench, &["track", "app.app"]);
    assert_eq!(lock().matches("[[source]]").count(), 2, "{}", lock());
    // What nobody asks for any more goes.
    project("");
    ok(&bench, &["track"]);
    assert_eq!(lock().matches("[[source]]").count(), 0, "{}", lock());
}
