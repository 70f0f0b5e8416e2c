//! What a name means, by the rules of scope and by what was made.

use super::Machine;
use super::object::ObjectId;
use crate::compile::Named;
use crate::why::Meaning;
use kiln_diag::FileId;

impl Machine {
    /// Puts in order what a name may mean: written, inherited, of the standard library.
    pub(crate) fn meanings(
        &mut self,
        project: ObjectId,
        folders: &[String],
        named: &Named,
    ) -> Vec<Meaning> {
        let mut meanings = Vec::new();
        for hit in &named.hits {
            let span = match hit.rule {
                4 => self.member_span(project, folders, named.symbol),
                5 => self.member_span(project, &[], named.symbol),
                _ => hit.span,
            };
            let what = match hit.rule {
                5 => self.member_text(project, named.symbol),
                _ => hit.what.to_owned(),
            };
            let (rule, skipped) = (hit.rule, hit.is_skipped);
            meanings.push(Meaning { rule, what, span, skipped });
        }
        if named.may_inherit {
            meanings.extend(self.inherited_meaning(named));
        }
        if named.is_prelude {
            let span = self.prelude_span(named.symbol);
            let what = "a name of the standard library".to_owned();
            meanings.push(Meaning { rule: 7, what, span, skipped: false });
        }
        if let Some((rule, what)) = named.fixed {
            meanings.push(Meaning { rule, what: what.to_owned(), span: None, skipped: false });
        }
        // A key that does not see itself is told, but it is not what the name means.
        meanings.sort_by_key(|meaning| (meaning.skipped, meaning.rule != 1));
        meanings
    }

    /// Finds the field that the nearest enclosing element inherits.
    fn inherited_meaning(&mut self, named: &Named) -> Option<Meaning> {
        for object in self.enclosing(named.span.file, named.span.start) {
            let Ok(Some(declaration)) = self.declaration(object, named.symbol) else { continue };
            let what = format!("an inherited field of `{}`", self.kind_name(object));
            return Some(Meaning { rule: 6, what, span: declaration.span, skipped: false });
        }
        None
    }

    /// Returns the objects with a kind whose last body holds a place, the innermost first.
    fn enclosing(&self, file: FileId, at: u32) -> Vec<ObjectId> {
        let mut found: Vec<(u32, ObjectId)> = Vec::new();
        for (object, body) in self.written() {
            let span = body.span;
            let is_within = span.file == file && (span.start..=span.end).contains(&at);
            if is_within && self.object(object).kind.is_some() {
                found.push((span.end - span.start, object));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, object)| object).collect()
    }
}
