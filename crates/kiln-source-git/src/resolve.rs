//! From what a source tracks to a commit: branches, tags, commits, and the newest version of a glob.

use std::collections::{BTreeMap, BTreeSet};

use kiln_ir::ObjectId;
use kiln_source::without_password;

use crate::GitError;
use crate::globs::Globs;
use crate::version::compare;

/// What a repository has by name.
#[derive(Debug, Default)]
pub(crate) struct Refs {
    /// Whole names, such as `refs/heads/main` and `HEAD`; of tags the commit that they mean.
    names: BTreeMap<String, ObjectId>,
}

/// What was found for a source.
#[derive(Debug)]
pub(crate) struct Found {
    /// A commit, or something that leads to one.
    pub(crate) id: ObjectId,
    /// The whole name that led to it.
    pub(crate) reference: Option<String>,
    /// The tag that led to it.
    pub(crate) tag: Option<String>,
}

impl Refs {
    /// Reads what `git ls-remote` prints; names that are not UTF-8 are nobody's.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut names = BTreeMap::new();
        let mut peeled = BTreeMap::new();
        for line in text.split(|byte| *byte == b'\n') {
            let Some((id, name)) = std::str::from_utf8(line).ok().and_then(|l| l.split_once('\t'))
            else {
                continue;
            };
            let Ok(id) = ObjectId::parse(id) else { continue };
            match name.strip_suffix("^{}") {
                Some(tag) => peeled.insert(tag.to_owned(), id),
                None => names.insert(name.to_owned(), id),
            };
        }
        names.extend(peeled);
        Self { names }
    }

    pub(crate) fn has_tags(&self) -> bool {
        self.tags().next().is_some()
    }

    /// Returns the commits that have tags.
    pub(crate) fn tagged(&self) -> BTreeSet<&ObjectId> {
        self.tags().map(|(_, commit)| commit).collect()
    }

    fn tags(&self) -> impl Iterator<Item = (&str, &ObjectId)> {
        let tag = |(name, id)| Some((str::strip_prefix(name, "refs/tags/")?, id));
        self.names.iter().map(|(name, id)| (name.as_str(), id)).filter_map(tag)
    }

    fn found(&self, name: &str) -> Option<Found> {
        let id = self.names.get(name)?.clone();
        let tag = name.strip_prefix("refs/tags/").map(str::to_owned);
        Some(Found { id, reference: Some(name.to_owned()), tag })
    }
}

/// Finds what a source tracks.
pub(crate) fn resolve(
    url: &str,
    track: &str,
    exclude: &[String],
    refs: &Refs,
) -> Result<Found, GitError> {
    if is_glob(track) {
        return newest(url, track, exclude, refs);
    }
    if let Ok(id) = ObjectId::parse(track) {
        return Ok(Found { id, reference: None, tag: None });
    }
    if matches!(track, "HEAD") || track.starts_with("refs/") {
        return refs.found(track).ok_or_else(|| missing(url, track));
    }
    let branch = refs.found(&format!("refs/heads/{track}"));
    let tag = refs.found(&format!("refs/tags/{track}"));
    match (branch, tag) {
        (Some(branch), Some(tag)) if branch.id != tag.id => {
            Err(GitError::TwoRefs { url: without_password(url), track: track.to_owned() })
        }
        (branch, tag) => tag.or(branch).ok_or_else(|| missing(url, track)),
    }
}

fn missing(url: &str, track: &str) -> GitError {
    GitError::NoRef { url: without_password(url), track: track.to_owned() }
}

/// Returns the tag of the newest version that a glob matches and none of the excluded ones does.
fn newest(url: &str, track: &str, exclude: &[String], refs: &Refs) -> Result<Found, GitError> {
    let wanted = Globs::new(&[track])?;
    let unwanted = Globs::new(exclude)?;
    let matching = refs.tags().map(|(tag, _)| tag);
    let matching = matching.filter(|tag| wanted.match_any(tag) && !unwanted.match_any(tag));
    let order =
        |a: &&str, b: &&str| compare(versioned(track, a), versioned(track, b)).then(a.cmp(b));
    let none = || GitError::NoVersion { url: without_password(url), track: track.to_owned() };
    let tag = matching.max_by(order).ok_or_else(none)?;
    refs.found(&format!("refs/tags/{tag}")).ok_or_else(none)
}

/// Returns whether a track stands for many tags: no name of a ref has these characters.
fn is_glob(track: &str) -> bool {
    track.contains(['*', '?', '['])
}

/// Returns the version that a tag stands for: the tag without what the track says before the first digit.
pub(crate) fn version(track: &str, tag: &str) -> Option<String> {
    let version = versioned(track.strip_prefix("refs/tags/").unwrap_or(track), tag);
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

fn versioned<'a>(track: &str, tag: &'a str) -> &'a str {
    let is_end = |c: char| c.is_ascii_digit() || "*?[{\\".contains(c);
    let prefix = &track[..track.find(is_end).unwrap_or(track.len())];
    tag.strip_prefix(prefix).unwrap_or(tag)
}

/// Returns the newest tag of a commit.
pub(crate) fn tag_of(id: &ObjectId, refs: &Refs) -> Option<String> {
    let tags = refs.tags().filter(|(_, commit)| *commit == id).map(|(tag, _)| tag);
    tags.max_by(|a, b| compare(a, b).then(a.cmp(b))).map(str::to_owned)
}

/// Returns the whole name that a track most likely has, for servers that give no commit by its name.
pub(crate) fn probable(track: &str) -> Option<String> {
    let is_whole = track == "HEAD" || track.starts_with("refs/");
    match track {
        whole if is_whole => Some(whole.to_owned()),
        glob if is_glob(glob) => None,
        commit if ObjectId::parse(commit).is_ok() => None,
        name => Some(format!("refs/heads/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn refs() -> Refs {
        let line = |digit, name: &str| format!("{}\t{name}\n", id(digit));
        let lines = [
            line('1', "HEAD"),
            line('1', "refs/heads/main"),
            line('2', "refs/heads/-x"),
            line('2', "refs/heads/both"),
            line('3', "refs/tags/both"),
            line('4', "refs/tags/v1.9"),
            line('9', "refs/tags/v1.10"),
            line('5', "refs/tags/v1.10^{}"),
            line('6', "refs/tags/v1.11-rc1"),
            line('7', "refs/tags/v2.0"),
            line('8', "refs/tags/core-8_10_1"),
        ];
        Refs::parse(lines.concat().as_bytes())
    }

    #[track_caller]
    fn check(track: &str, exclude: &[&str], expected: &str) {
        let exclude: Vec<String> = exclude.iter().map(ToString::to_string).collect();
        let found = match resolve("a:x", track, &exclude, &refs()) {
            Ok(found) => {
                let version = found.tag.as_deref().and_then(|tag| version(track, tag));
                let id = &found.id.as_str()[..1];
                format!(
                    "{id} {} {}",
                    found.reference.unwrap_or_default(),
                    version.unwrap_or_default()
                )
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found.trim_end(), expected);
    }

    #[test]
    fn branches_tags_and_commits_are_found_by_name() {
        check("HEAD", &[], "1 HEAD");
        check("main", &[], "1 refs/heads/main");
        check("-x", &[], "2 refs/heads/-x");
        check("v1.10", &[], "5 refs/tags/v1.10 1.10");
        check("refs/tags/v1.10", &[], "5 refs/tags/v1.10 1.10");
        check(&id('a'), &[], "a");
        check("none", &[], "`a:x` has no branch, tag or commit `none`");
        check("--upload-pack=x", &[], "`a:x` has no branch, tag or commit `--upload-pack=x`");
        check("both", &[], "`a:x` has a branch `both` and a tag `both`");
    }

    #[test]
    fn the_newest_version_of_a_glob_wins() {
        check("v1.*", &[], "6 refs/tags/v1.11-rc1 1.11-rc1");
        check("v1.*", &["*rc*"], "5 refs/tags/v1.10 1.10");
        check("v*", &["*rc*"], "7 refs/tags/v2.0 2.0");
        check("core-*", &[], "8 refs/tags/core-8_10_1 8_10_1");
        check("v3.*", &[], "no tag of `a:x` is a version of `v3.*`");
        check("v[", &[], "`v[` is no glob");
    }

    #[test]
    fn a_commit_has_its_newest_tag() {
        let refs = refs();
        let of = |digit| tag_of(&ObjectId::parse(&id(digit)).unwrap(), &refs);
        assert_eq!(of('5').as_deref(), Some("v1.10"));
        assert_eq!(of('a'), None);
        assert!(!Refs::parse(b"garbage\n\xff\tHEAD\n").has_tags());
    }
}
