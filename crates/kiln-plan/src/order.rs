//! Order of the elements that the targets need, dependencies first; iterative, so that a chain may be long.

use std::collections::BTreeMap;

use kiln_ir::{Element, ElementName, Ir};

use crate::{PlanError, parts_of};

enum Mark {
    Open,
    Done,
}

/// One element on the way, with those of its dependencies that are still to be visited, last first.
struct Visit<'a> {
    element: &'a Element,
    ahead: Vec<ElementName>,
}

pub(crate) fn order<'a>(
    ir: &'a Ir,
    targets: &[ElementName],
) -> Result<Vec<&'a Element>, PlanError> {
    let mut marks: BTreeMap<&ElementName, Mark> = BTreeMap::new();
    let mut ordered = Vec::new();
    for target in targets {
        let mut way: Vec<Visit<'a>> = Vec::new();
        let mut next = ir.element(target);
        loop {
            if let Some(element) = next.take()
                && !marks.contains_key(&element.name)
            {
                marks.insert(&element.name, Mark::Open);
                way.push(Visit { element, ahead: needs(element).into_iter().rev().collect() });
            }
            let Some(visit) = way.last_mut() else {
                break;
            };
            let element = visit.element;
            let Some(dependency) = visit.ahead.pop() else {
                marks.insert(&element.name, Mark::Done);
                ordered.push(element);
                way.pop();
                continue;
            };
            let Some(found) = ir.element(&dependency) else {
                let place = element.advice.origin.clone();
                let element = element.name.clone();
                return Err(PlanError::UnknownDependency { element, dependency, place });
            };
            if let Some(Mark::Open) = marks.get(&found.name) {
                return Err(cycle(&way, &found.name));
            }
            next = Some(found);
        }
    }
    Ok(ordered)
}

fn cycle(way: &[Visit<'_>], closes_at: &ElementName) -> PlanError {
    let start = way.iter().position(|visit| visit.element.name == *closes_at).unwrap_or(0);
    let named =
        |visit: &Visit<'_>| (visit.element.name.clone(), visit.element.advice.origin.clone());
    PlanError::Cycle { path: way[start..].iter().map(named).collect() }
}

/// Returns all direct dependencies of an element, of every kind, in order.
pub fn needs(element: &Element) -> Vec<ElementName> {
    let mut names: Vec<ElementName> = element.base.iter().cloned().collect();
    names.extend(element.build_deps.iter().cloned());
    names.extend(element.deps.iter().cloned());
    names.extend(element.run_deps.iter().cloned());
    names.extend(element.stage_at.values().flatten().cloned());
    names.extend(parts_of(element));
    names
}
