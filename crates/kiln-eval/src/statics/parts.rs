//! The expressions that stand directly in a body or in another expression.

use crate::code::{Argument, Body, CodeRef, Form, Function, ListPart, Piece};
use std::rc::Rc;

/// Returns the expressions of a body that no item binds.
pub(super) fn aside(body: &Body) -> Vec<CodeRef> {
    let lets = body.lets.iter().map(|slot| &slot.value);
    let tests = body.assertions.iter().map(|assertion| &assertion.test);
    let messages = body.assertions.iter().filter_map(|assertion| assertion.message.as_ref());
    let types = body.types.iter().filter_map(|definition| definition.condition.as_ref());
    lets.chain(&body.conditions).chain(tests).chain(messages).chain(types).map(Rc::clone).collect()
}

/// Returns the expressions that stand directly in another one, bodies aside.
pub(super) fn children(code: &CodeRef) -> Vec<CodeRef> {
    let of_args =
        |args: &[Argument]| args.iter().map(|arg| Rc::clone(&arg.value)).collect::<Vec<_>>();
    match &code.form {
        Form::Interpolation(pieces) => pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Value { code, .. } => Some(Rc::clone(code)),
                Piece::Text(_) => None,
            })
            .collect(),
        Form::List(parts) => parts.iter().flat_map(of_part).collect(),
        Form::Lambda(function) => of_function(function),
        Form::Call { callee, args } => {
            std::iter::once(Rc::clone(callee)).chain(of_args(args)).collect()
        }
        Form::Method { base, args, .. } => {
            std::iter::once(Rc::clone(base)).chain(of_args(args)).collect()
        }
        Form::MakePath { args, .. } | Form::Intrinsic(args) => of_args(args),
        Form::Index { base, index } => vec![Rc::clone(base), Rc::clone(index)],
        Form::Select { base, .. } | Form::Amend { base, .. } | Form::Mixin { kind: base, .. } => {
            vec![Rc::clone(base)]
        }
        Form::AddSuper(value) | Form::Unary { operand: value, .. } => vec![Rc::clone(value)],
        Form::Binary { left, right, .. } => vec![Rc::clone(left), Rc::clone(right)],
        Form::If { condition, then, otherwise } => {
            vec![Rc::clone(condition), Rc::clone(then), Rc::clone(otherwise)]
        }
        Form::Let { slots, body, .. } => {
            let values = slots.iter().map(|slot| Rc::clone(&slot.value));
            values.chain([Rc::clone(body)]).collect()
        }
        _ => Vec::new(),
    }
}

fn of_part(part: &ListPart) -> Vec<CodeRef> {
    let loops = part.loops.iter().map(|head| &head.over);
    loops.chain(&part.guard).chain([&part.value]).map(Rc::clone).collect()
}

fn of_function(function: &Function) -> Vec<CodeRef> {
    let defaults = function.params.iter().filter_map(|param| param.default.as_ref());
    defaults.chain([&function.body]).map(Rc::clone).collect()
}
