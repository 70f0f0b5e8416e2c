//! Expressions.

use super::{Body, ExprId, Name, Type};
use kiln_diag::Span;

/// One expression; parts are ids into the arena of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Something that could not be read; a diagnostic was reported there.
    Error,
    /// `...`: parses, fails when forced.
    Hole,
    Null,
    Bool(bool),
    Int(i64),
    /// `"…"` and `"""…"""` alike: escapes are resolved, blocks are dedented; neighbouring texts are one part.
    Text(Vec<Part>),
    /// `./x`, `../x`, `.` or `..`, as written, relative to the folder of the file.
    Path(String),
    /// A bare name, the reserved ones (`project option machine self super`) too.
    Name(Name),
    /// `[…]`
    List(Vec<ListEntry>),
    /// `{…}`
    Record(Body),
    /// `(a, b: Int) => body`; parameters have no defaults.
    Lambda {
        params: Vec<Param>,
        body: ExprId,
    },
    /// `callee(args)`
    Call {
        callee: ExprId,
        args: Vec<Arg>,
    },
    /// `base[index]`
    Index {
        base: ExprId,
        index: ExprId,
    },
    /// `base.name`, or `base?.name` if optional.
    Select {
        base: ExprId,
        name: Name,
        optional: bool,
    },
    /// `base { … }`
    Amend {
        base: ExprId,
        body: Body,
    },
    /// `mixin Kind { … }`; the kind is a dotted name.
    Mixin {
        kind: Vec<Name>,
        body: Body,
    },
    Unary {
        op: UnaryOp,
        operand: ExprId,
    },
    Binary {
        op: BinaryOp,
        op_span: Span,
        left: ExprId,
        right: ExprId,
    },
    If {
        condition: ExprId,
        then: ExprId,
        otherwise: ExprId,
    },
    /// `let a = 1, f(y) = y in body`
    Let {
        bindings: Vec<LetBinding>,
        body: ExprId,
    },
}

/// A part of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    /// `%{value}`; `indent` is what later lines of the value get in front, in columns (0 outside blocks).
    Interpolation {
        value: ExprId,
        indent: u32,
    },
}

/// One item of a list: `value`, `..value`, `value for x in xs if guard`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListEntry {
    pub spread: bool,
    pub value: ExprId,
    /// Outer first.
    pub clauses: Vec<ForClause>,
    pub guard: Option<ExprId>,
    pub span: Span,
}

/// `for x in over` or `for k, v in over` of a list item.
#[derive(Clone, Debug, PartialEq)]
pub struct ForClause {
    pub binder: super::Binder,
    pub over: ExprId,
    pub span: Span,
}

/// An argument: `value`, `name = value` or `..value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    pub name: Option<Name>,
    pub spread: bool,
    pub value: ExprId,
    pub span: Span,
}

/// A parameter of a function or lambda; only functions have defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    pub name: Name,
    pub annotation: Option<Type>,
    pub default: Option<ExprId>,
    pub span: Span,
}

/// A binding of `let … in`; with parameters it is a function.
#[derive(Clone, Debug, PartialEq)]
pub struct LetBinding {
    pub name: Name,
    pub params: Option<Vec<Param>>,
    pub annotation: Option<Type>,
    pub value: ExprId,
    pub span: Span,
}

/// A prefix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

impl UnaryOp {
    /// Returns how it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Negate => "-",
            Self::Not => "!",
        }
    }
}

/// A binary operator, loosest first; all are left-associative, comparisons do not chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `??`
    Coalesce,
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `++`
    Concat,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl BinaryOp {
    /// Returns how it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Coalesce => "??",
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Concat => "++",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    /// Returns how tightly it binds; higher is tighter.
    pub fn precedence(self) -> u8 {
        match self {
            Self::Coalesce => 1,
            Self::Or => 2,
            Self::And => 3,
            Self::Equal | Self::NotEqual => 4,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => 5,
            Self::Concat => 6,
            Self::Add | Self::Subtract => 7,
            Self::Multiply | Self::Divide => 8,
        }
    }
}
