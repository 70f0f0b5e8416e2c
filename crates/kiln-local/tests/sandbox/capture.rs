//! What is kept of what a command leaves.

use std::os::unix::fs::MetadataExt;

use kiln_action::Ending;
use kiln_tree::{Node, Time};

use crate::Case;
use crate::bench::{Bench, path};

pub(crate) const CASES: &[Case] = &[
    ("what is in out is kept", kept),
    ("equal commands leave equal trees", equal),
    ("the files of an output are moved into the store, not copied", moved),
    ("an output is staged for the next command", staged),
    ("a failure keeps its status and its build tree with times", failure),
    ("a build folder that was renamed away is not kept", renamed),
    ("links and renames between build and out work", links),
    ("what no tree holds is dropped with a warning", dropped),
    ("closed folders are captured and removed", closed),
    ("a very deep folder is an error, and removed", deep),
    ("a name that is not UTF-8 is an error", name),
    ("an out that is no folder fails the build", no_out),
    ("phases and the limit are read from meta", meta),
    ("changed folders of the root are captured", others),
    ("a long log keeps its start and its end", log),
];

fn kept(bench: &Bench) {
    let run = bench.sh(
        "mkdir -p /out/bin /out/empty; echo hi > /out/bin/tool; chmod 775 /out/bin/tool; \
         chmod 400 /out/bin; ln -s ../nowhere /out/link; printf '' > /out/none; chmod 011 /out/none",
    );
    let out = run.out();
    assert_eq!(bench.text(&out, "bin/tool"), "hi\n");
    let Some(Node::File(tool)) = out.get(&path("bin/tool")) else { panic!("{out:?}") };
    assert!(tool.executable && tool.mtime.is_none());
    let Some(Node::File(none)) = out.get(&path("none")) else { panic!("{out:?}") };
    assert!(!none.executable, "only the owner's bit counts");
    let Some(Node::Symlink(link)) = out.get(&path("link")) else { panic!("{out:?}") };
    assert_eq!(&*link.target, "../nowhere");
    assert!(matches!(out.get(&path("empty")), Some(Node::Directory(_))));
    assert_eq!(run.outcome.warnings, Vec::<String>::new());
    // The same for every user and on every machine.
    let digest = "c89c5fe002e294427710b33ae5260ee271d6712b15a18119ec57752c2f1cdb21/250";
    assert_eq!(out.digest().to_string(), digest);
    bench.assert_clean();
}

fn equal(bench: &Bench) {
    let script = "mkdir /out/a; echo x > /out/a/x; cp /bin/busybox /out/a/";
    assert_eq!(bench.sh(script).out(), bench.sh(script).out());
}

fn moved(bench: &Bench) {
    let script = "mkdir /out/d; echo moved > /out/d/x; echo tool > /out/tool; chmod 755 /out/tool; \
                  stat -c %i /out/d/x /out/tool";
    let run = bench.sh(script);
    let out = run.out();
    let tree = bench.store().join("trees").join(&out.digest().hex()[..32]);
    let mut inodes = String::new();
    for (name, executable) in [("d/x", false), ("tool", true)] {
        let Some(Node::File(file)) = out.get(&path(name)) else { panic!("{out:?}") };
        let blob = std::fs::metadata(bench.cas.file(file.digest, executable).unwrap()).unwrap();
        let staged = std::fs::metadata(tree.join(name)).unwrap();
        assert_eq!(staged.ino(), blob.ino(), "{name}");
        inodes.push_str(&blob.ino().to_string());
        inodes.push('\n');
    }
    assert_eq!(run.text, inodes);
}

fn staged(bench: &Bench) {
    let out = bench.sh("mkdir -m 700 /out/d; echo 1 > /out/d/one; ln -s d /out/l").out();
    let mut place = bench.store().join("trees").join(out.digest().hex());
    place.set_file_name(&out.digest().hex()[..32]);
    assert!(place.is_dir(), "born staged");
    let script = "stat -c '%n %a %Y' / /d /d/one /l; mv /d /e 2>&1; cat /e/one";
    let lowers = vec![bench.shell.clone(), out];
    let run = bench.run(&bench.request_on(script, lowers, bench.upper(&[]))).unwrap();
    let expected =
        "/ 755 1321009871\n/d 755 1321009871\n/d/one 644 1321009871\n/l 777 1321009871\n1\n";
    assert_eq!(run.text, expected);
}

fn failure(bench: &Bench) {
    let run =
        bench.sh("echo out > /out/x; touch -d @1500000000 made; touch -d @1400000000 .; exit 3");
    assert_eq!(run.outcome.ending, Ending::Exit(3));
    assert!(run.outcome.out.is_none());
    let build = run.outcome.build_tree.unwrap();
    let Some(Node::File(made)) = build.get(&path("made")) else { panic!("{build:?}") };
    assert_eq!(made.mtime, Some(Time { seconds: 1_500_000_000, nanos: 0 }));
    let Some(Node::File(source)) = build.get(&path("source.txt")) else { panic!("{build:?}") };
    assert_eq!(source.mtime, Some(Time::STAGED), "sources keep the one constant time");
    assert_eq!(build.mtime(), Some(Time { seconds: 1_400_000_000, nanos: 0 }));
    bench.assert_clean();
}

fn renamed(bench: &Bench) {
    let run = bench.sh("mkdir /kiln; touch made; cd /; mv /build /kiln/done; test ! -e /build");
    run.out();
    assert!(run.outcome.build_tree.is_none());
    let run = bench.sh("touch made");
    run.out();
    assert!(run.outcome.build_tree.is_some(), "left in place, it comes back");
}

fn links(bench: &Bench) {
    let run = bench.sh("echo one > one; ln one /out/one; mkdir d; echo two > d/two; mv d /out/d; \
         ln /out/one /out/again; touch -d @1500000000 one");
    let out = run.out();
    for (name, text) in [("one", "one\n"), ("again", "one\n"), ("d/two", "two\n")] {
        assert_eq!(bench.text(&out, name), text);
    }
    let build = run.outcome.build_tree.clone().unwrap();
    let Some(Node::File(one)) = build.get(&path("one")) else { panic!("{build:?}") };
    assert_eq!(one.mtime, Some(Time { seconds: 1_500_000_000, nanos: 0 }));
}

fn dropped(bench: &Bench) {
    let run =
        bench.sh("mkfifo /out/fifo; cp /bin/busybox /out/su; chmod 6755 /out/su; mkdir /out/g; chmod 2755 /out/g; \
         setfattr -n user.kiln -v x /out/su 2>/dev/null || true");
    let out = run.out();
    let names: Vec<&str> = out.entries().keys().map(kiln_tree::Name::as_str).collect();
    assert_eq!(names, ["g", "su"]);
    let warnings = run.outcome.warnings.join("\n");
    for expected in [
        "`/out`: dropped the FIFO `fifo`",
        "`/out`: dropped the set-user-id bit of `su`",
        "`/out`: dropped the set-group-id bit of `su`",
        "`/out`: dropped the set-group-id bit of `g`",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
}

fn closed(bench: &Bench) {
    let run = bench
        .sh("mkdir -p /out/a/b; echo x > /out/a/b/x; chmod 0 /out/a/b/x /out/a/b /out/a; \
         mkdir -p /junk/a; touch /junk/a/x; chmod 0 /junk/a /junk");
    assert_eq!(bench.text(&run.out(), "a/b/x"), "x\n");
    bench.assert_clean();
}

fn deep(bench: &Bench) {
    let dig = "mkdir -p $(printf 'd/%.0s' $(seq 300))";
    let Err(error) = bench.run(&bench.request(&format!("cd /out; {dig}"))) else { panic!("kept") };
    assert_eq!(error.code().unwrap().to_string(), "K5015");
    bench.assert_clean();
    let run = bench.sh(&format!("{dig}; exit 4"));
    assert_eq!(run.outcome.ending, Ending::Exit(4), "the failure itself is what counts");
    assert!(run.outcome.warnings[0].starts_with("the build tree is not kept"));
    bench.assert_clean();
}

fn name(bench: &Bench) {
    let request = bench.request("mkdir /out/d; touch \"/out/d/a$(printf '\\377')\"");
    let Err(error) = bench.run(&request) else { panic!("kept") };
    assert_eq!(error.to_string(), "the name `d/a\\xff` is not UTF-8");
    assert_eq!(error.code().unwrap().to_string(), "K5013");
    bench.assert_clean();
}

fn no_out(bench: &Bench) {
    for (script, found) in [
        ("rmdir /out", "`/out` is missing"),
        ("rmdir /out; touch /out", "`/out` is a file"),
        ("rmdir /out; ln -s /build /out", "`/out` is a link"),
    ] {
        let run = bench.sh(script);
        assert_eq!(run.outcome.ending, Ending::Exit(1), "{script}");
        assert!(run.text.contains(found), "{}", run.text);
        assert!(run.outcome.out.is_none());
    }
}

fn meta(bench: &Bench) {
    let run = bench.sh("printf 'build 1 2 0\\ncheck 3 - -\\n\\033 x' > /meta/phases; exit 7");
    let phases: Vec<_> = run.outcome.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(phases, ["build", "check"]);
    let run = bench.sh("touch /meta/limit; mkfifo /meta/phases; exit 7");
    assert_eq!(run.outcome.ending, Ending::TimedOut);
    assert!(run.outcome.phases.is_empty());
}

fn others(bench: &Bench) {
    let mut lower = kiln_tree::Draft::default();
    for name in ["etc/keep", "etc/change", "etc/remove", "etc/d/in", "etc/swap/in"] {
        lower.put(&path(name), bench.file("old\n")).unwrap();
    }
    let lowers = vec![bench.shell.clone(), lower.seal()];
    let script = "cd /etc; echo new > change; rm remove; rm -r d; mkdir d; touch d/fresh; \
                  rm -r swap; ln -s keep swap";
    let mut request = bench.request_on(script, lowers, bench.upper(&[]));
    request.action.command.output_paths = ["bin", "etc", "meta"].map(path).to_vec();
    let run = bench.run(&request).unwrap();
    assert_eq!(run.outcome.ending, Ending::Exit(0), "{}", run.text);
    assert_eq!(
        Some(&run.outcome.others["bin"]),
        request.action.input_root.subtree(&path("bin")).as_ref()
    );
    let etc = &run.outcome.others["etc"];
    let found: Vec<String> = etc.walk().map(|(path, _node)| path.to_string()).collect();
    assert_eq!(found, ["change", "d", "d/fresh", "keep", "swap"]);
    assert_eq!(bench.text(etc, "change"), "new\n");
    assert!(matches!(etc.get(&path("swap")), Some(Node::Symlink(_))));
    assert!(run.outcome.out.is_none());
}

fn log(bench: &Bench) {
    let run = bench.sh("echo first; head -c 20000000 /dev/zero; echo last");
    run.out();
    let log = kiln_cas::Cas::read(&*bench.cas, run.outcome.log).unwrap();
    assert!(log.starts_with(b"first\n") && log.ends_with(b"last\n"));
    assert!(log.len() < 17_000_000, "{}", log.len());
    assert_eq!(run.text.as_bytes(), log, "the file says the same");
}
