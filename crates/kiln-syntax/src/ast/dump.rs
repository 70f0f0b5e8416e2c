//! The stable text form of the typed syntax, for tests and for `kiln debug ast`.
//!
//! It reads like kiln with every bracket written: precedence, dedent and escapes are visible.

use super::{
    Arg, Ast, Body, Entry, Expr, ExprId, IfEntry, KeyPart, LetBinding, ListEntry, Name, Otherwise,
    Param, Part, Right, Type, TypeKind,
};
use std::fmt::Write as _;

/// Prints the syntax of a file.
pub(super) fn dump(ast: &Ast) -> String {
    let mut printer = Printer { ast, out: String::new(), depth: 0 };
    if let Some(doc) = &ast.doc {
        printer.text(&format!("##! {doc:?}\n"));
    }
    printer.entries(&ast.entries);
    if let Some(value) = ast.value {
        printer.doc(ast.value_doc.as_ref());
        printer.expr(value);
        printer.text("\n");
    }
    printer.out
}

struct Printer<'a> {
    ast: &'a Ast,
    out: String,
    depth: usize,
}

impl Printer<'_> {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn doc(&mut self, doc: Option<&String>) {
        if let Some(doc) = doc {
            let _ = write!(self.out, "## {doc:?}\n{:width$}", "", width = self.depth * 2);
        }
    }

    fn entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            let _ = write!(self.out, "{:width$}", "", width = self.depth * 2);
            self.entry(entry);
            self.text("\n");
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Field(field) => {
                self.doc(field.doc.as_ref());
                self.separated(".", &field.key, Self::key_part);
                self.signature(field.params.as_deref(), field.annotation.as_ref());
                match &field.right {
                    Right::Set(value) => self.after(" = ", *value),
                    Right::Add(value) => self.after(" += ", *value),
                    Right::Amend(body) => self.body(body),
                    Right::Declared => {}
                }
            }
            Entry::Let(entry) => {
                self.doc(entry.doc.as_ref());
                self.text("let ");
                self.name(&entry.name);
                self.signature(entry.params.as_deref(), entry.annotation.as_ref());
                self.after(" = ", entry.value);
            }
            Entry::Type(entry) => {
                self.doc(entry.doc.as_ref());
                self.text("type ");
                self.name(&entry.name);
                self.text(" = ");
                self.ty(&entry.ty);
                if let Some(condition) = entry.condition {
                    self.after(" where ", condition);
                }
            }
            Entry::If(entry) => self.if_entry(entry),
            Entry::For(entry) => {
                self.text("for ");
                self.binder(&entry.binder);
                self.after(" in ", entry.over);
                self.text(" then");
                self.body(&entry.body);
            }
            Entry::Assert(entry) => {
                self.after("assert ", entry.condition);
                if let Some(message) = entry.message {
                    self.after(", ", message);
                }
            }
            Entry::Spread(entry) => self.after("..", entry.value),
        }
    }

    fn if_entry(&mut self, entry: &IfEntry) {
        self.after("if ", entry.condition);
        self.text(" then");
        self.body(&entry.then);
        match &entry.otherwise {
            Some(Otherwise::Body(body)) => {
                self.text(" else");
                self.body(body);
            }
            Some(Otherwise::If(entry)) => {
                self.text(" else ");
                self.if_entry(entry);
            }
            None => {}
        }
    }

    fn body(&mut self, body: &Body) {
        if body.entries.is_empty() {
            return self.text(" {}");
        }
        self.text(" {\n");
        self.depth += 1;
        self.entries(&body.entries);
        self.depth -= 1;
        let _ = write!(self.out, "{:width$}}}", "", width = self.depth * 2);
    }

    fn after(&mut self, before: &str, value: ExprId) {
        self.text(before);
        self.expr(value);
    }

    fn separated<T>(&mut self, separator: &str, parts: &[T], print: impl Fn(&mut Self, &T)) {
        for (part_ix, part) in parts.iter().enumerate() {
            if part_ix > 0 {
                self.text(separator);
            }
            print(self, part);
        }
    }

    fn key_part(&mut self, part: &KeyPart) {
        match part {
            KeyPart::Name(name) => self.name(name),
            KeyPart::Dynamic(value) => {
                self.after("[", *value);
                self.text("]");
            }
        }
    }

    fn name(&mut self, name: &Name) {
        if name.quoted {
            let _ = write!(self.out, "{:?}", name.text);
        } else {
            self.text(&name.text);
        }
    }

    fn signature(&mut self, params: Option<&[Param]>, annotation: Option<&Type>) {
        if let Some(params) = params {
            self.params(params);
        }
        if let Some(annotation) = annotation {
            self.text(": ");
            self.ty(annotation);
        }
    }

    fn params(&mut self, params: &[Param]) {
        self.text("(");
        self.separated(", ", params, |printer, param| {
            printer.name(&param.name);
            printer.signature(None, param.annotation.as_ref());
            if let Some(default) = param.default {
                printer.after(" = ", default);
            }
        });
        self.text(")");
    }

    fn binder(&mut self, binder: &super::Binder) {
        self.name(&binder.first);
        if let Some(second) = &binder.second {
            self.text(", ");
            self.name(second);
        }
    }

    fn expr(&mut self, id: ExprId) {
        let ast = self.ast;
        match ast.expr(id) {
            Expr::Error => self.text("<error>"),
            Expr::Hole => self.text("..."),
            Expr::Null => self.text("null"),
            Expr::Bool(value) => self.text(if *value { "true" } else { "false" }),
            Expr::Int(value) => self.text(&value.to_string()),
            Expr::Text(parts) => self.string(parts),
            Expr::Path(path) => self.text(&format!("<{path}>")),
            Expr::Name(name) => self.name(name),
            Expr::List(entries) => {
                self.text("[");
                self.separated(", ", entries, Self::list_entry);
                self.text("]");
            }
            Expr::Record(body) => {
                self.text("record");
                self.body(body);
            }
            Expr::Lambda { params, body } => {
                self.text("(");
                self.params(params);
                self.after(" => ", *body);
                self.text(")");
            }
            Expr::Call { callee, args } => {
                self.expr(*callee);
                self.text("(");
                self.separated(", ", args, Self::arg);
                self.text(")");
            }
            Expr::Index { base, index } => {
                self.expr(*base);
                self.after("[", *index);
                self.text("]");
            }
            Expr::Select { base, name, optional } => {
                self.expr(*base);
                self.text(if *optional { "?." } else { "." });
                self.name(name);
            }
            Expr::Amend { base, body } => {
                self.expr(*base);
                self.body(body);
            }
            Expr::Mixin { kind, body } => {
                self.text("mixin ");
                self.separated(".", kind, Self::name);
                self.body(body);
            }
            compound => self.compound(compound),
        }
    }

    /// Prints what needs brackets of its own.
    fn compound(&mut self, expr: &Expr) {
        match expr {
            Expr::Unary { op, operand } => {
                self.text("(");
                self.after(op.symbol(), *operand);
                self.text(")");
            }
            Expr::Binary { op, left, right, .. } => {
                self.after("(", *left);
                self.after(&format!(" {} ", op.symbol()), *right);
                self.text(")");
            }
            Expr::If { condition, then, otherwise } => {
                self.after("(if ", *condition);
                self.after(" then ", *then);
                self.after(" else ", *otherwise);
                self.text(")");
            }
            Expr::Let { bindings, body } => {
                self.text("(let ");
                self.separated(", ", bindings, Self::binding);
                self.after(" in ", *body);
                self.text(")");
            }
            _ => {}
        }
    }

    fn binding(&mut self, binding: &LetBinding) {
        self.name(&binding.name);
        self.signature(binding.params.as_deref(), binding.annotation.as_ref());
        self.after(" = ", binding.value);
    }

    fn string(&mut self, parts: &[Part]) {
        self.text("\"");
        for part in parts {
            match part {
                Part::Text(text) => self.text(&text.escape_debug().to_string()),
                Part::Interpolation { value, indent } => {
                    self.after("%{", *value);
                    let _ = match indent {
                        0 => write!(self.out, "}}"),
                        indent => write!(self.out, " @{indent}}}"),
                    };
                }
            }
        }
        self.text("\"");
    }

    fn arg(&mut self, arg: &Arg) {
        if let Some(name) = &arg.name {
            self.name(name);
            self.text(" = ");
        }
        self.after(if arg.spread { ".." } else { "" }, arg.value);
    }

    fn list_entry(&mut self, entry: &ListEntry) {
        self.after(if entry.spread { ".." } else { "" }, entry.value);
        for clause in &entry.clauses {
            self.text(" for ");
            self.binder(&clause.binder);
            self.after(" in ", clause.over);
        }
        if let Some(guard) = entry.guard {
            self.after(" if ", guard);
        }
    }

    fn ty(&mut self, ty: &Type) {
        match &ty.kind {
            TypeKind::Error => self.text("<error>"),
            TypeKind::Name(names) => self.separated(".", names, Self::name),
            TypeKind::List(inner) => self.bracketed("[", inner, "]"),
            TypeKind::Dict(inner) => self.bracketed("{", inner, "}"),
            TypeKind::Record(fields) => {
                self.text("{ ");
                self.separated(", ", fields, |printer, field| {
                    printer.name(&field.name);
                    printer.text(if field.optional { "?: " } else { ": " });
                    printer.ty(&field.ty);
                });
                self.text(" }");
            }
            TypeKind::Union(members) => {
                self.text("(");
                self.separated(" | ", members, Self::ty);
                self.text(")");
            }
            TypeKind::Optional(inner) => self.bracketed("", inner, "?"),
            TypeKind::TextLiteral(text) => self.text(&format!("{text:?}")),
            TypeKind::IntLiteral(value) => self.text(&value.to_string()),
            TypeKind::Null => self.text("null"),
            TypeKind::Function { params, result } => {
                self.text("((");
                self.separated(", ", params, Self::ty);
                self.text(") -> ");
                self.bracketed("", result, ")");
            }
        }
    }

    fn bracketed(&mut self, open: &str, inner: &Type, close: &str) {
        self.text(open);
        self.ty(inner);
        self.text(close);
    }
}
