//! What is said about a value of the wrong type, put into words only when it is shown.

use super::object::{Nature, ObjectId};
use super::{Machine, Poison, Term};
use crate::code::{CodeRef, Form, ListPart, TypeForm, TypeRef};
use crate::mend;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use std::rc::Rc;

/// Whom a wrong value is blamed on.
pub(super) struct Blame {
    pub(super) value: Span,
    /// The value as written, to point at one item of a list.
    pub(super) code: Option<CodeRef>,
    pub(super) declared: Option<Span>,
    pub(super) what: Bound,
}

/// What a value is bound to, named only when it is wrong.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    Field(ObjectId, Symbol),
    Let(Symbol),
    Argument(Symbol),
    Result,
}

/// Why a value is not of a type.
pub(super) enum Refusal {
    /// Reported before.
    Poison,
    Mismatch(Box<Mismatch>),
}

/// What was wanted and what was found; a union throws most of them away unread.
pub(super) struct Mismatch {
    pub(super) wanted: Wanted,
    pub(super) found: Found,
    /// The way to the part that is wrong, outermost first.
    pub(super) at: Vec<Part>,
    pub(super) help: Option<String>,
    /// The type of the user whose condition does not hold, and where it is defined.
    pub(super) defined: Option<(Symbol, Span)>,
}

/// A part of a list or record.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Item(usize),
    Field(Symbol),
}

pub(super) enum Wanted {
    Type(TypeRef),
    Text(String),
}

pub(super) enum Found {
    Value(Term),
    Text(String),
}

/// In front of a list of which an item is wrong.
const ITEM_OF: &str = "an item of ";

impl From<Poison> for Refusal {
    fn from(_: Poison) -> Self {
        Self::Poison
    }
}

impl Machine {
    /// Reports a value that is not what its declaration wants.
    pub(super) fn report_mismatch(&mut self, mismatch: Mismatch, blame: &Blame) -> Poison {
        let span = blame.code.as_ref().and_then(|code| part_span(code, &mismatch.at));
        let part = self.describe_parts(&mismatch.at);
        let from_outside = self.command_line_file == Some(blame.value.file);
        let help = match &mismatch.wanted {
            Wanted::Type(_) if mismatch.defined.is_some() && self.is_triple(blame.what) => {
                Some("a platform is a triple such as `aarch64-linux-gnu`".to_owned())
            }
            Wanted::Type(ty) if from_outside => self.option_help(ty),
            _ => self.help_for(&mismatch),
        };
        let wanted = match mismatch.wanted {
            Wanted::Type(ty) => self.describe_type(&ty),
            Wanted::Text(text) => text,
        };
        let found = match mismatch.found {
            Found::Value(term) => self.describe_found(&term),
            Found::Text(text) => text,
        };
        let what = match blame.what {
            Bound::Field(object, symbol) if from_outside && self.is_dict(object) => {
                format!("the option `{}`", self.text(symbol))
            }
            bound => self.describe_bound(bound),
        };
        let message = format!("{part}{what} must be `{wanted}`, not {found}");
        let mut finding = Diagnostic::error(Code(201), message)
            .at(span.unwrap_or(blame.value), format!("this is {found}"));
        if let Some(declared) = blame.declared {
            finding = finding.also(declared, "declared here");
        }
        if let Some((name, at)) = mismatch.defined.filter(|(_, at)| !self.is_stdlib(*at)) {
            finding = finding.also(at, format!("what `{}` has to be", self.text(name)));
        }
        if let Some(help) = help {
            finding = finding.help(help);
        }
        self.report(finding)
    }

    /// Returns the parts of a value in front of it: `an item of `, or the name of a field of a record.
    fn describe_parts(&self, at: &[Part]) -> String {
        let mut text = String::new();
        for part in at {
            match part {
                Part::Item(_) if text.starts_with(ITEM_OF) => {}
                Part::Item(_) => text.insert_str(0, ITEM_OF),
                Part::Field(name) => text.insert_str(0, &format!("`{}` of ", self.text(*name))),
            }
        }
        text
    }

    fn help_for(&self, mismatch: &Mismatch) -> Option<String> {
        let (Wanted::Type(ty), Found::Value(found)) = (&mismatch.wanted, &mismatch.found) else {
            return mismatch.help.clone();
        };
        if mismatch.help.is_some() {
            return mismatch.help.clone();
        }
        match (found, ty.as_ref()) {
            (Term::Object(object), _) if self.object(*object).is_kind.is_some() => {
                Some("a kind makes elements: `K { … }`".to_owned())
            }
            (Term::Null, _) => None,
            (Term::Text(text), _) => mend::text(text, ty).map(mend::Mend::into_help),
            (Term::Int(number), _) => mend::number(*number, ty).map(mend::Mend::into_help),
            (_, TypeForm::List(_)) => Some("put it in brackets: `[x]`".to_owned()),
            _ => None,
        }
    }

    fn is_triple(&self, bound: Bound) -> bool {
        match bound {
            Bound::Field(object, _) => self.object(object).nature == Nature::Platform,
            Bound::Let(_) | Bound::Argument(_) | Bound::Result => false,
        }
    }

    fn describe_found(&self, found: &Term) -> String {
        match found {
            Term::Text(text) if text.len() < 40 => format!("the String \"{text}\""),
            Term::Int(number) => format!("the Int {number}"),
            other => self.describe(other),
        }
    }

    fn describe_bound(&self, bound: Bound) -> String {
        match bound {
            Bound::Field(object, symbol) => {
                format!("`{}` of {}", self.symbols.text(symbol), self.object_name(object))
            }
            Bound::Let(symbol) => format!("`{}`", self.symbols.text(symbol)),
            Bound::Argument(symbol) => format!("the argument `{}`", self.symbols.text(symbol)),
            Bound::Result => "the result".to_owned(),
        }
    }
}

/// Refuses a value.
pub(super) fn mismatch(ty: &TypeRef, found: &Term) -> Refusal {
    Refusal::Mismatch(Box::new(Mismatch {
        wanted: Wanted::Type(Rc::clone(ty)),
        found: Found::Value(found.clone()),
        at: Vec::new(),
        help: None,
        defined: None,
    }))
}

/// Returns where the written part of a list or record stands.
fn part_span(code: &CodeRef, at: &[Part]) -> Option<Span> {
    let (first, rest) = at.split_first()?;
    let part = match (&code.form, first) {
        (Form::List(parts), Part::Item(ix)) => {
            let plain =
                |part: &ListPart| !part.spread && part.loops.is_empty() && part.guard.is_none();
            if !parts.iter().all(plain) {
                return None;
            }
            &parts.get(*ix)?.value
        }
        (Form::Record(body), Part::Field(name)) => {
            let last = body.index.get(*name).next_back()?;
            super::field::binding_of(&body.entries[last].form)?.value.as_ref()?
        }
        _ => return None,
    };
    part_span(part, rest).or(Some(part.span))
}
