//! Order of the elements that the targets need, dependencies first; iterative, so that a chain may be long.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use kiln_ir::{Element, ElementName, Ir, Step};

use crate::{NodeIx, PlanError};

/// The elements that some targets need, dependencies first.
pub(crate) struct Ordered<'a> {
    pub(crate) elements: Vec<Needing<'a>>,
    pub(crate) targets: Vec<NodeIx>,
}

/// An element and the places of what it needs, in the order of [`needs`].
pub(crate) struct Needing<'a> {
    pub(crate) element: &'a Element,
    pub(crate) needs: Vec<NodeIx>,
}

#[derive(Clone, Copy)]
enum Mark {
    Unseen,
    Open,
    Done(NodeIx),
}

/// One element on the way, with the names of its dependencies and the places of those that were visited.
struct Visit<'a> {
    element_ix: usize,
    names: Vec<&'a ElementName>,
    needs: Vec<NodeIx>,
}

/// Finds elements by name. Names of one project begin alike, so comparing them is what costs; hashes do not.
struct Places<'a> {
    ir: &'a Ir,
    /// Hash of the name and index of each element, in order.
    by_hash: Vec<(u64, usize)>,
}

impl<'a> Places<'a> {
    fn of(ir: &'a Ir) -> Self {
        let places = ir.elements.iter().enumerate();
        let mut by_hash: Vec<_> = places.map(|(ix, element)| (hash(&element.name), ix)).collect();
        by_hash.sort_unstable();
        Self { ir, by_hash }
    }

    fn get(&self, name: &ElementName) -> Option<usize> {
        let hash = hash(name);
        let first = self.by_hash.partition_point(|(other, _)| *other < hash);
        let alike = self.by_hash[first..].iter().take_while(|(other, _)| *other == hash);
        alike.map(|(_, ix)| *ix).find(|ix| self.ir.elements[*ix].name == *name)
    }
}

/// The hash of a name, for this process only.
fn hash(name: &ElementName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Orders what the targets need; each name is looked up once, all else goes by index.
pub(crate) fn order<'a>(ir: &'a Ir, targets: &[ElementName]) -> Result<Ordered<'a>, PlanError> {
    let places = Places::of(ir);
    let mut marks = vec![Mark::Unseen; ir.elements.len()];
    let mut ordered = Ordered { elements: Vec::new(), targets: Vec::new() };
    for target in targets {
        let Some(element_ix) = places.get(target) else {
            let known = ir.elements.iter().map(|element| element.name.clone()).collect();
            return Err(PlanError::UnknownTarget { name: target.clone(), known });
        };
        let node = match marks[element_ix] {
            Mark::Done(node) => node,
            Mark::Unseen | Mark::Open => {
                visit(&places, element_ix, &mut marks, &mut ordered.elements)?
            }
        };
        ordered.targets.push(node);
    }
    Ok(ordered)
}

/// Visits an element after all that it needs, and returns its place.
fn visit<'a>(
    places: &Places<'a>,
    element_ix: usize,
    marks: &mut [Mark],
    ordered: &mut Vec<Needing<'a>>,
) -> Result<NodeIx, PlanError> {
    let ir = places.ir;
    let open = |element_ix: usize| {
        let names: Vec<&ElementName> = needs(&ir.elements[element_ix]).collect();
        Visit { element_ix, needs: Vec::with_capacity(names.len()), names }
    };
    marks[element_ix] = Mark::Open;
    let mut way = vec![open(element_ix)];
    loop {
        // The way is left below, when its first element is done.
        let visit = way.last_mut().expect("the way is not empty");
        let Some(name) = visit.names.get(visit.needs.len()) else {
            let node = NodeIx(ordered.len());
            marks[visit.element_ix] = Mark::Done(node);
            let element = &ir.elements[visit.element_ix];
            ordered.push(Needing { element, needs: std::mem::take(&mut visit.needs) });
            way.pop();
            match way.last_mut() {
                Some(above) => above.needs.push(node),
                None => return Ok(node),
            }
            continue;
        };
        let Some(needed_ix) = places.get(name) else {
            let Element { name: element, advice, .. } = &ir.elements[visit.element_ix];
            let (element, dependency) = (element.clone(), (*name).clone());
            let place = advice.origin.clone();
            return Err(PlanError::UnknownDependency { element, dependency, place });
        };
        match marks[needed_ix] {
            Mark::Done(node) => visit.needs.push(node),
            Mark::Open => return Err(cycle(ir, &way, needed_ix)),
            Mark::Unseen => {
                marks[needed_ix] = Mark::Open;
                way.push(open(needed_ix));
            }
        }
    }
}

fn cycle(ir: &Ir, way: &[Visit<'_>], closes_at: usize) -> PlanError {
    let start = way.iter().position(|visit| visit.element_ix == closes_at).unwrap_or(0);
    let named = |visit: &Visit<'_>| {
        let element = &ir.elements[visit.element_ix];
        (element.name.clone(), element.advice.origin.clone())
    };
    PlanError::Cycle { path: way[start..].iter().map(named).collect() }
}

/// Returns all elements that some need, themselves included, in any order; names that are none are left out.
pub fn needed<'a>(ir: &'a Ir, targets: &[ElementName]) -> Vec<&'a Element> {
    let places = Places::of(ir);
    let mut seen = vec![false; ir.elements.len()];
    let mut waiting: Vec<usize> = targets.iter().filter_map(|name| places.get(name)).collect();
    let mut found = Vec::new();
    while let Some(element_ix) = waiting.pop() {
        if std::mem::replace(&mut seen[element_ix], true) {
            continue;
        }
        let element = &ir.elements[element_ix];
        waiting.extend(needs(element).filter_map(|name| places.get(name)));
        found.push(element);
    }
    found
}

/// Returns all direct dependencies of an element, of every kind, in order.
pub(crate) fn needs(element: &Element) -> impl Iterator<Item = &ElementName> {
    let plain = element.base.iter().chain(&element.build_deps).chain(&element.deps);
    let plain = plain.chain(&element.run_deps).chain(element.stage_at.values().flatten());
    plain.chain(element.steps.iter().flat_map(parts_of))
}

/// Returns the elements that a step composes, filters or makes layers of.
pub(crate) fn parts_of(step: &Step) -> &[ElementName] {
    match step {
        Step::Compose(compose) => &compose.of,
        Step::Filter(filter) => std::slice::from_ref(&filter.of),
        Step::Oci(oci) => &oci.layers,
        Step::Run { .. } | Step::Import { .. } | Step::Base(_) => &[],
    }
}
