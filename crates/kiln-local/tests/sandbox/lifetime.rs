//! When a command ends, and what is left of those who were killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use kiln_action::{Ending, Request, Runner};
use kiln_cas::DiskCas;
use kiln_local::LocalRunner;

use crate::Case;
use crate::bench::{Bench, entries, launcher};

/// First argument of this program when it is to be killed in the middle of a command.
pub(crate) const VICTIM: &str = "__victim";

pub(crate) const CASES: &[Case] = &[
    ("a command that was cancelled is gone", cancel),
    ("the backstop ends a command", backstop),
    ("a command that prints nothing ends", silence),
    ("what a command leaves running is killed", daemon),
    ("nothing is left of a killed kiln but what a sweep takes", |bench| killed(bench, "build")),
    ("nothing is left of a killed kiln with a shell", |bench| killed(bench, "given")),
    ("nothing is left of a killed kiln with a terminal", |bench| killed(bench, "terminal")),
    ("a sandbox that somebody killed is told as lost", lost),
    ("a command that kills itself in the midst of a phase is told as lost", lost_by_itself),
    ("what a command cost is known, with what it left running", usage),
    ("what a phase cost is told from the others", phases),
    ("the largest process of a phase is told", large),
    ("a phase is told while it runs", told),
    ("a command that writes its phases without end is no matter", many_phases),
    ("two runners share a store", two),
    ("only a process of its own with one thread goes into new namespaces", one_thread),
];

/// Prints a word that no other process has, then waits for ever.
const WAIT: &str = "trap '' HUP INT TERM; echo ready > /build/ready; sleep 1000000";

fn cancel(bench: &Bench) {
    let request = bench.request("sleep 1000000 & while :; do :; done");
    let cancel = request.cancel.clone();
    std::thread::scope(|scope| {
        let runner = &bench.runner;
        let run = scope.spawn(|| bench_run(runner, &request));
        // Whether it comes before, during or after the start, the command must end.
        cancel.set();
        assert_eq!(run.join().unwrap(), Ending::Cancelled);
    });
    bench.assert_clean();
}

fn bench_run(runner: &LocalRunner, request: &Request) -> Ending {
    runner.run(request).unwrap().ending
}

fn backstop(bench: &Bench) {
    let mut request = bench.request("trap '' TERM; while :; do :; done");
    request.action.timeout_seconds = 1;
    assert_eq!(bench.run(&request).unwrap().outcome.ending, Ending::TimedOut);
    bench.assert_clean();
}

fn silence(bench: &Bench) {
    let mut request = bench.request("echo said; touch made; trap '' TERM; while :; do :; done");
    request.silence = Some(std::time::Duration::from_millis(300));
    let run = bench.run(&request).unwrap();
    assert_eq!(run.outcome.ending, Ending::Silent);
    assert!(run.outcome.build_tree.unwrap().get(&crate::bench::path("made")).is_some());
    bench.assert_clean();
}

fn daemon(bench: &Bench) {
    let run = bench.sh("setsid sh -c 'while :; do echo x >> /out/grows; done' > /dev/null 2>&1 & \
                        while [ ! -s /out/grows ]; do :; done");
    let out = run.out();
    // Had it still run, the captured file would have other bytes than its digest.
    assert!(bench.text(&out, "grows").starts_with("x\n"));
    bench.assert_clean();
}

fn killed(bench: &Bench, what: &str) {
    let folder = bench.folder.join(what);
    std::fs::create_dir_all(&folder).unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([VICTIM, folder.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(victim.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!processes(&line).is_empty(), "the command runs: {line}");
    let started = children(victim.id());
    assert!(!started.is_empty());
    victim.kill().unwrap();
    victim.wait().unwrap();
    // The kernel kills them one after the other; they all go, or this never ends.
    while !processes(&line).is_empty() || started.iter().any(|child| child.exists()) {
        std::thread::yield_now();
    }
    let store = folder.join("store");
    assert!(!entries(&store.join("work")).is_empty());
    LocalRunner::sweep(&store).unwrap();
    for part in ["work", "tmp"] {
        let left = entries(&store.join(part));
        assert!(left.iter().all(|path| path.ends_with(".gate")), "{left:?}");
    }
}

/// Returns the processes that a process started: the helper, which may serve many and names no folder.
fn children(process: u32) -> Vec<PathBuf> {
    let threads = entries(&Path::new("/proc").join(process.to_string()).join("task"));
    let lists = threads.iter().map(|thread| std::fs::read_to_string(thread.join("children")));
    let numbers = lists.map(Result::unwrap_or_default).collect::<String>();
    numbers.split_whitespace().map(|number| Path::new("/proc").join(number)).collect()
}

/// Returns the processes that work in a folder or see it as their root: those whose mounts name it.
fn processes(word: &str) -> Vec<PathBuf> {
    let names_it = |path: &PathBuf| {
        let mounts = std::fs::read(path.join("mountinfo")).unwrap_or_default();
        let word = word.trim().as_bytes();
        mounts.windows(word.len()).any(|window| window == word)
    };
    let is_process = |path: &PathBuf| {
        path.file_name().unwrap().to_str().unwrap().bytes().all(|byte| byte.is_ascii_digit())
    };
    entries(Path::new("/proc")).into_iter().filter(is_process).filter(names_it).collect()
}

/// Runs a command that does not end, after it printed the name of the folder that its processes have mounted.
pub(crate) fn victim(folder: &str) -> ExitCode {
    LocalRunner::sweep(&Path::new(folder).join("store")).unwrap();
    let bench = Bench::new(Path::new(folder));
    let request = bench.request(WAIT);
    let work = bench.store().join("work/run/0");
    let ready = work.join("u/build/ready");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ready.exists() {
                std::thread::yield_now();
            }
            println!("{}", work.parent().unwrap().display());
        });
        let shell = crate::shell::shell(&request, &["/bin/sh", "-c", WAIT]);
        match folder.rsplit('/').next() {
            Some("terminal") => {
                let (_terminal, inner) = crate::shell::Terminal::new();
                bench.runner.shell(&shell, kiln_local::Stdio::Terminal(inner)).unwrap();
            }
            Some("given") => {
                let streams = [(); 3].map(|()| File::open("/dev/null").unwrap().into());
                bench.runner.shell(&shell, kiln_local::Stdio::Given(streams)).unwrap();
            }
            _ => drop(bench.runner.run(&request).unwrap()),
        }
    });
    ExitCode::SUCCESS
}

/// Returns the processes from the one with these arguments up to the one that this process started, that one last.
/// Each has one parent, which its state names: a process of an earlier case that still dies may be among the children.
fn line_of(arguments: &[u8]) -> Vec<u32> {
    let is_sought =
        |path: &PathBuf| std::fs::read(path.join("cmdline")).is_ok_and(|found| found == arguments);
    let parent = |process: &u32| {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let words = state.rsplit(')').next().unwrap();
        words.split_whitespace().nth(1).unwrap().parse().ok()
    };
    loop {
        if let Some(found) = entries(Path::new("/proc")).iter().find(|&path| is_sought(path)) {
            let ancestors = std::iter::successors(Some(number(found)), parent);
            return ancestors.take_while(|&process| process != std::process::id()).collect();
        }
        std::thread::yield_now();
    }
}

fn number(process: &Path) -> u32 {
    process.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

fn code(error: &kiln_action::RunError) -> String {
    assert!(error.help().is_some(), "{error}");
    error.code().unwrap().to_string()
}

fn lost(bench: &Bench) {
    // Below us: the helper that stays, the one of this sandbox, `bwrap`, its first process inside, the command.
    for (generation, text) in [(2, "helper died"), (3, "SIGKILL"), (4, "SIGKILL"), (5, "SIGKILL")] {
        let last = format!("100000{generation}");
        let wait = format!("echo 'build 1 - -' > /meta/phases; sleep {last}; exit 1");
        let request = bench.request(&wait);
        let error = std::thread::scope(|scope| {
            let runner = &bench.runner;
            let run = scope.spawn(|| runner.run(&request).unwrap_err());
            let line = line_of(format!("sleep\0{last}\0").as_bytes());
            let process = line[line.len() - generation].cast_signed();
            let process = rustix::process::Pid::from_raw(process).unwrap();
            rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
            run.join().unwrap()
        });
        assert_eq!(code(&error), "K4006", "{generation}: {error}");
        let cause = std::error::Error::source(&*error).map(ToString::to_string);
        let told = format!("{error} {}", cause.unwrap_or_default());
        assert!(told.contains(text), "{generation}: {told}");
        bench.assert_clean();
    }
}

fn lost_by_itself(bench: &Bench) {
    let begin = "echo 'build 1 - -' > /meta/phases";
    let killed = bench.run(&bench.request(&format!("{begin}; kill -9 $$"))).err().unwrap();
    assert_eq!(code(&killed), "K4006");
    // One that tells how its phase ended failed by itself, whatever its status.
    let told = format!("{begin}; echo 'build 1 2 137' >> /meta/phases; exit 137");
    for script in ["exit 137", &told] {
        assert_eq!(bench.sh(script).outcome.ending, Ending::Exit(137), "{script}");
    }
}

fn usage(bench: &Bench) {
    let spin = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
    let run = bench.sh(&format!(
        "sh -c '{spin}; touch done; sleep 1000000' & while [ ! -e done ]; do :; done"
    ));
    run.out();
    let usage = run.outcome.usage;
    assert!(usage.user_micros + usage.system_micros > 1000, "{usage:?}");
    assert!(usage.max_rss_kib > 100, "{usage:?}");
}

/// A phase as `/kiln/run` runs it.
fn phase(name: &str, script: &str) -> String {
    format!(
        "echo '{name} 1 - -' >> /meta/phases; sh -c '{script}'; echo '{name} 1 2 0' >> /meta/phases\n"
    )
}

fn phases(bench: &Bench) {
    let spin = |n: u32| format!("i=0; while [ $i -lt {n} ]; do i=$((i+1)); done");
    let script = [
        phase("less", &format!("sh -c \"{}\"", spin(150_000).replace('$', "\\$"))),
        phase("rest", "sleep 0.2"),
        phase("more", &spin(600_000)),
        phase("write", &format!("dd if=/dev/zero of=/out/x bs=4096 count=500; {}", spin(150_000))),
        // The shell that ran the phases lives on for a while, as that of `/kiln/run` does.
        "sleep 0.2\n".to_owned(),
    ];
    let outcome = bench.sh(&script.concat()).outcome;
    let usages: Vec<_> = outcome.phases.iter().map(|phase| phase.usage.unwrap()).collect();
    let [less, rest, more, write] = usages[..] else { panic!("{outcome:?}") };
    let micros = |usage: kiln_action::Usage| usage.user_micros + usage.system_micros;
    assert!(micros(more) > 2 * micros(less), "{usages:?}");
    assert!(micros(less) > 2 * micros(rest), "{usages:?}");
    let sum = usages.iter().map(|&usage| micros(usage)).sum::<u64>();
    let all = micros(outcome.usage);
    // Times of a process that runs are told in ticks, of user and system; so the sum may be two of them beside the truth.
    let ticks = 2 * 1_000_000 / rustix::param::clock_ticks_per_second();
    assert!(sum <= all + ticks, "{sum} of {all}: {usages:?}");
    // What else there is: the launch, which is some milliseconds.
    assert!(all - sum.min(all) <= ticks + 40_000 + all / 20, "{sum} of {all}: {usages:?}");
    // A line for a log may cost a block or two.
    assert!([less, rest, more].iter().all(|usage| usage.written_bytes < 1 << 18), "{usages:?}");
    assert!(write.written_bytes >= 500 * 4096, "{write:?}");
    assert!(outcome.usage.written_bytes >= write.written_bytes, "{:?}", outcome.usage);
}

fn large(bench: &Bench) {
    let spin = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done";
    let text = "x=$(dd if=/dev/zero bs=1M count=24 | tr \"\\0\" a)";
    let script =
        [phase("less", spin), phase("more", &format!("{text}; {spin}")), phase("rest", spin)];
    let outcome = bench.sh(&script.concat()).outcome;
    let kib: Vec<u64> =
        outcome.phases.iter().map(|phase| phase.usage.unwrap().max_rss_kib).collect();
    let [less, more, rest] = kib[..] else { panic!("{outcome:?}") };
    assert!(less > 100 && rest > 100, "{kib:?}");
    assert!(more > 24 << 10 && less < 8 << 10 && rest < 8 << 10, "{kib:?}");
    assert!(more <= outcome.usage.max_rss_kib, "{kib:?} of {:?}", outcome.usage);
}

fn told(bench: &Bench) {
    let script = phase("past", "true") + "echo 'now 1 - -' >> /meta/phases; while :; do :; done";
    let mut request = bench.request(&script);
    // Where nothing is told, this ends it.
    request.action.timeout_seconds = 30;
    let started = |name: &str| {
        if name == "now" {
            request.cancel.set();
        }
    };
    let outcome = bench.runner.run_told(&request, &started).unwrap();
    assert_eq!(outcome.ending, Ending::Cancelled);
}

fn many_phases(bench: &Bench) {
    let write = "i=0; while [ $i -lt 3000 ]; do echo a 1 - - >> /meta/phases; i=$((i+1)); done; \
                 rm /meta/phases; ln -s /proc/self/stat /meta/phases; echo x > /meta/other";
    let outcome = bench.sh(write).outcome;
    assert_eq!((outcome.ending, outcome.phases.len()), (Ending::Exit(0), 0));
}

fn two(bench: &Bench) {
    let script = "mkdir /out/d; echo same > /out/d/x; cp /bin/busybox /out/b";
    let requests = [bench.request(script), bench.request(script)];
    let runners = ["one", "other"].map(|name| {
        // Two stores of blobs on one folder, as two processes have them.
        let cas = Arc::new(DiskCas::open(&bench.store()).unwrap());
        LocalRunner::new(cas, launcher(), name, 2).unwrap()
    });
    let trees: Vec<_> = std::thread::scope(|scope| {
        let pairs = requests.iter().zip(&runners);
        let runs: Vec<_> = pairs
            .map(|(request, runner)| scope.spawn(move || runner.run(request).unwrap().out.unwrap()))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(trees[0], trees[1]);
}

/// The namespaces, the arguments and the number of threads of a process.
fn seen(process: &Path) -> ([PathBuf; 2], String, usize) {
    let spaces = ["ns/user", "ns/mnt"].map(|name| std::fs::read_link(process.join(name)).unwrap());
    let words = String::from_utf8(std::fs::read(process.join("cmdline")).unwrap()).unwrap();
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
    (spaces, words, threads.trim().parse().unwrap())
}

/// Returns the first process that one of our threads started.
fn first_child() -> PathBuf {
    let tasks = entries(Path::new("/proc/self/task"));
    let lists = tasks.iter().map(|task| std::fs::read_to_string(task.join("children")));
    let children: String = lists.map(Result::unwrap_or_default).collect();
    Path::new("/proc").join(children.split_whitespace().next().unwrap())
}

fn one_thread(bench: &Bench) {
    let own = Path::new("/proc/self");
    let before = seen(own).0;
    let request = bench.request("echo in; while :; do sleep 1000000; done");
    let (helper, threads) = std::thread::scope(|scope| {
        // Where a process has other threads, a new namespace would take one of them along, or none could be had.
        let others: Vec<_> = (0..3).map(|_| scope.spawn(std::thread::park)).collect();
        let runner = &bench.runner;
        let run = scope.spawn(|| bench_run(runner, &request));
        while !std::fs::read(&request.log).is_ok_and(|text| text == b"in\n") {
            std::thread::yield_now();
        }
        let helper = seen(&first_child());
        let threads: Vec<_> = entries(&own.join("task")).iter().map(|task| seen(task).0).collect();
        request.cancel.set();
        for other in others {
            other.thread().unpark();
        }
        assert_eq!(run.join().unwrap(), Ending::Cancelled);
        (helper, threads)
    });
    let (spaces, words, n_threads) = helper;
    assert!(words.ends_with("\0__sandbox\0"), "{words:?}");
    assert_eq!(n_threads, 1);
    assert!(spaces.iter().zip(&before).all(|(there, here)| there != here), "{spaces:?}");
    assert!(threads.len() > 4);
    assert!(threads.iter().all(|spaces| *spaces == before), "{threads:?} are not {before:?}");
}
