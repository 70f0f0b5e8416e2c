//! Projects of a few lines on a store in memory, with a runner that follows tiny scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Condvar, Mutex};
use std::time::Duration;

use kiln_action::{CancelFlag, Ending, Outcome, Request, RunError, Runner, Spent, Usage};
use kiln_artifact::{Index as _, MemoryIndex};
use kiln_cas::{Cas, MemoryCas};
use kiln_digest::{Digest, Key};
use kiln_event::{Event, Sink};
use kiln_exec::{BuildTrees, ExecError, Ports, Prepared, Purpose, Report, Settings, Work};
use kiln_graph::prune;
use kiln_ir::{ElementName, Ir, Patch, PatchPin, Pins};
use kiln_plan::{NodeIx, Plan, Platform, plan};
use kiln_tree::{Draft, File, Node, RelPath, Tree};

/// Follows the scripts of the phases, a word a line:
/// `put PATH TEXT` and `hash PATH` (a file that depends on the whole root) below `/out`, `change PATH TEXT` and
/// `remove PATH` in the root, `took MICROS`, `warn`, `meet` (wait for another that meets), `wait` (for the end of the
/// run), `fetched PATH` (wait for a source), `exit N`, `limit`, `silent`, `memory`.
struct Scripted<'a> {
    world: &'a World,
}

impl Runner for Scripted<'_> {
    fn run(&self, request: &Request) -> Result<Outcome, RunError> {
        let world = self.world;
        let seen = Seen {
            jobs: request.advice["KILN_JOBS"].clone(),
            lowers: request.staging.lowers.clone(),
            root: request.action.input_root.clone(),
        };
        world.seen.lock().unwrap().push(seen);
        let mut run =
            Running { cas: &world.cas, request, out: Draft::default(), ending: Ending::Exit(0) };
        let mut root = Draft::from(request.action.input_root.clone());
        let mut warnings = vec![];
        for line in run.script().lines() {
            let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with('#')).collect();
            match words.as_slice() {
                ["put", path, text] => run.put(path, text),
                ["hash", path] => run.put(path, &request.action.input_root.digest().to_string()),
                ["change", path, text] => {
                    let digest = world.cas.write(text.as_bytes()).unwrap();
                    root.put(&RelPath::parse(path).unwrap(), File::new(digest, false)).unwrap();
                }
                ["remove", path] => root.remove(&RelPath::parse(path).unwrap()),
                ["took", micros] => {
                    world.clock.fetch_add(micros.parse().unwrap(), Ordering::SeqCst);
                }
                ["warn"] => warnings.push("a device was dropped".to_owned()),
                ["meet"] => drop(world.meeting.wait()),
                ["wait"] => {
                    while !request.cancel.is_set() {
                        std::thread::yield_now();
                    }
                    run.ending = Ending::Cancelled;
                }
                ["fetched", path] => world.wait_for(path),
                ["exit", code] => run.ending = Ending::Exit(code.parse().unwrap()),
                ["limit"] => run.ending = Ending::TimedOut,
                ["silent"] => run.ending = Ending::Silent,
                ["memory"] => run.ending = Ending::OutOfMemory,
                _ => {}
            }
        }
        std::fs::write(&request.log, "one\ntwo\n").unwrap();
        Ok(Outcome { warnings, ..run.outcome(&root.seal()) })
    }
}

struct Running<'a> {
    cas: &'a MemoryCas,
    request: &'a Request,
    out: Draft,
    ending: Ending,
}

impl Running<'_> {
    fn script(&self) -> String {
        let kiln = self.request.staging.upper.subtree(&RelPath::parse("kiln").unwrap()).unwrap();
        let phases = kiln.files().filter(|(path, _)| path.as_str() != "run");
        let scripts = phases.map(|(_, file)| self.cas.read(file.digest).unwrap());
        scripts.map(|script| String::from_utf8(script).unwrap()).collect()
    }

    fn put(&mut self, path: &str, text: &str) {
        let digest = self.cas.write(text.as_bytes()).unwrap();
        self.out.put(&RelPath::parse(path).unwrap(), File::new(digest, false)).unwrap();
    }

    fn keep(&self, tree: Tree) -> Tree {
        self.cas.write_tree(&tree).unwrap();
        tree
    }

    fn outcome(&self, root: &Tree) -> Outcome {
        let is_done = self.ending == Ending::Exit(0);
        let paths = &self.request.action.command.output_paths;
        let wants = |name: &str| paths.iter().any(|path| path.as_str() == name);
        let (wants_out, wants_build) = (wants("out"), wants("build"));
        let left = paths.iter().filter(|path| !matches!(path.as_str(), "out" | "meta" | "build"));
        let left = left.filter_map(|path| Some((path.to_string(), self.keep(root.subtree(path)?))));
        let run = self.request.action.input_root.get(&RelPath::parse("kiln/run").unwrap());
        let Some(Node::File(run)) = run else { panic!("no script") };
        let moves =
            String::from_utf8(self.cas.read(run.digest).unwrap()).unwrap().contains("mv /build");
        Outcome {
            ending: self.ending,
            out: (is_done && wants_out).then(|| self.keep(self.out.clone().seal())),
            others: if is_done { left.collect() } else { BTreeMap::new() },
            build_tree: (wants_build && (!is_done || !moves)).then(Tree::empty),
            phases: vec![],
            log: self.cas.write(b"one\ntwo\n").unwrap(),
            usage: Usage { user_micros: 7, ..Usage::default() },
            spent: Spent { stage_micros: 1, run_micros: 2, capture_micros: 3 },
            warnings: vec![],
        }
    }
}

/// What a sandbox was started with.
pub(crate) struct Seen {
    pub(crate) jobs: String,
    pub(crate) lowers: Vec<Tree>,
    pub(crate) root: Tree,
}

#[derive(Default)]
struct Words(Mutex<Vec<String>>);

impl Sink for Words {
    fn emit(&self, event: Event) {
        let word = match event {
            Event::SandboxLaunched { element, .. } => format!("launch:{element}"),
            Event::Integrating { element, scripts, .. } => format!("integrate:{element}:{scripts}"),
            Event::SandboxEnded { exit: None, element, usage, spent, .. } => {
                let kiln_event::Spent { stage_micros, run_micros, capture_micros } = spent;
                assert_eq!((stage_micros, run_micros, capture_micros), (1, 2, 3));
                format!("ended:{element}:{}", usage.user_micros)
            }
            Event::ElementCutOff { element, .. } => format!("cutoff:{element}"),
            Event::ElementBuilt { element, action: None, .. } if element.as_str() != "base" => {
                format!("made:{element}")
            }
            Event::ElementFailed { element, failure, .. } => {
                let lines = failure.excerpt.iter().map(|line| line.text.as_str());
                let (tail, again) = (lines.collect::<Vec<_>>().join("+"), failure.recorded);
                let reason = failure.reason.unwrap_or_default();
                assert_eq!(std::fs::read(failure.log).unwrap(), b"one\ntwo\n");
                format!("failed:{element}:{:?}:{tail}:{again}{reason}", failure.exit)
            }
            Event::ElementSkipped { element, because } => format!("skipped:{element}<{because}"),
            Event::Warning { code, message } => format!("{code}:{message}"),
            _ => return,
        };
        self.0.lock().unwrap().push(word);
    }
}

/// A store, a machine, and how to go about it.
pub(crate) struct World {
    pub(crate) cas: MemoryCas,
    pub(crate) index: MemoryIndex,
    pub(crate) shell: Tree,
    pub(crate) keep_going: bool,
    pub(crate) fail_fast: bool,
    pub(crate) retry_failed: bool,
    pub(crate) slots: usize,
    pub(crate) build_trees: BuildTrees,
    pub(crate) deny: BTreeSet<String>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    /// Sources that were asked for.
    pub(crate) supplied: Mutex<Vec<String>>,
    /// By path.
    pub(crate) patches: BTreeMap<String, Vec<u8>>,
    /// Trees by those that they were made of, and the patches.
    pub(crate) remembered: Mutex<BTreeMap<Vec<Digest>, Digest>>,
    pub(crate) fetched: Condvar,
    clock: AtomicU64,
    meeting: Barrier,
}

impl World {
    pub(crate) fn new() -> Self {
        let cas = MemoryCas::default();
        let mut draft = Draft::default();
        let shell = File::new(cas.write(b"sh").unwrap(), true);
        draft.put(&RelPath::parse("bin/sh").unwrap(), shell).unwrap();
        Self {
            cas,
            index: MemoryIndex::default(),
            shell: draft.seal(),
            keep_going: false,
            fail_fast: false,
            retry_failed: false,
            slots: 1,
            build_trees: BuildTrees::Failure,
            deny: BTreeSet::new(),
            seen: Mutex::default(),
            supplied: Mutex::default(),
            patches: BTreeMap::new(),
            remembered: Mutex::default(),
            fetched: Condvar::new(),
            clock: AtomicU64::new(0),
            meeting: Barrier::new(2),
        }
    }

    fn wait_for(&self, source: &str) {
        let mut supplied = self.supplied.lock().unwrap();
        while !supplied.iter().any(|name| name.contains(source)) {
            supplied = self.fetched.wait(supplied).unwrap();
        }
    }

    /// Executes `name=script=fields` lines on a base; returns the events of interest in their order, and the report.
    pub(crate) fn execute(&self, lines: &str) -> (Vec<String>, Result<Report, ExecError>) {
        let (ir, plan) = self.plan(lines);
        let words = Words::default();
        let report = self.with(&ir, &plan, &words, |work, ports, settings| {
            kiln_exec::execute(work, ports, settings)
        });
        (words.0.into_inner().unwrap(), report)
    }

    pub(crate) fn prepare(
        &self,
        lines: &str,
        element: &str,
        purpose: Purpose,
    ) -> Result<Prepared, ExecError> {
        let (ir, plan) = self.plan(lines);
        let ix = plan.nodes.iter().position(|node| node.element.as_str() == element).unwrap();
        self.with(&ir, &plan, &Words::default(), |work, ports, settings| {
            kiln_exec::prepare(work, ports, settings, NodeIx(ix), purpose)
        })
    }

    fn plan(&self, lines: &str) -> (Ir, Plan) {
        let ir = project(lines);
        let mut pins = Pins::default();
        for placed in ir.elements.iter().flat_map(|element| &element.sources) {
            pins.sources.insert(placed.source.clone(), self.shell.digest());
        }
        for patch in ir.elements.iter().flat_map(|element| &element.patches) {
            let Patch { path, strip } = patch.clone();
            let content = Digest::of(&self.patches.get(&path).cloned().unwrap_or_default());
            pins.patches.insert(patch.clone(), vec![PatchPin { path, content, strip }]);
        }
        let targets = ir.elements.iter().map(|element| element.name.clone()).collect();
        let request = kiln_plan::Request { targets, platform: Platform::default() };
        let plan = plan(&ir, &pins, &request).unwrap();
        (ir, plan)
    }

    fn with<T>(
        &self,
        ir: &Ir,
        plan: &Plan,
        sink: &Words,
        run: impl FnOnce(Work<'_>, Ports<'_>, &Settings<'_>) -> T,
    ) -> T {
        let keys: Vec<Key> = plan.nodes.iter().map(|node| node.key).collect();
        let have = self.index.have(&keys).unwrap();
        let graph = prune(plan, &have.keys().copied().collect::<BTreeSet<_>>());
        let logs = tempfile::tempdir().unwrap();
        let work = Work { ir, plan, graph: &graph, have: &have };
        let ports = Ports {
            runner: &Scripted { world: self },
            cas: &self.cas,
            index: &self.index,
            supply: self,
            sink,
            clock: &|| self.clock.load(Ordering::SeqCst),
        };
        run(work, ports, &self.settings(logs.path()))
    }

    fn settings<'a>(&self, logs: &'a Path) -> Settings<'a> {
        Settings {
            project: "p",
            isa: "x86-64",
            logs,
            slots: self.slots,
            fetchers: 2,
            advice: BTreeMap::new(),
            time_limit: Some(Duration::from_millis(1500)),
            silence: Some(Duration::from_mins(1)),
            build_trees: self.build_trees,
            deny: self.deny.clone(),
            retry_failed: self.retry_failed,
            keep_going: self.keep_going,
            fail_fast: self.fail_fast,
            host: BTreeMap::new(),
            cancel: CancelFlag::default(),
        }
    }

    /// Checks the events, in any order.
    #[track_caller]
    pub(crate) fn check(&self, lines: &str, words: &str) -> Report {
        let (mut found, report) = self.execute(lines);
        found.sort();
        assert_eq!(found.join(" "), words);
        report.unwrap()
    }

    /// Checks the events in their order.
    #[track_caller]
    pub(crate) fn check_order(&self, lines: &str, words: &str) {
        let (found, report) = self.execute(lines);
        assert_eq!(found.join(" "), words);
        report.unwrap();
    }
}

/// Reads lines `name=script=fields`: words of a script end with `; `, the fields are names of `deps`, `base:NAME`, `integrate:SCRIPT` (`_` for a blank),
/// `overlaps:GLOB`, `at:NAME` (staged below `/at`), `tar:NAME`, `patch:PATH`, `import:PATH` (the shell, too, as a step before the script), and `compose:NAME` instead of the script.
fn project(lines: &str) -> Ir {
    let shell = r#"{ "source": { "kind": "local", "path": "shell" } }"#;
    let mut elements = vec![format!(
        r#"{{ "name": "base", "sources": [ {shell} ], "steps": [ {{ "import": {{ "target": "/" }} }} ] }}"#
    )];
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.splitn(3, '=');
        let (name, script) = (parts.next().unwrap(), parts.next().unwrap().replace("; ", "\n"));
        let phase = format!(r#"{{ "name": "build", "script": {script:?} }}"#);
        let mut step = format!(r#"{{ "run": {{ "phases": [ {phase} ] }} }}"#);
        let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for word in parts.next().unwrap_or("").split_whitespace() {
            let (field, value) = word.split_once(':').unwrap_or(("deps", word));
            let value = value.replace('_', " ");
            match field {
                "compose" => {
                    step = format!(
                        r#"{{ "compose": {{ "of": [ {value:?} ], "include-orphans": true, "run-integrate": true }} }}"#
                    );
                }
                "import" => {
                    step = format!(r#"{{ "import": {{ "target": {value:?} }} }}, {step}"#);
                    fields.entry("sources").or_default().push(shell.to_owned());
                }
                "tar" => fields.entry("sources").or_default().push(format!(
                    r#"{{ "source": {{ "kind": "tar", "url": {value:?}, "strip": 0 }} }}"#
                )),
                "patch" => fields
                    .entry("patches")
                    .or_default()
                    .push(format!(r#"{{ "path": {value:?}, "strip": 1 }}"#)),
                field => fields.entry(field).or_default().push(format!("{value:?}")),
            }
        }
        let mut text = format!(r#"{{ "name": "{name}", "base": "base", "steps": [ {step} ]"#);
        for (field, values) in fields {
            let values = values.join(",");
            let (field, values) = match field {
                "at" => ("stage-at", format!(r#"{{ "/at": [ {values} ] }}"#)),
                field => (field, format!("[ {values} ]")),
            };
            text = format!(r#"{text}, "{field}": {values}"#);
        }
        elements.push(text + " }");
    }
    let text =
        format!(r#"{{ "version": 1, "project": "p", "elements": [{}] }}"#, elements.join(","));
    Ir::from_json(&text).unwrap()
}

/// Makes a name.
pub(crate) fn name(text: &str) -> ElementName {
    ElementName::parse(text).unwrap()
}
