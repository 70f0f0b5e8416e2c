//! `kiln log`: what the last run of an element printed.

use kiln_artifact::Index as _;
use kiln_cas::Cas as _;

use crate::loaded::Loaded;
use crate::store::Store;
use crate::{DriverError, Problem, Session};

/// Returns the log of the last run of an element, failed or not.
///
/// # Errors
/// When nothing of this name ever ran here, or the log is gone from the store.
pub fn log(session: &Session, element: &str) -> Result<Vec<u8>, Problem> {
    let identity = Loaded::identity(&Loaded::root(session)?);
    let store = Store::open(session)?;
    let latest = store.index.latest(&identity, element)?;
    let no_log = || DriverError::NoLog { element: element.to_owned() };
    let latest = latest.ok_or_else(no_log)?;
    let run = latest.run().ok_or_else(no_log)?;
    Ok(store.cas.read(run.log)?)
}
