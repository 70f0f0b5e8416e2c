//! Types.

use super::{Lower, Separator};
use crate::ast::{Name, Type, TypeField, TypeKind};
use crate::code;
use crate::kind::{Missing, SyntaxKind as K};
use crate::tree::{Node, NodeIx};
use kiln_diag::Span;

/// Returns the type that stands for one that could not be read.
pub(super) fn unread(span: Span) -> Type {
    Type { kind: TypeKind::Error, span }
}

impl Lower<'_> {
    /// Lowers `: T`.
    pub(super) fn annotation(&mut self, ix: NodeIx, node: Node) -> Type {
        match self
            .parts(ix)
            .find(|(_, node)| matches!(node.kind, K::Type | K::Missing(Missing::Type)))
        {
            Some((ix, node)) => self.ty(ix, node),
            None => unread(self.span(node)),
        }
    }

    /// Lowers a type or the place where one is missing.
    pub(super) fn ty(&mut self, ix: NodeIx, node: Node) -> Type {
        let span = self.span(node);
        let mut members = Vec::new();
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::TypeOne => members.push(self.ty_one(ix, node)),
                K::Missing(Missing::Type) => members.push(unread(self.span(node))),
                _ => {}
            }
        }
        match members.len() {
            0 => unread(span),
            1 => members.remove(0),
            _ => Type { kind: TypeKind::Union(members), span },
        }
    }

    fn ty_one(&mut self, ix: NodeIx, node: Node) -> Type {
        let span = self.span(node);
        let mut inner = unread(span);
        for (ix, node) in self.parts(ix) {
            if node.kind == K::Question {
                inner = Type { kind: TypeKind::Optional(Box::new(inner)), span };
            } else {
                inner = Type { kind: self.ty_kind(ix, node), span: self.span(node) };
            }
        }
        inner
    }

    fn ty_kind(&mut self, ix: NodeIx, node: Node) -> TypeKind {
        match node.kind {
            K::TypeName => {
                let words = self.parts(ix).filter(|(_, node)| node.kind == K::Ident);
                let words: Vec<Name> = words.map(|(_, node)| self.word(node)).collect();
                if words.last().is_some_and(|last| !last.is_capital()) {
                    return self.no_type(node);
                }
                TypeKind::Name(words)
            }
            K::TypeList => TypeKind::List(Box::new(self.inner_type(ix, node))),
            K::TypeDict => self.dict_or_record(ix, node),
            K::TypeParen => self.group_or_function(ix, node),
            K::String => self.literal(ix, node),
            K::Number => self.integer(node).map_or(TypeKind::Error, TypeKind::IntLiteral),
            K::Null => TypeKind::Null,
            _ => TypeKind::Error,
        }
    }

    /// Reports a name that no type has.
    fn no_type(&mut self, node: Node) -> TypeKind {
        let (span, text) = (self.span(node), self.text_of(node));
        self.error(
            code::NO_TYPE,
            format!("`{text}` is no type"),
            span,
            "types begin with a capital",
        );
        self.help(format!("`key: Type` declares a field; a value is set by `key = {text}`"));
        TypeKind::Error
    }

    fn literal(&mut self, ix: NodeIx, node: Node) -> TypeKind {
        if let Some(text) = self.plain_string(ix) {
            return TypeKind::TextLiteral(text);
        }
        let span = self.span(node);
        self.error(code::NO_TYPE, "a type cannot hold `%{…}`", span, "a plain string");
        self.help("write the text itself, or `String`");
        TypeKind::Error
    }

    fn inner_type(&mut self, ix: NodeIx, node: Node) -> Type {
        match self.part(ix, K::Type) {
            Some((ix, node)) => self.ty(ix, node),
            None => unread(self.span(node)),
        }
    }

    fn dict_or_record(&mut self, ix: NodeIx, node: Node) -> TypeKind {
        if self.part(ix, K::TypeField).is_none() {
            return TypeKind::Dict(Box::new(self.inner_type(ix, node)));
        }
        let mut before = None;
        let mut fields = Vec::new();
        for (ix, node) in self.parts(ix).filter(|(_, node)| node.kind == K::TypeField) {
            self.separate(before, node, Separator::CommaOrNewline);
            before = Some(node);
            fields.push(self.type_field(ix, node));
        }
        TypeKind::Record(fields)
    }

    fn type_field(&mut self, ix: NodeIx, node: Node) -> TypeField {
        let span = self.span(node);
        let mut name = self.name("", node, false);
        let mut optional = false;
        let mut ty = unread(span);
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Word => name = self.word(node),
                K::String => {
                    let text = self.plain_string(ix).unwrap_or_default();
                    name = self.name(&text, node, true);
                }
                K::Question => optional = true,
                K::Type | K::Missing(Missing::Type) => ty = self.ty(ix, node),
                _ => {}
            }
        }
        TypeField { name, optional, ty, span }
    }

    fn group_or_function(&mut self, ix: NodeIx, node: Node) -> TypeKind {
        let mut params = Vec::new();
        let mut result = None;
        let mut arrow = false;
        for (ix, node) in self.parts(ix) {
            match node.kind {
                K::Arrow => arrow = true,
                K::Type | K::Missing(Missing::Type) if arrow => {
                    result = Some(Box::new(self.ty(ix, node)));
                }
                K::Type => params.push(self.ty(ix, node)),
                _ => {}
            }
        }
        if let Some(result) = result {
            return TypeKind::Function { params, result };
        }
        if params.len() == 1 {
            return params.remove(0).kind;
        }
        let span = self.span(node);
        self.error(code::NO_TYPE, "brackets hold one type here", span, "not one type");
        self.help("`(T)` groups, `(T, U) -> V` is a function, `{ a: T, b: U }` a record");
        TypeKind::Error
    }
}
