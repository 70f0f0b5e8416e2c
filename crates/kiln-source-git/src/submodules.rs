//! The submodules of a commit: where `.gitmodules` says they are, each with its own tree.

use std::collections::BTreeMap;

use kiln_cas::Batch;
use kiln_ir::ObjectId;
use kiln_source::{SourceError, without_password};
use kiln_tree::{RelPath, Tree};

use crate::address::submodule_url;
use crate::entries::{Entry, Kind};
use crate::globs::Globs;
use crate::repository::{Repositories, Repository};
use crate::{GitError, Rule, write};

/// Submodules within each other.
const DEEPEST: usize = 16;
/// Submodules of one source.
const MOST: usize = 1_000;

/// The URL of each submodule of a commit, by its path.
pub(crate) type Modules = BTreeMap<String, String>;

/// How submodules are taken.
pub(crate) struct Submodules<'a> {
    all: &'a Repositories<'a>,
    /// What is left out; nothing takes none at all.
    exclude: Option<&'a Globs>,
    /// The path of the repository that is written now, in that of the source.
    place: RelPath,
    n_within: usize,
    n_taken: usize,
    /// Bytes that came for them.
    pub(crate) n_fetched: u64,
}

impl<'a> Submodules<'a> {
    pub(crate) fn new(all: &'a Repositories<'a>, exclude: Option<&'a Globs>) -> Self {
        Self { all, exclude, place: RelPath::default(), n_within: 0, n_taken: 0, n_fetched: 0 }
    }

    /// Returns how deep the repository that is written now stands in that of the source.
    pub(crate) fn depth(&self) -> usize {
        self.place.parts().count()
    }

    /// Reads the file that says where submodules are.
    pub(crate) fn listed(
        &self,
        repository: &Repository<'_>,
        commit: &ObjectId,
        root: Option<&Vec<Entry>>,
    ) -> Result<Modules, GitError> {
        let is_list = |entry: &&Entry| {
            entry.name.as_str() == ".gitmodules" && matches!(entry.kind, Kind::File { .. })
        };
        let Some(list) = root.into_iter().flatten().find(is_list) else {
            return Ok(Modules::new());
        };
        if self.exclude.is_none() {
            return Ok(Modules::new());
        }
        let blob = format!("--blob={}", list.id);
        let said = repository.ask(&["config", "--no-includes", "--null", "--list", &blob])?;
        let unread = |_said| {
            let what = "cannot be read as a list of submodules";
            repository.refused(commit, Rule::Object { id: list.id.to_string(), what })
        };
        Ok(parse(&said.map_err(unread)?))
    }

    /// Returns the tree of a submodule; an empty one when it is left out.
    pub(crate) fn tree(
        &mut self,
        parent: &Repository<'_>,
        parent_commit: &ObjectId,
        path: &RelPath,
        written: Option<&str>,
        commit: &ObjectId,
        batch: &mut dyn Batch,
    ) -> Result<Tree, GitError> {
        let place = self.place.append(path);
        let is_wanted = self.exclude.is_some_and(|globs| !globs.match_any(place.as_str()));
        if !is_wanted {
            return Ok(Tree::empty());
        }
        let told = || place.as_str().escape_debug().to_string();
        let refused = |rule| parent.refused(parent_commit, rule);
        self.n_taken += 1;
        if self.n_within >= DEEPEST || self.n_taken > MOST {
            let limit =
                format!("it has more than {MOST} submodules, or {DEEPEST} within each other");
            return Err(refused(Rule::Exceeded(limit)));
        }
        let written = written.ok_or_else(|| refused(Rule::NoSubmodule(told())))?;
        let url = submodule_url(&parent.url, written).map_err(|reason| {
            let url = without_password(written).escape_debug().to_string();
            refused(Rule::SubmoduleUrl { path: told(), url, reason })
        })?;
        let mut repository = self.all.open(&url, commit)?;
        repository.bring(commit, Some("HEAD"))?;
        self.n_fetched += repository.n_fetched;
        let outer = std::mem::replace(&mut self.place, place.clone());
        self.n_within += 1;
        let tree = write_or_repair(&mut repository, (commit, Some("HEAD")), self, batch);
        self.n_within -= 1;
        self.place = outer;
        tree
    }
}

/// Writes the tree of a commit into the store; one of which something is missing here is fetched once more.
pub(crate) fn write_or_repair(
    repository: &mut Repository<'_>,
    (commit, reference): (&ObjectId, Option<&str>),
    submodules: &mut Submodules<'_>,
    batch: &mut dyn Batch,
) -> Result<Tree, GitError> {
    let error = match write::write(repository, commit, submodules, batch) {
        Err(GitError::Refused(refused)) if repository.is_damaged(&refused, commit) => refused,
        written => return written,
    };
    match repository.repair(commit, reference) {
        Ok(()) => write::write(repository, commit, submodules, batch),
        Err(stopped @ GitError::Source(SourceError::Stopped { .. })) => Err(stopped),
        // Whoever cannot fetch it again is told what is wrong with what is here.
        Err(_unreachable) => Err(error.into()),
    }
}

/// Reads lines `submodule.NAME.path`, line break, value, NUL.
fn parse(list: &[u8]) -> Modules {
    let mut by_name: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for setting in list.split(|byte| *byte == 0) {
        let Ok(setting) = std::str::from_utf8(setting) else { continue };
        let Some((key, value)) = setting.split_once('\n') else { continue };
        let Some(key) = key.strip_prefix("submodule.") else { continue };
        match key.rsplit_once('.') {
            Some((name, "path")) => by_name.entry(name).or_default().0 = Some(value),
            Some((name, "url")) => by_name.entry(name).or_default().1 = Some(value),
            _ => {}
        }
    }
    let whole =
        |(path, url): (Option<&str>, Option<&str>)| Some((path?.to_owned(), url?.to_owned()));
    by_name.into_values().filter_map(whole).collect()
}
