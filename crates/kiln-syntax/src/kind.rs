//! What a node or token of the lossless tree is.

/// The kind of a node or token.
///
/// A *token* covers text, a *node* covers tokens, and a *missing* node covers nothing: it stands where
/// something was expected. Bad and missing kinds are syntax errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SyntaxKind {
    // Nodes.
    File,
    Field,
    Body,
    Key,
    DynamicKey,
    Annotation,
    LetItem,
    TypeItem,
    IfItem,
    ForItem,
    AssertItem,
    Spread,
    Expr,
    LetIn,
    Binding,
    Lambda,
    Params,
    Param,
    IfExpr,
    Term,
    Call,
    Arg,
    Index,
    Select,
    Amend,
    Mixin,
    Paren,
    Record,
    List,
    ListItem,
    Guard,
    ForIn,
    Binder,
    Type,
    TypeOne,
    TypeName,
    TypeList,
    TypeDict,
    TypeField,
    TypeParen,
    TypeWhere,
    String,
    Block,
    Interpolation,

    /// Stands where something was expected, covers nothing.
    Missing(Missing),

    // Trivia tokens.
    /// The byte order mark at the start of a file.
    Mark,
    Whitespace,
    Comment,

    // Tokens.
    Ident,
    /// A name that may be a keyword: after `.`, as a key, as an argument name.
    Word,
    IfWord,
    ThenWord,
    ElseWord,
    LetWord,
    InWord,
    ForWord,
    TypeWord,
    AssertWord,
    MixinWord,
    WhereWord,
    Bool,
    Null,
    Number,
    Path,
    Hole,
    /// Characters of a string that stand for themselves.
    TextChars,
    Escape,
    /// `=` or `+=`.
    Assign,
    Colon,
    /// `.` or `?.` in front of a name.
    SelectDot,
    /// `..` in front of a value.
    Dots,
    Negate,
    Not,
    Coalesce,
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Concat,
    Add,
    Subtract,
    Multiply,
    Divide,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    LeftParen,
    RightParen,
    Comma,
    Dot,
    Question,
    Bar,
    /// `=>`
    FatArrow,
    /// `->`
    Arrow,
    Quote,
    BlockQuote,
    /// `%{`
    InterpolationOpen,

    /// Covers text that is no kiln.
    Bad(Bad),
}

/// What was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missing {
    Value,
    Type,
    /// A closing bracket or quote.
    Close,
    Then,
    Else,
    In,
    /// `{ … }` of a branch.
    Block,
    Name,
    /// `=` of `let` or `type`.
    Equals,
    /// Whatever should follow a key.
    Binding,
}

/// What should not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bad {
    /// Junk among the items of a record.
    Item,
    /// Junk among arguments or the items of a list.
    Arg,
    /// Junk among the items of a file.
    Top,
    /// A closing bracket too many.
    Close,
    Comma,
    Semicolon,
    /// A key, or the rest of one, that needs quotes.
    Key,
    Assign,
    /// A comparison in place of an assignment.
    Equal,
    Float,
    Number,
    Escape,
    /// Text in quotes that kiln does not have.
    Quote,
    /// The rest of a chunk behind too many levels.
    Depth,
    /// `in …` behind a `let` among items; the only one that is a node.
    LetIn,
}

impl SyntaxKind {
    /// Returns whether this covers text itself, not through tokens below it.
    pub fn is_token(self) -> bool {
        self >= Self::Mark && self != Self::Bad(Bad::LetIn)
    }

    /// Returns whether this means nothing to a reader of the typed syntax.
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Mark | Self::Whitespace | Self::Comment)
    }

    /// Returns whether this stands where something was expected.
    pub fn is_missing(self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Returns whether this is a syntax error.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Missing(_) | Self::Bad(_))
    }
}
