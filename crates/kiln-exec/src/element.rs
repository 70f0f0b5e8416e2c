//! One element: gather its inputs, look for its action, else run it.

use kiln_action::{CancelFlag, Ending};
use kiln_artifact::{Artifact, Failure, Run};
use kiln_assemble::function::Part;
use kiln_assemble::{Assembled, Layer, OverlapFound, Own, assemble_in, function, layer};
use kiln_digest::Digest;
use kiln_event::Event;
use kiln_ir::{Base, Compose, Element, Source, Step};
use kiln_plan::{Node, NodeIx};
use kiln_tree::Tree;

use crate::error::Foreign;
use crate::memory::{Given, Memory, Waits};
use crate::order::is_remote;
use crate::patched::lay_out;
use crate::root::{Broken, Integrated, Rooted};
use crate::sandbox::{Ran, Sandbox};
use crate::tell::overlap_text;
use crate::{BuildTrees, ExecError, Ports, Settings, Work};

/// How a job ended.
pub(crate) enum Ended {
    CutOff,
    Made,
    Failed,
    Cancelled,
}

/// Makes an element in one slot.
pub(crate) struct Maker<'a> {
    pub(crate) work: Work<'a>,
    pub(crate) ports: Ports<'a>,
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) memory: &'a Memory,
    pub(crate) waits: &'a dyn Waits,
    /// Ends what runs.
    pub(crate) cancel: CancelFlag,
    /// The share of the processors that an action gets.
    pub(crate) jobs: usize,
}

/// An element that runs a command, at work.
struct Job<'a> {
    ix: NodeIx,
    node: &'a Node,
    element: &'a Element,
    started: u64,
    around: Around,
}

/// The outputs of the steps around the one that runs a command, if one does.
#[derive(Default)]
struct Around {
    layers: Vec<Tree>,
    n_before: usize,
    /// What was warned of in its root, or in what it composes.
    overlaps: Vec<OverlapFound>,
}

impl Around {
    fn overlap_texts(&self) -> Vec<String> {
        self.overlaps.iter().map(overlap_text).collect()
    }

    /// Returns the output of all steps, the later over the earlier.
    fn with(&self, out: Option<Tree>) -> Tree {
        let (before, after) = self.layers.split_at(self.n_before);
        let layers: Vec<Tree> = before.iter().cloned().chain(out).chain(after.to_vec()).collect();
        kiln_tree::merge(&layers).tree
    }
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
        let mut given = self.memory.take(ix);
        let around = match self.around(node, element, &mut given)? {
            Ok(around) => around,
            Err(ended) => return Ok(ended),
        };
        if runs(element) {
            let sources = self.sources(element, &mut given)?;
            return self.run(Job { ix, node, element, started, around }, sources);
        }
        let tree = around.with(None);
        self.ports.cas.write_tree(&tree)?;
        let out = tree.digest();
        self.memory.keep(ix, tree);
        let (element, overlaps) = (element.name.to_string(), around.overlap_texts());
        let (key, impure) = (node.key, node.impure);
        let artifact = Artifact { key, element, out, run: None, overlaps, impure };
        self.ports.index.put(self.settings.project, &artifact)?;
        self.tell_built(node, None, out, started);
        Ok(Ended::Made)
    }

    pub(crate) fn element(&self, node: &Node) -> &Element {
        // The plan was made of this very IR.
        self.work.ir.element(&node.element).expect("every node of a plan is an element of its IR")
    }

    /// The steps that are functions on trees; an integration among them may end otherwise.
    fn around(
        &self,
        node: &Node,
        element: &Element,
        given: &mut Given,
    ) -> Result<Result<Around, Ended>, ExecError> {
        let mut around = Around::default();
        for step in &element.steps {
            match step {
                Step::Import { target } => {
                    let sources = self.sources(element, given)?;
                    around.layers.push(function::import(element, target, &sources)?);
                }
                Step::Base(base) => match &given.base {
                    Some(tree) => around.layers.push(tree.clone()),
                    None => around.layers.push(self.base(element, base)?),
                },
                Step::Compose(compose) => {
                    match self.compose(node, compose, &mut around.overlaps)? {
                        Ok(tree) => around.layers.push(tree),
                        Err(ended) => return Ok(Err(ended)),
                    }
                }
                Step::Filter(filter) => {
                    let of = |part: &Part<'_>| part.element.name == filter.of;
                    for part in self.parts(&node.of)?.iter().filter(|part| of(part)) {
                        around.layers.push(function::filter(filter, part)?);
                    }
                }
                Step::Oci(oci) => around.layers.push(self.image(node, element, oci)?),
                Step::Run { .. } => around.n_before = around.layers.len(),
            }
        }
        Ok(Ok(around))
    }

    /// Merges a closure, and integrates it on the base of the element that composes it.
    fn compose(
        &self,
        node: &Node,
        compose: &Compose,
        found: &mut Vec<OverlapFound>,
    ) -> Result<Result<Tree, Ended>, ExecError> {
        let is_part = |ix: &NodeIx| compose.of.contains(&self.work.plan.node(*ix).element);
        let of: Vec<NodeIx> = node.of.iter().copied().filter(is_part).collect();
        let closure = self.work.plan.closure(&of);
        let (tree, overlaps) = function::compose(compose, &self.parts(&closure)?)?;
        self.warn(&node.element, &overlaps)?;
        found.extend(overlaps);
        if !compose.run_integrate {
            return Ok(Ok(tree));
        }
        let on_base: Vec<NodeIx> = node.base.into_iter().chain(closure).collect();
        let integrates = |ix: &NodeIx| !self.element(self.work.plan.node(*ix)).integrate.is_empty();
        if !on_base.iter().any(integrates) {
            return Ok(Ok(tree));
        }
        let root = self.merged(node, &on_base)?;
        match self.integrated(node, &root, &on_base)? {
            Integrated::Done(changes) => {
                Ok(Ok(function::integrated(compose, &tree, &root, &changes)))
            }
            Integrated::Broken(broken) => self.broken(node, &broken).map(Err),
            Integrated::Cancelled => Ok(Err(Ended::Cancelled)),
        }
    }

    fn parts(&self, nodes: &[NodeIx]) -> Result<Vec<Part<'_>>, ExecError> {
        let part = |ix: &NodeIx| {
            let element = self.element(self.work.plan.node(*ix));
            Ok(Part { element, layer: self.layer(*ix)? })
        };
        nodes.iter().map(part).collect()
    }

    /// Brings what an element starts from into the store, local sources aside.
    pub(crate) fn fetch(&self, ix: NodeIx) -> Result<Given, ExecError> {
        let element = self.element(self.work.plan.node(ix));
        let mut given = Given::default();
        for (source_ix, placed) in element.sources.iter().enumerate() {
            if is_remote(&placed.source) {
                given.sources.insert(source_ix, self.source(element, &placed.source)?);
            }
        }
        for step in &element.steps {
            if let Step::Base(base) = step {
                given.base = Some(self.base(element, base)?);
            }
        }
        Ok(given)
    }

    fn source(&self, element: &Element, source: &Source) -> Result<Tree, ExecError> {
        self.ports.supply.source(source).map_err(|cause| supply_error(element, cause))
    }

    fn base(&self, element: &Element, base: &Base) -> Result<Tree, ExecError> {
        self.ports.supply.base(base).map_err(|cause| supply_error(element, cause))
    }

    /// Returns what an element starts from, laid out and patched.
    pub(crate) fn sources(&self, element: &Element, given: &mut Given) -> Result<Tree, ExecError> {
        if let Some(tree) = &given.laid_out {
            return Ok(tree.clone());
        }
        let mut trees = Vec::new();
        for (source_ix, placed) in element.sources.iter().enumerate() {
            let tree = match given.sources.get(&source_ix) {
                Some(tree) => tree.clone(),
                None => self.source(element, &placed.source)?,
            };
            trees.push(tree);
        }
        let tree = lay_out(element, &trees, self.ports.cas, self.ports.supply)?;
        given.laid_out = Some(tree.clone());
        Ok(tree)
    }

    pub(crate) fn layers(&self, nodes: &[NodeIx]) -> Result<Vec<Layer>, ExecError> {
        nodes.iter().map(|ix| self.layer(*ix)).collect()
    }

    fn layer(&self, ix: NodeIx) -> Result<Layer, ExecError> {
        let element = self.element(self.work.plan.node(ix));
        let host = self.work.plan.host.filter(|_| element.is_host());
        Ok(Layer { host, ..layer(element, self.tree(ix)?) })
    }

    fn run(&self, mut job: Job<'_>, sources: Tree) -> Result<Ended, ExecError> {
        let Job { ix, node, element, .. } = job;
        let of: Vec<NodeIx> = node.base.into_iter().chain(self.work.plan.staged(ix)).collect();
        let root = match self.root(node, &of)? {
            Rooted::Ready(root) => root,
            Rooted::Broken(broken) => return self.broken(node, &broken),
            Rooted::Cancelled => return Ok(Ended::Cancelled),
        };
        let assembled = assemble_in(&root, &self.own(node, element, sources)?)?;
        self.warn(&node.element, &assembled.overlaps)?;
        job.around.overlaps.extend(assembled.overlaps.iter().cloned());
        let action = assembled.action.digest();
        if let Some(ended) = self.settled(&job, action)? {
            return Ok(ended);
        }
        let Some(_claim) = self.claim(node, action) else {
            return Ok(Ended::Cancelled);
        };
        // Whoever had it before may have run it.
        if let Some(ended) = self.settled(&job, action)? {
            return Ok(ended);
        }
        let of = of.into_iter().chain(self.staged_elsewhere(node)).collect::<Vec<_>>();
        let (advice, log) = (element.advice.env.clone(), self.log_path(node));
        let sandbox = Sandbox { node, of: &of, advice, log };
        let Assembled { action, staging, files, overlaps: _ } = &assembled;
        let ran = self.launch(&sandbox, action, staging, files)?;
        self.finish(&job, ran)
    }

    /// Returns what an element brings to its root.
    pub(crate) fn own<'b>(
        &'b self,
        node: &Node,
        element: &'b Element,
        sources: Tree,
    ) -> Result<Own<'b>, ExecError> {
        let mut staged_at = Vec::new();
        for (at, of) in &node.stage_at {
            staged_at.push((at.clone(), self.layers(&self.work.plan.closure(of))?));
        }
        Ok(Own {
            element,
            isa: self.settings.isa,
            staged_at,
            sources,
            keeps_build_tree: self.settings.build_trees == BuildTrees::Always,
        })
    }

    fn staged_elsewhere(&self, node: &Node) -> Vec<NodeIx> {
        node.stage_at.values().flat_map(|of| self.work.plan.closure(of)).collect()
    }

    /// Returns what came of an action that ran, here or in another process: it is not run again.
    fn settled(&self, job: &Job<'_>, action: Digest) -> Result<Option<Ended>, ExecError> {
        if let Some(ended) = self.known(job, action)? {
            return Ok(Some(ended));
        }
        if !self.settings.retry_failed
            && let Some(failure) = self.ports.index.failure(action)?
        {
            self.tell_failed(job.node, &failure.run, None, true)?;
            return Ok(Some(Ended::Failed));
        }
        Ok(None)
    }

    /// Early cutoff: the key is new, the action is not.
    fn known(&self, job: &Job<'_>, action: Digest) -> Result<Option<Ended>, ExecError> {
        let Some(run) = self.ports.index.action(action)? else {
            return Ok(None);
        };
        let found = run.out.and_then(|out| self.ports.cas.read_tree(out).ok());
        let Some(tree) = found.filter(|tree| self.is_whole(tree)) else {
            self.ports.index.forget_action(action)?;
            return Ok(None);
        };
        self.refuse_warnings(job.node, &run)?;
        let out = self.keep(job, &tree, run)?;
        let (element, key) = (job.node.element.clone(), job.node.key);
        self.ports.sink.emit(Event::ElementCutOff { element, key, action, out });
        Ok(Some(Ended::CutOff))
    }

    /// Keeps what came of the action of an element.
    fn finish(&self, job: &Job<'_>, ran: Ran) -> Result<Ended, ExecError> {
        let Ran { ending, out, run, others: _ } = ran;
        match (ending, out) {
            (Ending::Exit(0), Some(tree)) => {
                self.refuse_warnings(job.node, &run)?;
                let action = run.action;
                let out = self.keep(job, &tree, run)?;
                self.tell_built(job.node, Some(action), out, job.started);
                Ok(Ended::Made)
            }
            (Ending::Cancelled, _) => Ok(Ended::Cancelled),
            (ending, _) => {
                let stopped = self.stopped(ending);
                self.broken(job.node, &Broken { run, stopped, recorded: false })
            }
        }
    }

    /// Keeps the artifact of an element that ran; returns its output.
    fn keep(&self, job: &Job<'_>, tree: &Tree, run: Run) -> Result<Digest, ExecError> {
        let Job { ix, node, around, .. } = job;
        let whole = around.with(Some(tree.clone()));
        if whole != *tree {
            self.ports.cas.write_tree(&whole)?;
        }
        let (key, element, out) = (node.key, node.element.to_string(), whole.digest());
        self.memory.keep(*ix, whole);
        let overlaps = around.overlap_texts();
        let impure = node.impure;
        let artifact = Artifact { key, element, out, run: Some(run), overlaps, impure };
        self.ports.index.put(self.settings.project, &artifact)?;
        Ok(out)
    }

    /// Records and tells that an element cannot be built, because of its own run or that of its root.
    pub(crate) fn broken(&self, node: &Node, broken: &Broken) -> Result<Ended, ExecError> {
        let Broken { run, stopped, recorded } = broken;
        let failure = Failure {
            key: node.key,
            element: node.element.to_string(),
            run: run.clone(),
            stopped: stopped.clone(),
            impure: node.impure,
        };
        self.ports.index.put_failure(self.settings.project, &failure)?;
        self.tell_failed(node, run, stopped.clone(), *recorded)?;
        Ok(Ended::Failed)
    }

    /// Returns the output tree of a node that is done.
    pub(crate) fn tree(&self, ix: NodeIx) -> Result<Tree, ExecError> {
        if let Some(tree) = self.memory.tree(ix) {
            return Ok(tree);
        }
        let key = self.work.plan.node(ix).key;
        let lost = || ExecError::Lost { keys: vec![key] };
        let out = self.work.have.get(&key).ok_or_else(lost)?;
        let tree = self.ports.cas.read_tree(*out).map_err(|_gone| lost())?;
        self.memory.keep(ix, tree.clone());
        Ok(tree)
    }
}

/// Returns whether an element runs a command.
pub(crate) fn runs(element: &Element) -> bool {
    element.steps.iter().any(|step| matches!(step, Step::Run { .. }))
}

fn supply_error(element: &Element, cause: crate::ForeignError) -> ExecError {
    ExecError::Supply { element: element.name.clone(), cause: Foreign(cause) }
}
