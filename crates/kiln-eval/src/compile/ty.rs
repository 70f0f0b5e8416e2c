//! Types: names resolved, unions flattened.

use super::Compiler;
use super::scope::{Meaning, Scope};
use crate::code::{Expr, Form, ScopeId, TypeDefinition, TypeForm, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, nearest, suggestion};
use kiln_syntax::ast::{Name, Type, TypeKind};
use std::rc::Rc;

/// The types that are no kinds.
const PLAIN: [&str; 7] = ["String", "Int", "Bool", "Path", "Any", "Null", "Script"];

impl Compiler<'_> {
    pub(super) fn ty(&mut self, ty: &Type) -> TypeRef {
        Rc::new(match &ty.kind {
            TypeKind::Error => TypeForm::Any,
            TypeKind::Name(path) => return self.type_name(path),
            TypeKind::List(of) => TypeForm::List(self.ty(of)),
            TypeKind::Dict(of) => TypeForm::Dict(self.ty(of)),
            TypeKind::Record(fields) => {
                let mut forms = Vec::new();
                for field in fields {
                    let symbol = self.symbol(&field.name.text);
                    forms.push((symbol, field.optional, self.ty(&field.ty)));
                }
                TypeForm::Record(forms)
            }
            TypeKind::Union(types) => {
                TypeForm::Union(types.iter().map(|one| self.ty(one)).collect())
            }
            TypeKind::Optional(of) => TypeForm::Union(vec![self.ty(of), Rc::new(TypeForm::Null)]),
            TypeKind::TextLiteral(text) => TypeForm::TextLiteral(Rc::from(text.as_str())),
            TypeKind::IntLiteral(value) => TypeForm::IntLiteral(*value),
            TypeKind::Null => TypeForm::Null,
            TypeKind::Function { params, result } => TypeForm::Function {
                params: params.iter().map(|one| self.ty(one)).collect(),
                result: self.ty(result),
            },
        })
    }

    fn type_name(&mut self, path: &[Name]) -> TypeRef {
        let [name] = path else { return self.dotted_type(path) };
        self.note_name(name, plain(&name.text).is_some());
        let symbol = self.symbol(&name.text);
        if let Some((scope, meaning)) = self.look_up(symbol) {
            return match meaning {
                Meaning::Type(ix) => Rc::new(TypeForm::Defined { scope, ix, name: symbol }),
                _ => self.dotted_type(path),
            };
        }
        match plain(&name.text) {
            Some(form) => Rc::new(form),
            None if self.shared.prelude.contains(&symbol) => Rc::new(TypeForm::Kind(symbol)),
            None => {
                self.unknown_type(name, symbol);
                Rc::new(TypeForm::Any)
            }
        }
    }

    /// Refuses types that are themselves: no value ends the question whether it is one.
    pub(super) fn refuse_endless_types(&mut self, scope: ScopeId, types: &mut [TypeDefinition]) {
        let is_endless = |ix: usize| {
            is_reached(ix, &types[ix].ty, (scope, types), &mut vec![false; types.len()])
        };
        let endless: Vec<usize> = (0..types.len()).filter(|ix| is_endless(*ix)).collect();
        for ix in endless {
            let definition = &mut types[ix];
            definition.ty = Rc::new(TypeForm::Any);
            let name = self.shared.symbols.text(definition.name);
            let finding = Diagnostic::error(Code(401), format!("the type `{name}` needs itself"))
                .at(definition.span, "defined by itself")
                .help("a list or record in between ends it: `type Tree = Int | [Tree]`");
            self.report(finding);
        }
    }

    /// A kind that is reached by an expression.
    fn dotted_type(&mut self, path: &[Name]) -> TypeRef {
        let Some((first, rest)) = path.split_first() else { return Rc::new(TypeForm::Any) };
        let mut text = first.text.to_string();
        let mut code = Rc::new(Expr { span: first.span, form: self.name(first) });
        for name in rest {
            text = format!("{text}.{}", name.text);
            let symbol = self.symbol(&name.text);
            let span = first.span.to(name.span);
            let form =
                Form::Select { base: code, name: symbol, name_span: name.span, optional: false };
            code = Rc::new(Expr { span, form });
        }
        Rc::new(TypeForm::Value { code, name: Rc::from(text) })
    }

    fn unknown_type(&mut self, name: &Name, symbol: Symbol) {
        let symbols = &self.shared.symbols;
        let written = self.scopes.iter().flat_map(Scope::all_names);
        let names: Vec<&str> = written
            .chain(self.shared.prelude.iter())
            .filter(|other| **other != symbol)
            .map(|other| symbols.text(*other).as_ref())
            .filter(|other| kiln_syntax::ast::is_capital(other))
            .chain(PLAIN)
            .collect();
        let mut finding = Diagnostic::error(Code(209), format!("there is no type `{}`", name.text))
            .at(name.span, "unknown type");
        if let Some(help) = suggestion(&name.text, names.iter().copied()) {
            finding = finding.help(help).edit(name.span, nearest(&name.text, names)[0]);
        }
        self.report(finding);
    }
}

/// Returns whether a value is of a type only if it is of the type with a number, with no list or record in between.
fn is_reached(
    wanted: usize,
    ty: &TypeRef,
    (scope, types): (ScopeId, &[TypeDefinition]),
    seen: &mut [bool],
) -> bool {
    match ty.as_ref() {
        TypeForm::Union(of) => of.iter().any(|one| is_reached(wanted, one, (scope, types), seen)),
        TypeForm::Defined { scope: at, ix, .. } if *at == scope && *ix < types.len() => {
            *ix == wanted
                || !std::mem::replace(&mut seen[*ix], true)
                    && is_reached(wanted, &types[*ix].ty, (scope, types), seen)
        }
        _ => false,
    }
}

fn plain(name: &str) -> Option<TypeForm> {
    Some(match name {
        "String" => TypeForm::Text,
        "Int" => TypeForm::Int,
        "Bool" => TypeForm::Bool,
        "Path" => TypeForm::Path,
        "Any" => TypeForm::Any,
        "Null" => TypeForm::Null,
        "Script" => TypeForm::Script,
        _ => return None,
    })
}
