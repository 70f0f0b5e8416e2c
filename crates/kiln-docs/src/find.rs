//! Entries by name, and what an entry inherits.

use std::collections::BTreeMap;

use kiln_diag::suggestion;

use crate::model::{Entry, Field, Origin, Reference, Setting, What};
use crate::page::Page;
use crate::written::harmless;

/// Levels that are followed from a kind to its root.
const DEEPEST: usize = 64;

/// A name that is not in the reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum Unknown {
    #[error("nothing is called `{name}`")]
    #[diagnostic(code("K8030"), help("{next}"))]
    Name { name: String, next: String },
    #[error("`{entry}` has no field `{field}`")]
    #[diagnostic(code("K8031"), help("{next}"))]
    Field { entry: String, field: String, next: String },
}

/// Entries by name; those of the project hide those of the standard library.
pub(crate) struct Names<'a> {
    project: BTreeMap<&'a str, &'a Entry>,
    stdlib: BTreeMap<&'a str, &'a Entry>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut names = Self { project: BTreeMap::new(), stdlib: BTreeMap::new() };
        for entry in entries {
            let map = match entry.origin {
                Origin::Project => &mut names.project,
                Origin::Stdlib => &mut names.stdlib,
            };
            map.insert(&entry.name, entry);
        }
        names
    }

    /// Returns what has a full name.
    pub(crate) fn exactly(&self, name: &str) -> Option<&'a Entry> {
        self.project.get(name).or_else(|| self.stdlib.get(name)).copied()
    }

    /// Returns what a name means in the text of an entry: of the same record first, then further out, then the standard
    /// library. Nothing means itself.
    pub(crate) fn find(&self, from: &Entry, name: &str) -> Option<&'a Entry> {
        let name = name.strip_prefix("project.").unwrap_or(name);
        let mut scope = if from.origin == Origin::Project { from.name.as_str() } else { "" };
        let is_other = |entry: &&'a Entry| entry.name != from.name || entry.origin != from.origin;
        loop {
            let (outer, full) = match scope.rsplit_once('.') {
                Some((outer, _)) => (outer, format!("{outer}.{name}")),
                None => ("", name.to_owned()),
            };
            let near = self.project.get(full.as_str()).copied().filter(is_other);
            if near.is_some() || scope.is_empty() {
                return near.or_else(|| self.stdlib.get(name).copied().filter(is_other));
            }
            scope = outer;
        }
    }

    /// Returns an entry, its mixins, the kind that it amends with its mixins, and so on to the root.
    pub(crate) fn lineage(&self, entry: &'a Entry) -> Vec<&'a Entry> {
        let mut line: Vec<&Entry> = Vec::new();
        let mut next = Some(entry);
        while let Some(at) = next.filter(|at| !line.contains(at) && line.len() < DEEPEST) {
            line.push(at);
            let mixins = at.mixins.iter().rev().filter_map(|name| self.find(at, name));
            for mixin in mixins {
                if !line.contains(&mixin) {
                    line.push(mixin);
                }
            }
            next = at.parent.as_deref().and_then(|parent| self.find(at, parent));
        }
        line
    }
}

/// A field with who declares it and who sets it last.
pub(crate) struct Known<'a> {
    pub(crate) field: &'a Field,
    pub(crate) of: &'a Entry,
    /// Nothing where the default of the declaration counts.
    pub(crate) set: Option<(&'a Setting, &'a Entry)>,
}

/// Returns a field of the first in a lineage, wherever it is declared.
pub(crate) fn field<'a>(line: &[&'a Entry], name: &str) -> Option<Known<'a>> {
    let declares = |entry: &&'a Entry| {
        let field = entry.fields.iter().find(|field| field.name == name)?;
        Some((field, *entry))
    };
    let (field, of) = line.iter().find_map(declares)?;
    let sets = |entry: &&'a Entry| {
        let setting = entry.settings.iter().find(|setting| setting.name == name)?;
        Some((setting, *entry))
    };
    let before = line.iter().take_while(|entry| !std::ptr::eq(**entry, of));
    let set = before.into_iter().find_map(sets);
    Some(Known { field, of, set })
}

impl Reference {
    pub(crate) fn names(&self) -> Names<'_> {
        Names::new(&self.entries)
    }

    /// Returns the page of a name, or of a field: `Make`, `Make.make-args`, `libs.zinc`, `option.debug`.
    ///
    /// # Errors
    /// When nothing has this name; with the nearest names.
    pub fn about(&self, name: &str) -> Result<Page, Unknown> {
        let names = self.names();
        if let Some(entry) = names.exactly(name) {
            return Ok(self.entry_page(entry));
        }
        let under = format!("{name}.");
        if self.entries.iter().any(|entry| entry.name.starts_with(&under)) {
            return Ok(self.index(|entry| entry.name.starts_with(&under)));
        }
        let outer = name.rsplit_once('.');
        let Some((entry, field_name)) =
            outer.and_then(|(outer, field)| Some((names.exactly(outer)?, field)))
        else {
            let known = self.entries.iter().map(|entry| entry.name.as_str());
            let near = suggestion(name, known);
            let next = near.unwrap_or_else(|| "`kiln docs` lists the names".to_owned());
            return Err(Unknown::Name { name: harmless(name), next });
        };
        let line = names.lineage(entry);
        if let Some(known) = field(&line, field_name) {
            return Ok(Page::of_field(entry, &known));
        }
        let fields = line.iter().flat_map(|entry| &entry.fields);
        let known: Vec<String> =
            fields.map(|field| format!("{}.{}", entry.name, field.name)).collect();
        let near = suggestion(name, known.iter().map(String::as_str));
        Err(Unknown::Field {
            entry: entry.name.clone(),
            field: harmless(field_name),
            next: near.unwrap_or_else(|| format!("`kiln docs {}` lists them", entry.name)),
        })
    }

    /// Returns whether an entry is a kind below another one of the standard library, or that kind itself.
    pub(crate) fn is_below(&self, entry: &Entry, root: &str) -> bool {
        let is_root = |at: &&Entry| at.name == root && at.origin == Origin::Stdlib;
        entry.what == What::Kind && self.names().lineage(entry).iter().any(is_root)
    }

    /// Returns the kinds that an element may be of, and what each of them says in one sentence.
    pub fn kinds_of_elements(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| self.is_below(entry, "Element")).collect()
    }

    /// Returns all fields that an entry has, declared by itself or by what it inherits from.
    pub fn fields(&self, entry: &Entry) -> Vec<&Field> {
        let line = self.line_of(entry);
        line.into_iter().flat_map(|entry| &entry.fields).collect()
    }

    /// Returns the fields that have no default, and that nothing which an entry inherits from sets.
    pub fn required(&self, entry: &Entry) -> Vec<&Field> {
        let line = self.line_of(entry);
        let is_open = |declared: &&Field| {
            let known = field(&line, &declared.name);
            known.is_some_and(|known| known.field.default.is_none() && known.set.is_none())
        };
        line.iter().flat_map(|entry| &entry.fields).filter(is_open).collect()
    }

    fn line_of(&self, entry: &Entry) -> Vec<&Entry> {
        let names = self.names();
        let own = self.entries.iter().find(|known| *known == entry);
        own.map_or_else(Vec::new, |entry| names.lineage(entry))
    }
}
