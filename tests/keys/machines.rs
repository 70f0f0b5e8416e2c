//! Keys of the committed project on machines that differ.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::check;

/// The committed project, copied to where everybody may read it, with the program beside it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = kiln_testkit::scratch();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let bench = Self { folder };
        let project = kiln_testkit::project_root().join("tests/keys/project");
        let copied = Command::new("cp").arg("-a").arg(project).arg(bench.folder.path()).status();
        assert!(copied.expect("every system has cp").success());
        let program = env!("CARGO_BIN_EXE_kiln");
        fs::hard_link(program, bench.path("kiln"))
            .or_else(|_other_disk| fs::copy(program, bench.path("kiln")).map(drop))
            .expect("the folder is ours");
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Returns the keys that kiln prints as the last of these words, in the project.
    #[track_caller]
    fn keys(&self, words: &[&str], prepare: impl FnOnce(&mut Command)) -> String {
        let mut command = Command::new(words.first().expect("there are words"));
        command.args(&words[1..]).stdin(Stdio::null()).env_clear();
        command.env("PATH", kiln_testkit::path_with_tools()).env("KILN", self.path("kiln"));
        command.env("HOME", self.path("home")).current_dir(self.path("project"));
        prepare(&mut command);
        let output = command.output().expect("the program is there");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        assert!(output.status.success(), "{words:?}: {}", text(output.stderr));
        text(output.stdout)
    }

    /// Returns the keys as kiln prints them in the project, without more ado.
    #[track_caller]
    fn plain(&self, prepare: impl FnOnce(&mut Command)) -> String {
        self.keys(&[&self.path("kiln").display().to_string(), "debug", "plan"], prepare)
    }
}

#[test]
fn keys_of_the_committed_project_are_those_that_were_committed() {
    check(Bench::new().plain(|_| ()), &format!("project-{}.txt", std::env::consts::ARCH));
}

#[test]
fn nothing_of_the_machine_is_in_a_key() {
    let bench = Bench::new();
    let program = bench.path("kiln").display().to_string();
    let expected = bench.plain(|_| ());
    assert_eq!(expected.lines().count(), 5, "{expected}");

    let same = |actual: String, what: &str| assert_eq!(actual, expected, "{what}");
    let home = bench.path("another home").display().to_string();
    let variables = [
        ("HOME", &*home),
        ("KILN_HOME", &home),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("MAKEFLAGS", "-j9"),
        ("SOURCE_DATE_EPOCH", "1"),
        ("TZ", "Asia/Kathmandu"),
    ];
    for (name, value) in variables {
        let keys = bench.plain(|command| {
            command.env(name, value);
        });
        same(keys, name);
    }
    let below = bench.plain(|command| {
        command.current_dir(bench.path("project/src/deep"));
    });
    same(below, "folder");
    same(bench.keys(&[&program, "-j", "7", "debug", "plan"], |_| ()), "jobs");
    same(bench.keys(&["taskset", "-c", "0", &program, "debug", "plan"], |_| ()), "processors");
    let umask = "umask 077; exec $KILN debug plan";
    same(bench.keys(&["sh", "-c", umask], |_| ()), "mask");
}

#[test]
fn neither_host_nor_user_is_in_a_key() {
    let bench = Bench::new();
    let program = bench.path("kiln").display().to_string();
    let expected = bench.plain(|_| ());
    let same = |actual: String, what: &str| assert_eq!(actual, expected, "{what}");
    let host = "hostname elsewhere; test $(hostname) = elsewhere; exec $KILN debug plan";
    let other_host = ["unshare", "--user", "--map-root-user", "--uts", "sh", "-ec", host];
    same(bench.keys(&other_host, |_| ()), "host name");
    let owner = fs::metadata(bench.path("project")).expect("it is ours").uid();
    if owner == 0 {
        let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let words: Vec<&str> = nobody.into_iter().chain([&*program, "debug", "plan"]).collect();
        let elsewhere = tempfile::tempdir().expect("the folder for temporary files is writable");
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(elsewhere.path(), open).expect("the folder is ours");
        let keys = bench.keys(&words, |command| {
            command.env("HOME", elsewhere.path());
        });
        same(keys, "user");
    }
}

#[test]
fn neither_place_nor_times_nor_other_modes_are_in_a_key() {
    let bench = Bench::new();
    let expected = bench.plain(|_| ());
    let message = bench.path("project/src/message");
    fs::set_permissions(&message, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    let touched = Command::new("touch").args(["-d", "@1"]).arg(&message).status();
    assert!(touched.expect("every system has touch").success());
    fs::rename(bench.path("project"), bench.path("moved")).expect("the folder is ours");
    let moved = bench.path("moved");
    let keys = |at: &Path| {
        bench.plain(|command| {
            command.current_dir(at);
        })
    };
    assert_eq!(keys(&moved), expected);

    // The same test sees what is in a key.
    fs::set_permissions(message_in(&moved), fs::Permissions::from_mode(0o700)).expect("it is ours");
    assert_ne!(keys(&moved), expected);
}

fn message_in(project: &Path) -> PathBuf {
    project.join("src/message")
}
