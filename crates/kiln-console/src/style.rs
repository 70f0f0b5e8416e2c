//! How a terminal is written to: colours, characters, width; decided by whoever knows the terminal.

use std::fmt;

/// What may be written to the terminal at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used; nothing is ever said by colour alone.
    pub color: bool,
    /// Whether characters beyond ASCII may be used.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Error,
    Warning,
    Good,
    Note,
    Faint,
}

impl Style {
    /// No colours, ASCII, 80 columns: for files and for terminals that nothing is known of.
    pub const PLAIN: Self = Self { color: false, unicode: false, width: 80 };

    pub(crate) fn paint(self, paint: Paint, text: impl fmt::Display) -> String {
        if !self.color {
            return text.to_string();
        }
        let code = match paint {
            Paint::Error => "1;31",
            Paint::Warning => "1;33",
            Paint::Good => "1;32",
            Paint::Note => "1;36",
            Paint::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Joins the parts of a line that stand beside each other.
    pub(crate) fn join(self, parts: &[String]) -> String {
        parts.join(if self.unicode { " \u{b7} " } else { ", " })
    }

    pub(crate) fn cross(self) -> &'static str {
        if self.unicode { "\u{2717}" } else { "x" }
    }

    pub(crate) fn times(self) -> &'static str {
        if self.unicode { "\u{d7}" } else { "x" }
    }

    pub(crate) fn bar(self) -> &'static str {
        if self.unicode { "\u{2502}" } else { "|" }
    }

    pub(crate) fn ellipsis(self) -> &'static str {
        if self.unicode { "\u{2026}" } else { "..." }
    }
}
