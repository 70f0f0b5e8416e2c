//! What this user fetches with: mirrors in their order of precedence, certificates, prepared folders.

use std::path::{Path, PathBuf};

use kiln_event::Silent;
use kiln_ir::{Ir, Source, Step};
use kiln_source::{Certificates, Fetcher, Mirrors, Patience, Settings, ThreadPause, Wanted};

use crate::logins::{logins, tokens};
use crate::proxies::proxies;
use crate::{DriverError, Problem, Session, registries};

/// Files fetched at a time.
const N_DOWNLOADS: usize = 8;
/// Environment variables that name a mirror of an alias: `KILN_MIRROR_DEBIAN`.
const MIRROR_VARIABLE: &str = "KILN_MIRROR_";

/// Folders, separated by colons, that hold files under their sha256: for machines without a network.
pub(crate) const PREPARED_VARIABLE: &str = "KILN_SOURCE_DIR";

/// Returns the mirrors: command line, environment, configuration, the project's own aliases, what apt uses.
pub(crate) fn mirrors(session: &Session, ir: &Ir) -> Result<Mirrors, Problem> {
    found(session, ir).map(|(mirrors, _of_apt)| mirrors)
}

/// Returns the mirrors, and those of them that apt told.
fn found(session: &Session, ir: &Ir) -> Result<(Mirrors, Vec<String>), Problem> {
    let mut of_apt = Vec::new();
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
        mirrors.suggest(alias, [url])?;
    }
    if mirrors.get("debian").is_empty() && !session.choices.offline && asks_debian(ir) {
        for (alias, urls) in crate::base::discovered(session) {
            of_apt.extend(urls.iter().cloned());
            mirrors.set_default(&alias, urls)?;
        }
    }
    Ok((mirrors, of_apt))
}

/// Returns whether a project takes anything from Debian: to ask apt where that is takes its time.
fn asks_debian(ir: &Ir) -> bool {
    let of_debian = |source: &Source| source.to_string().contains("debian");
    ir.elements.iter().any(|element| {
        let mut sources = element.sources.iter().flat_map(|placed| placed.source.with_inner());
        let is_fetched = |step: &Step| matches!(step, Step::Base(base) if base.is_locked());
        sources.any(of_debian) || element.steps.iter().any(is_fetched)
    })
}

/// Makes a fetcher of this session that keeps downloads in a folder.
pub(crate) fn fetcher(session: &Session, downloads: &Path, ir: &Ir) -> Result<Fetcher, Problem> {
    let environment = &session.environment;
    let folders = |name| {
        let named = environment.variable(name).unwrap_or_default().split(':');
        let named = named.filter(|folder| !folder.is_empty());
        named.map(|folder| environment.cwd.join(folder)).collect::<Vec<PathBuf>>()
    };
    let (mirrors, of_apt) = found(session, ir)?;
    let mut settings = Settings {
        folder: downloads.to_owned(),
        prepared: folders(PREPARED_VARIABLE),
        proxies: proxies(session, &of_apt),
        certificates: Certificates {
            file: environment.variable("SSL_CERT_FILE").map(PathBuf::from),
            folders: folders("SSL_CERT_DIR"),
        },
        logins: logins(session)?,
        tokens: tokens(session, &mirrors)?,
        mirrors,
        patience: Patience::default(),
        offline: session.choices.offline,
        n_threads: session.choices.fetchers.unwrap_or(N_DOWNLOADS),
        run: environment.now ^ u64::from(environment.pid),
    };
    if !settings.offline && registries::needed(ir) {
        let asking = Fetcher::new(settings.clone(), Box::new(ThreadPause))?;
        let get = |url: &str| {
            let download = asking.fetch(&Wanted::current(url), &Silent).ok()?;
            std::fs::read(download.path).ok()
        };
        for (alias, urls) in registries::discovered(session, ir, &settings.mirrors, &get) {
            settings.mirrors.set_default(&alias, urls)?;
        }
    }
    Ok(Fetcher::new(settings, Box::new(ThreadPause))?)
}
