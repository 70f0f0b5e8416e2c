//! Types as they are written.

use super::{TypeForm, TypeRef};
use crate::symbol::{Symbol, Symbols};

/// Returns a type as it is written.
pub(crate) fn type_text(symbols: &Symbols, ty: &TypeRef) -> String {
    match ty.as_ref() {
        TypeForm::Any => "Any".to_owned(),
        TypeForm::Null => "null".to_owned(),
        TypeForm::Bool => "Bool".to_owned(),
        TypeForm::Int => "Int".to_owned(),
        TypeForm::Text => "String".to_owned(),
        TypeForm::Path => "Path".to_owned(),
        TypeForm::Script => "Script".to_owned(),
        TypeForm::Function { params, result } => {
            let params: Vec<String> = params.iter().map(|ty| type_text(symbols, ty)).collect();
            format!("({}) -> {}", params.join(", "), type_text(symbols, result))
        }
        TypeForm::TextLiteral(text) => format!("\"{text}\""),
        TypeForm::IntLiteral(number) => number.to_string(),
        TypeForm::List(of) => format!("[{}]", type_text(symbols, of)),
        TypeForm::Dict(of) => format!("{{{}}}", type_text(symbols, of)),
        TypeForm::Record(fields) => record_text(symbols, fields),
        TypeForm::Kind(name) | TypeForm::Defined { name, .. } => symbols.text(*name).to_string(),
        TypeForm::Value { name, .. } => name.to_string(),
        TypeForm::Union(types) => match &types[..] {
            [one, null] if matches!(null.as_ref(), TypeForm::Null) => {
                format!("{}?", type_text(symbols, one))
            }
            types => {
                let texts: Vec<String> = types.iter().map(|ty| type_text(symbols, ty)).collect();
                texts.join(" | ")
            }
        },
    }
}

/// Returns the type of a closed record as it is written.
pub(crate) fn record_text(symbols: &Symbols, fields: &[(Symbol, bool, TypeRef)]) -> String {
    let texts: Vec<String> = fields
        .iter()
        .map(|(name, optional, ty)| {
            let mark = if *optional { "?" } else { "" };
            format!("{}{mark}: {}", symbols.text(*name), type_text(symbols, ty))
        })
        .collect();
    format!("{{ {} }}", texts.join(", "))
}
