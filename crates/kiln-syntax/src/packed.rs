//! Parsed texts in little room: what evaluation needs of them, to be kept or to be read when its turn comes.
//!
//! Never: holds a text with findings, whose places and words only the text can give.

use crate::{Parse, Tree, ast};
use kiln_diag::{Code, Diagnostic, FileId, Span};
use std::borrow::Cow;
use std::sync::Arc;

/// The typed syntax of a text without findings, as bytes that mean the same in every run of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// Packs a text; nothing when something was found wrong with it.
    pub fn of(parse: &Parse) -> Option<Self> {
        let Parse { ast, tree: _, diagnostics, bounds: _, capitals, lost: _ } = parse;
        diagnostics.is_empty().then(|| Self(ast::pack(ast, capitals).into()))
    }

    /// Takes bytes that were kept beside their digest.
    pub fn of_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes, to be kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the syntax, as if the text had been read just now; nothing when the bytes are damaged.
    pub fn unpack(&self, file: FileId) -> Option<Parse> {
        let (ast, capitals) = ast::unpack(&self.0, file)?;
        let (tree, diagnostics, bounds, lost) =
            (Tree::default(), Vec::new(), Vec::new(), Vec::new());
        Some(Parse { ast, tree, diagnostics, bounds, capitals, lost })
    }
}

/// A parsed text: at hand, or packed until its turn comes.
#[derive(Clone, Debug)]
pub enum Syntax {
    Parsed(Arc<Parse>),
    Packed { file: FileId, packed: Packed },
}

impl From<Arc<Parse>> for Syntax {
    fn from(parse: Arc<Parse>) -> Self {
        Self::Parsed(parse)
    }
}

impl Syntax {
    /// Packs a parsed text where that can be.
    pub fn of(parse: Parse) -> Self {
        match Packed::of(&parse) {
            Some(packed) => Self::Packed { file: parse.ast.file, packed },
            None => Self::Parsed(Arc::new(parse.without_tree())),
        }
    }

    /// Returns what the text says.
    pub fn read(&self) -> Cow<'_, Parse> {
        match self {
            Self::Parsed(parse) => Cow::Borrowed(parse),
            Self::Packed { file, packed } => {
                Cow::Owned(packed.unpack(*file).unwrap_or_else(|| damaged(*file)))
            }
        }
    }

    /// Returns what the text says, for itself.
    pub fn into_parse(self) -> Arc<Parse> {
        match self {
            Self::Parsed(parse) => parse,
            Self::Packed { .. } => Arc::new(self.read().into_owned()),
        }
    }

    /// Returns what was found wrong with the text.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Parsed(parse) => &parse.diagnostics,
            Self::Packed { .. } => &[],
        }
    }

    /// Returns the words of items that could not be read in full.
    pub fn lost(&self) -> impl Iterator<Item = &str> {
        let parse = match self {
            Self::Parsed(parse) => Some(parse),
            Self::Packed { .. } => None,
        };
        parse.into_iter().flat_map(|parse| parse.lost())
    }

    /// Returns whether the text has a syntax error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics().iter().any(Diagnostic::is_error)
    }

    /// Returns the capital names in the text, each once.
    pub fn capitals(&self) -> Vec<&str> {
        match self {
            Self::Parsed(parse) => parse.capitals().collect(),
            Self::Packed { packed, .. } => ast::unpack_names(&packed.0).unwrap_or_default(),
        }
    }
}

/// Returns what stands for bytes that no digest should have let through: an error, so that nothing is built of it.
fn damaged(file: FileId) -> Parse {
    let finding = Diagnostic::error(Code(1), "what was kept of this file is damaged")
        .at(Span::new(file, 0, 0), "this file")
        .help("remove the folder `project-v1` of the cache (`~/.cache/kiln`)");
    let diagnostics = vec![finding];
    Parse { diagnostics, ..crate::parse(file, "") }
}
