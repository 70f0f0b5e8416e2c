//! An IR in little room: what many elements have in common stands there once.
//!
//! Layout: project and aliases as JSON · elements of: the rest as JSON · environment and splits as JSON · steps · texts, each once. A text
//! is told by its number. A step is a row of phases, each by name and script, or anything else as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use kiln_ir::{Element, Ir, Phase, Step, VERSION};
use serde::Serialize;

use crate::kept::form::{From, To};

/// Texts, each once, by number.
#[derive(Default)]
struct Texts<'a> {
    numbers: BTreeMap<Cow<'a, str>, u64>,
    /// Numbers of what elements share, by its address.
    shared: BTreeMap<usize, u64>,
}

impl<'a> Texts<'a> {
    fn number(&mut self, text: impl Into<Cow<'a, str>>) -> u64 {
        let next = self.numbers.len() as u64;
        *self.numbers.entry(text.into()).or_insert(next)
    }

    /// Returns the number of something that elements share; its text is only asked for once.
    fn shared<T: ?Sized>(
        &mut self,
        value: &'a Arc<T>,
        text: impl FnOnce(&'a T) -> Option<Cow<'a, str>>,
    ) -> Option<u64> {
        let address = Arc::as_ptr(value).addr();
        if let Some(number) = self.shared.get(&address) {
            return Some(*number);
        }
        let number = self.number(text(value)?);
        self.shared.insert(address, number);
        Some(number)
    }
}

fn json<'a>(value: &impl Serialize) -> Option<Cow<'a, str>> {
    serde_json::to_string(value).ok().map(Cow::Owned)
}

// How a step begins: a row of phases, or anything else.
const RUN: u64 = 0;
const OTHER: u64 = 1;

/// Packs an IR; nothing when a part of it cannot be told as JSON.
pub(super) fn pack(ir: &Ir) -> Option<Vec<u8>> {
    let Ir { version: _, project, aliases, elements } = ir;
    let mut texts = Texts::default();
    let mut out = To::default();
    out.text(project);
    out.text(&serde_json::to_string(aliases).ok()?);
    out.framed(|out| {
        out.number(elements.len() as u64);
        elements.iter().try_for_each(|element| pack_element(element, &mut texts, out))
    })?;
    let mut by_number: Vec<(u64, &str)> =
        texts.numbers.iter().map(|(text, number)| (*number, text.as_ref())).collect();
    by_number.sort_unstable();
    out.list(&by_number, |out, (_number, text)| out.text(text));
    Some(out.into_bytes())
}

fn pack_element<'a>(element: &'a Element, texts: &mut Texts<'a>, out: &mut To) -> Option<()> {
    let Element {
        name,
        base,
        build_deps,
        deps,
        run_deps,
        stage_at,
        sources,
        patches,
        env,
        user,
        steps,
        splits,
        integrate,
        overlaps,
        public,
        advice,
    } = element;
    let rest = Element {
        name: name.clone(),
        base: base.clone(),
        build_deps: build_deps.clone(),
        deps: deps.clone(),
        run_deps: run_deps.clone(),
        stage_at: stage_at.clone(),
        sources: sources.clone(),
        patches: patches.clone(),
        env: Arc::default(),
        user: *user,
        steps: Vec::new(),
        splits: Arc::default(),
        integrate: integrate.clone(),
        overlaps: overlaps.clone(),
        public: public.clone(),
        advice: advice.clone(),
    };
    out.text(&serde_json::to_string(&rest).ok()?);
    out.number(texts.shared(env, json)?);
    out.number(texts.shared(splits, json)?);
    out.number(steps.len() as u64);
    for step in steps {
        match step {
            Step::Run { phases } => {
                out.number(RUN);
                out.number(phases.len() as u64);
                for Phase { name, script } in phases {
                    out.number(texts.number(name));
                    out.number(texts.shared(script, |script| Some(script.into()))?);
                }
            }
            other => {
                out.number(OTHER);
                out.number(texts.number(serde_json::to_string(other).ok()?));
            }
        }
    }
    Some(())
}

/// What is read of an IR.
struct Reading<'a> {
    from: From<'a>,
    texts: Vec<&'a str>,
    // By number of their text.
    envs: BTreeMap<u64, Arc<BTreeMap<String, String>>>,
    splits: BTreeMap<u64, Arc<BTreeMap<String, Vec<String>>>>,
    scripts: BTreeMap<u64, Arc<str>>,
}

/// Reads what was packed; nothing when it is damaged.
pub(super) fn unpack(bytes: &[u8]) -> Option<Ir> {
    let mut from = From::of(bytes);
    let project = from.text()?.to_owned();
    let aliases = serde_json::from_str(from.text()?).ok()?;
    let framed = From::of(from.bytes()?);
    let texts = from.list(From::text)?;
    let (envs, splits, scripts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut reading = Reading { from: framed, texts, envs, splits, scripts };
    let mut elements = Vec::new();
    for _ix in 0..reading.from.number()? {
        elements.push(reading.element()?);
    }
    let is_sorted = elements.is_sorted_by(|a: &Element, b: &Element| a.name < b.name);
    let ir = Ir { version: VERSION, project, aliases, elements };
    (reading.from.is_at_end() && from.is_at_end() && is_sorted).then_some(ir)
}

/// Returns what many elements share, read once.
fn shared<T: ?Sized>(
    known: &mut BTreeMap<u64, Arc<T>>,
    texts: &[&str],
    number: u64,
    read: impl FnOnce(&str) -> Option<Arc<T>>,
) -> Option<Arc<T>> {
    if let Some(value) = known.get(&number) {
        return Some(Arc::clone(value));
    }
    let value = read(texts.get(usize::try_from(number).ok()?)?)?;
    known.insert(number, Arc::clone(&value));
    Some(value)
}

impl Reading<'_> {
    fn element(&mut self) -> Option<Element> {
        let mut element: Element = serde_json::from_str(self.from.text()?).ok()?;
        let (env, splits) = (self.from.number()?, self.from.number()?);
        let parsed = |text: &str| serde_json::from_str(text).ok().map(Arc::new);
        element.env = shared(&mut self.envs, &self.texts, env, parsed)?;
        let parsed = |text: &str| serde_json::from_str(text).ok().map(Arc::new);
        element.splits = shared(&mut self.splits, &self.texts, splits, parsed)?;
        for _ix in 0..self.from.number()? {
            element.steps.push(self.step()?);
        }
        Some(element)
    }

    fn step(&mut self) -> Option<Step> {
        match self.from.number()? {
            RUN => {
                let mut phases = Vec::new();
                for _ix in 0..self.from.number()? {
                    let name = self.text()?.to_owned();
                    let script = self.from.number()?;
                    let text = |text: &str| Some(text.into());
                    let script = shared(&mut self.scripts, &self.texts, script, text)?;
                    phases.push(Phase { name, script });
                }
                Some(Step::Run { phases })
            }
            OTHER => serde_json::from_str(self.text()?).ok(),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&str> {
        let number = usize::try_from(self.from.number()?).ok()?;
        self.texts.get(number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IR: &str = r#"{ "version": 1, "project": "p", "aliases": { "a": "https://a.example.org/" }, "elements": [
        { "name": "a", "splits": { "doc": ["/x/**"] }, "steps": [ { "import": { "target": "/" } } ] },
        { "name": "b", "deps": ["a"], "env": { "X": "1" }, "user": "root", "splits": { "doc": ["/x/**"] },
          "sources": [ { "at": "sub", "source": { "kind": "local", "path": "src" } } ],
          "integrate": ["true"], "overlaps": ["/y"], "public": { "k": [1, null] }, "advice": { "kind": "Make" },
          "steps": [ { "run": { "phases": [ { "name": "build", "script": "true" }, { "name": "check", "script": "true" } ] } } ] },
        { "name": "c", "build-deps": ["a"], "run-deps": ["b"], "stage-at": { "/s": ["a"] },
          "patches": [ { "path": "p", "strip": 1 } ], "base": "a",
          "steps": [ { "run": { "phases": [ { "name": "build", "script": "false" } ] } } ] } ] }"#;

    #[test]
    fn what_is_packed_reads_back() {
        let ir = Ir::from_json(IR).unwrap();
        let bytes = pack(&ir).unwrap();
        assert_eq!(unpack(&bytes), Some(ir));
        let n_found = bytes.windows(5).filter(|found| found == b"/x/**").count();
        assert_eq!(n_found, 1, "what two have in common stands there once");
    }

    #[test]
    fn damaged_bytes_are_nothing_and_no_panic() {
        let good = pack(&Ir::from_json(IR).unwrap()).unwrap();
        for at in 0..good.len() {
            assert_eq!(unpack(&good[..at]), None);
            for flip in [1, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                drop(unpack(&bad));
            }
        }
    }
}
