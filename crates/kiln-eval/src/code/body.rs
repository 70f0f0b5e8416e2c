//! Bodies: the bindings between a pair of braces, ready for late binding.

use super::{CodeRef, ScopeId, TypeDefinition, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::collections::BTreeSet;
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
    pub(crate) index: KeyIndex,
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

/// The items that bind each written key.
#[derive(Debug, Default)]
pub(crate) struct KeyIndex {
    /// Sorted.
    pairs: Vec<(Symbol, u32)>,
}

impl KeyIndex {
    /// Makes the index of items in order.
    pub(crate) fn new(entries: &[Entry]) -> Self {
        let symbol = |entry: &Entry| match &entry.form {
            EntryForm::Binding(binding) => Some(binding.symbol),
            _ => None,
        };
        let numbered = (0u32..).zip(entries);
        let mut pairs: Vec<_> =
            numbered.filter_map(|(ix, entry)| Some((symbol(entry)?, ix))).collect();
        pairs.sort_unstable();
        Self { pairs }
    }

    /// Returns the items that bind a key, in order.
    pub(crate) fn get(&self, symbol: Symbol) -> impl DoubleEndedIterator<Item = usize> + use<'_> {
        let from = self.pairs.partition_point(|(key, _)| *key < symbol);
        let rest = &self.pairs[from..];
        let n_found = rest.iter().take_while(|(key, _)| *key == symbol).count();
        rest[..n_found].iter().map(|(_, ix)| *ix as usize)
    }

    /// Returns whether a key is written.
    pub(crate) fn contains(&self, symbol: Symbol) -> bool {
        self.pairs.binary_search_by_key(&symbol, |(key, _)| *key).is_ok()
    }

    /// Returns all keys, sorted, and whether one of their items is of some.
    pub(crate) fn keys_within(
        &self,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = Symbol> + use<'_> {
        let mut last = None;
        let within = self.pairs.iter().filter(move |(_, ix)| range.contains(&(*ix as usize)));
        within.filter_map(move |(key, _)| {
            let is_new = last.replace(*key) != Some(*key);
            is_new.then_some(*key)
        })
    }

    /// Returns all keys, sorted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Symbol> + use<'_> {
        self.keys_within(0..usize::MAX)
    }
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

impl EntryForm {
    /// Returns the binding of an item, if it is one.
    pub(crate) fn binding(&self) -> Option<&Binding> {
        match self {
            Self::Binding(binding) | Self::Keyed { binding, .. } => Some(binding),
            Self::Spread(_) | Self::For { .. } => None,
        }
    }
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
