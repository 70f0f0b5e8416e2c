//! One element: gather its inputs, look for its action, else run it.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use kiln_action::{Ending, Outcome, Request};
use kiln_artifact::{Artifact, Failure, Phase, Run, Usage};
use kiln_assemble::function::Part;
use kiln_assemble::{Assembled, Inputs, Layer, assemble, function, layer};
use kiln_digest::{Digest, Key};
use kiln_event::Event;
use kiln_ir::{Element, Step};
use kiln_plan::{Node, NodeIx};
use kiln_tree::Tree;

use crate::error::Foreign;
use crate::schedule::Trees;
use crate::{ExecError, Ports, Settings, Work};

/// How a job ended.
pub(crate) enum Ended {
    Reused,
    CutOff,
    Made { launched: bool },
    Failed { launched: bool },
    Cancelled { launched: bool },
}

/// Makes elements, one after the other, for one slot.
pub(crate) struct Maker<'a> {
    pub(crate) work: Work<'a>,
    pub(crate) ports: Ports<'a>,
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) trees: &'a Trees,
}

impl Maker<'_> {
    /// Makes the artifact of a node whose needs are all there.
    pub(crate) fn make(&self, ix: NodeIx) -> Result<Ended, ExecError> {
        let node = self.work.plan.node(ix);
        let started = (self.ports.clock)();
        let element = self.element(node);
        self.ports
            .sink
            .emit(Event::ElementStarted { element: element.name.clone(), key: node.key });
        let runs = matches!(element.steps.as_slice(), [Step::Run { .. }]);
        if runs {
            return self.run(ix, node, element, started);
        }
        let tree = self.put_together(node, element)?;
        self.ports.cas.write_tree(&tree)?;
        let out = tree.digest();
        self.keep(ix, tree);
        let artifact =
            Artifact { key: node.key, element: element.name.to_string(), out, run: None };
        self.ports.index.put(self.settings.project, &artifact)?;
        self.tell_built(node, None, out, started);
        Ok(Ended::Made { launched: false })
    }

    fn element(&self, node: &Node) -> &Element {
        // The plan was made of this very IR.
        self.work.ir.element(&node.element).expect("every node of a plan is an element of its IR")
    }

    /// The steps that are functions on trees.
    fn put_together(&self, node: &Node, element: &Element) -> Result<Tree, ExecError> {
        let mut layers = Vec::new();
        for step in &element.steps {
            match step {
                Step::Import { target } => {
                    layers.push(function::import(element, target, &self.sources(element)?)?);
                }
                Step::Base(base) => {
                    let cause = |cause| supply_error(element, cause);
                    layers.push(self.ports.supply.base(base).map_err(cause)?);
                }
                Step::Compose(compose) => {
                    let parts = self.parts(&self.work.plan.closure(&node.of))?;
                    let (tree, overlaps) = function::compose(element, compose, &parts)?;
                    self.warn(element, &overlaps);
                    layers.push(tree);
                }
                Step::Filter(filter) => {
                    for part in self.parts(&node.of)? {
                        layers.push(function::filter(filter, &part)?);
                    }
                }
                Step::Run { .. } => {
                    let (element, what) = (element.name.clone(), "several kinds of steps");
                    return Err(kiln_assemble::AssembleError::NotYet { element, what }.into());
                }
            }
        }
        Ok(kiln_tree::merge(&layers).tree)
    }

    fn parts(&self, nodes: &[NodeIx]) -> Result<Vec<Part<'_>>, ExecError> {
        let part = |ix: &NodeIx| {
            let element = self.element(self.work.plan.node(*ix));
            Ok(Part { element, layer: layer(element, self.tree(*ix)?) })
        };
        nodes.iter().map(part).collect()
    }

    fn sources(&self, element: &Element) -> Result<Vec<Tree>, ExecError> {
        let source = |placed: &kiln_ir::PlacedSource| {
            self.ports.supply.source(&placed.source).map_err(|cause| supply_error(element, cause))
        };
        element.sources.iter().map(source).collect()
    }

    fn layers(&self, nodes: &[NodeIx]) -> Result<Vec<Layer>, ExecError> {
        let one = |ix: &NodeIx| {
            let element = self.element(self.work.plan.node(*ix));
            Ok(layer(element, self.tree(*ix)?))
        };
        nodes.iter().map(one).collect()
    }

    fn run(
        &self,
        ix: NodeIx,
        node: &Node,
        element: &Element,
        started: u64,
    ) -> Result<Ended, ExecError> {
        let plan = self.work.plan;
        self.refuse_integration(ix, node)?;
        let mut staged_at = Vec::new();
        for (at, of) in &node.stage_at {
            staged_at.push((at.clone(), self.layers(&plan.closure(of))?));
        }
        let inputs = Inputs {
            element,
            isa: self.settings.isa,
            base: self.layers(node.base.as_slice())?.pop(),
            staged: self.layers(&plan.staged(ix))?,
            staged_at,
            sources: self.sources(element)?,
        };
        let assembled = assemble(&inputs)?;
        self.warn(element, &assembled.overlaps);
        let action = assembled.action.digest();
        if let Some(ended) = self.known(ix, node, action)? {
            return Ok(ended);
        }
        if !self.settings.retry_failed
            && let Some(failure) = self.ports.index.failure(action)?
        {
            self.tell_failed(node, &failure.run, None, true)?;
            return Ok(Ended::Failed { launched: false });
        }
        self.launch(ix, node, element, assembled, started)
    }

    /// Nothing that an element asks for is left out silently.
    fn refuse_integration(&self, ix: NodeIx, node: &Node) -> Result<(), ExecError> {
        let staged = self.work.plan.staged(ix).into_iter().chain(node.base);
        for staged in staged {
            let element = self.element(self.work.plan.node(staged));
            if !element.integrate.is_empty() {
                let (element, what) = (element.name.clone(), "integrate");
                return Err(kiln_assemble::AssembleError::NotYet { element, what }.into());
            }
        }
        Ok(())
    }

    /// Returns the environment outside the action: the element's own advice, then what the runner says.
    fn advice(&self, element: &Element) -> BTreeMap<String, String> {
        let jobs = self.settings.advice.get("KILN_JOBS").map_or("1", String::as_str);
        let filled =
            |(name, value): (&String, &String)| (name.clone(), value.replace("$KILN_JOBS", jobs));
        let mut advice: BTreeMap<String, String> = element.advice.env.iter().map(filled).collect();
        advice.extend(self.settings.advice.clone());
        advice
    }

    /// Early cutoff: the key is new, the action is not.
    fn known(&self, ix: NodeIx, node: &Node, action: Digest) -> Result<Option<Ended>, ExecError> {
        let Some(run) = self.ports.index.action(action)? else {
            return Ok(None);
        };
        let found = run.out.and_then(|out| self.ports.cas.read_tree(out).ok());
        let whole = |tree: &Tree| {
            let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
            self.ports.cas.missing(&files).is_ok_and(|missing| missing.is_empty())
        };
        let Some(tree) = found.filter(whole) else {
            self.ports.index.forget_action(action)?;
            return Ok(None);
        };
        let out = tree.digest();
        self.keep(ix, tree);
        let element = node.element.to_string();
        let artifact = Artifact { key: node.key, element, out, run: Some(run) };
        self.ports.index.put(self.settings.project, &artifact)?;
        let (element, key) = (node.element.clone(), node.key);
        self.ports.sink.emit(Event::ElementCutOff { element, key, action, out });
        Ok(Some(Ended::CutOff))
    }

    fn launch(
        &self,
        ix: NodeIx,
        node: &Node,
        element: &Element,
        assembled: Assembled,
        started: u64,
    ) -> Result<Ended, ExecError> {
        for file in &assembled.files {
            self.ports.cas.write(file)?;
        }
        let Assembled { action, staging, overlaps: _, files: _ } = assembled;
        let advice = self.advice(element);
        let log = self.log_path(node);
        let cancel = self.settings.cancel.clone();
        let request = Request { action, staging, advice, log, cancel, silence: None };
        let digest = request.action.digest();
        let launched = Event::SandboxLaunched { element: node.element.clone(), action: digest };
        self.ports.sink.emit(launched);
        let began = (self.ports.clock)();
        let outcome = match self.ports.runner.run(&request) {
            Ok(outcome) => outcome,
            Err(cause) => return Err(self.run_error(node, ix, cause)),
        };
        let wall_micros = (self.ports.clock)().saturating_sub(began);
        let run = self.run_of(&request, &outcome, wall_micros);
        for warning in &outcome.warnings {
            let message = format!("`{}`: {warning}", node.element);
            self.ports.sink.emit(Event::Warning { code: "K4103".to_owned(), message });
        }
        match (outcome.ending, outcome.out) {
            (Ending::Exit(0), Some(tree)) => {
                let out = tree.digest();
                self.keep(ix, tree);
                let element = node.element.to_string();
                let artifact = Artifact { key: node.key, element, out, run: Some(run) };
                self.ports.index.put(self.settings.project, &artifact)?;
                self.tell_built(node, Some(digest), out, started);
                Ok(Ended::Made { launched: true })
            }
            (Ending::Cancelled, _) => Ok(Ended::Cancelled { launched: true }),
            (Ending::TimedOut | Ending::Silent, _) => {
                let reason = match outcome.ending {
                    Ending::Silent => "it printed nothing for too long",
                    _ => "the time limit was reached",
                };
                self.tell_failed(node, &run, Some(reason.to_owned()), false)?;
                Ok(Ended::Failed { launched: true })
            }
            (Ending::Exit(_), _) => {
                // What failed can be walked into later: its root is kept with its build tree.
                self.ports.cas.write_tree(&request.action.input_root)?;
                let failure =
                    Failure { key: node.key, element: node.element.to_string(), run: run.clone() };
                self.ports.index.put_failure(self.settings.project, &failure)?;
                self.tell_failed(node, &run, None, false)?;
                Ok(Ended::Failed { launched: true })
            }
        }
    }

    fn run_of(&self, request: &Request, outcome: &Outcome, wall_micros: u64) -> Run {
        let phase = |phase: &kiln_action::Phase| Phase {
            name: phase.name.clone(),
            start: phase.start.clone(),
            end: phase.end.clone(),
            exit: phase.exit,
            usage: phase.usage.map(|usage| usage_of(usage, 0)),
        };
        Run {
            action: request.action.digest(),
            input_root: request.action.input_root.digest(),
            exit: match outcome.ending {
                Ending::Exit(exit) => exit,
                Ending::TimedOut | Ending::Silent | Ending::Cancelled => -1,
            },
            out: outcome.out.as_ref().map(Tree::digest),
            others: outcome.others.iter().map(|(name, t)| (name.clone(), t.digest())).collect(),
            build_tree: outcome.build_tree.as_ref().map(Tree::digest),
            log: outcome.log,
            phases: outcome.phases.iter().map(phase).collect(),
            usage: usage_of(outcome.usage, wall_micros),
            warnings: outcome.warnings.clone(),
            host: self.settings.host.clone(),
        }
    }

    /// Tells lost content from a failure of the machine.
    fn run_error(&self, node: &Node, ix: NodeIx, cause: crate::ForeignError) -> ExecError {
        let mut staged = self.work.plan.staged(ix);
        staged.extend(node.base);
        staged.extend(node.stage_at.values().flat_map(|of| self.work.plan.closure(of)));
        let incomplete = |ix: &NodeIx| {
            let Ok(tree) = self.tree(*ix) else {
                return true;
            };
            let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
            self.ports.cas.missing(&files).is_ok_and(|missing| !missing.is_empty())
        };
        let lost: Vec<NodeIx> = staged.into_iter().filter(incomplete).collect();
        if lost.is_empty() {
            return ExecError::Run { element: node.element.clone(), cause: Foreign(cause) };
        }
        let keys: Vec<Key> = lost.iter().map(|ix| self.work.plan.node(*ix).key).collect();
        ExecError::Lost { keys }
    }

    /// Returns the output tree of a node that is done.
    fn tree(&self, ix: NodeIx) -> Result<Tree, ExecError> {
        if let Some(tree) = self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(&ix) {
            return Ok(tree.clone());
        }
        let key = self.work.plan.node(ix).key;
        let lost = || ExecError::Lost { keys: vec![key] };
        let out = self.work.have.get(&key).ok_or_else(lost)?;
        let tree = self.ports.cas.read_tree(*out).map_err(|_gone| lost())?;
        self.keep(ix, tree.clone());
        Ok(tree)
    }

    fn keep(&self, ix: NodeIx, tree: Tree) {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).insert(ix, tree);
    }
}

fn supply_error(element: &Element, cause: crate::ForeignError) -> ExecError {
    ExecError::Supply { element: element.name.clone(), cause: Foreign(cause) }
}

fn usage_of(usage: kiln_action::Usage, wall_micros: u64) -> Usage {
    let kiln_action::Usage { user_micros, system_micros, max_rss_kib, read_bytes, written_bytes } =
        usage;
    Usage { user_micros, system_micros, max_rss_kib, wall_micros, read_bytes, written_bytes }
}
