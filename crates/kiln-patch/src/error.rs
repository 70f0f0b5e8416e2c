//! Why patches cannot be applied.

use std::fmt;

/// A patch that is faulty, or does not fit the tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum PatchError {
    #[error("`{patch}` is no unified diff at line {line}: {what}")]
    #[diagnostic(code("K2502"), help("make the patch anew: `diff -Naru old new` or `git diff`"))]
    Malformed { patch: String, line: usize, what: String },
    #[error("`{patch}` changes `{path}` as a binary file (line {line})")]
    #[diagnostic(
        code("K2503"),
        help(
            "patches change text; bring the file as a source of its own, at its folder in `sources`"
        )
    )]
    Binary { patch: String, line: usize, path: String },
    #[error("`{patch}` names `{path}` (line {line}), {what}")]
    #[diagnostic(
        code("K2504"),
        help(
            "a patch may change only what is inside of the sources; correct its paths, or its `-pN` in `series`"
        )
    )]
    BadPath { patch: String, line: usize, path: String, what: &'static str },
    #[error("hunk {hunk} of {n_hunks} for `{file}` in `{patch}` (line {line}) does not fit")]
    #[diagnostic(code("K2505"), help("{}", cause.next_step()))]
    Hunk {
        patch: String,
        file: String,
        /// From one on.
        hunk: usize,
        n_hunks: usize,
        /// Of the patch.
        line: usize,
        #[source]
        cause: Box<Misfit>,
    },
    #[error("`{patch}` (line {line}) cannot change `{file}`: {what}")]
    #[diagnostic(
        code("K2506"),
        help(
            "was the patch made for another version, or for another `-pN`? without it in `patches`, `kiln checkout --sources` shows what is there"
        )
    )]
    File { patch: String, line: usize, file: String, what: String },
    #[error("line {line} of `{series}` is no line of a series: {what}")]
    #[diagnostic(
        code("K2507"),
        help("a line is the path of a patch beside `series`, then `-pN` if it is not `-p1`")
    )]
    Series { series: String, line: usize, what: String },
}

/// What stands where a hunk should fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The file is shorter than the hunk needs.
    Short { n_lines: usize, wants: usize },
    /// The best place, from one on, and the first line of it that differs.
    Differs { at: usize, found: String, expected: String, is_context: bool },
    /// The lines are the same but for their ends.
    LineEnds { at: usize, found: &'static str },
    /// The new lines are there.
    Applied { at: usize },
    /// The lines are there, where they may not be: before the last hunk, or not at the end of the file.
    Elsewhere { at: usize, wants: &'static str },
}

impl Misfit {
    pub(crate) fn next_step(&self) -> &'static str {
        match self {
            Self::Applied { .. } => {
                "this change is in the sources already: leave the patch out, or this part of it"
            }
            Self::LineEnds { .. } => {
                "convert the line ends of the patch to those of the file, or the other way round"
            }
            Self::Differs { is_context: true, .. } => {
                "only lines around the change differ, and kiln does not guess: make the patch anew for these sources"
            }
            _ => "make the patch anew for these sources; was it made for another version?",
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { n_lines, wants } => {
                write!(f, "the file has {n_lines} lines, and the hunk is for line {wants}")
            }
            Self::Differs { at, found, expected, .. } => {
                write!(f, "line {at} of the file is `{found}`, and the patch expects `{expected}`")
            }
            Self::LineEnds { at, found } => {
                write!(f, "line {at} of the file ends in {found}, that of the patch does not")
            }
            Self::Applied { at } => write!(f, "its new lines are there already, at line {at}"),
            Self::Elsewhere { at, wants } => {
                write!(f, "its lines are at line {at} of the file, and they should be {wants}")
            }
        }
    }
}

impl std::error::Error for Misfit {}

/// Why patches were not applied: because of them, or because the content of a file cannot be read.
#[derive(Debug)]
pub enum Failed<E> {
    Patch(PatchError),
    Read(E),
}

impl<E> From<PatchError> for Failed<E> {
    fn from(error: PatchError) -> Self {
        Self::Patch(error)
    }
}
