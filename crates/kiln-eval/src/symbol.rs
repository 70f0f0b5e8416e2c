//! Interned names: equal texts are equal numbers.

use std::rc::Rc;

/// An interned name; an index into [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Symbol(u32);

/// The names of an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    texts: Vec<Rc<str>>,
    /// Numbers plus one at the place of their hash or behind it; zero is free. At most half is taken.
    table: Vec<u32>,
}

impl Symbols {
    /// Returns the symbol of a text.
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if self.table.len() < 2 * (self.texts.len() + 1) {
            self.grow();
        }
        let place = self.place(text);
        if let Some(known) = self.table[place].checked_sub(1) {
            return Symbol(known);
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("fewer than 2^32 names"));
        self.texts.push(Rc::from(text));
        self.table[place] = symbol.0 + 1;
        symbol
    }

    /// Returns the symbol of a text that was interned before.
    pub(crate) fn find(&self, text: &str) -> Option<Symbol> {
        if self.table.is_empty() {
            return None;
        }
        self.table[self.place(text)].checked_sub(1).map(Symbol)
    }

    /// Returns the text of a symbol.
    pub(crate) fn text(&self, symbol: Symbol) -> &Rc<str> {
        &self.texts[symbol.0 as usize]
    }

    /// Returns the place of a text in the table: taken by it, or free.
    fn place(&self, text: &str) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash(text) & mask;
        while let Some(known) = self.table[place].checked_sub(1) {
            if self.texts[known as usize].as_ref() == text {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        self.table = vec![0; (4 * self.texts.len()).next_power_of_two().max(1024)];
        for ix in 0..self.texts.len() {
            let place = self.place(&Rc::clone(&self.texts[ix]));
            self.table[place] = u32::try_from(ix + 1).expect("fewer than 2^32 names");
        }
    }
}

/// Mixes a text to a number whose low bits are spread; the same on every machine and in every run.
fn hash(text: &str) -> usize {
    let mut state = 0x243f_6a88_85a3_08d3 ^ text.len() as u64;
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 29;
    }
    usize::try_from(state >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Symbols;

    #[test]
    fn equal_texts_are_one_symbol_also_after_growth() {
        let mut symbols = Symbols::default();
        let names: Vec<String> = (0..5_000).map(|n| format!("name-{n}")).collect();
        let first: Vec<_> = names.iter().map(|name| symbols.intern(name)).collect();
        let second: Vec<_> = names.iter().map(|name| symbols.intern(name)).collect();
        assert_eq!(first, second);
        assert_eq!(symbols.text(first[4_321]).as_ref(), "name-4321");
        assert_eq!(symbols.find("name-17"), Some(first[17]));
        assert_eq!(symbols.find("other"), None);
    }
}
