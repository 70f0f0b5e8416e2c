//! Operators, conditions and equality.

use super::object::{Nature, ObjectId};
use super::{Env, Lazy, Machine, Poison, Term};
use crate::code::{CodeRef, TypeForm};
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::{BinaryOp, UnaryOp};
use std::rc::Rc;

impl Machine {
    /// Returns the truth of a condition.
    pub(super) fn truth(&mut self, value: &Term, span: Span) -> Result<bool, Poison> {
        if let Term::Bool(value) = value {
            return Ok(*value);
        }
        let found = self.describe(value);
        Err(self.report(
            Diagnostic::error(Code(201), format!("a condition is a Bool, not {found}"))
                .at(span, format!("this is {found}"))
                .help(crate::mend::condition(&found)),
        ))
    }

    pub(super) fn unary(
        &mut self,
        op: UnaryOp,
        operand: &CodeRef,
        env: Env,
    ) -> Result<Term, Poison> {
        let value = self.eval(operand, env)?;
        match (op, value) {
            (UnaryOp::Not, value) => self.truth(&value, operand.span).map(|v| Term::Bool(!v)),
            (UnaryOp::Negate, Term::Int(value)) => match value.checked_neg() {
                Some(value) => Ok(Term::Int(value)),
                None => Err(self.overflow(operand.span)),
            },
            (UnaryOp::Negate, other) => {
                let found = self.describe(&other);
                Err(self.report(
                    Diagnostic::error(Code(206), format!("`-` takes an Int, not {found}"))
                        .at(operand.span, format!("this is {found}")),
                ))
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &CodeRef,
        right: &CodeRef,
        env: Env,
    ) -> Result<Term, Poison> {
        match op {
            BinaryOp::Coalesce => match self.eval_or_missing(left, env)? {
                None | Some(Term::Null) => self.eval(right, env),
                Some(value) => Ok(value),
            },
            BinaryOp::Or | BinaryOp::And => {
                let first = self.eval(left, env)?;
                let first = self.truth(&first, left.span)?;
                if first == (op == BinaryOp::Or) {
                    return Ok(Term::Bool(first));
                }
                let second = self.eval(right, env)?;
                self.truth(&second, right.span).map(Term::Bool)
            }
            BinaryOp::Equal | BinaryOp::NotEqual => {
                let first = self.eval(left, env)?;
                let second = self.eval(right, env)?;
                let equal = self.equal(&first, &second, op_span)?;
                Ok(Term::Bool(equal == (op == BinaryOp::Equal)))
            }
            _ => {
                let first = self.eval(left, env)?;
                let second = self.eval(right, env)?;
                self.strict(op, op_span, first, second, left.span.to(right.span))
            }
        }
    }

    fn strict(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: Term,
        right: Term,
        span: Span,
    ) -> Result<Term, Poison> {
        match (op, left, right) {
            (BinaryOp::Concat, Term::List(left), Term::List(right)) => {
                self.concat(&left, &right, span)
            }
            (BinaryOp::Add, Term::Text(left), Term::Text(right)) => {
                self.allocate(left.len() + right.len(), span)?;
                Ok(Term::Text(Rc::from(format!("{left}{right}"))))
            }
            (op, Term::Int(left), Term::Int(right)) => self.arithmetic(op, op_span, left, right),
            (op, left, right) => {
                let (left, right) = (self.describe(&left), self.describe(&right));
                let symbol = op.symbol();
                let message = format!("`{symbol}` does not take {left} and {right}");
                let finding = Diagnostic::error(Code(206), message)
                    .at(op_span, format!("{left} on the left, {right} on the right"));
                Err(self.report(with_help(finding, op, op_span, (&left, &right))))
            }
        }
    }

    fn arithmetic(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: i64,
        right: i64,
    ) -> Result<Term, Poison> {
        let number = match op {
            BinaryOp::Add => left.checked_add(right),
            BinaryOp::Subtract => left.checked_sub(right),
            BinaryOp::Multiply => left.checked_mul(right),
            BinaryOp::Divide if right == 0 => {
                return Err(self.report(
                    Diagnostic::error(Code(406), "division by zero").at(op_span, "by 0 here"),
                ));
            }
            BinaryOp::Divide => floor_division(left, right),
            BinaryOp::Less => return Ok(Term::Bool(left < right)),
            BinaryOp::LessEqual => return Ok(Term::Bool(left <= right)),
            BinaryOp::Greater => return Ok(Term::Bool(left > right)),
            BinaryOp::GreaterEqual => return Ok(Term::Bool(left >= right)),
            _ => {
                return Err(self.report(
                    Diagnostic::error(
                        Code(206),
                        format!("`{}` does not take an Int and an Int", op.symbol()),
                    )
                    .at(op_span, "an Int on both sides"),
                ));
            }
        };
        match number {
            Some(number) => Ok(Term::Int(number)),
            None => Err(self.overflow(op_span)),
        }
    }

    fn overflow(&mut self, span: Span) -> Poison {
        self.report(
            Diagnostic::error(Code(406), "the number does not fit into 64 bits")
                .at(span, "overflows here"),
        )
    }

    /// Joins two lists.
    pub(super) fn concat(
        &mut self,
        left: &[Lazy],
        right: &[Lazy],
        span: Span,
    ) -> Result<Term, Poison> {
        self.new_list(left.iter().chain(right).cloned().collect(), span)
    }

    /// `k += v`: adds to what the key held before.
    pub(super) fn add_super(&mut self, code: &CodeRef, env: Env) -> Result<Term, Poison> {
        let (object, symbol, before) = self.super_value(env, code.span)?;
        let declaration = self.declaration(object, symbol)?;
        let is_script =
            declaration.as_ref().is_some_and(|d| matches!(d.ty.as_ref(), TypeForm::Script));
        let value = self.eval(code, env)?;
        let Some(before) = before else {
            let is_typed_dict = self.object(object).content.is_some();
            let can_start = matches!(value, Term::List(_) | Term::Text(_) | Term::Int(_));
            if is_typed_dict && can_start {
                return Ok(value);
            }
            let key = self.text(symbol);
            let owner = self.object_name(object);
            return Err(self.report(
                Diagnostic::error(Code(302), format!("`{key}` of {owner} has no earlier value"))
                    .at(code.span, "nothing to add to")
                    .help(format!("write `{key} = …`")),
            ));
        };
        match (before, value) {
            (Term::List(before), Term::List(added)) => self.concat(&before, &added, code.span),
            (Term::List(before), added @ Term::Text(_)) if is_script => {
                self.concat(&before, &[Lazy::Done(added)], code.span)
            }
            (Term::Object(_), _) => {
                let key = self.text(symbol);
                Err(self.report(
                    Diagnostic::error(
                        Code(303),
                        format!("`+=` does not extend the record `{key}`"),
                    )
                    .at(code.span, "a record is extended by a block")
                    .help(format!("write `{key} {{ … }}`")),
                ))
            }
            (before @ (Term::Text(_) | Term::Int(_)), added) => {
                self.strict(BinaryOp::Add, code.span, before, added, code.span)
            }
            (before, added) => {
                let (before, added) = (self.describe(&before), self.describe(&added));
                let key = self.text(symbol);
                let mut finding =
                    Diagnostic::error(Code(206), format!("`{key}` is {before}, `+=` adds {added}"))
                        .at(code.span, format!("this is {added}"));
                if before == "a list" {
                    finding = finding.help("put it in brackets: `+= [x]`");
                }
                Err(self.report(finding))
            }
        }
    }

    /// Compares two values: structural on data, by identity on elements.
    pub(super) fn equal(&mut self, left: &Term, right: &Term, span: Span) -> Result<bool, Poison> {
        self.spend(1, span)?;
        match (left, right) {
            (Term::Function(_) | Term::Mixin(_), _) | (_, Term::Function(_) | Term::Mixin(_)) => {
                Err(self.report(
                    Diagnostic::error(Code(206), "functions and mixins cannot be compared")
                        .at(span, "compared here"),
                ))
            }
            (Term::Null, Term::Null) => Ok(true),
            (Term::Bool(left), Term::Bool(right)) => Ok(left == right),
            (Term::Int(left), Term::Int(right)) => Ok(left == right),
            (Term::Text(left), Term::Text(right)) | (Term::Path(left), Term::Path(right)) => {
                Ok(left == right)
            }
            (Term::List(left), Term::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                self.enter(span)?;
                let equal = self.equal_items(left, right, span);
                self.leave();
                equal
            }
            (Term::Object(left), Term::Object(right)) => {
                self.enter(span)?;
                let equal = self.equal_objects(*left, *right, span);
                self.leave();
                equal
            }
            _ => Ok(false),
        }
    }

    fn equal_items(&mut self, left: &[Lazy], right: &[Lazy], span: Span) -> Result<bool, Poison> {
        for (left, right) in left.iter().zip(right) {
            let (left, right) = (self.force(left)?, self.force(right)?);
            if !self.equal(&left, &right, span)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_objects(
        &mut self,
        left: ObjectId,
        right: ObjectId,
        span: Span,
    ) -> Result<bool, Poison> {
        if left == right {
            return Ok(true);
        }
        let natures = (self.object(left).nature, self.object(right).nature);
        let by_identity = |nature| matches!(nature, Nature::Element | Nature::Project);
        if by_identity(natures.0) || by_identity(natures.1) {
            return Ok(false);
        }
        let same_kind = self.object(left).kind == self.object(right).kind;
        let keys = self.keys(left)?;
        if !same_kind || keys != self.keys(right)? {
            return Ok(false);
        }
        for key in keys {
            let (first, second) = (self.field(left, key, span)?, self.field(right, key, span)?);
            let (Some(first), Some(second)) = (first, second) else { return Ok(false) };
            if !self.equal(&first, &second, span)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Adds what was probably meant by an operator between values that it does not take.
fn with_help(
    finding: Diagnostic,
    op: BinaryOp,
    op_span: Span,
    (left, right): (&str, &str),
) -> Diagnostic {
    use BinaryOp::{Add, Concat, Greater, GreaterEqual, Less, LessEqual};
    let is = |one: &str| left == one && right == one;
    match op {
        Add if is("a list") => finding.help("lists are joined by `++`").edit(op_span, "++"),
        Add if is("a record") => finding.help("write `{ ..a, ..b }`, or amend one: `a { … }`"),
        Add if left == "a list" => {
            finding.help("lists are joined by `++`, one item in brackets: `xs ++ [x]`")
        }
        Add if right == "a list" => {
            finding.help("lists are joined by `++`, one item in brackets: `[x] ++ xs`")
        }
        Add if [left, right].contains(&"a String") => {
            finding.help("a number or a Bool is put into a string: `\"a%{x}\"`")
        }
        Concat if is("a String") => finding.help("strings are joined by `+`").edit(op_span, "+"),
        Concat if is("a record") => finding.help("write `{ ..a, ..b }`, or amend one: `a { … }`"),
        Concat if left == "a list" => finding.help("one item is joined in brackets: `xs ++ [x]`"),
        Less | LessEqual | Greater | GreaterEqual if left == "a String" => {
            finding.help("versions are compared by `a.older-than(b)`")
        }
        _ => finding,
    }
}

/// Divides and rounds down.
fn floor_division(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    let inexact = left % right != 0;
    Some(if inexact && (left < 0) != (right < 0) { quotient - 1 } else { quotient })
}
