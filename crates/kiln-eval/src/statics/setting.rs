//! Members of the project that are called almost like one of its settings.

use super::Statics;
use crate::code::{Binding, Form};
use kiln_diag::{Code, Diagnostic, nearest};

/// What a setting is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Text,
    Block,
    /// An element, as most members are.
    Element,
}

const SETTINGS: [(&str, Written); 8] = [
    ("aliases", Written::Block),
    ("base", Written::Element),
    ("defaults", Written::Block),
    ("inputs", Written::Block),
    ("lock-for", Written::Block),
    ("name", Written::Text),
    ("options", Written::Block),
    ("version", Written::Text),
];

impl Statics<'_> {
    /// `optoins { … }` is a record that nobody reads.
    pub(super) fn misspelt_settings(&mut self) {
        let Some(Form::Amend { body, .. }) = self.project_value().map(|value| &value.form) else {
            return;
        };
        let is_set = |setting: &str| {
            self.symbols.find(setting).is_some_and(|symbol| body.index.contains(symbol))
        };
        let mut found = Vec::new();
        for binding in body.entries.iter().filter_map(|entry| entry.form.binding()) {
            let name = self.text(binding.symbol);
            let setting = meant(name, binding).filter(|setting| !is_set(setting));
            // What is mentioned is a member.
            if let Some(setting) = setting.filter(|_| self.n_words(name) == 1) {
                found.push((name.to_owned(), setting, binding.key_span));
            }
        }
        for (name, setting, span) in found {
            let message =
                format!("`{name}` is a member of the project, not its setting `{setting}`");
            self.report(
                Diagnostic::warning(Code(911), message)
                    .at(span, "nobody mentions this member")
                    .help(format!("did you mean `{setting}`?"))
                    .edit(span, setting),
            );
        }
    }
}

/// Returns the setting that a binding is likely meant to be.
fn meant(name: &str, binding: &Binding) -> Option<&'static str> {
    if SETTINGS.iter().any(|(setting, _)| *setting == name) {
        return None;
    }
    let near = *nearest(name, SETTINGS.map(|(setting, _)| setting)).first()?;
    let (setting, written) = *SETTINGS.iter().find(|(setting, _)| *setting == near)?;
    let form = &binding.value.as_ref()?.form;
    let is_alike = match written {
        Written::Text => matches!(form, Form::Text(_) | Form::Interpolation(_)),
        Written::Block => matches!(form, Form::Record(_) | Form::AmendSuper(_)),
        // `case` and `vase` are elements, too.
        Written::Element => letters(name) == letters(setting),
    };
    is_alike.then_some(setting)
}

fn letters(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    letters.sort_unstable();
    letters
}
