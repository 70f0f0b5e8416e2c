//! Methods of lists.

use super::call::Arguments;
use super::method::MethodCall;
use super::object::Nature;
use super::{Env, FrameId, Lazy, Machine, NamePath, Poison, Term, text};
use crate::mend;
use crate::methods::OF_LIST;
use kiln_diag::{Code, Diagnostic, Span, nearest};
use std::cmp::Ordering;
use std::rc::Rc;

/// Lists of at most so many items are told whole.
const FEW_ITEMS: usize = 8;

impl Machine {
    pub(super) fn list_method(
        &mut self,
        list: &Rc<[Lazy]>,
        call: &MethodCall,
    ) -> Result<Term, Poison> {
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
            _ => Err(self.unknown_method(call, "list", OF_LIST)),
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
                            .at(call.name_span, "the list is empty")
                            .help("where it may be empty: `if xs.len > 0 then … else …`, or `xs[0] ?? …`"),
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
        let env = Env { frame: FrameId::OUTERMOST, name: NamePath::ROOT };
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
                "map" => kept.push(self.settled(value)),
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
            let message = format!("`{}` orders a list of Strings or of Ints only", call.name);
            return Err(self
                .report(Diagnostic::error(Code(201), message).at(call.name_span, "called here")));
        }
        keyed.sort_by(|(left, _), (right, _)| match (left, right) {
            (Term::Text(left), Term::Text(right)) => left.cmp(right),
            (Term::Int(left), Term::Int(right)) => left.cmp(right),
            _ => Ordering::Equal,
        });
        let sorted = keyed.into_iter().map(|(_, value)| self.settled(value)).collect();
        self.new_list(sorted, call.span)
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
        let kept = kept.into_iter().map(|value| self.settled(value)).collect();
        self.new_list(kept, call.span)
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
                kept.push(self.settled(term));
            }
        }
        if kept.len() == list.len() && !unwanted.is_empty() {
            self.warn_without_nothing(&kept, &unwanted, call);
        }
        self.new_list(kept, call.span)
    }

    /// Warns that no item is equal to an argument, with the items that are near or, where they are few, all of them.
    fn warn_without_nothing(&mut self, list: &[Lazy], unwanted: &[Term], call: &MethodCall) {
        let texts = list.iter().filter_map(|item| match item {
            Lazy::Done(Term::Text(text)) => Some(text.as_ref()),
            _ => None,
        });
        let texts: Vec<&str> = texts.collect();
        let near = unwanted.iter().zip(&call.arguments).find_map(|(term, (_, span))| match term {
            Term::Text(text) => Some((*nearest(text, texts.iter().copied()).first()?, *span)),
            _ => None,
        });
        let finding = Diagnostic::warning(Code(906), "`without` removes nothing here")
            .at(call.span, "no item of the list is equal to an argument");
        let finding = match near {
            Some((near, span)) => {
                finding.help(format!("did you mean \"{near}\"?")).edit(span, mend::quoted(near))
            }
            None if list.is_empty() => finding.help("remove the call: the list is empty"),
            None if texts.len() == list.len() && texts.len() <= FEW_ITEMS => {
                let items: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
                finding.help(format!("the list has {}", items.join(", ")))
            }
            None => finding.help("correct the argument, or remove the call"),
        };
        self.diagnostics.push(finding);
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
