//! `kiln checkout`: the output of an element as a folder of one's own.

use std::path::Path;

use kiln_artifact::Index as _;
use kiln_cas::Cas as _;
use kiln_stage::Target;

use crate::loaded::Planned;
use crate::store::Store;
use crate::{DriverError, Problem, Session};

/// Writes the output of an element into a folder; `over` allows one that is not empty.
///
/// # Errors
/// When the element is not built as it is now, or the folder cannot be written.
pub fn checkout(
    session: &Session,
    element: &str,
    folder: &Path,
    over: bool,
) -> Result<(), Problem> {
    let planned = Planned::load(session, &[element.to_owned()])?;
    let store = Store::open(session)?;
    let not_built = || DriverError::NotBuilt { element: element.to_owned() };
    let target = planned.plan.targets.first().ok_or_else(not_built)?;
    let artifact = store.index.get(planned.plan.node(*target).key)?.ok_or_else(not_built)?;
    let tree = store.cas.read_tree(artifact.out)?;
    let target = if over { Target::Any } else { Target::Empty };
    let folder = session.environment.cwd.join(folder);
    Ok(kiln_stage::checkout(&store.cas, &tree, &folder, target)?)
}
