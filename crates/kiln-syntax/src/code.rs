//! The codes of syntax errors.

use kiln_diag::Code;

/// Text that cannot stand where it stands.
pub(crate) const UNEXPECTED: Code = Code(1);
/// A missing value.
pub(crate) const NO_VALUE: Code = Code(2);
/// Two items on one line without a comma.
pub(crate) const NO_SEPARATOR: Code = Code(3);
/// A bracket that is not closed.
pub(crate) const NOT_CLOSED: Code = Code(4);
/// A string that is not closed.
pub(crate) const STRING_NOT_CLOSED: Code = Code(5);
/// A closing bracket that closes nothing.
pub(crate) const CLOSES_NOTHING: Code = Code(6);
/// A semicolon.
pub(crate) const SEMICOLON: Code = Code(7);
/// A comma too many.
pub(crate) const COMMA: Code = Code(8);
/// An assignment that kiln does not have.
pub(crate) const ASSIGNMENT: Code = Code(9);
/// A number with a point.
pub(crate) const FRACTION: Code = Code(10);
/// Digits that are no number.
pub(crate) const NUMBER: Code = Code(11);
/// An escape that means nothing.
pub(crate) const ESCAPE: Code = Code(12);
/// A key that needs quotes.
pub(crate) const KEY: Code = Code(13);
/// A missing `then`, `else` or `in`.
pub(crate) const NO_WORD: Code = Code(14);
/// A missing block.
pub(crate) const NO_BLOCK: Code = Code(15);
/// A missing or wrong type.
pub(crate) const NO_TYPE: Code = Code(16);
/// A missing or wrong name.
pub(crate) const NO_NAME: Code = Code(17);
/// Nested too deeply.
pub(crate) const DEPTH: Code = Code(18);
/// A file that is neither items nor one expression.
pub(crate) const TWO_VALUES: Code = Code(19);
/// A character that no file may hold.
pub(crate) const CHARACTER: Code = Code(20);
/// A space before the arguments of a call.
pub(crate) const SPACED_CALL: Code = Code(21);
/// A condition behind an item.
pub(crate) const CONDITION: Code = Code(22);
/// Comparisons that chain.
pub(crate) const CHAIN: Code = Code(23);
