//! An element up to the moment before it runs, for a person who walks into its sandbox.

use kiln_action::{Action, Staging};
use kiln_assemble::{Own, assemble_in};
use kiln_ir::Element;
use kiln_plan::NodeIx;
use kiln_tree::Tree;

use crate::element::Maker;
use crate::memory::{Given, Memory};
use crate::root::Rooted;
use crate::{ExecError, Ports, Settings, Work};

/// What a sandbox of an element is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To build it: its root, with its sources and its phases.
    Build,
    /// To use it: itself with all that is staged with it, on its base.
    Use,
}

/// A sandbox that could start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub action: Action,
    pub staging: Staging,
}

/// Assembles the action of an element without running it; the root is integrated, in a sandbox of its own if what comes
/// of it is not known. What is staged must be there: for [`Purpose::Use`] the element itself, too.
///
/// # Errors
/// As [`crate::execute()`]; also when the integration fails, which is recorded and told like any failure.
pub fn prepare(
    work: Work<'_>,
    ports: Ports<'_>,
    settings: &Settings<'_>,
    ix: NodeIx,
    purpose: Purpose,
) -> Result<Prepared, ExecError> {
    let memory = Memory::default();
    let (cancel, jobs) = (settings.cancel.clone(), settings.slots.max(1));
    let maker = Maker { work, ports, settings, memory: &memory, waits: &(), cancel, jobs };
    let node = work.plan.node(ix);
    let staged = match purpose {
        Purpose::Build => work.plan.staged(ix),
        Purpose::Use => work.plan.closure(&[ix]),
    };
    let of: Vec<NodeIx> = node.base.into_iter().chain(staged).collect();
    let root = match maker.root(node, &of)? {
        Rooted::Ready(root) => root,
        Rooted::Broken(broken) => {
            maker.broken(node, &broken)?;
            return Err(ExecError::Integration { element: node.element.clone() });
        }
        Rooted::Cancelled => {
            return Err(ExecError::Cancelled { element: node.element.clone() });
        }
    };
    let element = entered(maker.element(node), purpose);
    let own = match purpose {
        Purpose::Build => {
            let sources = maker.sources(&element, &mut Given::default())?;
            maker.own(node, &element, sources)?
        }
        Purpose::Use => Own {
            element: &element,
            isa: settings.isa,
            staged_at: Vec::new(),
            sources: Tree::empty(),
            keeps_build_tree: false,
        },
    };
    let assembled = assemble_in(&root, &own)?;
    for file in &assembled.files {
        ports.cas.write(file)?;
    }
    Ok(Prepared { action: assembled.action, staging: assembled.staging })
}

/// Returns an element as a sandbox of a purpose has it.
fn entered(element: &Element, purpose: Purpose) -> Element {
    let mut element = element.clone();
    if purpose == Purpose::Use {
        element.steps.clear();
        element.sources.clear();
        element.patches.clear();
    }
    element
}
