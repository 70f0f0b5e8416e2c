//! The names that are visible at a place of a text.

use crate::code::ScopeId;
use crate::symbol::Symbol;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The names of a folder: files, folders and, at the root, members written in `project.kiln`.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) scope: ScopeId,
    pub(crate) names: Rc<BTreeSet<Symbol>>,
}

/// What a name of a scope stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Key,
    Let(usize),
    Type(usize),
    Local(usize),
}

/// One construct that brings names.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) id: ScopeId,
    pub(super) names: BTreeMap<Symbol, Meaning>,
    /// Of a folder: its names, which all its files share; they are keys.
    members: Option<Rc<BTreeSet<Symbol>>>,
    /// The braces amend something, so fields of its kind may be meant.
    pub(super) amends: bool,
    /// The key whose right side is being compiled: it does not see itself.
    pub(super) skip: Option<Symbol>,
    /// A name resolved to this scope, or may do so when evaluated.
    pub(super) touched: bool,
}

impl Scope {
    /// Makes a scope without names.
    pub(super) fn new(id: ScopeId, amends: bool) -> Self {
        let names = BTreeMap::new();
        Self { id, names, members: None, amends, skip: None, touched: false }
    }

    /// Makes the scope of a folder.
    pub(super) fn of_members(members: &Members) -> Self {
        let names = Some(Rc::clone(&members.names));
        Self { members: names, ..Self::new(members.scope, false) }
    }

    /// Makes the scope of parameters or binders.
    pub(super) fn of_locals(id: ScopeId, names: &[Symbol]) -> Self {
        let names = names.iter().enumerate().map(|(ix, name)| (*name, Meaning::Local(ix)));
        Self { names: names.collect(), ..Self::new(id, false) }
    }

    /// Returns all names that this brings.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &Symbol> {
        self.names.keys().chain(self.members.iter().flat_map(|members| members.iter()))
    }

    /// Returns what a name means here, if anything.
    pub(super) fn find(&self, name: Symbol) -> Option<Meaning> {
        let is_member = || self.members.as_ref().is_some_and(|members| members.contains(&name));
        let own = self.names.get(&name).copied();
        let meaning = own.or_else(|| is_member().then_some(Meaning::Key))?;
        let is_own_key = meaning == Meaning::Key && self.skip == Some(name);
        if is_own_key { None } else { Some(meaning) }
    }
}
