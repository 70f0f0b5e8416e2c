//! Lints: what is legal and most often not meant.

use super::chain::Found;
use super::shape::Shape;
use super::{Fields, Statics};
use crate::code::{Argument, Binding, CodeRef, Form, ListPart, ScopeId, TypeForm};
use kiln_diag::{Code, Diagnostic, Span};

impl Statics<'_> {
    /// `=` on an inherited list that is not empty: `+=` is meant most often.
    pub(super) fn replaced_list(&mut self, fields: &Fields, binding: &Binding) {
        let Fields::Of(chain) = fields else { return };
        let (Some(value), false) = (&binding.value, binding.uses_super) else { return };
        if binding.ty.is_some() {
            return;
        }
        let Found::Declared(fact) = self.find_field(chain, binding.symbol) else { return };
        let Some(earlier) = self.inherited_value(chain, binding.symbol) else { return };
        let is_filled = match (fact.ty.as_ref(), &value.form, &earlier.form) {
            (TypeForm::List(_), Form::List(new), Form::List(old)) => {
                !new.is_empty() && !old.is_empty() && !is_meant(new)
            }
            (TypeForm::Dict(_), Form::Record(new), Form::Record(old) | Form::AmendSuper(old)) => {
                !new.entries.is_empty() && !old.entries.is_empty()
            }
            _ => false,
        };
        if !is_filled {
            return;
        }
        let name = self.text(binding.symbol);
        let between = Span { start: binding.key_span.end, end: value.span.start, ..value.span };
        let is_list = matches!(value.form, Form::List(_));
        let (help, text) = if is_list {
            (
                format!(
                    "write `{name} += …` to extend it; `{name} = [..[], …]` says that it is meant"
                ),
                " += ",
            )
        } else {
            (format!("write `{name} {{ … }}` to extend it"), " ")
        };
        let mut finding =
            Diagnostic::warning(Code(901), format!("`{name} =` drops what it is inherited with"))
                .at(binding.key_span, "replaced, not extended")
                .help(help)
                .edit(between, text);
        if earlier.span != value.span {
            finding = finding.also(earlier.span, "the inherited value");
        }
        self.report(finding);
    }

    /// `if c then a else b { … }` amends b only.
    pub(super) fn amended_otherwise(&mut self, otherwise: &CodeRef) {
        let Form::Amend { base, body } = &otherwise.form else { return };
        let is_name =
            matches!(base.form, Form::Field { .. } | Form::BraceLet { .. } | Form::Local { .. });
        if !is_name {
            return;
        }
        self.report(
            Diagnostic::warning(Code(904), "the block amends only what stands behind `else`")
                .at(body.span, "not for the value behind `then`")
                .help("put the condition in parentheses to amend both: `(if c then a else b) { … }`; if only the last is meant, give it a name of its own"),
        );
    }

    /// A `let` that nobody mentions.
    pub(super) fn unused_lets(&mut self) {
        let mut unused: Vec<(Span, String)> = Vec::new();
        for (scope, braces) in &self.braces {
            if self.is_stdlib(braces.body.span) {
                continue;
            }
            for (ix, slot) in braces.body.lets.iter().enumerate() {
                let name = self.text(slot.name);
                let is_used = self.is_used(*scope, ix) || name.starts_with('_');
                if !is_used && !self.is_stdlib(slot.span) {
                    unused.push((slot.span, name.to_owned()));
                }
            }
        }
        for (scope, ix, name, span) in &self.inner_lets {
            let name = self.text(*name);
            if !self.is_used(*scope, *ix) && !name.starts_with('_') && !self.is_stdlib(*span) {
                unused.push((*span, name.to_owned()));
            }
        }
        for (span, name) in unused {
            self.report(
                Diagnostic::warning(Code(905), format!("`{name}` is not used"))
                    .at(span, "nobody mentions this `let`")
                    .help(format!("remove it, or call it `_{name}`"))
                    .edit(span, format!("_{name}")),
            );
        }
    }

    fn is_used(&self, scope: ScopeId, ix: usize) -> bool {
        self.used.contains(&(scope, ix))
    }

    /// `version.starts-with("1.1")` holds for 1.10 too.
    pub(super) fn prefix_of_version(&mut self, base: &CodeRef, method: &str, args: &[Argument]) {
        let name = match &base.form {
            Form::Select { name, .. } => *name,
            Form::Field { symbol, .. } | Form::Inherited { symbol, .. } => *symbol,
            _ => return,
        };
        let [arg] = args else { return };
        let Shape::Text(Some(text)) = self.shape(&arg.value, 0) else { return };
        let is_number = text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        if self.text(name) != "version" || !is_number || text.ends_with('.') {
            return;
        }
        if method == "starts-with" {
            self.report(
                Diagnostic::warning(
                    Code(908),
                    format!("a version that starts with `{text}` may be `{text}0`"),
                )
                .at(arg.span, "compared as text, not as a version")
                .help(format!("write \"{text}.\", or compare with `older-than`"))
                .edit(arg.value.span, format!("\"{text}.\"")),
            );
        }
    }
}

/// `[..[], a]`: says that all of the earlier list is to go.
fn is_meant(parts: &[ListPart]) -> bool {
    let is_empty = |code: &CodeRef| matches!(&code.form, Form::List(parts) if parts.is_empty());
    parts.first().is_some_and(|part| part.spread && is_empty(&part.value))
}
