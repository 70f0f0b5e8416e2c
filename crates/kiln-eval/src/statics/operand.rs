//! Operators and amends whose operands the text decides.

use super::Statics;
use super::shape::Shape;
use crate::code::{CodeRef, Form};
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::BinaryOp;

impl Statics<'_> {
    /// Checks the operands of an operator.
    pub(super) fn operator(&mut self, op: BinaryOp, at: Span, left: &CodeRef, right: &CodeRef) {
        let (l, r) = (self.shape(left, 0), self.shape(right, 0));
        let is_int = |shape: &Shape| matches!(shape, Shape::Int(_));
        let is_text = |shape: &Shape| matches!(shape, Shape::Text(_));
        // Whatever the other one is: an order is one of Ints.
        let is_version = is_order(op) && (is_text(&l) || is_text(&r));
        if !is_version && (matches!(l, Shape::Unknown) || matches!(r, Shape::Unknown)) {
            return;
        }
        let fine = match op {
            BinaryOp::Add => (is_int(&l) && is_int(&r)) || (is_text(&l) && is_text(&r)),
            BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => is_int(&l) && is_int(&r),
            op if is_order(op) => is_int(&l) && is_int(&r),
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
        } else if is_version {
            finding = finding.help("versions are compared by `a.older-than(b)`");
            if let Some(text) = self.older_than(op, left, right) {
                finding = finding.edit(left.span.to(right.span), text);
            }
        }
        self.report(finding);
    }

    /// Returns a comparison of two versions as a call.
    fn older_than(&self, op: BinaryOp, left: &CodeRef, right: &CodeRef) -> Option<String> {
        let is_whole = |code: &CodeRef| {
            let form = &code.form;
            !matches!(
                form,
                Form::Binary { .. } | Form::If { .. } | Form::Let { .. } | Form::Lambda(_)
            )
        };
        if !is_whole(left) || !is_whole(right) {
            return None;
        }
        let (l, r) = (self.text_at(left.span), self.text_at(right.span));
        match op {
            BinaryOp::Less => Some(format!("{l}.older-than({r})")),
            BinaryOp::Greater => Some(format!("{r}.older-than({l})")),
            BinaryOp::LessEqual => Some(format!("!{r}.older-than({l})")),
            BinaryOp::GreaterEqual => Some(format!("!{l}.older-than({r})")),
            _ => None,
        }
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

fn is_order(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual)
}
