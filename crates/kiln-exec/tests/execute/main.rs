//! Graphs of a few elements on a store in memory, with a runner that follows a tiny script.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use kiln_action::{CancelFlag, Ending, Outcome, Request, RunError, Runner, Usage};
use kiln_artifact::{Index as _, MemoryIndex};
use kiln_cas::{Cas, MemoryCas};
use kiln_digest::{Digest, Key};
use kiln_event::{Event, Sink};
use kiln_exec::{
    BuildTrees, ExecError, ForeignError, Ports, Report, Settings, Supply, Work, execute,
};
use kiln_graph::prune;
use kiln_ir::{Base, ElementName, Ir, Pins, Source};
use kiln_plan::{Platform, plan};
use kiln_tree::{Draft, File, Node, RelPath, Tree};

/// Follows the script of the first phase: `put PATH TEXT`, `hash PATH` (a file that depends on the whole root),
/// `exit N`.
struct Scripted<'a> {
    cas: &'a MemoryCas,
}

impl Runner for Scripted<'_> {
    fn run(&self, request: &Request) -> Result<Outcome, RunError> {
        let phase = request.staging.upper.get(&RelPath::parse("kiln/00-build").unwrap());
        let Some(Node::File(script)) = phase else { panic!("no phase") };
        let script = String::from_utf8(self.cas.read(script.digest).unwrap()).unwrap();
        let (mut out, mut exit) = (Draft::default(), 0);
        for line in script.lines() {
            let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with('#')).collect();
            let root = request.action.input_root.digest().to_string();
            match words.as_slice() {
                ["put", path, text] => self.put(&mut out, path, text),
                ["hash", path] => self.put(&mut out, path, &root),
                ["exit", code] => exit = code.parse().unwrap(),
                _ => {}
            }
        }
        let out = out.seal();
        self.cas.write_tree(&out).unwrap();
        Ok(Outcome {
            ending: Ending::Exit(exit),
            out: (exit == 0).then_some(out),
            others: BTreeMap::new(),
            build_tree: None,
            phases: vec![],
            log: self.cas.write(b"one\ntwo\n").unwrap(),
            usage: Usage::default(),
            warnings: vec![],
        })
    }
}

impl Scripted<'_> {
    fn put(&self, out: &mut Draft, path: &str, text: &str) {
        let digest = self.cas.write(text.as_bytes()).unwrap();
        out.put(&RelPath::parse(path).unwrap(), File::new(digest, false)).unwrap();
    }
}

/// Gives one tree with a shell for every source.
struct Shell(Tree);

impl Supply for Shell {
    fn source(&self, _source: &Source) -> Result<Tree, ForeignError> {
        Ok(self.0.clone())
    }

    fn base(&self, _base: &Base) -> Result<Tree, ForeignError> {
        Ok(self.0.clone())
    }
}

#[derive(Default)]
struct Words(Mutex<Vec<String>>);

impl Sink for Words {
    fn emit(&self, event: Event) {
        let word = match event {
            Event::SandboxLaunched { element, .. } => format!("launch:{element}"),
            Event::ElementCutOff { element, .. } => format!("cutoff:{element}"),
            Event::ElementBuilt { element, action: None, .. } => format!("made:{element}"),
            Event::ElementFailed { element, failure, .. } => {
                let (tail, again) = (failure.tail.join("+"), failure.recorded);
                format!("failed:{element}:{:?}:{tail}:{again}", failure.exit)
            }
            Event::ElementSkipped { element, because } => format!("skipped:{element}<{because}"),
            _ => return,
        };
        self.0.lock().unwrap().push(word);
    }
}

struct World {
    cas: MemoryCas,
    index: MemoryIndex,
    shell: Shell,
    keep_going: bool,
    retry_failed: bool,
    slots: usize,
}

impl World {
    fn new() -> Self {
        let cas = MemoryCas::default();
        let mut draft = Draft::default();
        let shell = File::new(cas.write(b"sh").unwrap(), true);
        draft.put(&RelPath::parse("bin/sh").unwrap(), shell).unwrap();
        let shell = Shell(draft.seal());
        Self {
            cas,
            index: MemoryIndex::default(),
            shell,
            keep_going: false,
            retry_failed: false,
            slots: 1,
        }
    }

    /// Executes `name=script=deps` lines on a base; returns the events of interest, sorted, and the report.
    fn execute(&self, lines: &str) -> (String, Result<Report, ExecError>) {
        let (ir, source) = project(lines);
        let mut pins = Pins::default();
        pins.sources.insert(source, self.shell.0.digest());
        let targets = ir.elements.iter().map(|element| element.name.clone()).collect();
        let request = kiln_plan::Request { targets, platform: Platform::default() };
        let plan = plan(&ir, &pins, &request).unwrap();
        let keys: Vec<Key> = plan.nodes.iter().map(|node| node.key).collect();
        let have = self.index.have(&keys).unwrap();
        let graph = prune(&plan, &have.keys().copied().collect::<BTreeSet<_>>());
        let words = Words::default();
        let logs = tempfile::tempdir().unwrap();
        let report = execute(
            Work { ir: &ir, plan: &plan, graph: &graph, have: &have },
            Ports {
                runner: &Scripted { cas: &self.cas },
                cas: &self.cas,
                index: &self.index,
                supply: &self.shell,
                sink: &words,
                clock: &|| 0,
            },
            &self.settings(logs.path()),
        );
        let mut words = words.0.into_inner().unwrap();
        words.sort();
        (words.join(" "), report)
    }

    fn settings<'a>(&self, logs: &'a Path) -> Settings<'a> {
        Settings {
            project: "p",
            isa: "x86-64",
            logs,
            slots: self.slots,
            fetchers: 2,
            advice: BTreeMap::new(),
            time_limit: None,
            silence: None,
            build_trees: BuildTrees::Failure,
            deny: BTreeSet::new(),
            retry_failed: self.retry_failed,
            keep_going: self.keep_going,
            fail_fast: false,
            host: BTreeMap::new(),
            cancel: CancelFlag::default(),
        }
    }

    #[track_caller]
    fn check(&self, lines: &str, words: &str) -> Report {
        let (found, report) = self.execute(lines);
        assert_eq!(found, words);
        report.unwrap()
    }
}

fn project(lines: &str) -> (Ir, Source) {
    let source = r#"{ "kind": "local", "path": "shell" }"#;
    let mut elements = vec![format!(
        r#"{{ "name": "base", "sources": [ {{ "source": {source} }} ], "steps": [ {{ "import": {{ "target": "/" }} }} ] }}"#
    )];
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.split('=');
        let (name, script) = (parts.next().unwrap(), parts.next().unwrap());
        let deps: Vec<&str> = parts.next().unwrap_or("").split_whitespace().collect();
        elements.push(format!(
            r#"{{ "name": "{name}", "base": "base", "deps": {deps:?},
                 "steps": [ {{ "run": {{ "phases": [ {{ "name": "build", "script": {script:?} }} ] }} }} ] }}"#
        ));
    }
    let text =
        format!(r#"{{ "version": 1, "project": "p", "elements": [{}] }}"#, elements.join(","));
    (Ir::from_json(&text).unwrap(), serde_json::from_str(source).unwrap())
}

const CHAIN: &str = "a=put a 1\nb=hash b=a\nc=hash c=b";

#[test]
fn a_second_run_has_nothing_to_do() {
    let world = World::new();
    let report = world.check(CHAIN, "launch:a launch:b launch:c made:base");
    assert_eq!((report.built, report.cached, report.launched), (4, 0, 3));
    let report = world.check(CHAIN, "");
    assert_eq!((report.built, report.cached, report.launched), (0, 4, 0));
}

#[test]
fn an_edit_without_effect_ends_at_the_first() {
    let world = World::new();
    world.check(CHAIN, "launch:a launch:b launch:c made:base");
    world.check("a=put a 1 #comment\nb=hash b=a\nc=hash c=b", "cutoff:b cutoff:c launch:a");
    world.check("a=put a 2\nb=hash b=a\nc=hash c=b", "launch:a launch:b launch:c");
}

#[test]
fn a_failure_is_recorded_and_skips_what_needs_it() {
    let mut world = World::new();
    let lines = "a=exit 3\nb=hash b=a\nc=hash c=b";
    let first = "failed:a:Some(3):one+two:false launch:a made:base skipped:b<a skipped:c<a";
    let report = world.check(lines, first);
    assert_eq!(report.failed, [ElementName::parse("a").unwrap()]);
    assert_eq!(report.skipped.len(), 2);
    world.check(lines, "failed:a:Some(3):one+two:true skipped:b<a skipped:c<a");
    world.retry_failed = true;
    world.check(lines, "failed:a:Some(3):one+two:false launch:a skipped:b<a skipped:c<a");
}

#[test]
fn going_on_builds_what_does_not_need_the_failure() {
    let mut world = World::new();
    let lines = "a=exit 1\nb=put b 1\nc=put c 1=a";
    world.keep_going = true;
    world.slots = 3;
    world.check(lines, "failed:a:Some(1):one+two:false launch:a launch:b made:base skipped:c<a");
}

#[test]
fn lost_content_names_the_keys_to_make_anew() {
    let world = World::new();
    let (_, report) = world.execute(CHAIN);
    report.unwrap();
    let a = world.index.latest("p", "a").unwrap().unwrap();
    world.cas.remove(a.run().unwrap().out.unwrap());
    let (_, report) = world.execute("a=put a 1\nb=put b 5=a");
    assert!(matches!(report, Err(ExecError::Lost { keys }) if keys == [a.key()]));
    world.index.forget(a.key()).unwrap();
    world.check("a=put a 1\nb=put b 5=a", "launch:a launch:b");
}

#[test]
fn a_known_action_with_lost_content_runs_again() {
    let world = World::new();
    let lines = "a=put a 1\nb=put b 5=a";
    world.check(lines, "launch:a launch:b made:base");
    world.cas.remove(Digest::of(b"5"));
    world.check("a=put a 1 #comment\nb=put b 5=a", "launch:a launch:b");
}
