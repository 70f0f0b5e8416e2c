//! Names of elements: the dot-joined path of the binding they were made in.

use crate::symbol::{Symbol, Symbols};
use kiln_syntax::ast::is_identifier;
use std::collections::BTreeMap;

/// A path of bindings; an index into [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamePath(u32);

impl NamePath {
    /// The project root.
    pub(crate) const ROOT: Self = Self(0);
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NamePart {
    Root,
    Key(Symbol),
    Index(u32),
    /// A name that only its braces know.
    Let(Symbol),
    /// A prototype on the way to the value, or the value below a binding.
    Prototype,
    /// The standard library.
    Stdlib,
    /// Another instance of the project that is bound by no key; its label follows the name.
    Instance(u32),
}

/// All paths; two may be equal without being one, which costs less than to find the other.
#[derive(Debug)]
pub(super) struct Names {
    parts: Vec<(NamePath, NamePart)>,
    /// One path for all equal ones, of those that made elements and what they lie in.
    firsts: BTreeMap<(NamePath, NamePart), NamePath>,
    /// How many elements each of these made.
    made: BTreeMap<NamePath, u32>,
    /// What tells instances apart that no key binds: `{target=aarch64-linux-gnu}`.
    labels: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            parts: vec![(NamePath::ROOT, NamePart::Root)],
            firsts: BTreeMap::new(),
            made: BTreeMap::new(),
            labels: Vec::new(),
        }
    }
}

impl Names {
    pub(super) fn child(&mut self, parent: NamePath, part: NamePart) -> NamePath {
        let path = NamePath(super::index(self.parts.len()));
        self.parts.push((parent, part));
        path
    }

    /// Returns how many paths there are.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Forgets the paths behind the first ones; none of them made an element.
    pub(super) fn truncate(&mut self, n_paths: usize) {
        self.parts.truncate(n_paths);
    }

    /// Returns whether the path can name something that is built.
    pub(super) fn is_public(&self, path: NamePath) -> bool {
        let mut at = path;
        while at != NamePath::ROOT {
            let (parent, part) = self.parts[at.0 as usize];
            if matches!(part, NamePart::Let(_) | NamePart::Prototype | NamePart::Stdlib) {
                return false;
            }
            at = parent;
        }
        true
    }

    /// Makes the path of an instance that no key binds; its label is given later.
    pub(super) fn instance(&mut self, parent: NamePath) -> NamePath {
        let number = super::index(self.labels.len());
        self.labels.push(String::new());
        self.child(parent, NamePart::Instance(number))
    }

    /// Returns a path without a key that others follow: `platform` for `inputs.platform`. What lies above it stays the
    /// same path, and so follows when an instance in it gets another name.
    pub(super) fn without_key(&mut self, path: NamePath, key: Symbol) -> NamePath {
        let mut steps = Vec::new();
        let mut at = path;
        while at != NamePath::ROOT {
            steps.push(at);
            (at, _) = self.parts[at.0 as usize];
        }
        let (mut out, mut is_same) = (NamePath::ROOT, true);
        for at in steps.into_iter().rev() {
            let (_, part) = self.parts[at.0 as usize];
            if part == NamePart::Key(key) && at != path {
                is_same = false;
            } else {
                out = if is_same { at } else { self.child(out, part) };
            }
        }
        out
    }

    /// Returns the last key or `let` of a path.
    pub(super) fn last_key(&self, path: NamePath) -> Option<Symbol> {
        self.steps(path).into_iter().rev().find_map(|part| match part {
            NamePart::Key(symbol) | NamePart::Let(symbol) => Some(symbol),
            _ => None,
        })
    }

    /// Gives an instance that no key bound the name of the one that does.
    pub(super) fn rename_instance(&mut self, provisional: NamePath, name: NamePath) {
        if matches!(self.parts[provisional.0 as usize], (_, NamePart::Instance(_))) {
            self.parts[provisional.0 as usize] = self.parts[name.0 as usize];
        }
    }

    /// Labels an instance.
    pub(super) fn label(&mut self, path: NamePath, label: &str) {
        if let (_, NamePart::Instance(number)) = self.parts[path.0 as usize] {
            // Two instances may differ in members only: the number tells them apart.
            let is_told = label != "{}" && !self.labels.iter().any(|other| other == label);
            let number = number as usize;
            let label = if is_told { label } else { "" };
            let suffix = if is_told { String::new() } else { format!("{{{}}}", number + 1) };
            self.labels[number] = format!("{label}{suffix}");
        }
    }

    /// Returns whether a path is another one or lies below it.
    pub(super) fn is_within(&self, path: NamePath, ancestor: NamePath) -> bool {
        let mut at = path;
        while at != ancestor && at != NamePath::ROOT {
            (at, _) = self.parts[at.0 as usize];
        }
        at == ancestor
    }

    /// Returns whether a path is that of a key of the project root.
    pub(super) fn is_key_of_root(&self, path: NamePath, key: Symbol) -> bool {
        self.parts[path.0 as usize] == (NamePath::ROOT, NamePart::Key(key))
    }

    /// Counts one more element of a path; returns how many there are, and of how many steps the path is.
    pub(super) fn count(&mut self, path: NamePath) -> (u32, usize) {
        let mut first = NamePath::ROOT;
        let mut below = Vec::new();
        let mut at = path;
        while at != NamePath::ROOT {
            let (parent, part) = self.parts[at.0 as usize];
            below.push((at, part));
            at = parent;
        }
        let n_steps = below.len();
        for (path, part) in below.into_iter().rev() {
            first = *self.firsts.entry((first, part)).or_insert(path);
        }
        let count = self.made.entry(first).or_insert(0);
        *count += 1;
        (*count, n_steps)
    }

    fn steps(&self, path: NamePath) -> Vec<NamePart> {
        let mut parts = Vec::new();
        let mut at = path;
        while at != NamePath::ROOT {
            let (parent, part) = self.parts[at.0 as usize];
            parts.push(part);
            at = parent;
        }
        parts.reverse();
        parts
    }

    /// Writes a path as people see it.
    pub(super) fn render(&self, path: NamePath, symbols: &Symbols) -> String {
        let mut text = String::new();
        let mut label = "";
        for part in self.steps(path) {
            match part {
                NamePart::Key(symbol) | NamePart::Let(symbol) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    let key = symbols.text(symbol);
                    if is_identifier(key) {
                        text.push_str(key);
                    } else {
                        text.push('"');
                        text.push_str(&key.replace('\\', "\\\\").replace('"', "\\\""));
                        text.push('"');
                    }
                }
                NamePart::Index(ix) => text.extend(["[", &ix.to_string(), "]"]),
                NamePart::Instance(number) => label = &self.labels[number as usize],
                NamePart::Root | NamePart::Prototype | NamePart::Stdlib => {}
            }
        }
        text.push_str(label);
        text
    }
}
