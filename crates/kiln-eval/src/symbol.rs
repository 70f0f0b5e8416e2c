//! Interned names: equal texts are equal numbers.

use std::collections::BTreeMap;
use std::rc::Rc;

/// An interned name; an index into [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Symbol(u32);

/// The names of an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    texts: Vec<Rc<str>>,
    numbers: BTreeMap<Rc<str>, Symbol>,
}

impl Symbols {
    /// Returns the symbol of a text.
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.numbers.get(text) {
            return *symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("fewer than 2^32 names"));
        let text: Rc<str> = Rc::from(text);
        self.texts.push(Rc::clone(&text));
        self.numbers.insert(text, symbol);
        symbol
    }

    /// Returns the symbol of a text that was interned before.
    pub(crate) fn find(&self, text: &str) -> Option<Symbol> {
        self.numbers.get(text).copied()
    }

    /// Returns the text of a symbol.
    pub(crate) fn text(&self, symbol: Symbol) -> &Rc<str> {
        &self.texts[symbol.0 as usize]
    }
}
