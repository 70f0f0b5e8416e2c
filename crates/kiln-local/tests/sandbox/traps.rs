//! What broke others: the traps of staging and capture, one case each.

use std::os::unix::fs::MetadataExt;

use kiln_action::Ending;
use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_local::{LocalRunner, Rung};
use kiln_tree::{Node, Time, Tree};

use crate::Case;
use crate::bench::{Bench, entries, launcher, path};

pub(crate) const CASES: &[Case] = &[
    ("nothing in the store is changed by a build that changes all it sees", unchanged),
    ("the binds of a launch do not grow with its layers", binds),
    ("a file is kept with and without its executable bit", executable),
    ("a folder of a dependency is no folder to rename, but to move", crate::escape::renamed),
    ("a torn blob is not staged", torn),
    ("a blob is not read again because it was linked", linked),
];

/// Cases that take long; who runs them makes no difference.
pub(crate) const LONG: &[Case] = &[("more empty files than a file has links", empty_files)];

/// Reads every blob of a store and asserts that it is what its name says, untouched.
fn verify(bench: &Bench) -> usize {
    let mut n_verified = 0;
    for folder in entries(&bench.store().join("cas")) {
        for blob in entries(&folder) {
            let name = blob.file_name().unwrap().to_str().unwrap();
            let hex = Digest::of(&std::fs::read(&blob).unwrap()).hex();
            let (name, mode) = name.strip_suffix(".x").map_or((name, 0o644), |name| (name, 0o755));
            assert!(hex.ends_with(name), "changed: {}", blob.display());
            let found = std::fs::metadata(&blob).unwrap();
            assert_eq!(found.mode() & 0o7777, mode, "{}", blob.display());
            assert_eq!(found.mtime(), Time::STAGED.seconds, "{}", blob.display());
            n_verified += 1;
        }
    }
    n_verified
}

fn unchanged(bench: &Bench) {
    let script = "set -e; b=/tmp/busybox
        for f in $($b find / -xdev -type f); do
            $b chmod 777 $f; $b ln $f $f.linked; echo evil >> $f; $b touch -d @0 $f
        done
        $b truncate -s 0 /bin/busybox; $b find / -xdev -type d -exec $b chmod 700 {} + || true
        $b rm -rf /bin /data; $b mkdir /out/x; echo done; exit\n";
    let lowers = vec![bench.shell.clone(), in_data(bench.upper(&[("a", "a"), ("b/c", "c")]))];
    for rung in [Rung::Overlay, Rung::Legacy, Rung::Copy] {
        let mut runner = LocalRunner::new(bench.cas.clone(), launcher(), "evil", 1).unwrap();
        runner.force(rung).unwrap();
        // By a shell from elsewhere: nobody can write a program that runs.
        let start = "cp /bin/busybox /tmp; exec /tmp/busybox sh /build/script";
        let upper = bench.upper(&[("build/script", script)]);
        let request = bench.request_on(start, lowers.clone(), upper);
        let run = Bench::run_with(&runner, &request).unwrap();
        assert!(run.text.ends_with("done\n"), "{rung}: {}", run.text);
        assert!(verify(bench) > 3);
    }
    // The trees of the store are as they were, too.
    let run = bench.sh("stat -c '%a %Y' /bin/busybox /bin; busybox true");
    assert_eq!(run.text, "755 1321009871\n755 1321009871\n");
}

fn binds(bench: &Bench) {
    let layer = |n: u32| {
        let upper = bench.upper(&[]);
        let mut draft = kiln_tree::Draft::from(upper);
        draft.put(&path(&format!("data/{n}")), bench.file("x")).unwrap();
        draft.seal()
    };
    let count = |n_layers: u32| {
        let lowers = std::iter::once(bench.shell.clone()).chain((0..n_layers).map(layer)).collect();
        let mut request = bench.request_on("", lowers, bench.upper(&[]));
        request.action.command.arguments =
            ["/bin/cat", "/proc/self/mountinfo"].map(str::to_owned).to_vec();
        bench.run(&request).unwrap().text.lines().count()
    };
    let (few, many) = (count(1), count(50));
    assert_eq!(few, many);
    assert!((8..=20).contains(&few), "{few} mounts");
}

fn empty_files(bench: &Bench) {
    let made = bench.sh("cd /out; seq 65001 | xargs touch");
    let out = made.out();
    assert_eq!(out.entries().len(), 65_001);
    let lowers = vec![bench.shell.clone(), in_data(out)];
    let request = bench.request_on("ls /data | wc -l", lowers, bench.upper(&[]));
    assert_eq!(bench.run(&request).unwrap().text, "65001\n");
    bench.assert_clean();
}

fn in_data(tree: Tree) -> Tree {
    let mut draft = kiln_tree::Draft::default();
    draft.put(&path("data"), Node::Directory(tree)).unwrap();
    draft.seal()
}

fn executable(bench: &Bench) {
    let out = bench
        .sh("printf '#!/bin/sh\\necho ran\\n' > /out/plain; cp /out/plain /out/tool; chmod +x /out/tool")
        .out();
    let file = |name: &str| match out.get(&path(name)) {
        Some(Node::File(file)) => file,
        other => panic!("{other:?}"),
    };
    assert_eq!(file("plain").digest, file("tool").digest);
    assert!(file("tool").executable && !file("plain").executable);
    let lowers = vec![bench.shell.clone(), in_data(out.clone())];
    let script = "/data/tool; test ! -x /data/plain; stat -c %a /data/plain /data/tool";
    let request = bench.request_on(script, lowers, bench.upper(&[]));
    assert_eq!(bench.run(&request).unwrap().text, "ran\n644\n755\n");
}

/// Writes over the file of a blob, as a disk that lost its power leaves it.
fn damage(bench: &Bench, digest: Digest, bytes: &[u8]) {
    let hex = digest.hex();
    let place = bench.store().join("cas").join(&hex[..2]).join(&hex[2..]);
    std::fs::write(&place, bytes).unwrap();
    let time = rustix::fs::Timespec { tv_sec: Time::STAGED.seconds, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, &place, &times, rustix::fs::AtFlags::empty()).unwrap();
}

fn torn(bench: &Bench) {
    for (name, left) in [("zero", ""), ("short", "whole conten")] {
        let text = format!("whole content {name}");
        let digest = bench.cas.write(text.as_bytes()).unwrap();
        damage(bench, digest, left.as_bytes());
        assert_eq!(bench.cas.missing(&[digest]).unwrap(), [digest], "{name}");
        let upper = bench.upper(&[]);
        let mut draft = kiln_tree::Draft::from(upper);
        draft.put(&path("build/blob"), kiln_tree::File::new(digest, false)).unwrap();
        let lowers = vec![bench.shell.clone()];
        let request = bench.request_on("cat /build/blob", lowers, draft.seal());
        let Err(error) = bench.run(&request) else { panic!("staged") };
        let code = error.code().unwrap().to_string();
        assert!(matches!(code.as_str(), "K5001" | "K5002"), "{code}: {error}");
        // Whoever has the content again makes it good.
        bench.cas.write(text.as_bytes()).unwrap();
        assert_eq!(bench.run(&request).unwrap().text, text);
    }
    verify(bench);
}

fn linked(bench: &Bench) {
    let digest = bench.cas.write(b"linked and linked").unwrap();
    let place = bench.cas.file(digest, false).unwrap();
    // Content that nobody would trust who reads it: that it is trusted shows that nobody does.
    damage(bench, digest, b"LINKED and linked");
    let before = std::fs::metadata(&place).unwrap();
    std::fs::hard_link(&place, bench.folder.join("link")).unwrap();
    let after = std::fs::metadata(&place).unwrap();
    assert!(
        (before.ctime(), before.ctime_nsec()) < (after.ctime(), after.ctime_nsec()),
        "linking changes the time of change"
    );
    assert_eq!(bench.cas.missing(&[digest]).unwrap(), []);
    assert!(bench.cas.read(digest).is_err(), "it is bad for whoever reads it");
    assert_eq!(bench.sh("true").outcome.ending, Ending::Exit(0));
    std::fs::remove_file(bench.folder.join("link")).unwrap();
}
