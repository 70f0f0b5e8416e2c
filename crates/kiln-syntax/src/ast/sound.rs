//! The syntax of a file without what its errors left in doubt.
//!
//! Never: drops a name that is written.

use super::{Ast, Body, Entry, Expr, ExprId, Otherwise, Right, Type, TypeKind};
use kiln_diag::Span;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The kind whose value is never in doubt as a whole: without a project nothing could be said of its members.
const PROJECT: &str = "Project";

impl Ast {
    /// Returns the file as others may read it: an item with an error in it keeps its name, and its value is an error.
    ///
    /// So a mistake is told where it is, and nobody who uses the name is blamed for what is left of the value.
    pub fn sound(&self) -> Cow<'_, Self> {
        if self.broken.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut sound = self.clone();
        let mut values = Values { n_exprs: self.len(), spans: Vec::new(), broken: &self.broken };
        values.entries(&mut sound.entries);
        for expr in &mut sound.exprs {
            if let Expr::Record(body) | Expr::Amend { body, .. } | Expr::Mixin { body, .. } = expr {
                values.entries(&mut body.entries);
            }
        }
        if let Some(value) = self
            .value
            .filter(|value| self.broken.contains(&self.span(*value)) && !self.is_project(*value))
        {
            sound.value = Some(values.error(self.span(value)));
        }
        for span in values.spans {
            sound.push(Expr::Error, span);
        }
        Cow::Owned(sound)
    }

    fn is_project(&self, value: ExprId) -> bool {
        let Expr::Amend { base, .. } = self.expr(value) else { return false };
        matches!(self.expr(*base), Expr::Name(name) if name.text.as_ref() == PROJECT)
    }
}

/// The errors that take the place of values.
struct Values<'a> {
    n_exprs: usize,
    spans: Vec<Span>,
    broken: &'a BTreeSet<Span>,
}

impl Values<'_> {
    fn error(&mut self, span: Span) -> ExprId {
        self.spans.push(span);
        // There are fewer: `push` says so.
        ExprId(u32::try_from(self.n_exprs + self.spans.len() - 1).unwrap_or(u32::MAX))
    }

    fn entries(&mut self, entries: &mut Vec<Entry>) {
        entries.retain(|entry| {
            let names =
                matches!(entry, Entry::Field(_) | Entry::Let(_) | Entry::Type(_) | Entry::If(_));
            names || !self.broken.contains(&entry.span())
        });
        for entry in entries {
            let is_broken = self.broken.contains(&entry.span());
            match entry {
                Entry::Field(field) if is_broken => {
                    field.right = Right::Set(self.error(field.span));
                    field.params = None;
                    if let Some(ty) = &mut field.annotation {
                        ty.kind = TypeKind::Error;
                    }
                }
                Entry::Let(entry) if is_broken => {
                    entry.value = self.error(entry.span);
                    (entry.params, entry.annotation) = (None, None);
                }
                Entry::Type(entry) if is_broken => {
                    entry.ty = Type { kind: TypeKind::Error, span: entry.span };
                    entry.condition = None;
                }
                Entry::Field(field) => {
                    if let Right::Amend(body) = &mut field.right {
                        self.entries(&mut body.entries);
                    }
                }
                Entry::If(entry) => self.branches(&mut entry.then, &mut entry.otherwise),
                Entry::For(entry) => self.entries(&mut entry.body.entries),
                Entry::Let(_) | Entry::Type(_) | Entry::Assert(_) | Entry::Spread(_) => {}
            }
        }
    }

    fn branches(&mut self, then: &mut Body, otherwise: &mut Option<Otherwise>) {
        self.entries(&mut then.entries);
        match otherwise {
            Some(Otherwise::Body(body)) => self.entries(&mut body.entries),
            Some(Otherwise::If(next)) => self.branches(&mut next.then, &mut next.otherwise),
            None => {}
        }
    }
}
