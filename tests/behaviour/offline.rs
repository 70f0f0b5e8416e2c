//! What comes from outside: tracked, fetched, compared, bundled, and built where there is no network.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use kiln_testkit::{Fault, FileServer};

use crate::bench::{Bench, Said, said};
use crate::ending::{Started, signal};

/// Runs a script of the shell that must succeed.
#[track_caller]
fn sh(bench: &Bench, folder: &str, script: &str) {
    let folder = bench.path(folder);
    fs::create_dir_all(&folder).expect("the folder is ours");
    let mut command = bench.command("sh");
    let said = said(command.current_dir(folder).args(["-ec", script]));
    assert_eq!(said.status, 0, "{said:?}");
}

/// Makes what is upstream: an archive, a file, a repository with another one in it.
fn upstream(bench: &Bench) {
    sh(
        bench,
        "upstream",
        "mkdir a-1.0 && echo archive > a-1.0/message && dd if=/dev/urandom of=a-1.0/big bs=65536 count=32 2> /dev/null
        tar -cf a-1.0.tar a-1.0 && echo file > tool-1.2.sh
        export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
        export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
        for name in lib app; do
            git init --quiet --initial-branch=main $name && cd $name
            test $name = lib || git -c protocol.file.allow=always submodule --quiet add ../lib sub
            echo $name > text && git add text && git commit --quiet --message=$name && git tag v1.0 && cd ..
        done",
    );
}

/// A project that has sources of all sorts and a base of packages.
fn project() -> Bench {
    let bench = Bench::new(&[
        (
            "tar",
            "Manual { source = Tar(\"demo:a-1.0.tar\"), install = \"cp message $KILN_OUT/tar\" }\n",
        ),
        (
            "git",
            "Manual { source = Git(\"demo:app\", track = \"v*\"), install = \"cat text sub/text > $KILN_OUT/git\" }\n",
        ),
        (
            "app",
            "Manual {\n  build-deps = [tar, git]\n  sources = { \"f\" = File(\"demo:tool-1.2.sh\"), \"a\" = Tar(\"demo:a-1.0.tar\") }\n  \
             install = \"cat /tar /git f/tool-1.2.sh a/message > $KILN_OUT/all\"\n}\n",
        ),
        (
            "debian",
            "Debian { suite = \"bookworm\", profile = \"none\", packages = [\"dash\", \"coreutils\"], arch = \"x86_64\" }\n",
        ),
        ("packaged", "Manual { base = debian, install = \"echo packaged > $KILN_OUT/text\" }\n"),
    ]);
    upstream(&bench);
    bench
}

/// The mirrors of [`project`] as folders.
fn folders(bench: &Bench) -> [String; 4] {
    let demo = format!("demo=file://{}", bench.path("upstream").display());
    let debian = format!("debian=file://{}", kiln_testkit::debian_mirror().display());
    ["--mirror".to_owned(), demo, "--mirror".to_owned(), debian]
}

/// Runs kiln with these mirrors.
fn run(bench: &Bench, arguments: &[&str]) -> Said {
    said(bench.kiln().args(arguments).args(folders(bench)))
}

#[track_caller]
fn tracked(bench: &Bench) {
    let said = run(bench, &["track", "--insecure-no-signature"]);
    assert_eq!(said.status, 0, "{said:?}");
}

/// All files below a folder, with their sizes.
fn listing(folder: &Path) -> BTreeSet<(PathBuf, u64)> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            found.extend(listing(&path));
        } else {
            let size = fs::metadata(&path).expect("it is there").len();
            found.insert((path, size));
        }
    }
    found
}

#[test]
fn a_bundle_builds_without_a_network_for_root_and_for_others() {
    let bench = project();
    tracked(&bench);
    let said = run(&bench, &["bundle", "--file", "../all.bundle"]);
    assert_eq!(said.status, 0, "{said:?}");
    // The same lock gives the same bytes, whatever is in the cache.
    fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
    let again = run(&bench, &["bundle", "--file", "../again.bundle"]);
    assert_eq!(again.status, 0, "{again:?}");
    let bytes = fs::read(bench.path("all.bundle")).expect("it was written");
    assert!(bytes == fs::read(bench.path("again.bundle")).expect("it was written"));
    fs::rename(bench.path("upstream"), bench.path("gone")).expect("the folder is ours");

    for other in Other::all(&bench) {
        let built = other.run(&bench, &["build", "--bundle", "../all.bundle"]);
        assert_eq!(built.status, 0, "{other:?}: {}", built.stderr);
        assert!(built.stderr.contains("6 built"), "{other:?}: {}", built.stderr);
        // The rest of the program needs no bundle any more, and nothing of it lies about.
        assert_eq!(other.run(&bench, &["build"]).status, 0, "{other:?}");
        let left = listing(&other.home.join("cache/store-v1/tmp"));
        assert!(left.iter().all(|(path, _)| path.ends_with(".gate")), "{left:?}");
    }
}

/// A user without a network, with a home of its own.
#[derive(Debug)]
pub(crate) struct Other {
    /// What starts a program as that user.
    words: Vec<&'static str>,
    program: PathBuf,
    home: PathBuf,
}

impl Other {
    /// One that is root in a namespace, and an ordinary one where the tests run as root.
    pub(crate) fn all(bench: &Bench) -> Vec<Self> {
        let owner = fs::metadata(bench.path("project")).expect("it is ours").uid();
        let mut all = vec![vec!["unshare", "--user", "--map-root-user", "--net"]];
        if owner == 0 {
            let user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
            all.push(["unshare", "--net"].into_iter().chain(user).collect());
        }
        let program = bench.path("kiln-program");
        fs::hard_link(env!("CARGO_BIN_EXE_kiln"), &program)
            .or_else(|_other_disk| fs::copy(env!("CARGO_BIN_EXE_kiln"), &program).map(drop))
            .expect("the folder is ours");
        let other = |(ix, words)| {
            let home = bench.path(&format!("other-{ix}"));
            fs::create_dir(&home).expect("the folder is ours");
            let open = fs::Permissions::from_mode(0o777);
            fs::set_permissions(&home, open).expect("the folder is ours");
            Self { words, program: program.clone(), home }
        };
        all.into_iter().enumerate().map(other).collect()
    }

    /// Runs kiln in the project.
    pub(crate) fn run(&self, bench: &Bench, arguments: &[&str]) -> Said {
        let script = "test $(grep -c : /proc/net/dev) = 1 && exec \"$0\" --offline \"$@\"";
        let mut command = bench.command(self.words[0]);
        command.args(&self.words[1..]).args(["sh", "-ec", script]).arg(&self.program);
        said(command.args(arguments).env("KILN_HOME", &self.home).env("HOME", "/nowhere"))
    }
}

#[test]
fn a_hostile_bundle_is_one_error_and_nothing_is_taken() {
    let bench = project();
    tracked(&bench);
    let bundled = run(&bench, &["bundle", "app", "--file", "../good"]);
    assert_eq!(bundled.status, 0, "{bundled:?}");
    fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
    let good = fs::read(bench.path("good")).expect("it was written");
    let text = String::from_utf8_lossy(&good[512..]).into_owned();
    let text = &text[..text.find('\0').expect("a list ends before its block does")];
    let member = |folder: &str| {
        let name = format!("{folder}/");
        let found = good.windows(name.len()).position(|part| part == name.as_bytes());
        found.expect("it has such a member")
    };
    let changed = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad.splice(at..at + bytes.len(), bytes.iter().copied());
        bad
    };
    let (file, blob) = (member("files"), member("blobs"));
    let cases: [(&str, Vec<u8>); 11] = [
        ("K2051", Vec::new()),
        ("K2051", b"hello\n".repeat(200)),
        ("K2051", good[..300].to_vec()),
        ("K2053", good[..600].to_vec()),
        ("K2053", good[..good.len() - 1].to_vec()),
        ("K2053", [&good[..], b"x"].concat()),
        ("K2053", changed(file, b"../..")),
        ("K2053", changed(blob + 512, b"!")),
        ("K2053", changed(file + 512, b"!")),
        ("K2053", changed(512 + text.find("file ").expect("it has a file"), b"link ")),
        ("K2052", changed(512, b"kiln-bundle 7")),
    ];
    for (ix, (code, bytes)) in cases.iter().enumerate() {
        fs::write(bench.path("bad"), bytes).expect("the folder is ours");
        let said = bench.run(&["--offline", "fetch", "app", "--bundle", "../bad"]);
        assert_eq!(said.status, 4, "{ix}: {said:?}");
        assert!(said.stderr.starts_with(&format!("error[{code}]: ")), "{ix}: {said:?}");
        assert_eq!(said.stderr.matches("error[").count(), 1, "{ix}: {said:?}");
        let taken = listing(&bench.path("kiln/cache/downloads-v1"));
        assert!(taken.is_empty(), "{ix}: {taken:?}");
        let taken = listing(&bench.path("kiln/cache/store-v1/cas"));
        assert!(taken.is_empty(), "{ix}: {taken:?}");
    }
    let said = bench.run(&["--offline", "fetch", "app", "--bundle", "../good"]);
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn a_fetch_goes_on_where_a_server_died_and_tells_all_that_failed() {
    let bench = project();
    tracked(&bench);
    fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
    let server = FileServer::start(&bench.path("upstream"));
    server.fault("a-1.0.tar", Fault::CutAfter(100_000));
    server.fault("a-1.0.tar", Fault::NotFound);
    server.fault("tool-1.2.sh", Fault::NotFound);
    let mirror = format!("demo={}", server.url());
    // The commit comes from a folder: a plain file server is no server of git.
    let arguments = ["fetch", "tar", "app", "--mirror", &mirror];
    bench.write("git.kiln", "Manual { install = \"echo > $KILN_OUT/git\" }\n");
    let failed = bench.run(&arguments);
    assert_eq!(failed.status, 4, "{failed:?}");
    for what in ["error[K2050]: 2 of 2 ", "`demo:a-1.0.tar`", "`demo:tool-1.2.sh`"] {
        assert!(failed.stderr.contains(what), "{what}: {failed:?}");
    }
    let fetched = bench.run(&arguments);
    assert_eq!(fetched.status, 0, "{fetched:?}");
    let last = server.requests().into_iter().rfind(|request| request.path == "a-1.0.tar");
    assert!(last.is_some_and(|request| request.from.is_some_and(|from| from > 0)));
    let n_asked = server.requests().len();
    let fetched = bench.run(&arguments);
    assert_eq!((fetched.status, server.requests().len()), (0, n_asked), "{fetched:?}");
    // Damage is found, and mended.
    for (path, size) in listing(&bench.path("kiln/cache/downloads-v1")) {
        if size == 5 {
            fs::write(path, "!!!!!").expect("the folder is ours");
        }
    }
    let fetched = bench.run(&arguments);
    assert_eq!((fetched.status, server.requests().len()), (0, n_asked + 1), "{fetched:?}");
    drop(server);
    let built = bench.run(&["--offline", "build", "tar"]);
    assert_eq!(built.status, 0, "{built:?}");
}

#[test]
fn a_lock_is_written_whole_or_not_at_all() {
    let bench = project();
    tracked(&bench);
    let lock = || fs::read_to_string(bench.path("project/kiln.lock")).expect("it was written");
    let first = lock();
    let written = fs::metadata(bench.path("project/kiln.lock")).expect("it is there").ino();
    let check = |arguments: &[&str], status: i32| {
        let said = run(&bench, &[&["track", "--insecure-no-signature"], arguments].concat());
        assert_eq!(said.status, status, "{arguments:?}: {said:?}");
        said
    };
    check(&[], 0);
    let again = fs::metadata(bench.path("project/kiln.lock")).expect("it is there").ino();
    assert_eq!(written, again, "an unchanged lock was written");
    check(&["--check"], 0);
    sh(&bench, "upstream", "echo new > tool-1.2.sh && git -C app tag v1.1");
    let said = check(&["--check"], 1);
    assert!(said.stdout.contains("changed demo:app (1.0 -> 1.1)"), "{said:?}");
    assert!(said.stdout.contains("builds  1 anew: app\n"), "{said:?}");
    assert_eq!(lock(), first, "a check wrote the lock");
    sh(&bench, "upstream", "mkdir away && mv a-1.0.tar app away");
    let said = check(&[], 4);
    for what in
        ["error[K2050]: 2 of 4 ", "cannot fetch `demo:a-1.0.tar`", "cannot fetch `demo:app`"]
    {
        assert!(said.stderr.contains(what), "{what}: {said:?}");
    }
    assert_eq!(lock(), first, "a failure wrote the lock");
    sh(&bench, "upstream", "mv away/* .");
    // The project is known from before; its lock is looked at all the same.
    check(&["git"], 0);
    assert_ne!(lock(), first);
    let shown = bench.run(&["show", "app"]);
    check(&[], 0);
    assert_ne!(shown.stdout, bench.run(&["show", "app"]).stdout);
}

#[test]
fn a_lock_of_two_sides_is_told_as_such() {
    let bench = project();
    tracked(&bench);
    let path = bench.path("project/kiln.lock");
    let lock = fs::read_to_string(&path).expect("it was written");
    fs::write(&path, format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> other\n")).expect("ours");
    let said = bench.run(&["build", "tar"]);
    assert_eq!(said.status, 3, "{said:?}");
    assert!(said.stderr.contains("the lock has both sides of a merge"), "{said:?}");
    tracked(&bench);
    assert_eq!(fs::read_to_string(&path).expect("it was written"), lock);
}

#[test]
fn sources_are_compared_with_where_they_come_from() {
    let bench = project();
    tracked(&bench);
    let before = listing(&bench.path("kiln/cache/downloads-v1"));
    let lock = fs::read(bench.path("project/kiln.lock")).expect("it was written");
    let same = run(&bench, &["source", "verify"]);
    assert_eq!((same.status, same.stdout.as_str()), (0, ""), "{same:?}");
    sh(&bench, "upstream", "echo other > tool-1.2.sh && rm a-1.0.tar && rm -r app && mv lib app");
    let said = run(&bench, &["source", "verify", "app"]);
    assert_eq!(said.status, 1, "{said:?}");
    let verdicts: BTreeSet<&str> = said.stdout.lines().collect();
    let expected = ["changed demo:tool-1.2.sh", "gone    demo:a-1.0.tar", "gone    demo:app"];
    assert_eq!(verdicts, expected.into());
    assert_eq!(listing(&bench.path("kiln/cache/downloads-v1")), before);
    assert_eq!(fs::read(bench.path("project/kiln.lock")).expect("it is there"), lock);
    let built = bench.run(&["--offline", "build", "app"]);
    assert_eq!(built.status, 0, "the cache has changed: {built:?}");
}

#[test]
fn ctrl_c_ends_tracking_and_fetching() {
    for arguments in [["track", "tar"], ["fetch", "tar"]] {
        let bench = project();
        tracked(&bench);
        let lock = fs::read(bench.path("project/kiln.lock")).expect("it was written");
        fs::remove_dir_all(bench.path("kiln/cache")).expect("the folder is ours");
        let mirror = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let url = format!("demo=http://{}", mirror.local_addr().expect("it listens"));
        let mut command = bench.kiln();
        command.args(arguments).args(["--mirror", &url]).process_group(0);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Started(command.spawn().expect("kiln starts"));
        let (connection, _) = mirror.accept().expect("kiln asks the mirror");
        signal("INT", -i64::from(child.0.id()));
        let mut status = None;
        bench.wait_until("it ends", |_| {
            status = child.0.try_wait().expect("it is our child");
            status.is_some()
        });
        assert_eq!(status.and_then(|status| status.code()), Some(130), "{arguments:?}");
        assert_eq!(fs::read(bench.path("project/kiln.lock")).expect("it is there"), lock);
        assert_eq!(bench.leftovers(), [""; 0]);
        drop(connection);
    }
}
