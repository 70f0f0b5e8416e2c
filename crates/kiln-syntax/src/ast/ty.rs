//! Types as they are written.

use super::Name;
use kiln_diag::Span;

/// A written type and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    pub kind: TypeKind,
    pub span: Span,
}

/// The forms of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// Could not be read; a diagnostic was reported there.
    Error,
    /// A dotted name: `String`, `Element`, `stage.Port`.
    Name(Vec<Name>),
    /// `[T]`
    List(Box<Type>),
    /// `{T}`
    Dict(Box<Type>),
    /// `{ a: T, b?: U }`
    Record(Vec<TypeField>),
    /// `T | U`, two or more.
    Union(Vec<Type>),
    /// `T?`
    Optional(Box<Type>),
    /// `"a"`
    TextLiteral(String),
    /// `1`
    IntLiteral(i64),
    Null,
    /// `(T, U) -> V`
    Function {
        params: Vec<Type>,
        result: Box<Type>,
    },
}

/// A field of a record type.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeField {
    pub name: Name,
    /// `name?: T`
    pub optional: bool,
    pub ty: Type,
    pub span: Span,
}
