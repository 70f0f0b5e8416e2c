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
    /// `let … in …` among items.
    BadLetIn,

    // Missing nodes.
    MissingValue,
    MissingType,
    MissingClose,
    MissingThen,
    MissingElse,
    MissingIn,
    MissingBlock,
    MissingName,
    MissingEquals,
    MissingBinding,

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

    // Bad tokens.
    BadItem,
    BadArg,
    BadTop,
    BadClose,
    BadComma,
    BadSemicolon,
    BadKey,
    BadAssign,
    BadEqual,
    BadFloat,
    BadNumber,
    BadEscape,
    BadDepth,
}

impl SyntaxKind {
    /// Returns whether this covers text itself, not through tokens below it.
    pub fn is_token(self) -> bool {
        self >= Self::Mark
    }

    /// Returns whether this means nothing to a reader of the typed syntax.
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Mark | Self::Whitespace | Self::Comment)
    }

    /// Returns whether this stands where something was expected.
    pub fn is_missing(self) -> bool {
        (Self::MissingValue..=Self::MissingBinding).contains(&self)
    }

    /// Returns whether this is a syntax error.
    pub fn is_error(self) -> bool {
        self.is_missing() || self >= Self::BadItem || self == Self::BadLetIn
    }
}
