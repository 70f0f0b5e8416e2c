//! Expressions.

use super::entry::LONGEST_CHAIN;
use super::{Lower, Separator};
use crate::ast::{
    Arg, BinaryOp, Body, Expr, ExprId, ForClause, KeyPart, LetBinding, ListEntry, Name, Param,
    UnaryOp,
};
use crate::code;
use crate::kind::{Missing, SyntaxKind as K};
use crate::tree::{Node, NodeIx};
use kiln_diag::{Diagnostic, Span};

/// An operand, with the operator at its top unless brackets stand around it.
#[derive(Clone, Copy)]
struct Operand {
    id: ExprId,
    op: Option<(BinaryOp, Span)>,
}

impl Lower<'_> {
    /// Lowers an expression or the place where one is missing.
    pub(super) fn value(&mut self, ix: NodeIx, node: Node) -> ExprId {
        match node.kind {
            K::Expr => self.expr(ix, node),
            _ => self.push(Expr::Error, node),
        }
    }

    /// Lowers the first expression below a node.
    pub(super) fn first_value(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let value = self.parts(ix).find(|(_, node)| matches!(node.kind, K::Expr | K::Lambda));
        match value {
            Some((ix, node)) if node.kind == K::Lambda => self.lambda(ix, node),
            Some((ix, node)) => self.expr(ix, node),
            None => self.push(Expr::Error, node),
        }
    }

    /// Lowers a flat row of operands and operators: the tighter operator takes its operands first.
    pub(super) fn expr(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let mut operands: Vec<Operand> = Vec::new();
        let mut ops: Vec<(BinaryOp, Span)> = Vec::new();
        let mut prefixes: Vec<(UnaryOp, Span)> = Vec::new();
        for (ix, node) in self.parts(ix) {
            if let Some(op) = binary_op(node.kind) {
                while ops.last().is_some_and(|(last, _)| last.precedence() >= op.precedence()) {
                    self.reduce(&mut operands, &mut ops);
                }
                ops.push((op, self.span(node)));
                continue;
            }
            match node.kind {
                K::Negate => prefixes.push((UnaryOp::Negate, self.span(node))),
                K::Not => prefixes.push((UnaryOp::Not, self.span(node))),
                _ => {
                    let id = self.operand(ix, node);
                    let id = self.prefixed(std::mem::take(&mut prefixes), id);
                    operands.push(Operand { id, op: None });
                }
            }
        }
        while !ops.is_empty() {
            self.reduce(&mut operands, &mut ops);
        }
        match operands.pop() {
            Some(operand) => operand.id,
            None => self.push(Expr::Error, node),
        }
    }

    fn prefixed(&mut self, prefixes: Vec<(UnaryOp, Span)>, operand: ExprId) -> ExprId {
        if let Some((_, span)) = prefixes.get(LONGEST_CHAIN) {
            let message = "more than 256 operators in front of one operand";
            self.error(code::DEPTH, message, *span, "here");
            self.help("two of them undo each other");
            return operand;
        }
        prefixes.into_iter().rev().fold(operand, |operand, (op, op_span)| {
            let span = op_span.to(self.ast.span(operand));
            self.ast.push(Expr::Unary { op, operand }, span)
        })
    }

    /// Joins the last two operands by the last operator.
    fn reduce(&mut self, operands: &mut Vec<Operand>, ops: &mut Vec<(BinaryOp, Span)>) {
        let Some((op, op_span)) = ops.pop() else {
            return;
        };
        let (Some(right), Some(left)) = (operands.pop(), operands.pop()) else {
            return;
        };
        let mut chained = false;
        if let Some((first, first_span)) = left.op
            && first.precedence() == op.precedence()
            && matches!(op.precedence(), 4 | 5)
        {
            let found = Diagnostic::error(code::CHAIN, "comparisons do not chain")
                .at(op_span, format!("`{}` compares a Bool", op.symbol()))
                .also(first_span, "the first comparison");
            let left_end = self.ast.span(left.id).end;
            let middle = self.text.get(first_span.end as usize..left_end as usize);
            let middle = middle.unwrap_or_default().trim();
            let place = Span { start: left_end, end: left_end, ..op_span };
            self.diagnostics.push(
                found.help("join two comparisons by `&&`").edit(place, format!(" && {middle}")),
            );
            chained = true;
        }
        let span = self.ast.span(left.id).to(self.ast.span(right.id));
        let binary = if chained {
            // What it would compare is wrong anyway: one finding is enough.
            Expr::Error
        } else {
            Expr::Binary { op, op_span, left: left.id, right: right.id }
        };
        let id = self.ast.push(binary, span);
        operands.push(Operand { id, op: Some((op, op_span)) });
    }

    fn operand(&mut self, ix: NodeIx, node: Node) -> ExprId {
        match node.kind {
            K::Term => self.term(ix, node),
            K::IfExpr => self.if_expr(ix, node),
            K::LetIn => self.let_in(ix, node),
            K::Lambda => self.lambda(ix, node),
            _ => self.push(Expr::Error, node),
        }
    }

    /// Lowers a primary expression and its postfixes.
    fn term(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let mut parts = self.parts(ix);
        let Some((ix, first)) = parts.next() else {
            return self.push(Expr::Error, node);
        };
        let mut base = self.primary(ix, first);
        for (ix, postfix) in parts {
            let expr = match postfix.kind {
                K::Call => Expr::Call { callee: base, args: self.args(ix) },
                K::Index => Expr::Index { base, index: self.first_value(ix, postfix) },
                K::Select => self.select(base, ix),
                K::Amend => Expr::Amend { base, body: self.body(ix, postfix) },
                _ => continue,
            };
            let span = self.ast.span(base).to(self.span(postfix));
            base = self.ast.push(expr, span);
        }
        base
    }

    fn primary(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let expr = match node.kind {
            K::Ident => Expr::Name(self.word(node)),
            K::String => return self.string(ix, node),
            K::Block => return self.block(ix, node),
            K::List => Expr::List(self.list(ix)),
            K::Record => Expr::Record(self.record(ix, node)),
            K::Paren => return self.first_value(ix, node),
            K::Mixin => self.mixin(ix, node),
            K::Number => self.integer(node).map_or(Expr::Error, Expr::Int),
            K::Bool => Expr::Bool(self.text_of(node) == "true"),
            K::Null => Expr::Null,
            K::Path => Expr::Path(self.text_of(node).to_owned()),
            K::Hole => Expr::Hole,
            _ => Expr::Error,
        };
        self.push(expr, node)
    }

    fn body(&mut self, ix: NodeIx, node: Node) -> Body {
        match self.part(ix, K::Record) {
            Some((ix, node)) => self.record(ix, node),
            None => Body { entries: Vec::new(), span: self.span(node) },
        }
    }

    fn mixin(&mut self, ix: NodeIx, node: Node) -> Expr {
        let mut kind = Vec::new();
        if let Some((ix, _)) = self.part(ix, K::TypeName) {
            let words = self.parts(ix).filter(|(_, node)| node.kind == K::Ident);
            kind.extend(words.map(|(_, node)| self.word(node)));
        }
        Expr::Mixin { kind, body: self.body(ix, node) }
    }

    fn select(&mut self, base: ExprId, ix: NodeIx) -> Expr {
        let mut optional = false;
        let mut found = None;
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::SelectDot => optional = self.text_of(node).starts_with('?'),
                K::String => found = Some(self.quoted_name(ix, node)),
                _ => found = Some(self.word(node)),
            }
        }
        match found {
            Some(name) => Expr::Select { base, name, optional },
            None => Expr::Error,
        }
    }

    fn quoted_name(&mut self, ix: NodeIx, node: Node) -> Name {
        let text = self.plain_string(ix);
        if text.is_none() {
            let span = self.span(node);
            self.error(code::NO_NAME, "a name after `.` cannot hold `%{…}`", span, "a plain name");
            self.help("write `[…]` for a key that is computed");
        }
        self.name(&text.unwrap_or_default(), node, true)
    }

    fn args(&mut self, ix: NodeIx) -> Vec<Arg> {
        let mut args = Vec::new();
        let mut before = None;
        for (ix, node) in self.parts(ix).filter(|(_, node)| node.kind == K::Arg) {
            self.separate(before, node, Separator::Comma);
            before = Some(node);
            let mut arg = Arg {
                name: None,
                spread: false,
                value: self.push(Expr::Error, node),
                span: self.span(node),
            };
            for (ix, node) in self.parts(ix) {
                match node.kind {
                    K::Ident | K::Word => arg.name = Some(self.word(node)),
                    K::Spread => {
                        arg.spread = true;
                        arg.value = self.spread(ix, node);
                    }
                    K::Expr | K::Missing(Missing::Value) => arg.value = self.value(ix, node),
                    _ => {}
                }
            }
            args.push(arg);
        }
        args
    }

    /// Lowers the value of `..value`.
    pub(super) fn spread(&mut self, ix: NodeIx, node: Node) -> ExprId {
        self.first_value(ix, node)
    }

    fn list(&mut self, ix: NodeIx) -> Vec<ListEntry> {
        let mut entries = Vec::new();
        let mut before = None;
        for (ix, node) in self.parts(ix).filter(|(_, node)| node.kind == K::ListItem) {
            self.separate(before, node, Separator::CommaOrNewline);
            before = Some(node);
            entries.push(self.list_entry(ix, node));
        }
        entries
    }

    fn list_entry(&mut self, ix: NodeIx, node: Node) -> ListEntry {
        let span = self.span(node);
        let (mut spread, mut value, mut guard) = (false, None, None);
        let mut clauses = Vec::new();
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Spread => {
                    spread = true;
                    value = Some(self.spread(ix, node));
                }
                K::Expr => value = Some(self.expr(ix, node)),
                K::ForIn => {
                    let span = self.span(node);
                    let (binder, over) = self.binder_and_over(ix, span);
                    clauses.push(ForClause { binder, over, span });
                }
                K::Guard => guard = Some(self.first_value(ix, node)),
                _ => {}
            }
        }
        let value = value.unwrap_or_else(|| self.ast.push(Expr::Error, span));
        ListEntry { spread, value, clauses, guard, span }
    }

    fn if_expr(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let mut values = Vec::with_capacity(3);
        for (ix, node) in self.parts(ix) {
            if matches!(node.kind, K::Expr | K::Missing(Missing::Value)) {
                values.push(self.value(ix, node));
            }
        }
        let expr = match values[..] {
            [condition, then, otherwise] => Expr::If { condition, then, otherwise },
            _ => Expr::Error,
        };
        self.push(expr, node)
    }

    /// Lowers `let … in …`.
    pub(super) fn let_in(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let mut bindings = Vec::new();
        let mut body = None;
        let mut before = None;
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Binding => {
                    self.separate(before, node, Separator::CommaOrNewline);
                    before = Some(node);
                    bindings.push(self.binding(ix, node));
                }
                K::Expr | K::Missing(Missing::Value) => body = Some(self.value(ix, node)),
                _ => {}
            }
        }
        let expr = match body {
            Some(body) => Expr::Let { bindings, body },
            None => Expr::Error,
        };
        self.push(expr, node)
    }

    fn binding(&mut self, ix: NodeIx, node: Node) -> LetBinding {
        let span = self.span(node);
        let bound = self.bound(ix);
        let name = match bound.key.into_iter().next() {
            Some(KeyPart::Name(name)) => name,
            _ => Name { text: "".into(), span, quoted: false },
        };
        let value = bound.value.unwrap_or_else(|| self.ast.push(Expr::Error, span));
        LetBinding { name, params: bound.params, annotation: bound.annotation, value, span }
    }

    pub(super) fn lambda(&mut self, ix: NodeIx, node: Node) -> ExprId {
        let params = self.params(ix);
        let body = match self
            .parts(ix)
            .find(|(_, node)| matches!(node.kind, K::Expr | K::Missing(Missing::Value)))
        {
            Some((ix, node)) => self.value(ix, node),
            None => self.push(Expr::Error, node),
        };
        self.push(Expr::Lambda { params, body }, node)
    }

    /// Lowers the parameters below a node.
    pub(super) fn params(&mut self, ix: NodeIx) -> Vec<Param> {
        let mut params = Vec::new();
        let mut before = None;
        for (ix, node) in self.parts(ix).filter(|(_, node)| node.kind == K::Param) {
            self.separate(before, node, Separator::Comma);
            before = Some(node);
            let bound = self.bound(ix);
            if let Some(KeyPart::Name(name)) = bound.key.into_iter().next() {
                let (annotation, default) = (bound.annotation, bound.value);
                params.push(Param { name, annotation, default, span: self.span(node) });
            }
        }
        params
    }
}

fn binary_op(kind: K) -> Option<BinaryOp> {
    Some(match kind {
        K::Coalesce => BinaryOp::Coalesce,
        K::Or => BinaryOp::Or,
        K::And => BinaryOp::And,
        K::Equal => BinaryOp::Equal,
        K::NotEqual => BinaryOp::NotEqual,
        K::Less => BinaryOp::Less,
        K::LessEqual => BinaryOp::LessEqual,
        K::Greater => BinaryOp::Greater,
        K::GreaterEqual => BinaryOp::GreaterEqual,
        K::Concat => BinaryOp::Concat,
        K::Add => BinaryOp::Add,
        K::Subtract => BinaryOp::Subtract,
        K::Multiply => BinaryOp::Multiply,
        K::Divide => BinaryOp::Divide,
        _ => return None,
    })
}
