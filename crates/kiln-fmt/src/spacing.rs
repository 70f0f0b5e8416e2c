//! Where a blank stands between two tokens of one line.

use kiln_syntax::SyntaxKind as K;

/// A token with the kind of the node it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: K,
    pub(crate) parent: K,
}

/// Returns whether a blank stands between two tokens.
pub(crate) fn is_spaced(left: Place, right: Place) -> bool {
    !(sticks_to_next(left) || sticks_to_last(right))
}

fn sticks_to_next(left: Place) -> bool {
    match left.kind {
        K::LeftParen | K::LeftBracket | K::Dots | K::Negate | K::Not | K::SelectDot | K::Dot => {
            true
        }
        K::LeftBrace => left.parent == K::TypeDict,
        _ => false,
    }
}

fn sticks_to_last(right: Place) -> bool {
    match right.kind {
        K::Comma
        | K::RightParen
        | K::RightBracket
        | K::Colon
        | K::Question
        | K::SelectDot
        | K::Dot => true,
        K::RightBrace => right.parent == K::TypeDict,
        K::LeftParen => matches!(right.parent, K::Call | K::Params),
        K::LeftBracket => right.parent == K::Index,
        _ => false,
    }
}
