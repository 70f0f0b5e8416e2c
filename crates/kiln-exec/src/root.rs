//! The root that an element is built in: merged once for all that have the same, and integrated.

use std::collections::BTreeMap;
use std::sync::Arc;

use kiln_action::Ending;
use kiln_artifact::Run;
use kiln_assemble::{Assembled, Integration, Root, integration};
use kiln_digest::Digest;
use kiln_event::Event;
use kiln_plan::{Node, NodeIx};
use kiln_tree::{Difference, Tree};

use crate::element::Maker;
use crate::sandbox::Sandbox;
use crate::{BuildTrees, ExecError};

/// The end of making a root.
#[derive(Clone)]
pub(crate) enum Rooted {
    Ready(Arc<Root>),
    /// A script of an integration failed: nothing is built in this root.
    Broken(Arc<Broken>),
    Cancelled,
}

/// The end of an integration.
#[derive(Clone)]
pub(crate) enum Integrated {
    Done(Arc<Difference>),
    Broken(Arc<Broken>),
    Cancelled,
}

/// A run that did not succeed.
pub(crate) struct Broken {
    pub(crate) run: Run,
    /// Why it was ended from outside.
    pub(crate) stopped: Option<String>,
    /// Whether an earlier execution ran it.
    pub(crate) recorded: bool,
}

impl Maker<'_> {
    /// Returns the root of nodes, lowest first, integrated.
    pub(crate) fn root(&self, node: &Node, of: &[NodeIx]) -> Result<Rooted, ExecError> {
        self.memory.roots.get(&of.to_vec(), of.len(), self.waits, || {
            let root = self.merged(node, of)?;
            self.warn(&node.element, &root.overlaps)?;
            Ok(match self.integrated(node, &root, of)? {
                Integrated::Done(changes) if changes.is_empty() => Rooted::Ready(root),
                Integrated::Done(changes) => Rooted::Ready(Arc::new(root.changed(&changes))),
                Integrated::Broken(broken) => Rooted::Broken(broken),
                Integrated::Cancelled => Rooted::Cancelled,
            })
        })
    }

    /// Merges nodes, lowest first, beginning with what is merged already.
    pub(crate) fn merged(&self, node: &Node, of: &[NodeIx]) -> Result<Arc<Root>, ExecError> {
        self.memory.merged.get(&of.to_vec(), of.len(), self.waits, || {
            let root = match self.memory.merged.beginning(of) {
                Some((n_merged, root)) => {
                    root.with(&node.element, &self.layers(&of[n_merged..])?)?
                }
                None => Root::merge(&node.element, &self.layers(of)?)?,
            };
            Ok(Arc::new(root))
        })
    }

    /// Runs the scripts of nodes in their root, unless it is known what comes of it.
    pub(crate) fn integrated(
        &self,
        node: &Node,
        root: &Root,
        of: &[NodeIx],
    ) -> Result<Integrated, ExecError> {
        let elements = of.iter().map(|ix| self.element(self.work.plan.node(*ix)));
        let scripts = Integration::of(elements);
        if scripts.is_empty() {
            let nothing = Difference::between(&root.tree, &root.tree);
            return Ok(Integrated::Done(Arc::new(nothing)));
        }
        let assembled = integration(root, &scripts, self.settings.isa, &node.element)?;
        let action = assembled.action.digest();
        self.memory.integrations.get(&action, 0, self.waits, || {
            if let Some(integrated) = self.known_integrated(&assembled, action)? {
                return Ok(integrated);
            }
            let Some(_claim) = self.claim(node, action) else {
                return Ok(Integrated::Cancelled);
            };
            // Whoever had it before may have run it.
            if let Some(integrated) = self.known_integrated(&assembled, action)? {
                return Ok(integrated);
            }
            let (element, n_scripts) = (node.element.clone(), scripts.scripts.len());
            let event = Event::Integrating { element, action, scripts: n_scripts };
            self.ports.sink.emit(event);
            self.integrate(node, of, &assembled)
        })
    }

    fn known_integrated(
        &self,
        assembled: &Assembled,
        action: Digest,
    ) -> Result<Option<Integrated>, ExecError> {
        if let Some(difference) = self.known_changes(assembled, action)? {
            return Ok(Some(Integrated::Done(Arc::new(difference))));
        }
        if !self.settings.retry_failed
            && let Some(failure) = self.ports.index.failure(action)?
        {
            let broken = Broken { run: failure.run, stopped: None, recorded: true };
            return Ok(Some(Integrated::Broken(Arc::new(broken))));
        }
        Ok(None)
    }

    fn known_changes(
        &self,
        assembled: &Assembled,
        action: Digest,
    ) -> Result<Option<Difference>, ExecError> {
        let Some(run) = self.ports.index.action(action)? else {
            return Ok(None);
        };
        let difference = self.left(assembled, &run).map(|left| assembled.changes(&left));
        if let Some(difference) = difference.filter(|changes| self.is_whole(&changes.upper)) {
            return Ok(Some(difference));
        }
        self.ports.index.forget_action(action)?;
        Ok(None)
    }

    /// Returns the top folders that an integration left; nothing when they are lost.
    fn left(&self, assembled: &Assembled, run: &Run) -> Option<BTreeMap<String, Tree>> {
        let before = &assembled.action.input_root;
        let mut left = BTreeMap::new();
        for (name, digest) in &run.others {
            let like = kiln_tree::RelPath::parse(name).ok().and_then(|path| before.subtree(&path));
            let like = like.unwrap_or_else(Tree::empty);
            let tree = if like.digest() == *digest {
                like
            } else {
                Tree::load_like(*digest, &like, &mut |digest| self.ports.cas.read(digest)).ok()?
            };
            left.insert(name.clone(), tree);
        }
        Some(left)
    }

    fn integrate(
        &self,
        node: &Node,
        of: &[NodeIx],
        assembled: &Assembled,
    ) -> Result<Integrated, ExecError> {
        let action = assembled.action.digest();
        let log = self.settings.logs.join(format!("integration-{}.log", &action.hex()[..12]));
        let sandbox = Sandbox { node, of, advice: BTreeMap::new(), log };
        let ran = self.launch(&sandbox, &assembled.action, &assembled.staging, &assembled.files)?;
        match ran.ending {
            Ending::Exit(0) => {
                let difference = assembled.changes(&ran.others);
                self.ports.index.put_action(&ran.run)?;
                Ok(Integrated::Done(Arc::new(difference)))
            }
            Ending::Cancelled => Ok(Integrated::Cancelled),
            Ending::Exit(_) | Ending::TimedOut | Ending::Silent | Ending::OutOfMemory => {
                let (mut run, stopped) = (ran.run, self.stopped(ran.ending));
                // `/build` is no output of an integration; it was empty, and a person who walks in starts there.
                if run.build_tree.is_none() && self.settings.build_trees != BuildTrees::Never {
                    self.ports.cas.write_tree(&Tree::empty())?;
                    run.build_tree = Some(Tree::empty().digest());
                }
                let broken = Broken { run, stopped, recorded: false };
                Ok(Integrated::Broken(Arc::new(broken)))
            }
        }
    }
}
