//! What a launch costs, beside `bwrap` alone: `launch FOLDER [LAYERS [FILES [ROUNDS]]]`.
//!
//! Runs nothing on a root of many layers, again and again, in turns with `bwrap` on the same root as one folder:
//! once bare, once with the mounts that every sandbox needs. Prints medians over the rounds. Processor time is with
//! all children, and with those that `bwrap` leaves to others; the kernel tells it in steps of 10 ms, so a round is
//! a batch.
#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to say")]
#![expect(clippy::disallowed_methods, reason = "it measures the machine")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiln_action::{Action, CancelFlag, Ending, Request, Runner, Staging};
use kiln_cas::{Cas, DiskCas};
use kiln_local::LocalRunner;
use kiln_sandbox::Launcher;
use kiln_stage::{Taking, Times, Trees, capture};
use kiln_tree::{Draft, File, RelPath, Tree, merge};
use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};

/// Launches of one kind in a round.
const BATCH: u32 = 40;

/// How many layers the small root has, to tell what one more costs.
const FEW: usize = 10;

/// What the command of a sandbox finds besides its root.
const MOUNTS: [&str; 8] =
    ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == kiln_sandbox::HELPER_WORD) {
        return kiln_sandbox::helper_main();
    }
    let number =
        |ix: usize, default: usize| arguments.get(ix).map_or(default, |word| word.parse().unwrap());
    let folder = PathBuf::from(arguments.first().map_or("launch-store", String::as_str));
    measure(&folder, number(1, 50), number(2, 48_000), number(3, 15));
    ExitCode::SUCCESS
}

fn measure(folder: &Path, n_layers: usize, n_files: usize, n_rounds: usize) {
    let folder = std::path::absolute(folder).unwrap();
    let cas = Arc::new(DiskCas::open(&folder).unwrap());
    let bwrap = kiln_testkit::path_with_tools();
    let bwrap = std::env::split_paths(&bwrap).map(|folder| folder.join("bwrap"));
    let bwrap = bwrap.into_iter().find(|path| path.exists()).unwrap();
    let launcher =
        Launcher { helper: std::env::current_exe().unwrap(), bwrap: Some(bwrap.clone()) };
    let runner = LocalRunner::new(Arc::clone(&cas), launcher, "launch", 2).unwrap();
    let layers = layers(&cas, n_layers, n_files);
    let root = Trees::new(Arc::clone(&cas))
        .extract(&merge(&[layers.clone(), vec![upper()]].concat()).tree)
        .unwrap();
    let log = folder.join("log");
    let many = request(layers.clone(), &log);
    let few = request(layers[..FEW.min(n_layers)].to_vec(), &log);
    set_child_subreaper(Some(getpid())).unwrap();
    let plain = |mounts: &[&str]| {
        let before = children();
        let mut command = Command::new(&bwrap);
        command.args(["--unshare-all", "--ro-bind"]).arg(&root).arg("/").args(mounts);
        assert!(command.arg("/bin/true").env_clear().status().unwrap().success());
        // What `bwrap` left; the other children were there before.
        for child in children().into_iter().filter(|child| !before.contains(child)) {
            waitid(WaitId::Pid(Pid::from_raw(child).unwrap()), WaitIdOptions::EXITED).unwrap();
        }
    };
    let launch = |request: &Request| {
        let outcome = runner.run(request).unwrap();
        assert_eq!(outcome.ending, Ending::Exit(0), "{}", std::fs::read_to_string(&log).unwrap());
    };
    let mut rounds = [const { Vec::new() }; 4];
    for round in 0..=n_rounds {
        let plain = [batch(|| plain(&[])), batch(|| plain(&MOUNTS))];
        let costs = [plain[0], plain[1], batch(|| launch(&few)), batch(|| launch(&many))];
        // The first round extracts the layers.
        if round > 0 {
            rounds.iter_mut().zip(costs).for_each(|(known, cost)| known.push(cost));
        }
    }
    let [bare, plain, few, many] = rounds.map(median);
    row("bwrap, bare", bare, plain);
    row("bwrap --unshare-all", plain, plain);
    row(&format!("launch, {FEW} layers"), few, plain);
    row(&format!("launch, {n_layers} layers"), many, plain);
    if n_layers > FEW {
        let n_more = f64::from(u32::try_from(n_layers - FEW).unwrap());
        let more = (many.processor - few.processor) / n_more;
        println!("one more layer: processor {more:.3} ms");
    }
}

fn row(name: &str, cost: Cost, floor: Cost) {
    println!(
        "{name:<20} wall {:6.2} ms = {:4.2}x   processor {:6.2} ms = {:4.2}x",
        cost.wall,
        cost.wall / floor.wall,
        cost.processor,
        cost.processor / floor.processor
    );
}

/// Milliseconds of one launch.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    processor: f64,
}

fn batch(launch: impl Fn()) -> Cost {
    let (start, before) = (Instant::now(), processor());
    (0..BATCH).for_each(|_| launch());
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(BATCH);
    Cost { wall: each(start.elapsed()), processor: each(processor().saturating_sub(before)) }
}

/// Returns what this process and its children cost so far, dead ones too.
fn processor() -> Duration {
    let own = ticks("self", 11..15);
    let living: u64 = children().iter().map(|child| ticks(&child.to_string(), 11..15)).sum();
    Duration::from_millis((own + living) * 10)
}

/// Sums some fields of the state of a process, counted from its own state.
fn ticks(process: &str, fields: std::ops::Range<usize>) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let text: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    text[fields].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Returns the processes that this one, which has one thread that starts any, is the parent of.
fn children() -> Vec<i32> {
    let list = std::fs::read_to_string("/proc/thread-self/children").unwrap();
    list.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

fn median(mut costs: Vec<Cost>) -> Cost {
    let mut middle = |part: fn(&Cost) -> f64| {
        costs.sort_by(|a, b| part(a).total_cmp(&part(b)));
        part(&costs[costs.len() / 2])
    };
    Cost { wall: middle(|cost| cost.wall), processor: middle(|cost| cost.processor) }
}

/// Makes layers: the static shell, then files in folders that they share.
fn layers(cas: &DiskCas, n_layers: usize, n_files: usize) -> Vec<Tree> {
    let shell = capture(cas, &kiln_testkit::shell(), Times::Strip, Taking::Copy).unwrap().tree;
    let layer = |n: usize| {
        let mut draft = Draft::default();
        for ix in 0..n_files / n_layers {
            let path = format!("usr/lib/part-{}/{n}-{ix}", ix % 20);
            let digest = cas.write(format!("{ix}").as_bytes()).unwrap();
            draft.put(&RelPath::parse(&path).unwrap(), File::new(digest, false)).unwrap();
        }
        draft.seal()
    };
    std::iter::once(shell).chain((1..n_layers).map(layer)).collect()
}

fn upper() -> Tree {
    let mut upper = Draft::default();
    for folder in ["build", "out", "meta", "dev", "proc", "tmp"] {
        upper.make_folder(&RelPath::parse(folder).unwrap()).unwrap();
    }
    upper.seal()
}

fn request(lowers: Vec<Tree>, log: &Path) -> Request {
    let upper = upper();
    let input_root = merge(&[lowers.clone(), vec![upper.clone()]].concat()).tree;
    let command = kiln_action::Command {
        arguments: vec!["/bin/true".to_owned()],
        environment: BTreeMap::new(),
        output_paths: ["build", "meta", "out"].map(|path| RelPath::parse(path).unwrap()).to_vec(),
        output_node_properties: vec!["mtime".to_owned()],
        platform: BTreeMap::from([("unixUID".to_owned(), "1000".to_owned())]),
    };
    Request {
        action: Action { command, input_root, timeout_seconds: 600 },
        staging: Staging { lowers, upper },
        advice: BTreeMap::new(),
        log: log.to_path_buf(),
        cancel: CancelFlag::default(),
        silence: None,
    }
}
