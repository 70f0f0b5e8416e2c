//! The generated parser, and its rules as kinds of syntax.
//!
//! Never: seen outside this crate, whose consumers know [`SyntaxKind`] and no rule.

use crate::kind::SyntaxKind as K;

/// The parser that `grammar/kiln.pest` describes.
#[derive(pest_derive::Parser)]
#[grammar = "../../grammar/kiln.pest"]
pub(crate) struct KilnParser;

/// Returns the kind of the node that a rule makes; none for rules that make no node.
#[expect(clippy::too_many_lines, reason = "one flat table, a line a rule")]
pub(crate) fn kind_of(rule: Rule) -> Option<K> {
    Some(match rule {
        Rule::file => K::File,
        Rule::field | Rule::top_field => K::Field,
        Rule::body => K::Body,
        Rule::key => K::Key,
        Rule::dyn_key => K::DynamicKey,
        Rule::annot => K::Annotation,
        Rule::let_item => K::LetItem,
        Rule::type_item => K::TypeItem,
        Rule::if_item | Rule::top_if => K::IfItem,
        Rule::for_item => K::ForItem,
        Rule::assert_item => K::AssertItem,
        Rule::spread => K::Spread,
        Rule::expr => K::Expr,
        Rule::let_in | Rule::top_let => K::LetIn,
        Rule::binding => K::Binding,
        Rule::lambda => K::Lambda,
        Rule::lambda_param | Rule::param => K::Param,
        Rule::params => K::Params,
        Rule::if_expr => K::IfExpr,
        Rule::term => K::Term,
        Rule::call => K::Call,
        Rule::arg => K::Arg,
        Rule::index => K::Index,
        Rule::select => K::Select,
        Rule::amend => K::Amend,
        Rule::mixin => K::Mixin,
        Rule::paren => K::Paren,
        Rule::record => K::Record,
        Rule::list => K::List,
        Rule::list_item => K::ListItem,
        Rule::guard => K::Guard,
        Rule::for_in => K::ForIn,
        Rule::binder => K::Binder,
        Rule::ty => K::Type,
        Rule::ty_one => K::TypeOne,
        Rule::ty_name => K::TypeName,
        Rule::ty_list => K::TypeList,
        Rule::ty_dict => K::TypeDict,
        Rule::ty_field => K::TypeField,
        Rule::ty_paren => K::TypeParen,
        Rule::ty_where => K::TypeWhere,
        Rule::string => K::String,
        Rule::block => K::Block,
        Rule::interp => K::Interpolation,
        Rule::COMMENT => K::Comment,
        Rule::ident => K::Ident,
        Rule::word | Rule::word_key => K::Word,
        Rule::kw_if => K::IfWord,
        Rule::kw_then => K::ThenWord,
        Rule::kw_else => K::ElseWord,
        Rule::kw_let => K::LetWord,
        Rule::kw_in => K::InWord,
        Rule::kw_for => K::ForWord,
        Rule::kw_type => K::TypeWord,
        Rule::kw_assert => K::AssertWord,
        Rule::kw_mixin => K::MixinWord,
        Rule::kw_where => K::WhereWord,
        Rule::bool => K::Bool,
        Rule::null => K::Null,
        Rule::number => K::Number,
        Rule::path => K::Path,
        Rule::hole => K::Hole,
        Rule::str_text | Rule::blk_text => K::TextChars,
        Rule::escape | Rule::blk_esc => K::Escape,
        Rule::assign | Rule::is => K::Assign,
        Rule::colon => K::Colon,
        Rule::select_dot => K::SelectDot,
        Rule::dots => K::Dots,
        Rule::neg => K::Negate,
        Rule::not => K::Not,
        Rule::coalesce => K::Coalesce,
        Rule::or => K::Or,
        Rule::and => K::And,
        Rule::eq => K::Equal,
        Rule::ne => K::NotEqual,
        Rule::le => K::LessEqual,
        Rule::ge => K::GreaterEqual,
        Rule::lt => K::Less,
        Rule::gt => K::Greater,
        Rule::cat => K::Concat,
        Rule::add => K::Add,
        Rule::sub | Rule::sub_line => K::Subtract,
        Rule::mul => K::Multiply,
        Rule::div => K::Divide,
        Rule::err_expr => K::MissingValue,
        Rule::err_type => K::MissingType,
        Rule::err_close => K::MissingClose,
        Rule::err_then => K::MissingThen,
        Rule::err_else => K::MissingElse,
        Rule::err_in => K::MissingIn,
        Rule::err_block => K::MissingBlock,
        Rule::err_name => K::MissingName,
        Rule::err_equals => K::MissingEquals,
        Rule::err_bind => K::MissingBinding,
        Rule::err_item => K::BadItem,
        Rule::err_arg => K::BadArg,
        Rule::err_top => K::BadTop,
        Rule::err_brace => K::BadClose,
        Rule::err_comma => K::BadComma,
        Rule::err_semi => K::BadSemicolon,
        Rule::err_key => K::BadKey,
        Rule::err_assign | Rule::err_named => K::BadAssign,
        Rule::err_equal => K::BadEqual,
        Rule::err_float => K::BadFloat,
        Rule::err_number => K::BadNumber,
        Rule::err_escape => K::BadEscape,
        Rule::err_depth => K::BadDepth,
        Rule::err_let_in => K::BadLetIn,
        Rule::EOI
        | Rule::WHITESPACE
        | Rule::trivia
        | Rule::hs
        | Rule::top_item
        | Rule::item
        | Rule::other_item
        | Rule::sep
        | Rule::bind
        | Rule::attr
        | Rule::key_char
        | Rule::value
        | Rule::then_body
        | Rule::tail
        | Rule::operand
        | Rule::prefix
        | Rule::infix
        | Rule::primary
        | Rule::name
        | Rule::next_key
        | Rule::key_ahead
        | Rule::postfix
        | Rule::call_arg
        | Rule::id_start
        | Rule::id_rest
        | Rule::keyword
        | Rule::keyword_word
        | Rule::kw_end
        | Rule::kw_alone
        | Rule::path_char => return None,
    })
}
