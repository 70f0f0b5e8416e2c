//! Bodies: the bindings between a pair of braces, ready for late binding.

use super::{CodeRef, ScopeId, TypeDefinition, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What stands between a pair of braces (or in a file), with `if` blocks flattened into conditions.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) scope: ScopeId,
    pub(crate) span: Span,
    /// Made for a dotted key: no braces were written, so `self` and inherited fields look through it.
    pub(crate) transparent: bool,
    pub(crate) entries: Vec<Entry>,
    /// The bindings of each written key, in order.
    pub(crate) index: BTreeMap<Symbol, Vec<usize>>,
    pub(crate) lets: Vec<LetSlot>,
    pub(crate) types: Vec<TypeDefinition>,
    pub(crate) conditions: Vec<CodeRef>,
    /// What each condition mentions.
    pub(crate) condition_mentions: Vec<Mentions>,
    pub(crate) assertions: Vec<Assertion>,
    /// Has spreads, computed keys or loops.
    pub(crate) dynamic: bool,
    /// What is dynamic depends on the object itself, so it is made anew for each final object.
    pub(crate) late: bool,
}

/// One item of a body and the conditions it stands under.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) conditions: Rc<[Condition]>,
    pub(crate) form: EntryForm,
}

/// A condition of the body (by index) and the value it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) ix: usize,
    pub(crate) wanted: bool,
}

/// The forms of items.
#[derive(Debug)]
pub(crate) enum EntryForm {
    Binding(Binding),
    /// `[key] = value`
    Keyed {
        key: CodeRef,
        binding: Binding,
    },
    Spread(CodeRef),
    For {
        head: Loop,
        body: Rc<Body>,
    },
}

/// A key and what it is bound to.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) symbol: Symbol,
    pub(crate) key_span: Span,
    /// None for a declaration without a value.
    pub(crate) value: Option<CodeRef>,
    pub(crate) ty: Option<TypeRef>,
    /// The value mentions `super`.
    pub(crate) uses_super: bool,
    pub(crate) mentions: Mentions,
}

/// The names in an expression that may mean fields of the object at hand.
///
/// A value of a kind can be shared by all elements that bind none of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentions {
    pub(crate) symbols: BTreeSet<Symbol>,
    /// The object itself is mentioned, not only its fields.
    pub(crate) is_opaque: bool,
}

impl Mentions {
    /// Adds what another expression mentions.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.symbols.extend(&other.symbols);
        self.is_opaque |= other.is_opaque;
    }
}

/// A `let`: private to its braces.
#[derive(Debug)]
pub(crate) struct LetSlot {
    pub(crate) name: Symbol,
    pub(crate) value: CodeRef,
    pub(crate) ty: Option<TypeRef>,
    pub(crate) span: Span,
    pub(crate) mentions: Mentions,
}

/// `for first, second in over`.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) scope: ScopeId,
    pub(crate) pair: bool,
    pub(crate) over: CodeRef,
}

/// `assert condition, message`
#[derive(Debug)]
pub(crate) struct Assertion {
    pub(crate) conditions: Rc<[Condition]>,
    pub(crate) test: CodeRef,
    pub(crate) message: Option<CodeRef>,
}
