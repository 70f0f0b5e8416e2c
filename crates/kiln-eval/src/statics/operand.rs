//! Operators and amends whose operands the text decides.

use super::Statics;
use super::shape::Shape;
use crate::code::CodeRef;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::BinaryOp;

impl Statics<'_> {
    /// Checks the operands of an operator.
    pub(super) fn operator(&mut self, op: BinaryOp, at: Span, left: &CodeRef, right: &CodeRef) {
        let (l, r) = (self.shape(left, 0), self.shape(right, 0));
        if matches!(l, Shape::Unknown) || matches!(r, Shape::Unknown) {
            return;
        }
        let is_int = |shape: &Shape| matches!(shape, Shape::Int(_));
        let is_text = |shape: &Shape| matches!(shape, Shape::Text(_));
        let fine = match op {
            BinaryOp::Add => (is_int(&l) && is_int(&r)) || (is_text(&l) && is_text(&r)),
            BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => is_int(&l) && is_int(&r),
            BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => {
                is_int(&l) && is_int(&r)
            }
            _ => true,
        };
        if fine {
            return;
        }
        let (lt, rt, symbol) = (self.describe(&l), self.describe(&r), op.symbol());
        let mut finding =
            Diagnostic::error(Code(206), format!("`{symbol}` does not take {lt} and {rt}"))
                .at(at, format!("{lt} on the left, {rt} on the right"));
        if op == BinaryOp::Add && matches!((&l, &r), (Shape::List, Shape::List)) {
            finding = finding.help("lists are joined by `++`").edit(at, "++");
        } else if is_text(&l) && is_text(&r) {
            finding = finding.help("versions are compared by `a.older-than(b)`");
        }
        self.report(finding);
    }

    /// Reports what cannot be amended.
    pub(super) fn not_amendable(&mut self, shape: &Shape, span: Span) {
        let found = self.describe(shape);
        let mut finding = Diagnostic::error(Code(303), format!("{found} cannot be amended"))
            .at(span, "`{ … }` amends a record, kind, element or project");
        if matches!(shape, Shape::Mixin(..)) {
            finding = finding.help("apply the mixin inside of a body: `..name`");
        }
        self.report(finding);
    }
}
