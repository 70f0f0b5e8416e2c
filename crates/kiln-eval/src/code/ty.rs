//! Types with their names resolved.

use super::{CodeRef, ScopeId};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::rc::Rc;

/// A shared type.
pub(crate) type TypeRef = Rc<TypeForm>;

/// The forms of types.
#[derive(Debug)]
pub(crate) enum TypeForm {
    /// Also what could not be read or resolved: it silences.
    Any,
    Null,
    Bool,
    Int,
    Text,
    Path,
    Script,
    TextLiteral(Rc<str>),
    IntLiteral(i64),
    Function {
        params: Vec<TypeRef>,
        result: TypeRef,
    },
    List(TypeRef),
    Dict(TypeRef),
    Record(Vec<(Symbol, bool, TypeRef)>),
    Union(Vec<TypeRef>),
    /// A kind of the standard library.
    Kind(Symbol),
    /// A kind that the user defined: evaluates to it.
    Value {
        code: CodeRef,
        name: Rc<str>,
    },
    /// A `type` of enclosing braces.
    Defined {
        scope: ScopeId,
        ix: usize,
        name: Symbol,
    },
}

/// `type Name = T where condition`
#[derive(Debug)]
pub(crate) struct TypeDefinition {
    pub(crate) name: Symbol,
    /// Where the name stands.
    pub(crate) span: Span,
    pub(crate) ty: TypeRef,
    pub(crate) condition: Option<CodeRef>,
}
