//! Ways out of a sandbox, all closed: for root and for an ordinary user, where folders are stacked and where not.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::Command;

use kiln_action::{Ending, Request};
use kiln_local::{LocalRunner, Rung};
use kiln_stage::{Taking, Times, capture};
use kiln_tree::Tree;

use crate::Case;
use crate::bench::{Bench, Run, launcher, path};

pub(crate) const CASES: &[Case] = &[
    ("no mount and no namespace is had inside", mounts),
    ("no listener of the host is reached", listeners),
    ("no terminal is typed into", terminal),
    ("no process of the host is seen", processes),
    ("a whiteout is no output", whiteout),
    ("a socket is dropped, and is no way out", sockets),
    ("an attribute is no output", attribute),
    ("calls without a use in a build are refused, whoever asks in whatever way", calls),
    ("what any program does is not refused", usual),
    ("links out of the tree are kept, never followed", links),
    ("names are told apart, whatever they are", names),
];

/// Where a command runs.
const RUNGS: [Rung; 3] = [Rung::Overlay, Rung::Legacy, Rung::Copy];

/// A refused call: its number for programs of 64 and of 32 bits, an argument, and the error.
type Refused = (&'static str, [u32; 2], u32, i32);

/// What no build needs, by the numbers of this machine.
#[cfg(target_arch = "x86_64")]
const REFUSED: &[Refused] = &[
    ("setxattr", [188, 226], 0, ENOTSUP),
    ("getxattr", [191, 229], 0, ENOTSUP),
    ("flistxattr", [196, 234], 0, ENOTSUP),
    ("fremovexattr", [199, 237], 0, ENOTSUP),
    ("setxattrat", [463, 463], 0, ENOTSUP),
    ("getxattrat", [464, 464], 0, ENOTSUP),
    ("listxattrat", [465, 465], 0, ENOTSUP),
    ("removexattrat", [466, 466], 0, ENOTSUP),
    ("add_key", [248, 286], 0, EPERM),
    ("request_key", [249, 287], 0, EPERM),
    ("keyctl", [250, 288], 0, EPERM),
    ("bpf", [321, 357], 1, EPERM),
    ("perf_event_open", [298, 336], 0, EPERM),
    ("userfaultfd", [323, 374], 1, EPERM),
    ("io_uring_setup", [425, 425], 1, EPERM),
    ("clone of a user namespace", [56, 120], 0x1000_0011, EPERM),
    ("clone of a network", [56, 120], 0x4000_0011, EPERM),
    ("clone3", [435, 435], 0, ENOSYS),
    ("unshare of a user namespace", [272, 310], 0x1000_0000, EPERM),
    ("unshare of mounts", [272, 310], 0x0002_0000, EPERM),
    ("setns", [308, 346], 0, EPERM),
    ("mount", [165, 21], 0, EPERM),
    ("umount2", [166, 52], 0, EPERM),
    ("pivot_root", [155, 217], 0, EPERM),
    ("open_tree", [428, 428], 0, EPERM),
    ("move_mount", [429, 429], 0, EPERM),
    ("fsopen", [430, 430], 0, EPERM),
    ("fsconfig", [431, 431], 0, EPERM),
    ("fsmount", [432, 432], 0, EPERM),
    ("fspick", [433, 433], 0, EPERM),
    ("mount_setattr", [442, 442], 0, EPERM),
    ("open_tree_attr", [467, 467], 0, EPERM),
    // As the third way to ask, which few kernels have: `setxattr` and `keyctl`.
    ("setxattr of x32", [0x4000_0000 + 188, 226], 0, ENOSYS),
    ("keyctl of x32", [0x4000_0000 + 250, 288], 0, ENOSYS),
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED: &[Refused] = &[
    ("setxattrat", [463, 463], 0, ENOTSUP),
    ("io_uring_setup", [425, 425], 1, EPERM),
    ("clone3", [435, 435], 0, ENOSYS),
    ("mount_setattr", [442, 442], 0, EPERM),
];

/// Returns the shell and beside it `/bin/escape`, made by the compiler that made this program.
fn lowers(bench: &Bench) -> Vec<Tree> {
    let folder = bench.folder.join("escape");
    let program = folder.join("bin/escape");
    if !program.exists() {
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        let source: PathBuf = bench.folder.join("escape.c");
        std::fs::write(&source, include_str!("escape.c")).unwrap();
        let made = Command::new("cc")
            .args(["-static", "-pthread", "-o"])
            .args([&program, &source])
            .status();
        assert!(made.unwrap().success());
    }
    let tree = capture(&bench.cas, &folder, Times::Strip, Taking::Copy).unwrap().tree;
    vec![bench.shell.clone(), tree]
}

fn request(bench: &Bench, script: &str, uid: &str) -> Request {
    let upper = bench.upper(&[("build/source.txt", "source\n")]);
    let mut request = bench.request_on(script, lowers(bench), upper);
    request.action.command.platform.insert("unixUID".to_owned(), uid.to_owned());
    request
}

fn on(bench: &Bench, rung: Rung, request: &Request) -> Run {
    let mut runner = LocalRunner::new(bench.cas.clone(), launcher(), "escape", 1).unwrap();
    runner.force(rung).unwrap();
    Bench::run_with(&runner, request).unwrap()
}

/// Checks that an attempt fails, with one of these errors, for both users inside and on every rung.
fn refused(bench: &Bench, attempt: &str, errors: &[i32]) {
    for rung in RUNGS {
        for uid in ["1000", "0"] {
            let run = on(bench, rung, &request(bench, attempt, uid));
            let Ending::Exit(status) = run.outcome.ending else { panic!("{:?}", run.outcome) };
            assert!(errors.contains(&status), "{rung}, {uid}: {attempt}: {status} {}", run.text);
        }
    }
}

const EPERM: i32 = 1;
const ENXIO: i32 = 6;
const EXDEV: i32 = 18;
const ENOSPC: i32 = 28;
const ENOSYS: i32 = 38;
const ENOTSUP: i32 = 95;
const ECONNREFUSED: i32 = 111;

fn mounts(bench: &Bench) {
    refused(bench, "escape remount /", &[EPERM]);
    refused(bench, "escape tmpfs /tmp", &[EPERM]);
    // As many as there may be are there: none.
    refused(bench, "escape userns", &[EPERM, ENOSPC]);
}

fn listeners(bench: &Bench) {
    let name = format!("kiln-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let near = UnixListener::bind_addr(&address).unwrap();
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = far.local_addr().unwrap().port();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    refused(bench, &format!("escape abstract {name}"), &[ECONNREFUSED]);
    refused(bench, &format!("nc -w 1 127.0.0.1 {port} < /dev/null"), &[1]);
    assert_eq!(near.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(far.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn terminal(bench: &Bench) {
    // Under `script` this program has a terminal, and so has everything it starts.
    let printed = crate::machine::on_a_terminal(bench, "typed");
    assert!(printed.contains("nothing was typed"), "{printed}");
}

/// On a terminal of its own.
pub(crate) fn typed(bench: &Bench) {
    assert!(std::fs::File::open("/dev/tty").is_ok(), "no terminal to type into");
    refused(bench, "escape tiocsti", &[ENXIO, EPERM]);
    refused(bench, "escape hidden", &[EPERM]);
    println!("nothing was typed");
}

fn processes(bench: &Bench) {
    let look = "ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm; ! kill -0 -1 2> /dev/null || true";
    for rung in RUNGS {
        let run = on(bench, rung, &request(bench, look, "1000"));
        let n_seen: usize = run.text.lines().next().unwrap().parse().unwrap();
        // The first process, the shell, and the two commands of the line.
        assert!(n_seen <= 4, "{}", run.text);
        assert!(run.text.contains("bwrap"), "{}", run.text);
    }
    // The first process inside is one of `bwrap`; whoever may trace it is where he was, with nothing of the host.
    let canary = bench.folder.join("canary-of-processes");
    std::fs::write(&canary, "from the host").unwrap();
    for there in ["root", "cwd"] {
        refused(bench, &format!("! cat /proc/1/{there}{} || exit 7", canary.display()), &[0]);
    }
}

fn whiteout(bench: &Bench) {
    for rung in RUNGS {
        let script = "escape whiteout /out/gone || true; echo x > /out/x";
        let run = on(bench, rung, &request(bench, script, "1000"));
        let names: Vec<String> = run.out().entries().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["x"], "{rung}");
    }
}

fn sockets(bench: &Bench) {
    for rung in RUNGS {
        let script = "escape socket /out/socket; mkfifo /out/fifo; echo x > /out/x";
        let run = on(bench, rung, &request(bench, script, "1000"));
        let names: Vec<String> = run.out().entries().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["x"], "{rung}");
        let warnings = run.outcome.warnings.join("\n");
        assert!(warnings.contains("dropped the socket `socket`"), "{warnings}");
    }
}

fn attribute(bench: &Bench) {
    for rung in RUNGS {
        let script = "echo x > /out/x; escape attribute /out/x || echo $?";
        let run = on(bench, rung, &request(bench, script, "1000"));
        assert!(run.out().get(&path("x")).is_some());
        assert_eq!(run.text, "95\n", "{rung}");
    }
}

fn calls(bench: &Bench) {
    let asked = REFUSED.iter().flat_map(|&(name, [number, number32], argument, error)| {
        let way32 = (!name.ends_with("x32")).then_some(("call32", number32));
        let ways = std::iter::once(("call", number)).chain(way32);
        ways.map(move |(way, number)| {
            let line = format!("escape {way} {number} {argument} || echo {way} {name}: $?\n");
            (line, format!("{way} {name}: {error}\n"))
        })
    });
    let (script, expected): (String, String) = asked.unzip();
    for uid in ["1000", "0"] {
        let run = on(bench, Rung::Overlay, &request(bench, &script, uid));
        assert_eq!(run.text, expected, "{uid}");
    }
}

fn usual(bench: &Bench) {
    let run = bench.run(&request(bench, "echo x > /out/x; escape usual /out/x", "1000")).unwrap();
    // The bit is no output, and no reason to fail.
    assert!(run.out().get(&path("x")).is_some());
    assert!(run.outcome.warnings.join("\n").contains("set-user-id"), "{:?}", run.outcome.warnings);
}

fn links(bench: &Bench) {
    let canary = bench.folder.join("secret");
    std::fs::create_dir_all(&canary).unwrap();
    std::fs::write(canary.join("key"), "secret").unwrap();
    std::fs::set_permissions(&canary, PermissionsExt::from_mode(0o755)).unwrap();
    let script = format!(
        "ln -s {0} /out/folder; ln -s {0}/key /out/key; ln -s ../../../../../../.. /out/up; \
         rm -r /meta; ln -s {0} /meta; cd /; mv /build /elsewhere; ln -s {0} /build",
        canary.display()
    );
    for rung in RUNGS {
        let run = on(bench, rung, &request(bench, &script, "1000"));
        let out = run.out();
        let text = format!("{out:?}{:?}", run.outcome.build_tree);
        assert_eq!(out.entries().len(), 3);
        assert_eq!(out.files().count(), 0, "{text}");
        assert!(run.outcome.build_tree.is_none(), "{text}");
        assert_eq!(std::fs::read_to_string(canary.join("key")).unwrap(), "secret");
    }
}

fn names(bench: &Bench) {
    let script =
        "mkdir -p /out/d; touch \"/out/d/a\nb\" '/out/d/ ' '/out/d/\\n' /out/d/-rf '/out/d/*'";
    let run = on(bench, Rung::Copy, &request(bench, script, "1000"));
    assert_eq!(run.out(), on(bench, Rung::Overlay, &request(bench, script, "1000")).out());
    let folder = run.out().subtree(&path("d")).unwrap();
    let names: Vec<String> = folder.entries().keys().map(ToString::to_string).collect();
    assert_eq!(names, [" ", "*", "-rf", "\\n", "a\nb"]);
    // They are the same names where they are used.
    let lowers = [lowers(bench), vec![run.out()]].concat();
    let request = bench.request_on("ls /d | wc -l; test -e \"/d/a\nb\"", lowers, bench.upper(&[]));
    assert_eq!(bench.run(&request).unwrap().text, "5\n");
}

/// A folder of a dependency cannot be renamed where folders are stacked, and can where not; `mv` copes with both.
pub(crate) fn renamed(bench: &Bench) {
    let script = "escape rename /bin /bin2 && /bin2/mv /bin2 /bin || status=$?; mkdir /d; mv /bin /bin2; \
                  /bin2/test ! -e /bin; PATH=/bin2; ls /bin2/sh > /dev/null; exit ${status:-0}";
    for (rung, expected) in [(Rung::Overlay, EXDEV), (Rung::Legacy, EXDEV), (Rung::Copy, 0)] {
        let run = on(bench, rung, &request(bench, script, "1000"));
        assert_eq!(run.outcome.ending, Ending::Exit(expected), "{rung}: {}", run.text);
    }
}
