//! Asking the places of a repository: one after the other, and again where a failure may pass.

use std::path::Path;

use kiln_event::Event;
use kiln_source::{NotThere, SourceError, without_password};

use crate::address::{Address, addresses};
use crate::identity::is_refused;
use crate::repository::Repositories;
use crate::resolve::Refs;
use crate::{Answer, Asked, GitError, Variables};

/// How often one place of a network is tried.
const TRIES: u32 = 4;
/// What a failure says that another try may not meet.
const PASSING: [&str; 9] = [
    "nothing was heard of the server",
    "Could not resolve host",
    "Temporary failure",
    "timed out",
    "Connection re",
    "early EOF",
    "RPC failed",
    "unexpected disconnect",
    "returned error: 5",
];

/// What is said of a repository that is not there.
const GONE: [&str; 5] = [
    "' not found",
    "returned error: 404",
    "returned error: 410",
    "does not appear to be a git repository",
    "does not exist",
];

impl Repositories<'_> {
    /// Asks what a repository has by name.
    pub(crate) fn refs(&self, url: &str) -> Result<Refs, GitError> {
        self.make_folder()?;
        let answer = self.each_address(url, &mut |address| {
            let arguments = ["ls-remote", "--quiet", "--", &address.url];
            self.ask(url, self.asked_of(address, self.folder, &arguments))
        });
        Ok(Refs::parse(&answer?))
    }

    /// Runs a command of git, unless somebody asked to stop; one that was ended for that has no answer.
    pub(crate) fn ask(&self, url: &str, asked: Asked<'_>) -> Result<Answer, GitError> {
        if (self.stop)() {
            return Err(stopped(url));
        }
        match self.git.ask(asked, self.stop)? {
            Err(_said) if (self.stop)() => Err(stopped(url)),
            answer => Ok(answer),
        }
    }

    /// Returns what is asked of a place: a server may not take for ever.
    pub(crate) fn asked_of<'b>(
        &self,
        address: &'b Address,
        folder: &'b Path,
        arguments: &'b [&'b str],
    ) -> Asked<'b> {
        let patience = (!address.is_local).then(|| self.ports.fetcher.patience());
        let variables = &address.variables;
        Asked { folder, arguments, variables, patience, lock: None }
    }

    /// Asks the places of a repository in their order, until one answers.
    pub(crate) fn each_address(
        &self,
        url: &str,
        ask: &mut dyn FnMut(&Address) -> Result<Answer, GitError>,
    ) -> Result<Vec<u8>, GitError> {
        let mut tries = Vec::new();
        let mut last = "it has no mirror".to_owned();
        let (mut was_refused, mut is_gone) = (false, true);
        for address in self.addresses(url)? {
            if address.is_second && !was_refused {
                continue;
            }
            for attempt in 1..=TRIES {
                let mut said = match ask(&address)? {
                    Ok(answer) => return Ok(answer),
                    Err(said) => said.replace(&address.url, &address.shown),
                };
                was_refused = is_refused(&said);
                if was_refused && !address.identity.is_empty() {
                    said = format!("{said} ({})", address.identity);
                }
                if (self.stop)() {
                    return Err(stopped(url));
                }
                let again =
                    !address.is_local && PASSING.iter().any(|passing| said.contains(passing));
                tries.push(format!("{}: {said}", address.shown));
                if again && attempt < TRIES {
                    let (source, message) = (without_password(url), said.clone());
                    self.ports.sink.emit(Event::FetchRetried { source, attempt, message });
                    self.ports.fetcher.rest(url, attempt);
                }
                last = said;
                if !again {
                    break;
                }
            }
            is_gone &= says_gone(&last, &address);
        }
        let url = without_password(url);
        let is_gone = is_gone && !tries.is_empty();
        let cause = if is_gone { NotThere::new(last).into() } else { last.into() };
        Err(SourceError::Unreachable { url, tries, cause }.into())
    }

    pub(crate) fn addresses(&self, url: &str) -> Result<Vec<Address>, SourceError> {
        let offline = self.ports.fetcher.is_offline();
        let mut all = match addresses(url, self.ports.fetcher) {
            // Without a network nobody looks for mirrors.
            Err(SourceError::UnknownAlias { .. }) if offline => Vec::new(),
            all => all?,
        };
        all.retain(|address| address.is_local || !offline);
        if all.is_empty() {
            return Err(SourceError::Offline { url: without_password(url) });
        }
        Ok(all)
    }
}

/// Returns whether git says of a place that there is no repository. What it is called is not looked at: anything may be
/// called so.
fn says_gone(said: &str, address: &Address) -> bool {
    let said = said.replace(&address.url, "").replace(&address.shown, "");
    GONE.iter().any(|gone| said.contains(gone))
}

/// Returns what is asked of git alone, without any server.
pub(crate) fn asked_here<'a>(folder: &'a Path, arguments: &'a [&'a str]) -> Asked<'a> {
    const NOBODY: &Variables = &Variables(Vec::new());
    Asked { folder, arguments, variables: NOBODY, patience: None, lock: None }
}

pub(crate) fn stopped(url: &str) -> GitError {
    SourceError::Stopped { url: without_password(url) }.into()
}
