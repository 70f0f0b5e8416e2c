//! Methods of strings and lists.

use super::call::Arguments;
use super::object::Nature;
use super::{Env, Lazy, Machine, NamePath, Poison, Term, text, version};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, suggestion};
use std::cmp::Ordering;
use std::rc::Rc;

const OF_TEXT: [&str; 14] = [
    "len",
    "lines",
    "trim",
    "upper",
    "lower",
    "quote",
    "to-int",
    "contains",
    "starts-with",
    "ends-with",
    "split",
    "replace",
    "older-than",
    "words",
];
const OF_LIST: [&str; 18] = [
    "len", "first", "last", "reverse", "sort", "unique", "flatten", "words", "contains", "map",
    "filter", "any", "all", "fold", "sort-by", "join", "without", "quote",
];

/// One call of a method.
struct MethodCall {
    name: Rc<str>,
    name_span: Span,
    span: Span,
    arguments: Vec<(Lazy, Span)>,
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
        let n_arguments = match call.name.as_ref() {
            "contains" | "starts-with" | "ends-with" | "split" | "older-than" => 1,
            "replace" => 2,
            _ => 0,
        };
        if !OF_TEXT.contains(&call.name.as_ref()) || call.name.as_ref() == "words" {
            return Err(self.unknown_method(call, "String", &OF_TEXT[..13]));
        }
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
            ("lines", _) => return self.text_list(text.lines().map(Rc::from).collect(), call.span),
            ("split", [part]) if !part.is_empty() => {
                return self
                    .text_list(text.split(part.as_ref()).map(Rc::from).collect(), call.span);
            }
            ("split", _) => {
                let letters = text.chars().map(|letter| Rc::from(letter.to_string())).collect();
                return self.text_list(letters, call.span);
            }
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
                Diagnostic::error(Code(201), format!("`{text}` is not a number"))
                    .at(call.name_span, "cannot be read as an Int"),
            )),
        }
    }

    fn text_list(&mut self, texts: Vec<Rc<str>>, span: Span) -> Result<Term, Poison> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        self.allocate(bytes, span)?;
        let items = texts.into_iter().map(|text| Lazy::Done(Term::Text(text))).collect();
        self.new_list(items, span)
    }

    fn text_arguments(&mut self, call: &MethodCall, count: usize) -> Result<Vec<Rc<str>>, Poison> {
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

    fn expect_count(&mut self, call: &MethodCall, count: usize) -> Result<(), Poison> {
        if call.arguments.len() == count {
            return Ok(());
        }
        let given = call.arguments.len();
        let message = format!("`{}` takes {count} arguments, not {given}", call.name);
        let mut finding = Diagnostic::error(Code(208), message).at(call.span, "called here");
        if count == 0 {
            finding = finding.help("without arguments no parentheses are written");
        }
        Err(self.report(finding))
    }

    fn wrong_argument(&mut self, call: &MethodCall, found: &Term, want: &str, at: Span) -> Poison {
        let found = self.describe(found);
        let message = format!("`{}` takes {want}, not {found}", call.name);
        self.report(Diagnostic::error(Code(201), message).at(at, format!("this is {found}")))
    }

    fn unknown_method(&mut self, call: &MethodCall, of: &str, names: &[&str]) -> Poison {
        let message = format!("a {of} has no method `{}`", call.name);
        let mut finding =
            Diagnostic::error(Code(202), message).at(call.name_span, "unknown method");
        finding = match suggestion(&call.name, names.iter().copied()) {
            Some(help) => finding.help(help),
            None => finding.help(format!("it has {}", names.join(", "))),
        };
        self.report(finding)
    }

    fn list_method(&mut self, list: &Rc<[Lazy]>, call: &MethodCall) -> Result<Term, Poison> {
        self.spend(list.len() as u64 / 8, call.span)?;
        match call.name.as_ref() {
            "len" | "first" | "last" | "reverse" | "sort" | "unique" | "flatten" | "words" => {
                self.expect_count(call, 0)?;
                self.plain_list_method(list, call)
            }
            "contains" => {
                self.expect_count(call, 1)?;
                let wanted = self.force(&call.arguments[0].0)?;
                for lazy in list.iter() {
                    let value = self.force(lazy)?;
                    if self.equal(&value, &wanted, call.span)? {
                        return Ok(Term::Bool(true));
                    }
                }
                Ok(Term::Bool(false))
            }
            "map" | "filter" | "any" | "all" | "sort-by" => {
                self.expect_count(call, 1)?;
                self.function_method(list, call)
            }
            "fold" => {
                self.expect_count(call, 2)?;
                let mut value = call.arguments[0].0.clone();
                let function = self.force(&call.arguments[1].0)?;
                for lazy in list.iter() {
                    let args = vec![(value, call.span), (lazy.clone(), call.span)];
                    value = Lazy::Done(self.call_with(&function, args, call)?);
                }
                self.force(&value)
            }
            "join" => {
                let separators = self.text_arguments(call, 1)?;
                self.join(list, &separators[0], call)
            }
            "without" => self.without(list, call),
            _ => Err(self.unknown_method(call, "list", &OF_LIST[..17])),
        }
    }

    fn plain_list_method(&mut self, list: &Rc<[Lazy]>, call: &MethodCall) -> Result<Term, Poison> {
        match call.name.as_ref() {
            "len" => Ok(Term::Int(i64::try_from(list.len()).unwrap_or(i64::MAX))),
            "first" | "last" => {
                let found = if call.name.as_ref() == "first" { list.first() } else { list.last() };
                match found {
                    Some(lazy) => self.force(lazy),
                    None => Err(self.report(
                        Diagnostic::error(Code(403), format!("an empty list has no {}", call.name))
                            .at(call.name_span, "the list is empty"),
                    )),
                }
            }
            "reverse" => self.new_list(list.iter().rev().cloned().collect(), call.span),
            "sort" => {
                let terms = self.force_items(list)?;
                self.sorted(terms.iter().cloned().zip(terms.clone()).collect(), call)
            }
            "unique" => self.unique(list, call),
            "flatten" => {
                let mut items = Vec::new();
                for lazy in list.iter() {
                    match self.force(lazy)? {
                        Term::List(inner) => items.extend(inner.iter().cloned()),
                        other => items.push(Lazy::Done(other)),
                    }
                }
                self.new_list(items, call.span)
            }
            _ => {
                let mut words = Vec::new();
                for text in self.texts(list, call)? {
                    words.push(text::word(&text));
                }
                let joined = words.join(" ");
                self.allocate(joined.len(), call.span)?;
                Ok(Term::Text(Rc::from(joined)))
            }
        }
    }

    fn texts(&mut self, list: &[Lazy], call: &MethodCall) -> Result<Vec<Rc<str>>, Poison> {
        let mut texts = Vec::new();
        for term in self.force_items(list)? {
            match term {
                Term::Text(text) => texts.push(text),
                Term::Int(number) => texts.push(Rc::from(number.to_string())),
                other => {
                    let found = self.describe(&other);
                    let message =
                        format!("`{}` takes a list of Strings; it holds {found}", call.name);
                    return Err(self.report(
                        Diagnostic::error(Code(201), message).at(call.name_span, "called here"),
                    ));
                }
            }
        }
        Ok(texts)
    }

    fn join(&mut self, list: &[Lazy], separator: &str, call: &MethodCall) -> Result<Term, Poison> {
        let texts = self.texts(list, call)?;
        let bytes: usize = texts.iter().map(|text| text.len() + separator.len()).sum();
        self.allocate(bytes, call.span)?;
        Ok(Term::Text(Rc::from(texts.join(separator))))
    }

    fn call_with(
        &mut self,
        function: &Term,
        positional: Vec<(Lazy, Span)>,
        call: &MethodCall,
    ) -> Result<Term, Poison> {
        let env = Env { frame: super::FrameId::OUTERMOST, name: NamePath::ROOT };
        let arguments = Arguments { positional, named: Vec::new() };
        self.apply(function, arguments, env, call.arguments[call.arguments.len() - 1].1, call.span)
    }

    fn function_method(&mut self, list: &Rc<[Lazy]>, call: &MethodCall) -> Result<Term, Poison> {
        let function = self.force(&call.arguments[0].0)?;
        let mut kept = Vec::new();
        let mut keyed = Vec::new();
        for lazy in list.iter() {
            let value = self.call_with(&function, vec![(lazy.clone(), call.span)], call)?;
            match call.name.as_ref() {
                "map" => kept.push(Lazy::Done(value)),
                "sort-by" => keyed.push((value, self.force(lazy)?)),
                name => {
                    let holds = self.truth(&value, call.arguments[0].1)?;
                    match name {
                        "any" if holds => return Ok(Term::Bool(true)),
                        "all" if !holds => return Ok(Term::Bool(false)),
                        "filter" if holds => kept.push(lazy.clone()),
                        _ => {}
                    }
                }
            }
        }
        match call.name.as_ref() {
            "any" => Ok(Term::Bool(false)),
            "all" => Ok(Term::Bool(true)),
            "sort-by" => self.sorted(keyed, call),
            _ => self.new_list(kept, call.span),
        }
    }

    /// Sorts values by keys that are all Strings or all Ints.
    fn sorted(&mut self, mut keyed: Vec<(Term, Term)>, call: &MethodCall) -> Result<Term, Poison> {
        let all_texts = keyed.iter().all(|(key, _)| matches!(key, Term::Text(_)));
        let all_ints = keyed.iter().all(|(key, _)| matches!(key, Term::Int(_)));
        if !all_texts && !all_ints {
            let message = format!("`{}` orders Strings or Ints, not a mixture", call.name);
            return Err(self
                .report(Diagnostic::error(Code(201), message).at(call.name_span, "called here")));
        }
        keyed.sort_by(|(left, _), (right, _)| match (left, right) {
            (Term::Text(left), Term::Text(right)) => left.cmp(right),
            (Term::Int(left), Term::Int(right)) => left.cmp(right),
            _ => Ordering::Equal,
        });
        self.new_list(keyed.into_iter().map(|(_, value)| Lazy::Done(value)).collect(), call.span)
    }

    fn unique(&mut self, list: &[Lazy], call: &MethodCall) -> Result<Term, Poison> {
        let mut kept: Vec<Term> = Vec::new();
        for term in self.force_items(list)? {
            let mut known = false;
            for other in &kept {
                if self.equal(other, &term, call.span)? {
                    known = true;
                    break;
                }
            }
            if !known {
                kept.push(term);
            }
        }
        self.new_list(kept.into_iter().map(Lazy::Done).collect(), call.span)
    }

    /// Leaves out equal items; elements also by their name.
    fn without(&mut self, list: &[Lazy], call: &MethodCall) -> Result<Term, Poison> {
        let mut unwanted = Vec::new();
        for (lazy, _) in &call.arguments {
            unwanted.push(self.force(lazy)?);
        }
        let mut kept = Vec::new();
        for term in self.force_items(list)? {
            let mut goes = false;
            for other in &unwanted {
                goes =
                    goes || self.is_named(&term, other) || self.equal(&term, other, call.span)?;
            }
            if !goes {
                kept.push(Lazy::Done(term));
            }
        }
        if kept.len() == list.len() && !unwanted.is_empty() {
            let finding = Diagnostic::warning(Code(906), "`without` removes nothing here")
                .at(call.span, "no item of the list is equal to an argument");
            self.diagnostics.push(finding);
        }
        self.new_list(kept, call.span)
    }

    fn is_named(&self, term: &Term, name: &Term) -> bool {
        let (Term::Object(object), Term::Text(text)) = (term, name) else { return false };
        if self.object(*object).nature != Nature::Element {
            return false;
        }
        let path = self.element_name(*object);
        path == text.as_ref() || path.rsplit('.').next() == Some(text.as_ref())
    }
}
