//! This machine as a base: what it is, what of it is a tree, and what changed since it was built on last.
//!
//! Its `/usr` is mounted by the sandbox and never read as a whole. What a build on it can tell is put together as facts
//! (`facts`), whose digest is in the key; links and few files of `/etc` are a tree (`etc`).

mod etc;
mod facts;
mod memory;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kiln_cas::Cas;
use kiln_digest::{Digest, Encoder};
use kiln_exec::ForeignError;
use kiln_ir::Fingerprint;
use kiln_tree::Tree;

use crate::Session;
use crate::host::etc::Etc;
use crate::host::facts::Facts;
use crate::host::memory::Memory;

/// Version of what makes a fingerprint and of what is in the tree.
const SCHEME: &str = "kiln-host/1";
/// Names another folder that holds the `usr` and `etc` of the machine.
const ROOT_VARIABLE: &str = "KILN_HOST_ROOT";
/// Changes that are told one by one.
const MOST_CHANGES: usize = 4;

/// Why this machine cannot be a base.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum HostError {
    #[error("this machine cannot be a base: `{}` is no link into `/usr`", path.display())]
    #[diagnostic(
        code("K3030"),
        help(
            "`Host` mounts `/usr` alone, so all programs and libraries must lie there (merged-usr); take another base, \
             such as `Debian {{ suite = \"bookworm\", profile = \"c-min\" }}`"
        )
    )]
    NotMerged { path: PathBuf },
    #[error("this machine cannot be a base: there is no `{}`", path.display())]
    #[diagnostic(
        code("K3031"),
        help(
            "take another base, such as `Debian {{ suite = \"bookworm\", profile = \"c-min\" }}`"
        )
    )]
    NoShell { path: PathBuf },
    #[error("cannot read `{}`, which builds on this machine see", path.display())]
    #[diagnostic(code("K3032"), help("is it being changed right now? then try again"))]
    Read {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("this machine was changed while it was built on: {what}")]
    #[diagnostic(
        code("K3033"),
        help(
            "what was built on it meanwhile is forgotten: wait for the end of the upgrade and build again"
        )
    )]
    Changed { what: String },
}

/// A machine at this moment.
pub(crate) struct Host {
    pub(crate) fingerprint: Fingerprint,
    facts: BTreeMap<String, String>,
    etc: Etc,
}

impl Host {
    /// Looks at this machine; what was hashed before and has its old stamp is not read again.
    pub(crate) fn read(session: &Session) -> Result<Self, HostError> {
        let mut memory = Memory::of(session, &root(session));
        let host = Self::at(&root(session), &mut memory)?;
        memory.keep();
        Ok(host)
    }

    fn at(root: &Path, memory: &mut Memory) -> Result<Self, HostError> {
        let etc = Etc::read(root, memory)?;
        let facts = Facts { root, memory }.all(&etc.tree);
        let mut out = Encoder::new(SCHEME);
        out.list(&facts, |out, (name, value)| {
            out.text(name).text(value);
        });
        Ok(Self { fingerprint: Fingerprint(out.key().0), facts, etc })
    }

    /// Brings the files of the tree into the store, and returns the tree.
    pub(crate) fn tree(&self, cas: &dyn Cas) -> Result<Tree, ForeignError> {
        for (path, digest) in &self.etc.files {
            if cas.missing(&[*digest])?.is_empty() {
                continue;
            }
            let read = |cause| HostError::Read { path: path.clone(), cause };
            let bytes = std::fs::read(path).map_err(read)?;
            if Digest::of(&bytes) != *digest {
                return Err(HostError::Changed { what: format!("`{}`", path.display()) }.into());
            }
            cas.write(&bytes)?;
        }
        cas.write_tree(&self.etc.tree)?;
        Ok(self.etc.tree.clone())
    }

    /// Returns the program that `cc` is in a build here.
    pub(crate) fn compiler(&self) -> Option<&str> {
        let fact = self.facts.get("tool cc")?;
        Some(fact.rsplit_once(' ').map_or(fact.as_str(), |(path, _digest)| path))
    }

    /// Complains when this is not the machine that was planned with.
    pub(crate) fn refuse_other(&self, planned: Option<Fingerprint>) -> Result<(), HostError> {
        if planned == Some(self.fingerprint) {
            return Ok(());
        }
        Err(HostError::Changed { what: "what it has is not what was planned with".to_owned() })
    }

    /// Returns what people should know of this machine before something is built on it.
    pub(crate) fn remarks(&self, session: &Session, project: &str) -> Vec<String> {
        let missing = self.compiler().is_none().then(|| "no C compiler (`cc`) is here".to_owned());
        let last = memory::last_built_on(session, &root(session), project);
        let changes = last.map(|last| changes(&last, &self.facts)).unwrap_or_default();
        let changed = (!changes.is_empty())
            .then(|| format!("changed since the last build: {}", in_short(&changes)));
        missing.into_iter().chain(changed).collect()
    }

    /// Remembers that a project was built on this machine as it is.
    pub(crate) fn note_built_on(&self, session: &Session, project: &str) {
        memory::note_built_on(session, &root(session), project, &self.facts);
    }
}

/// Returns the folder that holds the `usr` and `etc` of this machine.
pub(crate) fn root(session: &Session) -> PathBuf {
    let named = session.environment.variable(ROOT_VARIABLE);
    named.map_or_else(|| PathBuf::from("/"), |named| session.environment.cwd.join(named))
}

/// Returns what is told of two sets of facts that differ, tools first.
fn changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_by_key(|name| (!name.starts_with("tool "), name.starts_with("package "), *name));
    names.dedup();
    let change = |name: &&String| match (old.get(*name), new.get(*name)) {
        (Some(old), Some(new)) if old == new => None,
        (old, new) => Some(match (name.split_once(' '), old, new) {
            (Some(("package", name)), Some(old), Some(new)) => format!("`{name}` {old} -> {new}"),
            (Some(("package", name)), None, Some(new)) => format!("`{name}` {new} is new"),
            (Some(("package" | "tool", name)), Some(_), None) => format!("`{name}` is gone"),
            (Some(("tool", name)), None, _) => format!("`{name}` is new"),
            (Some((_, name)), _, _) => format!("`{name}`"),
            (None, _, _) => format!("`{name}`"),
        }),
    };
    names.iter().filter_map(change).collect()
}

fn in_short(changes: &[String]) -> String {
    let told = changes.iter().take(MOST_CHANGES).cloned().collect::<Vec<_>>().join(", ");
    match changes.len().checked_sub(MOST_CHANGES) {
        Some(more) if more > 0 => format!("{told} and {more} more"),
        _ => told,
    }
}

#[cfg(test)]
mod tests;
