//! Whose bodies an object is made of: those that were applied to it, and what each of them brings by `..`.

use super::names::NamePart;
use super::object::{Nature, ObjectId, Raw};
use super::{Env, FrameId, Machine, Poison, Term};
use crate::code::{Body, Entry, EntryForm, ScopeId};
use crate::symbol::Symbol;
use crate::why::Origin;
use kiln_diag::{FileId, Span};
use std::rc::Rc;

/// One body of an object, with its number among the groups of layers.
pub(super) struct Group {
    pub(super) origin: Origin,
    /// Where it stands; nothing for a folder.
    pub(super) span: Option<Span>,
    /// What it writes.
    pub(super) keys: Vec<Symbol>,
}

impl Machine {
    /// Returns the bodies of an object as its layers number them; what `..` brings follows the body that says so.
    pub(super) fn groups(&mut self, object: ObjectId) -> Result<Vec<Group>, Poison> {
        // What was expanded once has no findings left to tell.
        let _layers = self.layers(object)?;
        let raws = Rc::clone(&self.object(object).raws);
        let n_findings = self.diagnostics.len();
        let mut groups = Vec::new();
        for (ix, raw) in raws.iter().enumerate() {
            let origin = self.origin_of(object, ix, &raws);
            match raw {
                Raw::Body { body, frame } => {
                    if self.add_groups(object, (body, *frame), &origin, &mut groups).is_err() {
                        break;
                    }
                }
                Raw::Values(values) => {
                    let span = values.first().map(|(_, _, span)| *span);
                    let keys = values.iter().map(|(key, ..)| *key).collect();
                    groups.push(Group { origin, span, keys });
                }
                Raw::Folder(_) => groups.push(Group { origin, span: None, keys: Vec::new() }),
            }
        }
        self.diagnostics.truncate(n_findings);
        Ok(groups)
    }

    /// Adds a body and all that it brings, in the order in which layers are made of it.
    fn add_groups(
        &mut self,
        object: ObjectId,
        (body, frame): (&Rc<Body>, FrameId),
        origin: &Origin,
        groups: &mut Vec<Group>,
    ) -> Result<(), Poison> {
        self.spend(1, body.span)?;
        let ix = groups.len();
        if ix >= self.object(object).frames.len() {
            return Err(Poison);
        }
        let (origin, span) = (origin.clone(), Some(body.span));
        groups.push(Group { origin, span, keys: body.index.keys().collect() });
        for entry in &body.entries {
            match &entry.form {
                EntryForm::Binding(_) | EntryForm::Keyed { .. } => {}
                EntryForm::Spread(_) | EntryForm::For { .. } => {
                    self.add_brought(object, (body, frame, ix), entry, groups)?;
                }
            }
        }
        Ok(())
    }

    fn add_brought(
        &mut self,
        object: ObjectId,
        (body, frame, ix): (&Rc<Body>, FrameId, usize),
        entry: &Entry,
        groups: &mut Vec<Group>,
    ) -> Result<(), Poison> {
        let braces = self.braces(object, ix, body, frame);
        if self.is_open(object) && !self.hold(&entry.conditions, braces)? {
            return Ok(());
        }
        let name = self.names.child(self.object(object).name, NamePart::Prototype);
        let env = Env { frame: braces, name };
        let by = groups[ix].origin.clone();
        match &entry.form {
            EntryForm::Binding(_) | EntryForm::Keyed { .. } => Ok(()),
            EntryForm::For { head, body } => {
                for frame in self.loop_frames(head, env)? {
                    self.add_groups(object, (body, frame), &by, groups)?;
                }
                Ok(())
            }
            EntryForm::Spread(code) => {
                let (applied, by) = (code.span, Box::new(by));
                match self.eval(code, env)? {
                    Term::Mixin(mixin) => {
                        let origin = Origin::Mixin { applied, by };
                        self.add_groups(object, (&mixin.body, mixin.frame), &origin, groups)
                    }
                    Term::Object(copied) => {
                        let keys = self.keys(copied)?;
                        let origin = Origin::Copied { applied, by };
                        groups.push(Group { origin, span: Some(applied), keys });
                        Ok(())
                    }
                    _ => Err(Poison),
                }
            }
        }
    }

    fn origin_of(&mut self, object: ObjectId, ix: usize, raws: &[Raw]) -> Origin {
        let raw = &raws[ix];
        let span = match raw {
            Raw::Body { body, .. } if body.scope == ScopeId::NOWHERE => return Origin::CommandLine,
            Raw::Body { body, .. } => body.span,
            Raw::Values(_) => return Origin::Argument,
            Raw::Folder(_) => return Origin::Folder,
        };
        let is_project = self.object(object).nature == Nature::Project;
        if is_project && ix + self.object(object).overrides >= raws.len() {
            return Origin::Instance;
        }
        if self.program.stdlib_files.contains(&span.file) {
            return Origin::Stdlib(self.stem_of(span.file));
        }
        // The lowest of what it amends that has this body brought it.
        let mut at = object;
        while let Some(base) = self.object(at).base {
            if self.object(base).raws.len() <= ix {
                break;
            }
            at = base;
        }
        let of = self.object(at);
        let below = of.base.and_then(|base| self.object(base).is_kind);
        match of.is_kind {
            Some(_) if below == of.is_kind => {
                let kind = self.default_of(raw).map(|kind| self.text(kind));
                Origin::Default(kind.unwrap_or_else(|| self.kind_name(at)).to_string())
            }
            Some(_) => Origin::Kind(self.kind_name(at).to_string()),
            None if of.nature == Nature::Element => Origin::Element(self.element_name(at)),
            None => match of.nature {
                Nature::Project => Origin::Project,
                Nature::Module | Nature::Folder => Origin::File,
                _ => Origin::Record,
            },
        }
    }

    /// Returns the kind that a body is a default for: that of the key which it stands at.
    fn default_of(&mut self, raw: &Raw) -> Option<Symbol> {
        let Raw::Body { body, .. } = raw else { return None };
        let (defaults, span) = (self.well_known.defaults, body.span);
        for instance in self.instances.clone() {
            let Ok(Some(Term::Object(record))) = self.field(instance, defaults, span) else {
                continue;
            };
            for key in self.keys(record).unwrap_or_default() {
                let Ok(Some(Term::Object(amend))) = self.field(record, key, span) else { continue };
                let is_it =
                    |raw: &Raw| matches!(raw, Raw::Body { body: of, .. } if Rc::ptr_eq(of, body));
                if self.object(amend).raws.iter().any(is_it) {
                    return Some(key);
                }
            }
        }
        None
    }

    fn stem_of(&self, file: FileId) -> String {
        let of = |ix: &usize| self.file_at(*ix).is_some_and(|span| span.file == file);
        let found = self.program.stdlib.iter().find(|(_, ix)| of(ix));
        found.map(|(stem, _)| self.text(*stem).to_string()).unwrap_or_default()
    }
}
