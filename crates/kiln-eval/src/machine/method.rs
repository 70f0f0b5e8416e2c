//! Methods of strings; what methods of strings and lists share.

use super::call::Arguments;
use super::{Lazy, Machine, Poison, Term, text, version};
use crate::methods::{Method, OF_TEXT, n_arguments, names};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use std::cmp::Ordering;
use std::rc::Rc;

/// One call of a method.
pub(super) struct MethodCall {
    pub(super) name: Rc<str>,
    pub(super) name_span: Span,
    pub(super) span: Span,
    pub(super) arguments: Vec<(Lazy, Span)>,
}

impl Machine {
    /// Calls a method of a string or list.
    pub(super) fn method(
        &mut self,
        base: &Term,
        name: Symbol,
        name_span: Span,
        arguments: Arguments,
        span: Span,
    ) -> Result<Term, Poison> {
        let name = self.text(name);
        if let Some((_, _, at)) = arguments.named.first() {
            return Err(self.report(
                Diagnostic::error(Code(208), format!("`{name}` takes no arguments by name"))
                    .at(*at, "by name"),
            ));
        }
        let call = MethodCall { name, name_span, span, arguments: arguments.positional };
        match base {
            Term::Text(text) => self.text_method(text, &call),
            Term::List(list) => self.list_method(list, &call),
            _ => Err(Poison),
        }
    }

    fn text_method(&mut self, text: &Rc<str>, call: &MethodCall) -> Result<Term, Poison> {
        self.spend(text.len() as u64 / 64, call.span)?;
        let Some(n_arguments) = n_arguments(OF_TEXT, &call.name) else {
            return Err(self.unknown_method(call, "String", OF_TEXT));
        };
        let args = self.text_arguments(call, n_arguments)?;
        let made = match (call.name.as_ref(), &args[..]) {
            ("len", _) => {
                return Ok(Term::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)));
            }
            ("to-int", _) => return self.parse_int(text, call),
            ("contains", [part]) => return Ok(Term::Bool(text.contains(part.as_ref()))),
            ("starts-with", [part]) => return Ok(Term::Bool(text.starts_with(part.as_ref()))),
            ("ends-with", [part]) => return Ok(Term::Bool(text.ends_with(part.as_ref()))),
            ("older-than", [other]) => {
                return Ok(Term::Bool(version::compare(text, other) == Ordering::Less));
            }
            ("lines", _) => {
                self.allocate(32 * text.matches('\n').count(), call.span)?;
                return self.text_list(text.lines().map(Rc::from).collect(), call.span);
            }
            ("split", [part]) => return self.split(text, part, call.span),
            ("trim", _) => text.trim().to_owned(),
            ("upper", _) => text.to_ascii_uppercase(),
            ("lower", _) => text.to_ascii_lowercase(),
            ("replace", [from, to]) if !from.is_empty() => {
                self.bounded_replace(text, from, to, call.span)?
            }
            ("replace", _) => text.to_string(),
            _ => text::quote(text),
        };
        self.allocate(made.len(), call.span)?;
        Ok(Term::Text(Rc::from(made)))
    }

    /// Splits at a separator, or into letters at an empty one; counted before it is made.
    fn split(&mut self, text: &str, separator: &str, span: Span) -> Result<Term, Poison> {
        self.allocate(32 * text.matches(separator).count(), span)?;
        if separator.is_empty() {
            let letters = text.chars().map(|letter| Rc::from(letter.to_string())).collect();
            return self.text_list(letters, span);
        }
        self.text_list(text.split(separator).map(Rc::from).collect(), span)
    }

    fn bounded_replace(
        &mut self,
        text: &str,
        from: &str,
        to: &str,
        span: Span,
    ) -> Result<String, Poison> {
        let length = text.len() + text.matches(from).count().saturating_mul(to.len());
        self.allocate(length, span)?;
        Ok(text.replace(from, to))
    }

    fn parse_int(&mut self, text: &str, call: &MethodCall) -> Result<Term, Poison> {
        match text.trim().parse() {
            Ok(number) => Ok(Term::Int(number)),
            Err(_) => Err(self.report(
                Diagnostic::error(Code(201), format!("{text:?} is not a number"))
                    .at(call.name_span, "cannot be read as an Int")
                    .help("an Int is written in digits, with a sign in front if need be"),
            )),
        }
    }

    fn text_list(&mut self, texts: Vec<Rc<str>>, span: Span) -> Result<Term, Poison> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        self.allocate(bytes, span)?;
        let items = texts.into_iter().map(|text| Lazy::Done(Term::Text(text))).collect();
        self.new_list(items, span)
    }

    pub(super) fn text_arguments(
        &mut self,
        call: &MethodCall,
        count: usize,
    ) -> Result<Vec<Rc<str>>, Poison> {
        self.expect_count(call, count)?;
        let mut texts = Vec::new();
        for (lazy, at) in &call.arguments {
            match self.force(lazy)? {
                Term::Text(text) => texts.push(text),
                other => return Err(self.wrong_argument(call, &other, "a String", *at)),
            }
        }
        Ok(texts)
    }

    pub(super) fn expect_count(&mut self, call: &MethodCall, count: usize) -> Result<(), Poison> {
        let given = call.arguments.len();
        let parentheses = Span { start: call.name_span.end, ..call.span };
        let is_called = parentheses.start < parentheses.end;
        if given == count && (count > 0 || !is_called) {
            return Ok(());
        }
        let finding = if count == 0 {
            Diagnostic::error(Code(208), format!("`{}` takes no arguments", call.name))
                .at(parentheses, "nothing to call")
                .help(format!("write `.{}`, without parentheses", call.name))
                .edit(parentheses, "")
        } else {
            let s = if count == 1 { "" } else { "s" };
            let message = format!("`{}` takes {count} argument{s}, not {given}", call.name);
            Diagnostic::error(Code(208), message).at(call.span, "called here")
        };
        Err(self.report(finding))
    }

    fn wrong_argument(&mut self, call: &MethodCall, found: &Term, want: &str, at: Span) -> Poison {
        let found = self.describe(found);
        let message = format!("`{}` takes {want}, not {found}", call.name);
        self.report(Diagnostic::error(Code(201), message).at(at, format!("this is {found}")))
    }

    pub(super) fn unknown_method(
        &mut self,
        call: &MethodCall,
        of: &str,
        methods: &[Method],
    ) -> Poison {
        let message = format!("a {of} has no method `{}`", call.name);
        let mut finding =
            Diagnostic::error(Code(202), message).at(call.name_span, "unknown method");
        finding = crate::habit::method(finding, &call.name, call.name_span, names(methods));
        if finding.help.is_none() {
            let names: Vec<&str> = names(methods).collect();
            finding = finding.help(format!("it has {}", names.join(", ")));
        }
        self.report(finding)
    }
}
