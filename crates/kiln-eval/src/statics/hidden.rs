//! Names that hide others: legal, but two readers may take them for two things.

use super::chain::Found;
use super::{Fields, Statics};
use crate::code::{Form, ScopeId};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, FileId, Span};
use kiln_syntax::ast::is_capital;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Where names are mentioned that hide others.
#[derive(Default)]
pub(super) struct Uses {
    /// The names of the root of the project.
    pub(super) at_root: Rc<BTreeSet<Symbol>>,
    /// The `let`s of braces, by their scope and number.
    pub(super) lets: BTreeMap<(ScopeId, usize), Vec<Span>>,
    /// Capital names that braces bind.
    capitals: BTreeMap<(ScopeId, Symbol), Vec<Span>>,
    /// By file: members of its folder that the root has, too.
    siblings: BTreeMap<(FileId, ScopeId, Symbol), Vec<Span>>,
    /// By the element: settings of the project that it has as fields.
    settings: BTreeMap<(FileId, ScopeId, Symbol), Vec<Span>>,
}

impl Statics<'_> {
    /// Notes a mention of what braces or a folder bind.
    pub(super) fn note_use(&mut self, scope: ScopeId, symbol: Symbol, span: Span) {
        if self.is_stdlib(span) {
            return;
        }
        if is_capital(self.text(symbol)) {
            self.uses.capitals.entry((scope, symbol)).or_default().push(span);
        }
        if self.is_project_body(scope) {
            if let Some(element) = self.captured_by(scope, symbol) {
                self.uses.settings.entry((span.file, element, symbol)).or_default().push(span);
            }
        } else if scope != ScopeId::PROJECT
            && self.uses.at_root.contains(&symbol)
            && self.code.folders.iter().any(|folder| folder.scope == scope)
        {
            self.uses.siblings.entry((span.file, scope, symbol)).or_default().push(span);
        }
    }

    /// Returns the element between here and the project whose field of this name is not the one that is meant.
    fn captured_by(&self, project: ScopeId, symbol: Symbol) -> Option<ScopeId> {
        let element = self.symbols.find("Element")?;
        let inner = self.around.iter().rev().take_while(|around| around.scope != project);
        for around in inner {
            if around.key == Some(symbol) {
                return None;
            }
            if let Fields::Of(chain) = &around.fields
                && chain.root() == Some(element)
                && matches!(self.find_field(chain, symbol), Found::Declared(_))
            {
                return Some(around.scope);
            }
        }
        None
    }

    /// Tells of all names that hide others.
    pub(super) fn hidden_names(&mut self) {
        let mut uses = std::mem::take(&mut self.uses);
        for ((_, scope, symbol), spans) in &uses.siblings {
            self.hidden_member(*scope, *symbol, spans);
        }
        for ((_, _, symbol), spans) in &uses.settings {
            self.captured_setting(*symbol, spans);
        }
        for (scope, braces) in &self.braces.clone() {
            if self.is_stdlib(braces.body.span) {
                continue;
            }
            let is_open = braces.is_file || self.is_project_body(*scope);
            for symbol in braces.body.index.keys() {
                let spans = uses.capitals.remove(&(*scope, symbol));
                let binding = braces.body.index.get(symbol).next();
                let binding = binding.and_then(|ix| braces.body.entries[ix].form.binding());
                if let (Some(binding), true) = (binding, is_open || spans.is_some()) {
                    self.hidden_kind(symbol, binding.key_span, &spans.unwrap_or_default());
                }
            }
            for (ix, slot) in braces.body.lets.iter().enumerate() {
                let spans = uses.lets.remove(&(*scope, ix)).unwrap_or_default();
                self.hidden_kind(slot.name, slot.span, &spans);
            }
        }
        for (symbol, file) in self.code.folders.iter().flat_map(|folder| &folder.members) {
            let file = file.file.and_then(|ix| self.code.files.get(ix));
            if let Some(file) = file.filter(|_| self.code.stdlib.contains_key(symbol)) {
                let name = self.text(*symbol);
                let span = file.value.as_ref().map_or(file.body.span, |value| value.span);
                let finding =
                    hides_kind(name).at(span, format!("this file is what `{name}` means"));
                self.report(finding.help(format!("rename the file: `My{name}.kiln`")));
            }
        }
    }

    fn hidden_member(&mut self, scope: ScopeId, symbol: Symbol, spans: &[Span]) {
        let (name, Some(first)) = (self.text(symbol), spans.first()) else { return };
        let Some(path) = self.path_of(scope) else { return };
        let near = format!("{path}.{name}");
        let message = format!("`{name}` means `{near}` here and hides `{name}` of the root");
        let mut finding = Diagnostic::warning(Code(902), message)
            .at(*first, format!("the `{name}` beside this file"))
            .help(format!("write `project.{near}` for this one, `project.{name}` for the other"));
        if let Some(other) = self.place_at_root(symbol) {
            finding = finding.also(other, "the other one");
        }
        for span in spans {
            finding = finding.edit(*span, format!("project.{near}"));
        }
        self.report(finding);
    }

    /// Returns the names of a folder, joined by dots.
    fn path_of(&self, scope: ScopeId) -> Option<String> {
        let mut waiting = vec![(0, String::new())];
        while let Some((ix, path)) = waiting.pop() {
            let folder = self.code.folders.get(ix)?;
            if folder.scope == scope {
                return Some(path);
            }
            for (name, member) in &folder.members {
                let name = self.text(*name);
                let inner =
                    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                waiting.extend(member.folder.map(|ix| (ix, inner)));
            }
        }
        None
    }

    fn place_at_root(&self, symbol: Symbol) -> Option<Span> {
        if let Some(member) = self.code.folders.first()?.members.get(&symbol) {
            let file = self.code.files.get(member.file?)?;
            return Some(file.value.as_ref().map_or(file.body.span, |value| value.span));
        }
        let Form::Amend { body, .. } = &self.project_value()?.form else { return None };
        let ix = body.index.get(symbol).next()?;
        body.entries[ix].form.binding().map(|binding| binding.key_span)
    }

    /// An element that lacks a field and mentions it means the setting of the project around it.
    fn captured_setting(&mut self, symbol: Symbol, spans: &[Span]) {
        let (name, Some(first)) = (self.text(symbol), spans.first()) else { return };
        let message =
            format!("`{name}` is the setting of the project here, not a field of the element");
        let mut finding = Diagnostic::warning(Code(909), message)
            .at(*first, "means the project")
            .help(format!("write `project.{name}` if that is meant, else `self.{name}`"));
        if let Some(setting) = self.place_at_root(symbol) {
            finding = finding.also(setting, "set here");
        }
        for span in spans {
            finding = finding.edit(*span, format!("project.{name}"));
        }
        self.report(finding);
    }

    /// A capital name of the user that is one of the standard library.
    fn hidden_kind(&mut self, symbol: Symbol, span: Span, uses: &[Span]) {
        let name = self.text(symbol);
        if !self.code.stdlib.contains_key(&symbol) {
            return;
        }
        let other = format!("My{name}");
        let mut finding = hides_kind(name)
            .at(span, "this is what the name means here")
            .help(format!("choose another name, such as `{other}`"));
        let spans: BTreeSet<Span> = uses.iter().copied().chain([span]).collect();
        // Only where no other mention would be left behind.
        if self.n_words(name) == spans.len() {
            for span in spans {
                finding = finding.edit(span, other.as_str());
            }
        }
        self.report(finding);
    }

    /// Counts a name in all texts of the user.
    pub(super) fn n_words(&self, name: &str) -> usize {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let own = self.texts.iter().filter(|(file, _)| !self.code.stdlib_files.contains(file));
        own.map(|(_, text)| text.text.split(|c| !is_part(c)).filter(|word| *word == name).count())
            .sum()
    }
}

fn hides_kind(name: &str) -> Diagnostic {
    Diagnostic::warning(
        Code(903),
        format!("`{name}` hides the kind `{name}` of the standard library"),
    )
}
