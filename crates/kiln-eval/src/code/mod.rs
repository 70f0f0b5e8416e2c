//! What the evaluator walks: the syntax with every name resolved to where its value comes from.
//!
//! Never: depends on a project instance; one file is compiled once and evaluated in many contexts.

mod body;
mod ty;
mod type_text;

pub(crate) use body::{
    Assertion, Binding, Body, Condition, Entry, EntryForm, KeyIndex, LetSlot, Loop, Mentions,
};
pub(crate) use ty::{TypeDefinition, TypeForm, TypeRef};
pub(crate) use type_text::{record_text, type_text};

use crate::symbol::Symbol;
use kiln_diag::Span;
use kiln_syntax::ast::{BinaryOp, UnaryOp};
use std::rc::Rc;

/// A pair of braces, a parameter list or a folder that names are looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopeId(pub(crate) u32);

impl ScopeId {
    /// The outermost frame of every file: the project instance.
    pub(crate) const PROJECT: Self = Self(0);
    /// Frames that serve `super` only; no name resolves to them.
    pub(crate) const SUPER: Self = Self(1);
    /// Marks the frames of files of the standard library.
    pub(crate) const STDLIB: Self = Self(2);
    /// Bodies that no text holds; no name resolves to them.
    pub(crate) const NOWHERE: Self = Self(u32::MAX);
}

/// An expression with its place.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) form: Form,
}

/// A shared expression: thunks hold it.
pub(crate) type CodeRef = Rc<Expr>;

/// The forms of resolved expressions.
#[derive(Debug)]
pub(crate) enum Form {
    /// Reported before; evaluates to silence.
    Broken,
    Hole,
    Null,
    Bool(bool),
    Int(i64),
    Text(Rc<str>),
    /// Relative to the project root, clean.
    Path(Rc<str>),
    Interpolation(Vec<Piece>),
    /// A parameter, a binder or a name of `let … in`.
    Local {
        scope: ScopeId,
        ix: usize,
    },
    /// A key written in enclosing braces, a file of the folder, a member of the project.
    Field {
        scope: ScopeId,
        symbol: Symbol,
    },
    /// A `let` of enclosing braces.
    BraceLet {
        scope: ScopeId,
        ix: usize,
    },
    /// A field declared by the kind of an enclosing body, but not of those whose key it is.
    Inherited {
        symbol: Symbol,
        not_in: Vec<ScopeId>,
    },
    /// A name of the standard library.
    Prelude(Symbol),
    SelfElement,
    Project,
    Option,
    Machine,
    Super,
    List(Vec<ListPart>),
    Record(Rc<Body>),
    Lambda(Rc<Function>),
    Call {
        callee: CodeRef,
        args: Vec<Argument>,
    },
    /// `base.name(args)`, a method or a call of a field.
    Method {
        base: CodeRef,
        name: Symbol,
        name_span: Span,
        args: Vec<Argument>,
    },
    /// `path(text)`: the folder of the file and the argument.
    MakePath {
        folder: Rc<str>,
        args: Vec<Argument>,
    },
    /// `intrinsic(name, record)`
    Intrinsic(Vec<Argument>),
    Index {
        base: CodeRef,
        index: CodeRef,
    },
    Select {
        base: CodeRef,
        name: Symbol,
        name_span: Span,
        optional: bool,
    },
    Amend {
        base: CodeRef,
        body: Rc<Body>,
    },
    /// `k { … }`: amends what the key held before.
    AmendSuper(Rc<Body>),
    /// `k += v`
    AddSuper(CodeRef),
    Mixin {
        kind: CodeRef,
        body: Rc<Body>,
    },
    Unary {
        op: UnaryOp,
        operand: CodeRef,
    },
    Binary {
        op: BinaryOp,
        op_span: Span,
        left: CodeRef,
        right: CodeRef,
    },
    If {
        condition: CodeRef,
        then: CodeRef,
        otherwise: CodeRef,
    },
    Let {
        scope: ScopeId,
        slots: Vec<LetSlot>,
        body: CodeRef,
    },
}

/// A part of a string.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(Rc<str>),
    Value { code: CodeRef, indent: usize },
}

/// One item of a list.
#[derive(Debug)]
pub(crate) struct ListPart {
    pub(crate) spread: bool,
    pub(crate) value: CodeRef,
    pub(crate) loops: Vec<Loop>,
    pub(crate) guard: Option<CodeRef>,
}

/// One argument of a call.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: Option<Symbol>,
    pub(crate) spread: bool,
    pub(crate) value: CodeRef,
    pub(crate) span: Span,
}

/// A function or lambda.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) scope: ScopeId,
    pub(crate) params: Vec<Parameter>,
    pub(crate) result: Option<TypeRef>,
    pub(crate) body: CodeRef,
    pub(crate) span: Span,
}

/// A parameter of a function.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Symbol,
    pub(crate) ty: Option<TypeRef>,
    pub(crate) default: Option<CodeRef>,
    pub(crate) span: Span,
}
