//! The generated parser, and its rules as kinds of syntax.
//!
//! Never: seen outside this crate, whose consumers know [`SyntaxKind`] and no rule.

use crate::kind::{Bad, Missing, SyntaxKind as K};

/// The parser that `grammar/kiln.pest` describes.
#[derive(pest_derive::Parser)]
#[grammar = "../../grammar/kiln.pest"]
pub(crate) struct KilnParser;

/// Makes [`kind_of`] of a table: the kind of each rule, and the rules that make no node.
macro_rules! kinds {
    (
        $($($rule:ident)|+ => $kind:ident),+;
        missing: $($missing:ident => $what:ident),+;
        bad: $($($bad:ident)|+ => $why:ident),+;
        none: $($silent:ident)|+
    ) => {
        /// Returns the kind of the node that a rule makes; none for rules that make no node.
        pub(crate) fn kind_of(rule: Rule) -> Option<K> {
            match rule {
                $($(Rule::$rule)|+ => Some(K::$kind),)+
                $(Rule::$missing => Some(K::Missing(Missing::$what)),)+
                $($(Rule::$bad)|+ => Some(K::Bad(Bad::$why)),)+
                $(Rule::$silent)|+ => None,
            }
        }
    };
}

kinds! {
    file => File,
    field | top_field => Field,
    body => Body,
    key => Key,
    dyn_key => DynamicKey,
    annot => Annotation,
    let_item => LetItem,
    type_item => TypeItem,
    if_item | top_if => IfItem,
    for_item => ForItem,
    assert_item => AssertItem,
    spread => Spread,
    expr => Expr,
    let_in | top_let => LetIn,
    binding => Binding,
    lambda => Lambda,
    lambda_param | param => Param,
    params => Params,
    if_expr => IfExpr,
    term => Term,
    call => Call,
    arg => Arg,
    index => Index,
    select => Select,
    amend => Amend,
    mixin => Mixin,
    paren => Paren,
    record => Record,
    list => List,
    list_item => ListItem,
    guard => Guard,
    for_in => ForIn,
    binder => Binder,
    ty => Type,
    ty_one => TypeOne,
    ty_name => TypeName,
    ty_list => TypeList,
    ty_dict => TypeDict,
    ty_field => TypeField,
    ty_paren => TypeParen,
    ty_where => TypeWhere,
    string => String,
    block => Block,
    interp => Interpolation,
    ident => Ident,
    word | word_key => Word,
    kw_if => IfWord,
    kw_then => ThenWord,
    kw_else => ElseWord,
    kw_let => LetWord,
    kw_in => InWord,
    kw_for => ForWord,
    kw_type => TypeWord,
    kw_assert => AssertWord,
    kw_mixin => MixinWord,
    kw_where => WhereWord,
    bool => Bool,
    null | ty_null => Null,
    number | ty_int => Number,
    path => Path,
    hole => Hole,
    str_text | blk_text => TextChars,
    escape | blk_esc => Escape,
    assign | is => Assign,
    colon => Colon,
    select_dot => SelectDot,
    dots => Dots,
    neg => Negate,
    not => Not,
    coalesce => Coalesce,
    or => Or,
    and => And,
    eq => Equal,
    ne => NotEqual,
    le => LessEqual,
    ge => GreaterEqual,
    lt => Less,
    gt => Greater,
    cat => Concat,
    add => Add,
    sub | sub_line => Subtract,
    mul => Multiply,
    div => Divide;
    missing:
    err_expr => Value,
    err_type => Type,
    err_close => Close,
    err_then => Then,
    err_else => Else,
    err_in => In,
    err_block => Block,
    err_name => Name,
    err_equals => Equals,
    err_bind => Binding;
    bad:
    err_item => Item,
    err_arg => Arg,
    err_top => Top,
    err_brace => Close,
    err_comma => Comma,
    err_semi => Semicolon,
    err_key => Key,
    err_assign | err_named => Assign,
    err_equal => Equal,
    err_float => Float,
    err_number => Number,
    err_escape => Escape,
    err_quote => Quote,
    err_depth => Depth,
    err_let_in => LetIn;
    none: EOI | WHITESPACE | COMMENT | trivia | hs | top_item | item | other_item | sep | bind | attr
        | key_char | value | then_body | tail | operand | prefix | infix | primary | name
        | next_key | key_ahead | ahead_part | postfix | call_arg | id_start | id_rest | keyword
        | keyword_word | kw_end | kw_alone | path_char
}
