//! Our actions run on a foreign engine of the Remote Execution API and give the same output digests.
#![expect(clippy::disallowed_methods, reason = "starts an engine and reads fixtures")]

mod client;
mod engine;
mod project;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use client::{Blobs, Client};
use engine::Engine;
use kiln_action::{Action, CancelFlag, Command, Ending, Outcome, Request, Runner};
use kiln_assemble::Assembled;
use kiln_cas::{Cas, DiskCas};
use kiln_digest::Digest;
use kiln_ir::User;
use kiln_local::LocalRunner;
use kiln_sandbox::Launcher;
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Time, Tree};

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a clean path")
}

/// Runs an assembled action in a sandbox of this machine, on a store of its own.
fn run_here(folder: &Path, assembled: &Assembled, blobs: &Blobs) -> (Outcome, Arc<DiskCas>) {
    let cas = Arc::new(DiskCas::open(&folder.join("store")).expect("the folder is writable"));
    for bytes in blobs.values() {
        cas.write(bytes).expect("the store is writable");
    }
    cas.write_tree(&assembled.action.input_root).expect("the store is writable");
    for tree in assembled.staging.lowers.iter().chain([&assembled.staging.upper]) {
        cas.write_tree(tree).expect("the store is writable");
    }
    let launcher = Launcher { helper: env!("CARGO_BIN_EXE_kiln").into(), bwrap: bwrap() };
    let runner =
        LocalRunner::new(Arc::clone(&cas), launcher, "test", 2).expect("the store is writable");
    let request = Request {
        action: assembled.action.clone(),
        staging: assembled.staging.clone(),
        advice: BTreeMap::from([("KILN_JOBS".to_owned(), "7".to_owned())]),
        log: folder.join("log"),
        cancel: CancelFlag::default(),
        silence: None,
    };
    (runner.run(&request).expect("the sandbox of this machine works"), cas)
}

fn bwrap() -> Option<PathBuf> {
    let path = kiln_testkit::path_with_tools();
    env::split_paths(&path).map(|folder| folder.join("bwrap")).find(|program| program.is_file())
}

fn text(of: &Outcome, folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    format!("{of:?}\n{log}")
}

/// Runs the phases here and on the engine; both must succeed with one digest.
#[track_caller]
fn check(user: User, phases: &[(&str, &str)]) -> Tree {
    let folder = kiln_testkit::scratch();
    let mut blobs = Blobs::new();
    let assembled = project::assembled(&project::element(user, phases), &mut blobs);
    let (here, cas) = run_here(folder.path(), &assembled, &blobs);
    let out = here.out.clone().unwrap_or_else(|| panic!("{}", text(&here, folder.path())));
    assert_eq!(here.ending, Ending::Exit(0));

    let engine = Engine::start(folder.path());
    let client = Client::connect(engine.url());
    let there = client.execute(&assembled.action, &blobs);
    assert_eq!(there.exit_code, 0, "{there:?}");
    assert!(!there.outputs.contains_key("build"), "the build tree comes back of failures only");
    assert!(there.outputs["out"].walk().count() > 0);
    let other = there.outputs["out"].without_times();
    let read_here = |digest| cas.read(digest).expect("an output is in the store");
    let lines_here = listing(&out, &read_here);
    assert_eq!(lines_here, listing(&other, &|digest| client.read(digest)));
    assert_eq!(out.digest(), other.digest());
    out
}

/// Lists a tree with the texts of its small files, so that a difference can be read.
fn listing(tree: &Tree, read: &dyn Fn(Digest) -> Vec<u8>) -> Vec<String> {
    let line = |(path, node): (RelPath, Node)| match node {
        Node::File(file) if file.digest.size < 20_000 => {
            let text = String::from_utf8_lossy(&read(file.digest)).into_owned();
            format!("{path} {} {text:?}", file.executable)
        }
        node => format!("{path} {node:?}"),
    };
    tree.walk().map(line).collect()
}

#[test]
fn a_tree_made_by_an_engine_has_the_digest_that_we_compute() {
    let folder = kiln_testkit::scratch();
    let engine = Engine::start(folder.path());
    let mut blobs = Blobs::new();
    let mut root = Draft::from(project::import(&kiln_testkit::shell(), &mut blobs));
    for folder in ["dev", "out", "proc", "tmp"] {
        root.make_folder(&path(folder)).expect("the shell has no such file");
    }
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let script = "cd out; mkdir -p bin empty; echo hello > bin/a; chmod +x bin/a; ln -s bin/a b; \
        id -u > uid; hostname > host";
    let command = Command {
        arguments: ["/bin/sh", "-ec", script].map(str::to_owned).to_vec(),
        environment: pairs(&[("HOME", "/tmp"), ("PATH", "/usr/bin:/bin")]),
        output_paths: vec![path("out")],
        output_node_properties: vec!["mtime".to_owned()],
        platform: pairs(&[("OSFamily", "linux"), ("unixGID", "1000"), ("unixUID", "1000")]),
    };
    let action = Action { command, input_root: root.seal(), timeout_seconds: 60 };
    let result = Client::connect(engine.url()).execute(&action, &blobs);
    assert_eq!((result.exit_code, result.stderr.as_str()), (0, ""));

    let mut expected = Draft::default();
    let mut put = |at: &str, node: Node| expected.put(&path(at), node).expect("no file in the way");
    put("bin/a", File::new(Digest::of(b"hello\n"), true).into());
    put("b", Symlink::new("bin/a").into());
    put("uid", File::new(Digest::of(b"1000\n"), false).into());
    put("host", File::new(Digest::of(b"buildbox\n"), false).into());
    expected.make_folder(&path("empty")).expect("no file in the way");
    assert_eq!(result.outputs["out"].without_times(), expected.seal());
    assert!(result.outputs["out"].files().all(|(_, file)| file.mtime.is_some()));
}

/// Writes down all that a build could see of its surroundings and must not differ.
const LOOK_AROUND: &str = r"
    env | grep -vE '^(KILN_JOBS|MAKEFLAGS|PWD|OLDPWD|SHLVL|_)=' | sort > /out/env
    id -u > /out/id; id -g >> /out/id; umask > /out/umask; hostname > /out/hostname; pwd > /out/pwd
    cat /etc/passwd /etc/group /etc/hosts > /out/etc
    ls -1 / | sort > /out/top; ls -1 /dev | sort > /out/dev
    find / -xdev -name proc -prune -o -name dev -prune -o -path /out -prune -o \
        -path /meta -prune -o ! -type d -exec stat -c '%n %F %a %U %G' '{}' + 2>/dev/null | sort > /out/modes
    stat -c '%Y' /bin/busybox /build/hello.txt /kiln/run /etc/passwd > /out/times
    grep -c . /proc/net/dev > /out/net; readlink /proc/self/fd/0 > /out/stdin
    ulimit -S -c -n -s > /out/limits 2>&1 || :
    grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status > /out/status
    sed -n 's/^SigIgn.*\(....\)$/\1/p' /proc/self/status > /out/ignored
";

#[test]
fn a_build_sees_the_same_here_and_there() {
    check(User::Builder, &[("build", LOOK_AROUND)]);
}

#[test]
fn a_build_as_root_sees_the_same_here_and_there() {
    check(User::Root, &[("build", LOOK_AROUND)]);
}

#[test]
fn outputs_of_every_form_are_kept_alike() {
    let make = "cp -a . /tmp/copy; mkdir -p /out/usr/bin /out/empty/deep; umask 077; \
        ./sub/tool \"$GREETING\" > /out/usr/private; echo more >> hello.txt; \
        cp hello.txt /bin/busybox /out; chmod 700 /out/usr/private; umask 022";
    let install = "cd /out/usr/bin; cp /build/sub/tool tool; ln tool same; ln -s tool alias; \
        ln -s /nowhere dangling; chmod 4755 tool; touch -d @5 tool; : > nothing; chmod 0464 nothing; \
        printf 'a\\0b' > 'a name'; printf x > 'é'";
    let out = check(User::Builder, &[("build", make), ("install", install)]);
    assert_eq!(out.get(&path("usr/bin/alias")), Some(Symlink::new("tool").into()));
}

#[test]
fn a_failure_leaves_the_same_build_tree() {
    let phases = [
        ("configure", "mkdir made; echo $GREETING > made/file; touch -d @1000000000 made/file"),
        ("build", "rm hello.txt; echo partial > /out/partial; exit 3"),
        ("install", "echo never > made/never"),
    ];
    let folder = kiln_testkit::scratch();
    let mut blobs = Blobs::new();
    let assembled = project::assembled(&project::element(User::Builder, &phases), &mut blobs);
    let (here, _) = run_here(folder.path(), &assembled, &blobs);
    let engine = Engine::start(folder.path());
    let there = Client::connect(engine.url()).execute(&assembled.action, &blobs);

    assert_eq!((here.ending, there.exit_code), (Ending::Exit(3), 3));
    let build = here.build_tree.clone().unwrap_or_else(|| panic!("{}", text(&here, folder.path())));
    assert_eq!(there.outputs["build"].without_times(), build.without_times());
    let time = |tree: &Tree| match tree.get(&path("made/file")) {
        Some(Node::File(file)) => file.mtime,
        other => panic!("no file but {other:?}"),
    };
    let expected = Time { seconds: 1_000_000_000, nanos: 0 };
    assert_eq!((time(&build), time(&there.outputs["build"])), (Some(expected), Some(expected)));
    let names: Vec<&str> = here.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["configure", "build"]);
}

/// Builds `app` of the project in the folder with the command line; returns the events of the run.
fn build_with_kiln(folder: &Path) -> Vec<serde_json::Value> {
    let mut kiln = process::Command::new(env!("CARGO_BIN_EXE_kiln"));
    kiln.args(["--ir", "project.json", "build", "app"]).current_dir(folder);
    kiln.env_clear().env("HOME", folder).env("PATH", kiln_testkit::path_with_tools());
    let answer = kiln.output().expect("kiln can be started");
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "kiln failed:\n{said}");
    let runs = folder.join(".local/state/kiln/runs");
    let run = fs::read_dir(runs).expect("a run leaves a record").next().expect("there is one run");
    let events = run.expect("the record is readable").path().join("events.jsonl");
    let events = fs::read_to_string(events).expect("the record is readable");
    events.lines().map(|line| serde_json::from_str(line).expect("events are JSON")).collect()
}

#[test]
fn the_command_line_runs_the_action_that_the_engine_runs() {
    let folder = kiln_testkit::scratch();
    let script = "./sub/tool $GREETING > /out/said; cp -a link empty sub hello.txt /out";
    let element = project::element(User::Builder, &[("build", script)]);
    project::write(folder.path(), &element);
    let events = build_with_kiln(folder.path());
    let is_app =
        |event: &&serde_json::Value| event["ev"] == "element-built" && event["element"] == "app";
    let built = events.iter().find(is_app).expect("the element was built");

    let mut blobs = Blobs::new();
    let assembled = project::assembled(&element, &mut blobs);
    assert_eq!(built["action"], assembled.action.digest().to_string());
    let engine = Engine::start(folder.path());
    let there = Client::connect(engine.url()).execute(&assembled.action, &blobs);
    assert_eq!(built["out"], there.outputs["out"].without_times().digest().to_string());
}
