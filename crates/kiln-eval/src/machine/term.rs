//! Values in weak head normal form, and what becomes one when it is forced.

use super::object::ObjectId;
use super::{Env, FrameId, ThunkId};
use crate::code::{Body, CodeRef, Function, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::rc::Rc;

/// The mark of a failure that was reported: it silences what depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poison;

/// A forced value; its parts may still be lazy.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    Null,
    Bool(bool),
    Int(i64),
    Text(Rc<str>),
    /// Relative to the project root.
    Path(Rc<str>),
    List(Rc<[Lazy]>),
    /// Records, kinds, elements, sources, steps, platforms, projects.
    Object(ObjectId),
    Mixin(Rc<Mixin>),
    Function(Rc<Closure>),
    /// What kiln itself does: `intrinsic(name, record)`.
    Intrinsic(Rc<Intrinsic>),
}

impl Term {
    /// Returns whether two values are one: not only equal, but made once.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Text(one), Self::Text(other)) | (Self::Path(one), Self::Path(other)) => {
                Rc::ptr_eq(one, other)
            }
            (Self::List(one), Self::List(other)) => Rc::ptr_eq(one, other),
            (Self::Object(one), Self::Object(other)) => one == other,
            (Self::Mixin(one), Self::Mixin(other)) => Rc::ptr_eq(one, other),
            (Self::Function(one), Self::Function(other)) => Rc::ptr_eq(one, other),
            (Self::Intrinsic(one), Self::Intrinsic(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// A step of kiln's own.
#[derive(Debug)]
pub(crate) struct Intrinsic {
    pub(crate) name: Rc<str>,
    pub(crate) record: ObjectId,
}

/// A body as a value.
#[derive(Debug)]
pub(crate) struct Mixin {
    pub(crate) body: Rc<Body>,
    pub(crate) frame: FrameId,
    /// What it may be applied to.
    pub(crate) kind: CodeRef,
}

/// A function and where it was written.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) function: Rc<Function>,
    pub(crate) frame: FrameId,
    /// The function types that it was taken for: each call keeps to them.
    pub(crate) promises: Vec<Promise>,
}

/// A function type and the frame that it is read in.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) params: Vec<TypeRef>,
    pub(crate) result: TypeRef,
    pub(crate) frame: FrameId,
}

/// A value, or a thunk that becomes one.
#[derive(Clone, Debug)]
pub(crate) enum Lazy {
    Done(Term),
    Later(ThunkId),
}

/// A name that a thunk's value is bound to, its type and the frame the type is read in.
#[derive(Clone, Debug)]
pub(crate) struct NamedSlot {
    pub(crate) name: Symbol,
    pub(crate) ty: Option<TypeRef>,
    pub(crate) span: Span,
}

/// The state of a thunk.
#[derive(Clone, Debug)]
pub(super) enum ThunkState {
    Todo {
        code: CodeRef,
        env: Env,
        slot: Option<NamedSlot>,
    },
    /// A field of another object, copied.
    Field(ObjectId, Symbol, Span),
    Busy,
    Done(Term),
    Failed,
}
