//! Bases: tracked and put together by the crates that know their packages.

use kiln_exec::ForeignError;
use kiln_ir::Base;
use kiln_lock::LockedBase;
use kiln_source::Ports;
use kiln_tree::Tree;

use crate::{DriverError, Session, Trust};

/// Looks up what a base is now.
pub(crate) fn track(
    _: &Session,
    _: Trust,
    base: &Base,
    _: Ports<'_>,
) -> Result<LockedBase, ForeignError> {
    Err(DriverError::UnknownSource { text: base.to_string() }.into())
}

/// Returns the sysroot of a locked base.
pub(crate) fn sysroot(
    _: &Session,
    locked: &LockedBase,
    _: Ports<'_>,
) -> Result<Tree, ForeignError> {
    Err(DriverError::UnknownSource { text: locked.base.to_string() }.into())
}
