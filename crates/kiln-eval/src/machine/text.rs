//! Strings: interpolation, quoting, words.

use super::{Env, Machine, Poison, Term};
use crate::code::{CodeRef, Piece};
use kiln_diag::{Code, Diagnostic, Span};
use std::rc::Rc;

impl Machine {
    /// Joins the parts of a string.
    pub(super) fn interpolate(
        &mut self,
        pieces: &[Piece],
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Value { code, indent } => {
                    let value = self.eval(code, env)?;
                    let part = self.interpolated(&value, code)?;
                    self.allocate(part.len(), span)?;
                    if *indent > 0 && part.contains('\n') {
                        text.push_str(&part.replace('\n', &format!("\n{}", " ".repeat(*indent))));
                    } else {
                        text.push_str(&part);
                    }
                }
            }
        }
        self.allocate(text.len(), span)?;
        Ok(Term::Text(Rc::from(text)))
    }

    fn interpolated(&mut self, value: &Term, code: &CodeRef) -> Result<Rc<str>, Poison> {
        let help = match value {
            Term::Text(text) => return Ok(Rc::clone(text)),
            Term::Int(number) => return Ok(Rc::from(number.to_string())),
            Term::Bool(value) => return Ok(Rc::from(value.to_string())),
            Term::List(_) => "`.words` makes shell words of it, `.join(\" \")` one string",
            Term::Null => "give it a value, or write `%{x ?? \"\"}`",
            Term::Path(_) => "make it a source, or write the text itself",
            Term::Object(_) => {
                "read a field of it: `x.version`; for a field of this element `self.x`"
            }
            Term::Mixin(_) | Term::Function(_) | Term::Intrinsic(_) => "only text can stand here",
        };
        let found = self.describe(value);
        let message = format!("{found} cannot stand in a string");
        Err(self.report(
            Diagnostic::error(Code(205), message)
                .at(code.span, format!("this is {found}"))
                .help(help),
        ))
    }
}

/// Makes one dead shell word: nothing in it is expanded.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Makes one shell word in double quotes; `$` stays alive.
pub(super) fn word(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\' | '`') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{quote, word};

    #[test]
    fn a_quoted_word_is_dead_and_a_word_keeps_the_dollar() {
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(word("a\"b\\c`d $HOME"), "\"a\\\"b\\\\c\\`d $HOME\"");
    }
}
