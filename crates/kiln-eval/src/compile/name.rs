//! What a bare name means.

use super::Compiler;
use super::scope::{Meaning, Scope};
use crate::code::{Form, ScopeId};
use crate::habit;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::Name;

/// The names that nobody may bind.
pub(crate) const RESERVED: [&str; 5] = ["project", "option", "machine", "self", "super"];

/// What to do where a key is mentioned in its own value.
pub(crate) const OWN_KEY: &str =
    "a key does not see itself: `super` is its earlier value, an outer binding needs another name";

impl Compiler<'_> {
    /// Resolves a name in an expression.
    pub(super) fn name(&mut self, name: &Name) -> Form {
        self.note_name(name, false);
        if !name.quoted && RESERVED.contains(&name.text.as_ref()) {
            return self.reserved(name);
        }
        let symbol = self.symbol(&name.text);
        if let Some((scope, meaning)) = self.look_up(symbol) {
            if matches!(meaning, Meaning::Key | Meaning::Let(_)) {
                self.mentions.symbols.insert(symbol);
            }
            return match meaning {
                Meaning::Key => Form::Field { scope, symbol },
                Meaning::Let(ix) => Form::BraceLet { scope, ix },
                Meaning::Local(ix) => Form::Local { scope, ix },
                Meaning::Type(_) => self.type_as_value(name),
            };
        }
        if name.is_capital() {
            if self.shared.prelude.contains(&symbol) {
                return Form::Prelude(symbol);
            }
        } else if self.touch_amends() {
            self.mentions.symbols.insert(symbol);
            let skipping = self.scopes.iter().filter(|scope| scope.skip == Some(symbol));
            let not_in = skipping.map(|scope| scope.id).collect();
            return Form::Inherited { symbol, not_in };
        }
        self.undefined(&name.text, name.span);
        Form::Broken
    }

    fn reserved(&mut self, name: &Name) -> Form {
        match name.text.as_ref() {
            "project" => Form::Project,
            "option" => Form::Option,
            "machine" => Form::Machine,
            "self" => {
                if self.touch_amends() {
                    self.mentions.is_opaque = true;
                    return Form::SelfElement;
                }
                self.report(
                    Diagnostic::error(Code(108), "`self` stands outside of an element")
                        .at(name.span, "no element encloses this"),
                );
                Form::Broken
            }
            _ if self.in_key => {
                self.super_used = true;
                Form::Super
            }
            _ => {
                self.report(
                    Diagnostic::error(Code(107), "`super` stands outside of the value of a key")
                        .at(name.span, "no key has an earlier value here")
                        .help("write it in the right side of a key: `f = [x, super]`"),
                );
                Form::Broken
            }
        }
    }

    /// Finds the innermost construct that brings the name, and notes that it is used.
    pub(super) fn look_up(&mut self, symbol: Symbol) -> Option<(ScopeId, Meaning)> {
        for scope in self.scopes.iter_mut().rev() {
            if let Some(meaning) = scope.find(symbol) {
                scope.touched = true;
                return Some((scope.id, meaning));
            }
        }
        None
    }

    /// Notes that every enclosing amending body may be meant; false if there is none.
    fn touch_amends(&mut self) -> bool {
        let mut any = false;
        for scope in self.scopes.iter_mut().filter(|scope| scope.amends) {
            scope.touched = true;
            any = true;
        }
        any
    }

    fn type_as_value(&mut self, name: &Name) -> Form {
        let message = format!("`{}` is a type, not a value", name.text);
        self.report(Diagnostic::error(Code(210), message).at(name.span, "a value is expected"));
        Form::Broken
    }

    pub(super) fn undefined(&mut self, text: &str, span: Span) {
        let symbols = &self.shared.symbols;
        let written = self.scopes.iter().flat_map(Scope::all_names);
        let names: Vec<&str> = written
            .chain(self.shared.prelude.iter())
            .map(|symbol| symbols.text(*symbol).as_ref())
            .chain(RESERVED[..3].iter().copied())
            .collect();
        let mut finding = Diagnostic::error(Code(101), format!("`{text}` is not defined"))
            .at(span, "no such name here");
        let own = symbols.find(text);
        if own.is_some() && self.scopes.iter().any(|scope| scope.skip == own) {
            finding = finding.help(OWN_KEY);
        } else {
            finding = habit::name(finding, text, span, names);
        }
        self.report(finding);
    }
}
