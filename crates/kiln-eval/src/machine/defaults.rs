//! Defaults of a project: an amend for each of some kinds of elements.

use super::object::{Nature, ObjectId};
use super::{Machine, Term};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, suggestion};

impl Machine {
    /// Checks that all defaults are amends of kinds of elements: others would be for nothing.
    pub(crate) fn check_defaults(&mut self, project: ObjectId) {
        let (defaults, span) = (self.well_known.defaults, self.program.project_span);
        let Ok(Some(Term::Object(defaults))) = self.field(project, defaults, span) else { return };
        for name in self.keys(defaults).unwrap_or_default() {
            let span = self.binding_span(defaults, name).unwrap_or(span);
            if !self.is_element_kind(project, name, span) {
                self.report_no_kind(name, span);
                continue;
            }
            let is_amend = match self.field(defaults, name, span) {
                Ok(Some(Term::Object(amend))) => self.object(amend).nature == Nature::Record,
                Ok(Some(_)) => false,
                Ok(None) | Err(_) => true,
            };
            if !is_amend {
                let name = self.text(name);
                self.report(
                    Diagnostic::error(Code(504), format!("the defaults of `{name}` are no amend"))
                        .at(span, "not `{ … }`")
                        .help(format!("write `{name} {{ … }}`; `..m` in it applies a mixin")),
                );
            }
        }
    }

    fn is_element_kind(&mut self, project: ObjectId, name: Symbol, span: Span) -> bool {
        self.program.stdlib.contains_key(&name)
            && matches!(
                self.prelude_kind(name, project, span),
                Ok(Term::Object(kind)) if self.object(kind).nature == Nature::Element
            )
    }

    fn report_no_kind(&mut self, name: Symbol, span: Span) {
        let written = self.text(name);
        let known: Vec<_> = self.program.stdlib.keys().copied().collect();
        let names: Vec<_> = known.into_iter().map(|known| self.text(known)).collect();
        let near = suggestion(&written, names.iter().map(AsRef::as_ref));
        let help = near.unwrap_or_else(|| {
            "defaults are for kinds of the standard library; a kind of your own says itself what holds for it"
                .to_owned()
        });
        self.report(
            Diagnostic::error(Code(504), format!("`{written}` is no kind that defaults are for"))
                .at(span, "not a kind of elements of the standard library")
                .help(help),
        );
    }
}
