//! How many processes a command may have.
//!
//! The kernel counts them for each user, and for each user namespace below him what he had when it was made: a limit
//! that is set before is one for all sandboxes of a user together, and none of his other processes ends by it. It holds
//! nobody who is root.

use std::io;

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

/// More than any build has; a build that makes processes without end has them after a while.
const MOST: u64 = 1 << 14;

/// Returns the most processes that the commands of this user may have together, where that can be enforced.
pub fn process_limit() -> Option<u64> {
    if geteuid().is_root() {
        return None;
    }
    let own = getrlimit(Resource::Nproc).current;
    Some(own.map_or(MOST, |own| own.min(MOST)))
}

/// Sets the limit for this process and all that it starts.
pub(crate) fn limit() -> io::Result<()> {
    let Some(most) = process_limit() else {
        return Ok(());
    };
    Ok(setrlimit(Resource::Nproc, Rlimit { current: Some(most), maximum: Some(most) })?)
}
