//! Integration: what the staged elements run once in every root that holds them.

use std::collections::{BTreeMap, BTreeSet};

use kiln_ir::{Element, ElementName, Phase, User};
use kiln_tree::{Difference, Draft, Name, Node, RelPath, Tree};

use crate::{AssembleError, Assembled, MAX_PHASES, Root, above, command, generated, reserved};

/// Folders at the top of a root that an integration does not change.
const KEPT: [&str; 7] = ["build", "dev", "kiln", "meta", "out", "proc", "tmp"];

/// What is run in a root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Integration {
    /// Each script once, in order of first appearance.
    pub scripts: Vec<String>,
    /// Whether an element that integrates is built as root.
    pub as_root: bool,
}

impl Integration {
    /// Collects the scripts of elements in the order they are staged.
    pub fn of<'a>(staged: impl IntoIterator<Item = &'a Element>) -> Self {
        let mut integration = Self::default();
        let mut seen = BTreeSet::new();
        for element in staged {
            for script in &element.integrate {
                if seen.insert(script) {
                    integration.scripts.push(script.clone());
                }
                integration.as_root |= element.user == User::Root;
            }
        }
        integration
    }

    /// Returns whether nothing is run.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    fn phases(&self) -> Vec<Phase> {
        let n_each = self.scripts.len().div_ceil(MAX_PHASES).max(1);
        let script = |scripts: &[String]| match scripts {
            [script] => script.clone(),
            // A shell of its own for each, as in a phase of its own.
            scripts => scripts.iter().flat_map(|script| ["(\n", script, "\n)\n"]).collect(),
        };
        let phase =
            |scripts| Phase { name: "integrate".to_owned(), script: script(scripts).into() };
        self.scripts.chunks(n_each).map(phase).collect()
    }
}

/// Makes the action that integrates a root; `element` is who needs it first, for messages.
///
/// # Errors
/// When the root has no shell.
pub fn integration(
    root: &Root,
    integration: &Integration,
    isa: &str,
    element: &ElementName,
) -> Result<Assembled, AssembleError> {
    let (mut files, mut upper) = (Vec::new(), Draft::default());
    generated::lay_out(&mut upper, generated::RUN, &integration.phases(), &mut files)
        .map_err(|_blocked| reserved(element, "kiln"))?;
    let user = if integration.as_root { User::Root } else { User::Builder };
    let command = command(isa, user, &BTreeMap::new());
    let (mut action, staging) = above(root, element, upper.seal(), command)?;
    let is_output = |(name, node): &(&Name, &Node)| {
        matches!(node, Node::Directory(_)) && !KEPT.contains(&name.as_str())
    };
    let folders = action.input_root.entries().iter().filter(is_output);
    let mut outputs: Vec<RelPath> = folders.map(|(name, _)| RelPath::from(name.clone())).collect();
    outputs.extend(RelPath::parse("meta"));
    action.command.output_paths = outputs;
    Ok(Assembled { action, staging, overlaps: Vec::new(), files })
}

impl Assembled {
    /// Returns what an integration changed, by the top folders that it left.
    pub fn changes(&self, left: &BTreeMap<String, Tree>) -> Difference {
        let before = &self.action.input_root;
        let mut after = before.entries().clone();
        for path in &self.action.command.output_paths {
            let Ok(name) = Name::parse(path.as_str()) else { continue };
            match left.get(path.as_str()) {
                Some(tree) => drop(after.insert(name, Node::Directory(tree.clone()))),
                None if KEPT.contains(&name.as_str()) => {}
                None => drop(after.remove(&name)),
            }
        }
        Difference::between(before, &Tree::new(after))
    }
}
