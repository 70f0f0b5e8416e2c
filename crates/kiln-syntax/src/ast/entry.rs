//! Items of records and files.

use super::{ExprId, Name, Param, Type};
use kiln_diag::Span;

/// The items between a pair of braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub entries: Vec<Entry>,
    /// From brace to brace.
    pub span: Span,
}

/// One item of a record or file.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Field(Field),
    Let(LetEntry),
    Type(TypeEntry),
    If(IfEntry),
    For(ForEntry),
    Assert(AssertEntry),
    Spread(SpreadEntry),
}

impl Entry {
    /// Returns where the item stands, without its documentation.
    pub fn span(&self) -> Span {
        match self {
            Self::Field(entry) => entry.span,
            Self::Let(entry) => entry.span,
            Self::Type(entry) => entry.span,
            Self::If(entry) => entry.span,
            Self::For(entry) => entry.span,
            Self::Assert(entry) => entry.span,
            Self::Spread(entry) => entry.span,
        }
    }
}

/// `key = value`, `key += value`, `key { … }`, `key: Type`, `key(params): Type = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The `##` lines before it, without their marks.
    pub doc: Option<String>,
    /// The dotted key; empty only if it could not be read.
    pub key: Vec<KeyPart>,
    /// With parameters the field is a function.
    pub params: Option<Vec<Param>>,
    pub annotation: Option<Type>,
    pub right: Right,
    pub span: Span,
}

/// One part of a dotted key.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyPart {
    /// A written name, quoted or not.
    Name(Name),
    /// `[e]`, or a quoted key with an interpolation: known only when evaluated.
    Dynamic(ExprId),
}

/// What a key is bound to.
#[derive(Clone, Debug, PartialEq)]
pub enum Right {
    /// `= value`
    Set(ExprId),
    /// `+= value`
    Add(ExprId),
    /// `{ … }`: amends the earlier value.
    Amend(Body),
    /// Nothing: `name: Type`.
    Declared,
}

/// `let name(params): Type = value` among items; the name is private to its braces.
#[derive(Clone, Debug, PartialEq)]
pub struct LetEntry {
    pub doc: Option<String>,
    pub name: Name,
    pub params: Option<Vec<Param>>,
    pub annotation: Option<Type>,
    pub value: ExprId,
    pub span: Span,
}

/// `type Name = Type where (x) => condition`
#[derive(Clone, Debug, PartialEq)]
pub struct TypeEntry {
    pub doc: Option<String>,
    pub name: Name,
    pub ty: Type,
    /// The lambda after `where`.
    pub condition: Option<ExprId>,
    pub span: Span,
}

/// `if condition then { … } else { … }` among items.
#[derive(Clone, Debug, PartialEq)]
pub struct IfEntry {
    pub condition: ExprId,
    pub then: Body,
    pub otherwise: Option<Otherwise>,
    pub span: Span,
}

/// What follows `else` among items.
#[derive(Clone, Debug, PartialEq)]
pub enum Otherwise {
    Body(Body),
    If(Box<IfEntry>),
}

/// `for x in over then { … }` in a dict.
#[derive(Clone, Debug, PartialEq)]
pub struct ForEntry {
    pub binder: Binder,
    pub over: ExprId,
    pub body: Body,
    pub span: Span,
}

/// `x`, or `k, v` over a dict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binder {
    pub first: Name,
    pub second: Option<Name>,
}

/// `assert condition, message`
#[derive(Clone, Debug, PartialEq)]
pub struct AssertEntry {
    pub condition: ExprId,
    pub message: Option<ExprId>,
    pub span: Span,
}

/// `..value` among items.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadEntry {
    pub value: ExprId,
    pub span: Span,
}
