//! What a command sees and what it cannot reach.

use std::collections::BTreeMap;

use kiln_action::Ending;
use kiln_tree::{Draft, Tree};

use crate::Case;
use crate::bench::{Bench, path};

pub(crate) const CASES: &[Case] = &[
    ("a no-op succeeds and leaves nothing", no_op),
    ("the environment is exact", environment),
    ("the command is builder on buildbox", who),
    ("the command is root where it is asked", root),
    ("only loopback is there, and it is up", network),
    ("files of the host are not there", host_files),
    ("of the caller's descriptors only the job tokens are there", descriptors),
    ("an input is not changed by append, chmod or delete", inputs),
    ("a hundred layers stack in order", layers),
    ("equal layers are one, the upper one", equal_layers),
    ("namespaces and mounts are refused inside", refused),
    ("no program means no sandbox", no_program),
    ("signals and umask are the usual ones", signals),
    ("who is not root cannot make processes without end", processes),
    ("the machine can do it", probe),
];

fn no_op(bench: &Bench) {
    let run = bench.sh("true");
    assert_eq!(run.out(), Tree::empty());
    assert_eq!(run.text, "");
    bench.assert_clean();
}

fn environment(bench: &Bench) {
    let mut request = bench.request("");
    request.action.command.arguments = vec!["/bin/env".to_owned()];
    request.advice = BTreeMap::from([
        ("KILN_JOBS".to_owned(), "3".to_owned()),
        ("PATH".to_owned(), "/elsewhere".to_owned()),
        ("MAKEFLAGS".to_owned(), "-j7".to_owned()),
    ]);
    let run = bench.run(&request).unwrap();
    run.out();
    // `PWD` is from bwrap, here as on a farm that uses it; a shell sets it anyway.
    assert_eq!(run.text, "KILN_JOBS=3\nMAKEFLAGS= -j2 --jobserver-auth=3,4\nPATH=/bin\nPWD=/\n");
}

fn who(bench: &Bench) {
    let run =
        bench.sh("id -u; id -g; hostname; cat /proc/sys/kernel/hostname; tty < /dev/stdin || true");
    run.out();
    assert_eq!(run.text, "1000\n1000\nbuildbox\nbuildbox\nnot a tty\n");
    let run = bench
        .sh("grep -E '^Cap(Eff|Bnd|Prm)' /proc/self/status; grep NoNewPrivs /proc/self/status");
    assert_eq!(run.text.matches("0000000000000000").count(), 3, "{}", run.text);
    assert!(run.text.contains("NoNewPrivs:\t1"), "{}", run.text);
}

fn root(bench: &Bench) {
    let mut request = bench.request("id -u; id -g; touch /bin/new /out/x; mount -t tmpfs t /tmp");
    request.action.command.platform.insert("unixUID".to_owned(), "0".to_owned());
    let run = bench.run(&request).unwrap();
    assert!(run.text.starts_with("0\n0\n"), "{}", run.text);
    assert_ne!(run.outcome.ending, Ending::Exit(0), "a mount must be refused");
}

fn network(bench: &Bench) {
    let run = bench
        .sh("ls /sys 2>&1 || true; tail -n +3 /proc/net/dev | cut -d: -f1; ifconfig lo | grep -q 'UP LOOPBACK'");
    assert!(run.text.contains("    lo\n"), "{}", run.text);
    assert_eq!(run.outcome.ending, Ending::Exit(0), "{}", run.text);
}

fn host_files(bench: &Bench) {
    let canary = bench.folder.join("canary");
    std::fs::write(&canary, "from the host").unwrap();
    let run = bench.sh(&format!("ls -d / /* | tr '\\n' ' '; cat {}", canary.display()));
    assert_ne!(run.outcome.ending, Ending::Exit(0));
    assert!(run.text.starts_with("/ /bin /build /dev /meta /out /proc /tmp "), "{}", run.text);
    assert!(!run.text.contains("from the host"));
}

fn descriptors(bench: &Bench) {
    let leaked = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3).unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let run = bench.sh(
        "ls /proc/self/fd | tr '\\n' ' '; cd /proc/self/fd; for n in 0 3 4; do readlink $n; done | sed 's/[0-9]*//g'",
    );
    run.out();
    let peek = bench.sh("tr '\\0' '\\n' < /proc/1/environ; ls -l /proc/1/fd /proc/1/cwd/ 2>&1");
    assert!(!peek.text.contains("PATH=") && !peek.text.contains("HOME="), "{}", peek.text);
    // The last one is the folder that `ls` reads.
    assert_eq!(run.text, "0 1 2 3 4 5 /dev/null\npipe:[]\npipe:[]\n");
}

fn inputs(bench: &Bench) {
    let mut lower = Draft::default();
    lower.put(&path("data/a"), bench.file("a\n")).unwrap();
    lower.put(&path("data/b"), bench.file("b\n")).unwrap();
    lower.put(&path("data/c"), bench.file("c\n")).unwrap();
    let lowers = vec![bench.shell.clone(), lower.seal()];
    let change = "echo more >> /data/a; chmod 700 /data/b; rm /data/c; ls /data; cat /data/a";
    let run = bench.run(&bench.request_on(change, lowers.clone(), bench.upper(&[]))).unwrap();
    run.out();
    assert_eq!(run.text, "a\nb\na\nmore\n");
    let look = "stat -c '%n %a %Y %u' /data/*; cat /data/*";
    let run = bench.run(&bench.request_on(look, lowers, bench.upper(&[]))).unwrap();
    let line = |name: &str| format!("/data/{name} 644 1321009871 1000\n");
    assert_eq!(run.text, format!("{}{}{}a\nb\nc\n", line("a"), line("b"), line("c")));
}

fn layers(bench: &Bench) {
    let layer = |n: u32| {
        let mut draft = Draft::default();
        draft.put(&path("data/which"), bench.file(&format!("{n}\n"))).unwrap();
        draft.put(&path(&format!("data/only-{n}")), bench.file("x")).unwrap();
        draft.seal()
    };
    let lowers = std::iter::once(bench.shell.clone()).chain((0..100).map(layer)).collect();
    let script = "cat /data/which; ls /data | wc -l";
    let run = bench.run(&bench.request_on(script, lowers, bench.upper(&[]))).unwrap();
    assert_eq!(run.text, "99\n101\n");
}

fn equal_layers(bench: &Bench) {
    let layer = |text: &str| {
        let mut draft = Draft::default();
        draft.put(&path("data/which"), bench.file(text)).unwrap();
        draft.seal()
    };
    let layers =
        [bench.shell.clone(), layer("one\n"), layer("two\n"), layer("one\n"), Tree::empty()];
    let request = bench.request_on("cat /data/which", layers.to_vec(), bench.upper(&[]));
    assert_eq!(bench.run(&request).unwrap().text, "one\n");
}

fn refused(bench: &Bench) {
    for uid in ["1000", "0"] {
        for attempt in [
            "unshare -U true",
            "unshare -m true",
            "mount -t tmpfs none /tmp",
            "mount -o remount,rw /",
            "hostname other",
            "mknod /out/null c 1 3",
            "chroot / true",
        ] {
            let mut request = bench.request(attempt);
            request.action.command.platform.insert("unixUID".to_owned(), uid.to_owned());
            let run = bench.run(&request).unwrap();
            assert_ne!(run.outcome.ending, Ending::Exit(0), "{uid}: {attempt}: {}", run.text);
            assert_ne!(run.outcome.ending, Ending::Exit(127), "{attempt} is not there");
        }
    }
}

fn no_program(bench: &Bench) {
    let mut request = bench.request("");
    request.action.command.arguments = vec!["/no/such/program".to_owned()];
    let Err(error) = bench.run(&request) else { panic!("it ran") };
    assert_eq!(error.code().unwrap().to_string(), "K4004");
    assert!(error.to_string().contains("execvp /no/such/program"), "{error}");
    bench.assert_clean();
}

fn signals(bench: &Bench) {
    assert_eq!(bench.sh("umask; ulimit -c").text, "0022\n0\n");
    let mut request = bench.request("");
    // Not by way of a shell, which ignores a signal itself.
    let words = ["/bin/sed", "-n", "s/^Sig[IB][gl][nk]:\t//p", "/proc/self/status"];
    request.action.command.arguments = words.map(str::to_owned).to_vec();
    let masks = bench.run(&request).unwrap().text;
    // Signals 32 and 33 belong to the C library, which lets nobody change them.
    let mask = |mask: &str| u64::from_str_radix(mask, 16).unwrap() & 0x7fff_ffff;
    let masks: Vec<u64> = masks.lines().map(mask).collect();
    // None is blocked, and only SIGPIPE (13) is ignored, as on a farm.
    assert_eq!(masks, [0, 1 << 12]);
}

fn processes(bench: &Bench) {
    let inside = bench.sh("sed -n 's/^Max processes *//p' /proc/self/limits").text;
    let here = std::fs::read_to_string("/proc/self/limits").unwrap();
    let here = here.lines().find_map(|line| line.strip_prefix("Max processes")).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match kiln_sandbox::process_limit() {
        Some(most) => {
            assert!(most <= 1 << 14);
            assert_eq!(words(&inside)[..2], [most.to_string(), most.to_string()]);
        }
        // It would hold nobody; what there is stays.
        None => assert_eq!(words(&inside), words(here)),
    }
}

fn probe(bench: &Bench) {
    let stack = kiln_sandbox::Stack::Overlay;
    kiln_sandbox::probe(&crate::bench::launcher(), &bench.folder.join("probe"), stack).unwrap();
}
