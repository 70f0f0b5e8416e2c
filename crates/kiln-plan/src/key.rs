//! The key of an element: the canonical encoding of all that its artifact depends on (`docs/spec/identity.md`).

use std::collections::BTreeMap;

use kiln_digest::{Digest, Encoder, Key};
use kiln_ir::{
    Base, Compose, Element, Filter, Fingerprint, ImagePlatform, Oci, Patch, PatchPin, Phase, Pins,
    PlacedSource, Step, User,
};

use crate::{Node, NodeIx, PlanError, Platform};

/// Name and version of the encoding; a change of it changes every key.
pub const SCHEME: &str = "kiln-key/1";

/// Takes the key of an element whose dependencies have theirs.
pub(crate) fn key(
    element: &Element,
    node: &Node,
    earlier: &[Node],
    pins: &Pins,
    platform: &Platform,
) -> Result<Key, PlanError> {
    // Names stand for keys here: `node` holds where each of them leads.
    let Element {
        name: _,
        base: _,
        build_deps: _,
        deps: _,
        run_deps: _,
        stage_at: _,
        sources,
        patches,
        env,
        user,
        steps,
        splits,
        integrate,
        overlaps,
        public: _,
        advice: _,
    } = element;
    let Platform { os_family, isa } = platform;
    let key_of = |ix: NodeIx| earlier[ix.0].key;
    let pinned = Pinned { element, pins };

    let mut out = Encoder::new(SCHEME);
    let steps: Vec<PinnedStep<'_>> =
        steps.iter().map(|step| pinned.step(step)).collect::<Result<_, _>>()?;
    out.list(steps, encode_step);
    pairs(&mut out, env);
    out.text(os_family).text(isa);
    pinned.encode_content(&mut out, sources, patches)?;
    out.option(node.base, |out, base| {
        out.raw_key(&key_of(base));
    });
    out.list(dependencies(node), |out, (list, ix, at)| {
        out.text(list).raw_key(&key_of(ix)).text(at);
    });
    out.text(match user {
        User::Builder => "builder",
        User::Root => "root",
    });
    out.list(splits.iter(), |out, (name, globs)| {
        out.text(name);
        texts(out, globs);
    });
    texts(&mut out, integrate);
    texts(&mut out, overlaps);
    Ok(out.key())
}

/// Returns the direct dependencies in order: the list, the node, the folder it is staged at.
fn dependencies(node: &Node) -> Vec<(&'static str, NodeIx, &str)> {
    let Node { element: _, key: _, impure: _, base: _, build_deps, deps, run_deps, stage_at, of } =
        node;
    let plain = |list, nodes: &[NodeIx]| -> Vec<(&'static str, NodeIx, &str)> {
        nodes.iter().map(|ix| (list, *ix, "/")).collect()
    };
    let mut all = plain("build-deps", build_deps);
    all.extend(plain("deps", deps));
    all.extend(plain("run-deps", run_deps));
    for (at, nodes) in stage_at {
        all.extend(nodes.iter().map(|ix| ("stage-at", *ix, at.as_str())));
    }
    all.extend(plain("of", of));
    all
}

/// A step with the pins of what comes from outside.
#[derive(Clone, Copy)]
enum PinnedStep<'a> {
    Plain(&'a Step),
    Base { packages: &'a [[u8; 32]], fixups: u32 },
    Host(Fingerprint),
}

struct Pinned<'a> {
    element: &'a Element,
    pins: &'a Pins,
}

impl<'a> Pinned<'a> {
    fn missing(&self, what: &impl ToString) -> PlanError {
        PlanError::MissingPin {
            element: self.element.name.clone(),
            what: what.to_string(),
            place: self.element.advice.origin.clone(),
        }
    }

    fn encode_content(
        &self,
        out: &mut Encoder,
        sources: &'a [PlacedSource],
        patches: &[Patch],
    ) -> Result<(), PlanError> {
        let sources: Vec<(&str, Digest)> =
            sources.iter().map(|placed| self.source(placed)).collect::<Result<_, _>>()?;
        out.list(sources, |out, (at, tree)| {
            out.digest(&tree).text(at);
        });
        let mut files = Vec::new();
        for patch in patches {
            files.extend(self.patch(patch)?);
        }
        out.list(files, |out, PatchPin { path: _, content, strip }| {
            out.digest(content).unsigned(u64::from(*strip));
        });
        Ok(())
    }

    fn step(&self, step: &'a Step) -> Result<PinnedStep<'a>, PlanError> {
        let Step::Base(base) = step else {
            return Ok(PinnedStep::Plain(step));
        };
        match base {
            // What was asked for does not count, only what it came to.
            Base::Debian { suite: _, arch: _, components: _, packages: _, assume: _ } => {
                let pin = self.pins.bases.get(base).ok_or_else(|| self.missing(base))?;
                Ok(PinnedStep::Base { packages: &pin.packages, fixups: pin.fixups })
            }
            Base::Host => self.pins.host.map(PinnedStep::Host).ok_or_else(|| self.missing(base)),
        }
    }

    fn source(&self, placed: &'a PlacedSource) -> Result<(&'a str, Digest), PlanError> {
        let PlacedSource { at, source } = placed;
        let tree = self.pins.sources.get(source).ok_or_else(|| self.missing(source))?;
        Ok((at, *tree))
    }

    fn patch(&self, patch: &Patch) -> Result<&'a [PatchPin], PlanError> {
        let files = self.pins.patches.get(patch).ok_or_else(|| self.missing(&patch.path))?;
        Ok(files)
    }
}

fn encode_step(out: &mut Encoder, step: PinnedStep<'_>) {
    match step {
        PinnedStep::Base { packages, fixups } => {
            out.text("base-debian").unsigned(u64::from(fixups));
            out.list(packages, |out, sha256| {
                out.raw_key(&Key(*sha256));
            });
        }
        PinnedStep::Host(Fingerprint(sha256)) => {
            out.text("base-host").raw_key(&Key(sha256));
        }
        PinnedStep::Plain(Step::Run { phases }) => {
            out.text("run").list(phases, |out, Phase { name, script }| {
                out.text(name).text(script);
            });
        }
        PinnedStep::Plain(Step::Import { target }) => {
            out.text("import").text(target);
        }
        PinnedStep::Plain(Step::Compose(compose)) => {
            let Compose { of, include, exclude, include_orphans, run_integrate } = compose;
            out.text("compose").unsigned(of.len() as u64);
            texts(out, include);
            texts(out, exclude);
            out.flag(*include_orphans).flag(*run_integrate);
        }
        PinnedStep::Plain(Step::Filter(filter)) => {
            let Filter { of: _, include, exclude, include_orphans } = filter;
            out.text("filter");
            texts(out, include);
            texts(out, exclude);
            out.flag(*include_orphans);
        }
        PinnedStep::Plain(Step::Oci(oci)) => encode_image(out, oci),
        PinnedStep::Plain(Step::Base(_)) => unreachable!("a base step was pinned above"),
    }
}

fn encode_image(out: &mut Encoder, oci: &Oci) {
    let Oci { layers, entrypoint, cmd, labels, platform, tag, run_as, working_dir } = oci;
    let ImagePlatform { os, architecture, variant } = platform;
    out.text("oci").unsigned(layers.len() as u64);
    texts(out, entrypoint);
    texts(out, cmd);
    pairs(out, labels);
    out.text(os).text(architecture).text(tag);
    for choice in [variant, run_as, working_dir] {
        out.option(choice.as_ref(), |out, text| {
            out.text(text);
        });
    }
}

fn pairs(out: &mut Encoder, pairs: &BTreeMap<String, String>) {
    out.list(pairs, |out, (name, value)| {
        out.text(name).text(value);
    });
}

fn texts(out: &mut Encoder, texts: &[String]) {
    out.list(texts, |out, text| {
        out.text(text);
    });
}
