//! The plan of a whole project, packed, with all that its keys depend on besides the IR.
//!
//! Layout behind the head that all kept files have: sha256 of the IR · lock · machine · sources · patches · lock files of other
//! programs · texts, each once · nodes (name, kind, version, key, impure, needs) · targets. Numbers of nodes and texts have 32 bits.

use std::collections::BTreeMap;

use kiln_digest::{Digest, Key};
use kiln_ir::{ElementName, Fingerprint, Patch, PatchPin, Source};
use kiln_plan::{Node, NodeIx, Plan};

use crate::kept::Same;
use crate::kept::form::{From, To, begin, open, seal};

/// A plan that an earlier run made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeptPlan {
    pub(crate) facts: Facts,
    pub(crate) plan: Plan,
    /// One a node.
    pub(crate) labels: Vec<Label>,
}

/// What of the world the keys of a plan depend on, besides the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Of the text of the lock; nothing when there is none.
    pub(crate) lock: Option<Digest>,
    /// What the machine is, where something stands on it.
    pub(crate) host: Option<Fingerprint>,
    /// Folders and files of the project, and what they were.
    pub(crate) sources: Vec<(Source, Digest)>,
    pub(crate) patches: Vec<(Patch, Vec<PatchPin>)>,
    /// Lock files of other programs in the project, and what they were when they were tracked.
    pub(crate) lockfiles: Vec<(String, Digest)>,
}

/// What a list of elements shows of one, besides what the plan knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) kind: String,
    pub(crate) version: Option<String>,
}

impl KeptPlan {
    /// Reads what was kept of `whose` project and this very IR, if it is good.
    pub(super) fn read(bytes: &[u8], whose: &str, same: Same) -> Option<Self> {
        let mut from = open(bytes, whose)?;
        if from.take()? != same.ir {
            return None;
        }
        let facts = Facts::read(&mut from)?;
        let texts = from.list(From::text)?;
        let n_nodes = usize::try_from(from.number()?).ok()?;
        let (mut nodes, mut labels) = (Vec::new(), Vec::new());
        for ix in 0..n_nodes {
            let mut reading = Reading { from: &mut from, texts: &texts, n_known: ix };
            let (node, label) = reading.node()?;
            nodes.push(node);
            labels.push(label);
        }
        let mut reading = Reading { from: &mut from, texts: &texts, n_known: n_nodes };
        let targets = reading.nodes()?;
        let plan = Plan { nodes, targets, host: facts.host };
        from.is_at_end().then_some(Self { facts, plan, labels })
    }

    /// Packs the plan; nothing when it is larger than its form admits.
    pub(super) fn pack(&self, whose: &str, same: Same) -> Option<Vec<u8>> {
        let Self { facts, plan: Plan { nodes, targets, host: _ }, labels } = self;
        let mut packing = Packing::default();
        for (node, label) in nodes.iter().zip(labels) {
            packing.node(node, label)?;
        }
        packing.nodes(targets)?;
        let mut out = begin(whose);
        out.hash(&same.ir);
        facts.pack(&mut out);
        out.list(&packing.texts, |out, text| out.text(text));
        out.number(nodes.len() as u64);
        out.append(&packing.out);
        Some(seal(out))
    }
}

impl Facts {
    fn read(from: &mut From<'_>) -> Option<Self> {
        let lock = from.option(From::digest)?;
        let host = from.option(|from| from.take().map(Fingerprint))?;
        let sources = from.list(|from| {
            let path = from.text()?.to_owned();
            let exclude = from.list(|from| from.text().map(str::to_owned))?;
            let with_ignored = from.small()? != 0;
            Some((Source::Local { path, exclude, with_ignored }, from.digest()?))
        })?;
        let patches = from.list(|from| {
            let patch = Patch { path: from.text()?.to_owned(), strip: from.small()? };
            let pins = from.list(|from| {
                let (path, content) = (from.text()?.to_owned(), from.digest()?);
                Some(PatchPin { path, content, strip: from.small()? })
            })?;
            Some((patch, pins))
        })?;
        let lockfiles = from.list(|from| Some((from.text()?.to_owned(), from.digest()?)))?;
        Some(Self { lock, host, sources, patches, lockfiles })
    }

    fn pack(&self, out: &mut To) {
        let Self { lock, host, sources, patches, lockfiles } = self;
        out.option(lock.as_ref(), |out, lock| out.digest(*lock));
        out.option(host.as_ref(), |out, Fingerprint(sha256)| out.hash(sha256));
        out.list(sources, |out, (source, digest)| {
            // Others are pinned by the lock.
            let (path, exclude, with_ignored) = match source {
                Source::Local { path, exclude, with_ignored } => (path, &exclude[..], with_ignored),
                _ => return,
            };
            out.text(path);
            out.list(exclude, |out, glob| out.text(glob));
            out.small(u32::from(*with_ignored));
            out.digest(*digest);
        });
        out.list(patches, |out, (Patch { path, strip }, pins)| {
            out.text(path);
            out.small(*strip);
            out.list(pins, |out, PatchPin { path, content, strip }| {
                out.text(path);
                out.digest(*content);
                out.small(*strip);
            });
        });
        out.list(lockfiles, |out, (path, digest)| {
            out.text(path);
            out.digest(*digest);
        });
    }
}

/// Nodes that are packed.
#[derive(Default)]
struct Packing<'a> {
    out: To,
    texts: Vec<&'a str>,
    numbers: BTreeMap<&'a str, u32>,
}

impl<'a> Packing<'a> {
    fn node(&mut self, node: &'a Node, label: &'a Label) -> Option<()> {
        let Node { element, key, impure, base, build_deps, deps, run_deps, stage_at, of } = node;
        let Label { kind, version } = label;
        self.out.text(element.as_str());
        self.text(kind)?;
        self.out.option(version.as_ref(), |out, version| out.text(version));
        self.out.hash(&key.0);
        self.out.small(u32::from(*impure));
        for nodes in [base.as_slice(), build_deps, deps, run_deps, of] {
            self.nodes(nodes)?;
        }
        self.out.small(u32::try_from(stage_at.len()).ok()?);
        for (at, nodes) in stage_at {
            self.text(at)?;
            self.nodes(nodes)?;
        }
        Some(())
    }

    fn nodes(&mut self, nodes: &[NodeIx]) -> Option<()> {
        self.out.small(u32::try_from(nodes.len()).ok()?);
        for ix in nodes {
            self.out.small(u32::try_from(ix.0).ok()?);
        }
        Some(())
    }

    fn text(&mut self, text: &'a str) -> Option<()> {
        let next = u32::try_from(self.texts.len()).ok()?;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        self.out.small(number);
        Some(())
    }
}

/// Nodes that are read.
struct Reading<'a, 'b> {
    from: &'b mut From<'a>,
    texts: &'b [&'a str],
    /// So many nodes can be named.
    n_known: usize,
}

impl<'a> Reading<'a, '_> {
    fn node(&mut self) -> Option<(Node, Label)> {
        let element = ElementName::parse(self.from.text()?).ok()?;
        let kind = self.text()?.to_owned();
        let version = self.from.option(|from| from.text().map(str::to_owned))?;
        let key = Key(self.from.take()?);
        let impure = self.from.small()? != 0;
        let base = self.nodes()?.first().copied();
        let (build_deps, deps, run_deps) = (self.nodes()?, self.nodes()?, self.nodes()?);
        let of = self.nodes()?;
        let mut stage_at = BTreeMap::new();
        for _ix in 0..self.from.small()? {
            stage_at.insert(self.text()?.to_owned(), self.nodes()?);
        }
        let node = Node { element, key, impure, base, build_deps, deps, run_deps, stage_at, of };
        Some((node, Label { kind, version }))
    }

    fn nodes(&mut self) -> Option<Vec<NodeIx>> {
        let mut nodes = Vec::new();
        for _ix in 0..self.from.small()? {
            let ix = usize::try_from(self.from.small()?).ok()?;
            nodes.push(NodeIx(Some(ix).filter(|ix| *ix < self.n_known)?));
        }
        Some(nodes)
    }

    fn text(&mut self) -> Option<&'a str> {
        self.texts.get(usize::try_from(self.from.small()?).ok()?).copied()
    }
}
