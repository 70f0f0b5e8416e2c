//! How builds are staged, shown on the whole program: every way to the same output, and no foreign store.
#![expect(
    clippy::disallowed_methods,
    reason = "starts the program under test in folders of its own"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Makes a project of one element on the static shell.
fn project() -> TempDir {
    let folder = kiln_testkit::scratch();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("the folder is ours");
    };
    fs::create_dir(folder.path().join("shell")).expect("the folder is ours");
    let shell = kiln_testkit::shell().join("bin");
    let copied = Command::new("cp").arg("-a").arg(shell).arg(folder.path().join("shell")).status();
    assert!(copied.expect("every system has cp").success());
    write("project.kiln", "Project { name = \"demo\", base = sysroot }\n");
    write("sysroot.kiln", "Import { base = null, source = Local(./shell) }\n");
    write(
        "hello.kiln",
        "Manual { install = \"rm /bin/vi; mkdir $KILN_OUT/bin; cp /bin/busybox $KILN_OUT/bin/hello; echo hi > $KILN_OUT/hi\" }\n",
    );
    folder
}

fn kiln(project: &Path, home: &Path, staging: &str, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command.current_dir(project).env_clear().env("PATH", kiln_testkit::path_with_tools());
    command.env("HOME", home).env("KILN_HOME", home).env("KILN_STAGING", staging);
    command.args(words).output().expect("the program is there")
}

#[track_caller]
fn check_refused(output: &Output, status: i32, code: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(code), "{text}");
}

#[test]
fn every_way_to_stage_leads_to_the_same_output() {
    let project = project();
    let mut told: Vec<String> = Vec::new();
    for staging in ["overlay", "legacy", "copy"] {
        let home = kiln_testkit::scratch();
        let built = kiln(project.path(), home.path(), staging, &["build", "hello"]);
        assert!(built.status.success(), "{staging}: {}", String::from_utf8_lossy(&built.stderr));
        let to = home.path().join("to");
        let out = kiln(
            project.path(),
            home.path(),
            staging,
            &["checkout", "hello", to.to_str().expect("a path")],
        );
        assert!(out.status.success(), "{staging}: {}", String::from_utf8_lossy(&out.stderr));
        let look =
            "cd \"$1\" && find . -exec stat -c '%n %a %F' {} + | sort && sha256sum hi bin/hello";
        let listed = Command::new("sh").args(["-c", look, "look"]).arg(&to).output();
        told.push(String::from_utf8_lossy(&listed.expect("a shell").stdout).into_owned());
    }
    assert!(told[0].contains("bin/hello 755 regular file"), "{}", told[0]);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}

#[test]
fn a_way_that_is_none_is_told() {
    let (project, home) = (project(), kiln_testkit::scratch());
    let output = kiln(project.path(), home.path(), "hardlink", &["build", "hello"]);
    check_refused(&output, 6, "K4013");
}

#[test]
fn a_store_of_somebody_else_is_refused() {
    let (project, home) = (project(), kiln_testkit::scratch());
    let theirs = home.path().join("theirs");
    fs::create_dir_all(home.path().join("cache")).expect("the folder is ours");
    fs::create_dir(&theirs).expect("the folder is ours");
    // Root gives a folder away; others take one of root's.
    let given = std::os::unix::fs::chown(&theirs, Some(65534), None).is_ok();
    let foreign = if given { theirs.as_path() } else { Path::new("/usr") };
    std::os::unix::fs::symlink(foreign, home.path().join("cache/store-v1")).expect("it is ours");
    let output = kiln(project.path(), home.path(), "", &["build", "hello"]);
    check_refused(&output, 5, "K5031");
    assert!(theirs.read_dir().expect("it is readable").next().is_none(), "nothing was written");
}
