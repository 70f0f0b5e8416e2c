//! Bases: tracked and put together by the crate that knows their packages.

use std::path::PathBuf;

use kiln_exec::ForeignError;
use kiln_ir::Base;
use kiln_lock::LockedBase;
use kiln_source::Ports;
use kiln_source_deb::{Apt, discover, keyring};
use kiln_tree::Tree;

use crate::{Session, Trust};

/// Names another file with the keys of the archive.
const KEYRING_VARIABLE: &str = "KILN_DEBIAN_KEYRING";

/// Looks up what a base is now.
pub(crate) fn track(
    session: &Session,
    trust: Trust,
    base: &Base,
    ports: Ports<'_>,
) -> Result<LockedBase, ForeignError> {
    let environment = &session.environment;
    let default = kiln_source_deb::Trust::default();
    let named = environment.variable(KEYRING_VARIABLE).map(PathBuf::from);
    let trust = kiln_source_deb::Trust {
        // Whom apt trusts for this archive, the user trusts.
        keyring: named.or_else(|| keyring(&apt(session))).unwrap_or(default.keyring),
        gpgv: environment.find_program("gpgv").unwrap_or_else(|| PathBuf::from("gpgv")),
        unsigned: trust == Trust::Unsigned,
        now: environment.now,
    };
    Ok(kiln_source_deb::track(base, &trust, ports)?)
}

/// Returns the sysroot of a locked base.
pub(crate) fn sysroot(
    session: &Session,
    locked: &LockedBase,
    ports: Ports<'_>,
) -> Result<Tree, ForeignError> {
    Ok(kiln_source_deb::fetch(locked, session.jobs(), ports)?)
}

/// Returns the mirrors that the machine's apt uses, by alias.
pub(crate) fn discovered(session: &Session) -> Vec<(String, Vec<String>)> {
    discover(&apt(session)).into_iter().collect()
}

fn apt(session: &Session) -> Apt {
    let apt_get = session.environment.find_program("apt-get");
    let default = Apt::default();
    Apt { apt_get: apt_get.unwrap_or(default.apt_get), etc: default.etc }
}
