//! Mirrors, proxies and certificates of this user, in their order of precedence.

use std::path::PathBuf;

use kiln_ir::Ir;
use kiln_source::{Fetcher, Mirrors, Proxies, Settings, ThreadPause};

use crate::store::Store;
use crate::{DriverError, Problem, Session};

/// Files fetched at a time.
const N_DOWNLOADS: usize = 8;
/// Environment variables that name a mirror of an alias: `KILN_MIRROR_DEBIAN`.
const MIRROR_VARIABLE: &str = "KILN_MIRROR_";

/// Returns the mirrors: command line, environment, configuration, the project's own aliases, what apt uses.
pub(crate) fn mirrors(session: &Session, ir: &Ir) -> Result<Mirrors, Problem> {
    let mut mirrors = Mirrors::default();
    for text in &session.choices.mirrors {
        let (alias, url) =
            text.split_once('=').ok_or_else(|| DriverError::BadMirror { text: text.clone() })?;
        let mut all = mirrors.get(alias).to_vec();
        all.push(url.to_owned());
        mirrors.set(alias, all)?;
    }
    for (name, url) in session.environment.variables() {
        let Some(alias) = name.strip_prefix(MIRROR_VARIABLE) else { continue };
        if !url.is_empty() {
            mirrors.set_default(&alias.to_ascii_lowercase().replace('_', "-"), [url])?;
        }
    }
    for (alias, urls) in &session.config.mirrors {
        mirrors.set_default(alias, urls)?;
    }
    for (alias, url) in &ir.aliases {
        mirrors.set_default(alias, [url])?;
    }
    if mirrors.get("debian").is_empty() && !session.choices.offline {
        for (alias, urls) in crate::base::discovered(session) {
            mirrors.set_default(&alias, urls)?;
        }
    }
    Ok(mirrors)
}

/// Makes the fetcher of this session.
pub(crate) fn fetcher(session: &Session, store: &Store, ir: &Ir) -> Result<Fetcher, Problem> {
    let variable = |names: &[&str]| {
        names.iter().find_map(|name| session.environment.variable(name)).map(str::to_owned)
    };
    let settings = Settings {
        folder: store.downloads.clone(),
        mirrors: mirrors(session, ir)?,
        proxies: Proxies {
            http: variable(&["http_proxy"]),
            https: variable(&["https_proxy", "HTTPS_PROXY"]),
            exempt: variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        },
        certificates: variable(&["SSL_CERT_FILE"]).map(PathBuf::from),
        offline: session.choices.offline,
        n_threads: N_DOWNLOADS,
    };
    Ok(Fetcher::new(settings, Box::new(ThreadPause))?)
}
