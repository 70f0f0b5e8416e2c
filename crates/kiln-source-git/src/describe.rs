//! What a commit is called by the nearest tag before it, from the history of its commits without any file.

use std::collections::BTreeSet;
use std::fs;

use kiln_event::Event;
use kiln_ir::ObjectId;
use kiln_source::{SourceError, without_password};

use crate::address::Address;
use crate::repository::{Alone, Repositories, Repository, UNWILLING};
use crate::resolve::{Refs, tag_of};
use crate::{Answer, GitError};

/// How far back the history goes that is fetched: commits behind each other.
const FARTHEST: &str = "--depth=2000";
/// Commits alone: neither folders nor files.
const COMMITS: &str = "--filter=tree:0";
/// The ref of the commit that was fetched last.
const TIP: &str = "refs/kiln/tip";
/// Is there when a server gave commits alone.
const FILTERED: &str = "refs/kiln/filtered";
/// So many tags are compared; `git describe` does the same.
const MOST_TAGS: usize = 10;
/// Digits of the commit.
const DIGITS: usize = 12;

impl Repositories<'_> {
    /// Returns what `git describe --tags` says of a commit that has no tag itself; nothing where no tag is near, and where
    /// the history cannot be had, which is told.
    ///
    /// # Errors
    /// When somebody asked to stop.
    pub(crate) fn describe(
        &self,
        repository: &Repository<'_>,
        id: &ObjectId,
        reference: Option<&str>,
        refs: &Refs,
    ) -> Result<Option<String>, GitError> {
        let described = if repository.is_whole() {
            nearest(repository, id, refs)
        } else {
            self.with_history(&repository.url, id, reference, refs)
        };
        match described {
            Err(error @ GitError::Source(SourceError::Stopped { .. })) => Err(error),
            Err(error) => {
                let url = without_password(&repository.url);
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                let cause = cause.unwrap_or_default();
                let message =
                    format!("the commit `{id}` of `{url}` has no `describe`: {error}{cause}");
                self.ports.sink.emit(Event::Warning { code: "K2409".to_owned(), message });
                Ok(None)
            }
            found => found,
        }
    }

    fn with_history(
        &self,
        url: &str,
        id: &ObjectId,
        reference: Option<&str>,
        refs: &Refs,
    ) -> Result<Option<String>, GitError> {
        let history = self.open_named(url, id, "-history")?;
        let alone = history.alone()?;
        let here = history.commit_of(TIP)?;
        if here.as_ref() != Some(id) || history.commit_of(FILTERED)?.is_none() {
            self.each_address(url, &mut |address| {
                history_from(&history, &alone, address, id, reference)
            })?;
        }
        nearest(&history, id, refs)
    }
}

/// Fetches the commits that lead to one. A server that does not leave out the files is asked for this commit only.
fn history_from(
    history: &Repository<'_>,
    alone: &Alone,
    address: &Address,
    id: &ObjectId,
    reference: Option<&str>,
) -> Result<Answer, GitError> {
    let fetch = |depth: &str| -> Result<Answer, GitError> {
        let named = format!("+{id}:{TIP}");
        let answer = history.fetch_from(alone, address, &[depth, COMMITS], &[&named])?;
        match (answer, reference) {
            (Err(said), Some(reference)) if UNWILLING.iter().any(|word| said.contains(word)) => {
                let named = format!("+{reference}:{TIP}");
                history.fetch_from(alone, address, &[depth, COMMITS], &[&named])
            }
            (answer, _) => Ok(answer),
        }
    };
    if history.commit_of(FILTERED)?.is_none() {
        let answer = fetch("--depth=1")?;
        if answer.is_err() {
            return Ok(answer);
        }
        if history.ask(&["cat-file", "-e", &format!("{TIP}^{{tree}}")])?.is_ok() {
            return Ok(Err("it gives no history without all files of it".to_owned()));
        }
        if let Err(said) = history.ask(&["update-ref", FILTERED, TIP])? {
            return Ok(Err(said));
        }
    }
    fetch(FARTHEST)
}

/// Finds the tag that the fewest commits are after, of the first that the history meets.
fn nearest(
    history: &Repository<'_>,
    id: &ObjectId,
    refs: &Refs,
) -> Result<Option<String>, GitError> {
    let ends = history.ends();
    let tagged = refs.tagged();
    let before = history.commits(&[id.as_str()])?;
    let mut best: Option<(usize, &ObjectId)> = None;
    for commit in before.iter().filter(|commit| tagged.contains(commit)).take(MOST_TAGS) {
        let after = history.commits(&[id.as_str(), &format!("^{commit}")])?;
        // Where the history ends before it meets the tag, nobody knows what else is after it.
        let is_known = !after.iter().any(|commit| ends.contains(commit));
        if is_known && best.is_none_or(|(n_after, _)| after.len() < n_after) {
            best = Some((after.len(), commit));
        }
    }
    let called = best.and_then(|(n_after, commit)| Some((n_after, tag_of(commit, refs)?)));
    let digits = &id.as_str()[..DIGITS];
    Ok(called.map(|(n_after, tag)| format!("{tag}-{n_after}-g{digits}")))
}

impl Repository<'_> {
    /// Returns whether nothing of its history is left out.
    fn is_whole(&self) -> bool {
        !self.folder.join("shallow").is_file()
    }

    /// Returns the commits that have parents which are not here.
    fn ends(&self) -> BTreeSet<ObjectId> {
        let text = fs::read_to_string(self.folder.join("shallow")).unwrap_or_default();
        text.lines().filter_map(|line| ObjectId::parse(line).ok()).collect()
    }

    /// Returns the commits that some lead to, the newest first.
    fn commits(&self, from: &[&str]) -> Result<Vec<ObjectId>, GitError> {
        let said = self.ask(&[&["rev-list"], from, &["--"]].concat())?;
        let said = said.map_err(|said| GitError::Broken { folder: self.folder.clone(), said })?;
        let said = String::from_utf8(said).unwrap_or_default();
        Ok(said.lines().filter_map(|line| ObjectId::parse(line).ok()).collect())
    }

    /// Returns the commit that a ref is.
    fn commit_of(&self, reference: &str) -> Result<Option<ObjectId>, GitError> {
        let said = self.ask(&["rev-parse", "--quiet", "--verify", reference])?.unwrap_or_default();
        Ok(String::from_utf8(said).ok().and_then(|said| ObjectId::parse(said.trim()).ok()))
    }
}
