//! Types of values that the text decides.

use super::Statics;
use super::chain::{Chain, Layer};
use super::shape::Shape;
use crate::code::{Body, CodeRef, EntryForm, Form, TypeForm, TypeRef, type_text};
use crate::mend;
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span};
use kiln_syntax::ast::is_identifier;
use std::rc::Rc;

impl Statics<'_> {
    /// Checks the value of a key, a `let` or an argument against its type.
    pub(super) fn expect(
        &mut self,
        value: &CodeRef,
        ty: &TypeRef,
        what: &str,
        declared: Option<Span>,
    ) {
        self.expect_part(value, ty, &format!("`{what}`"), declared);
    }

    fn expect_part(&mut self, value: &CodeRef, ty: &TypeRef, what: &str, declared: Option<Span>) {
        match (&value.form, ty.as_ref()) {
            (Form::If { then, otherwise, .. }, _) => {
                self.expect_part(then, ty, what, declared);
                self.expect_part(otherwise, ty, what, declared);
            }
            (Form::Let { body, .. }, _) => self.expect_part(body, ty, what, declared),
            (Form::List(parts), TypeForm::List(_) | TypeForm::Script) => {
                let of = match ty.as_ref() {
                    TypeForm::List(of) => of,
                    _ => ty,
                };
                let what = if what.starts_with("an item") {
                    what.to_owned()
                } else {
                    format!("an item of {what}")
                };
                for part in parts.iter().filter(|part| !part.spread) {
                    self.expect_part(&part.value, of, &what, declared);
                }
            }
            (Form::AddSuper(added), TypeForm::List(_) | TypeForm::Script) => {
                self.expect_part(added, ty, what, declared);
            }
            (Form::Record(body) | Form::AmendSuper(body), TypeForm::Dict(of)) => {
                for entry in &body.entries {
                    let (EntryForm::Binding(_) | EntryForm::Keyed { .. }) = &entry.form else {
                        continue;
                    };
                    let Some(binding) = entry.form.binding() else { continue };
                    let name = self.text(binding.symbol);
                    let what = if name.is_empty() { what.to_owned() } else { format!("`{name}`") };
                    if let Some(value) = &binding.value {
                        self.expect_part(value, of, &what, declared);
                    }
                }
            }
            _ => {
                let shape = self.shape(value, 0);
                if self.fits(&shape, ty) == Some(false) {
                    self.mismatch(value, &shape, ty, what, declared);
                } else {
                    self.expect_complete(value, &shape, ty);
                }
            }
        }
    }

    fn mismatch(
        &mut self,
        value: &CodeRef,
        shape: &Shape,
        ty: &TypeRef,
        what: &str,
        declared: Option<Span>,
    ) {
        let found = self.describe_found(shape);
        let wanted = type_text(self.symbols, ty);
        let mut finding =
            Diagnostic::error(Code(201), format!("{what} must be `{wanted}`, not {found}"))
                .at(value.span, format!("this is {found}"));
        if let Some(declared) = declared {
            finding = finding.also(declared, "declared here");
        }
        let mended = match shape {
            Shape::Text(Some(text)) => self.element_of(text, ty).or_else(|| mend::text(text, ty)),
            Shape::Int(Some(number)) => mend::number(*number, ty),
            Shape::Kind(kind) => {
                Some(mend::kind(kind.kind().map_or("K", |kind| self.text(kind)), ty))
            }
            _ => mend::other(ty),
        };
        if let Some(mended) = mended {
            finding = mended.add_to(finding, value);
        }
        self.report(finding);
    }

    /// A String where the element of that name is meant.
    fn element_of(&self, text: &str, ty: &TypeRef) -> Option<mend::Mend> {
        let TypeForm::Kind(kind) = ty.as_ref() else { return None };
        let path = text.strip_suffix(".bst").unwrap_or(text).replace('/', ".");
        let first = path.split('.').next()?;
        let names = self.visible_names();
        let is_name = names.iter().any(|name| name == first) && path.split('.').all(is_identifier);
        (self.text(*kind) == "Element" && is_name).then(|| mend::element(&path))
    }

    /// Checks that a value that is written right here has all fields that it needs.
    fn expect_complete(&mut self, value: &CodeRef, shape: &Shape, ty: &TypeRef) {
        let (Form::Amend { .. } | Form::Call { .. }, Shape::Instance(chain)) = (&value.form, shape)
        else {
            return;
        };
        if !matches!(ty.as_ref(), TypeForm::Kind(_) | TypeForm::Union(_)) {
            return;
        }
        let names = self.field_names(chain);
        let missing: Vec<(String, Span)> = names
            .into_iter()
            .filter(|(name, _)| {
                self.symbols.find(name).is_some_and(|symbol| !self.has_value(chain, symbol))
            })
            .map(|(name, fact)| (name.to_owned(), fact.span))
            .collect();
        let kind = chain.kind().map_or("record", |kind| self.text(kind)).to_owned();
        for (name, declared) in missing {
            self.report(
                Diagnostic::error(Code(203), format!("`{name}` of `{kind}` is not set"))
                    .at(value.span, format!("no `{name}` here"))
                    .also(declared, "declared here, without a default")
                    .help(format!("add `{name} = …`")),
            );
        }
    }

    /// Checks what decides between two ways.
    pub(super) fn expect_condition(&mut self, code: &CodeRef) {
        let shape = self.shape(code, 0);
        if matches!(shape, Shape::Unknown | Shape::Bool) {
            return;
        }
        let found = self.describe(&shape);
        self.report(
            Diagnostic::error(Code(201), format!("a condition is a Bool, not {found}"))
                .at(code.span, format!("this is {found}"))
                .help(mend::condition(&found)),
        );
    }

    /// Returns whether something is of a type, if that can be said.
    pub(super) fn fits(&self, shape: &Shape, ty: &TypeRef) -> Option<bool> {
        if matches!(shape, Shape::Unknown) {
            return None;
        }
        Some(match (ty.as_ref(), shape) {
            (TypeForm::Any, _) | (TypeForm::Script, Shape::Text(_) | Shape::List) => true,
            (TypeForm::Null, _) => matches!(shape, Shape::Null),
            (TypeForm::Bool, _) => matches!(shape, Shape::Bool),
            (TypeForm::Int, _) => matches!(shape, Shape::Int(_)),
            (TypeForm::IntLiteral(wanted), Shape::Int(found)) => {
                return found.map(|n| n == *wanted);
            }
            (TypeForm::Text, _) => matches!(shape, Shape::Text(_)),
            (TypeForm::TextLiteral(wanted), Shape::Text(found)) => {
                return found.as_ref().map(|text| text == wanted);
            }
            (TypeForm::Path, _) => matches!(shape, Shape::Path),
            (TypeForm::Function { .. }, _) => matches!(shape, Shape::Function(_)),
            (TypeForm::List(_), _) => matches!(shape, Shape::List),
            (TypeForm::Value { .. }, _)
            | (TypeForm::Record(_), Shape::Record)
            | (TypeForm::Dict(_) | TypeForm::Record(_), Shape::Folder(..) | Shape::File(_)) => {
                return None;
            }
            (TypeForm::Dict(_), _) => matches!(shape, Shape::Record),
            (TypeForm::Kind(kind), Shape::Instance(chain)) => chain.descends(*kind),
            (TypeForm::Kind(kind), Shape::Project) => Some(*kind) == self.names.project,
            (
                TypeForm::IntLiteral(_)
                | TypeForm::TextLiteral(_)
                | TypeForm::Script
                | TypeForm::Record(_)
                | TypeForm::Kind(_),
                _,
            ) => false,
            (TypeForm::Union(types), _) => return self.fits_one(shape, types),
            (TypeForm::Defined { scope, ix, .. }, _) => {
                let definition = self.braces.get(scope)?.body.types.get(*ix)?;
                if matches!(definition.ty.as_ref(), TypeForm::Defined { .. } | TypeForm::Union(_)) {
                    return None;
                }
                return (!self.fits(shape, &definition.ty)?).then_some(false);
            }
        })
    }

    fn fits_one(&self, shape: &Shape, types: &[TypeRef]) -> Option<bool> {
        let mut known = true;
        for ty in types {
            match self.fits(shape, ty) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => known = false,
            }
        }
        known.then_some(false)
    }

    /// Returns what a value is, with an article.
    pub(super) fn describe(&self, shape: &Shape) -> String {
        match shape {
            Shape::Unknown => "something else".to_owned(),
            Shape::Null => "null".to_owned(),
            Shape::Bool => "a Bool".to_owned(),
            Shape::Int(_) => "an Int".to_owned(),
            Shape::Text(_) => "a String".to_owned(),
            Shape::Path => "a Path".to_owned(),
            Shape::List => "a list".to_owned(),
            Shape::Record => "a record".to_owned(),
            Shape::Function(_) => "a function".to_owned(),
            Shape::Mixin(..) => "a mixin".to_owned(),
            Shape::Folder(..) => "a folder".to_owned(),
            Shape::File(_) => "a file of items".to_owned(),
            Shape::Project => "a project".to_owned(),
            Shape::Kind(chain) => format!("the kind `{}`", self.kind_name(chain)),
            Shape::Instance(chain) => self.describe_instance(chain),
        }
    }

    fn describe_instance(&self, chain: &Rc<Chain>) -> String {
        let kind = self.kind_name(chain);
        let root = chain.root().map_or("", |root| self.text(root));
        match root {
            "Element" => format!("an element (`{kind}`)"),
            "Source" => format!("a Source ({kind})"),
            "" => "a record".to_owned(),
            root => format!("a {root}"),
        }
    }

    fn kind_name(&self, chain: &Rc<Chain>) -> &str {
        chain.kind().map_or("record", |kind| self.text(kind))
    }

    fn describe_found(&self, shape: &Shape) -> String {
        match shape {
            Shape::Text(Some(text)) if text.len() < 40 => format!("the String \"{text}\""),
            Shape::Int(Some(number)) => format!("the Int {number}"),
            other => self.describe(other),
        }
    }

    /// Returns whether a field of an instance is set by some body that is not the last one.
    pub(super) fn inherited_value(&self, chain: &Rc<Chain>, symbol: Symbol) -> Option<CodeRef> {
        let earlier = chain.parent.as_ref()?;
        for link in earlier.links() {
            let Layer::Body(body) = &link.layer else { continue };
            let applied = self.mixins(body).into_iter().flatten();
            let bodies: Vec<Rc<Body>> = std::iter::once(Rc::clone(body)).chain(applied).collect();
            if let Some(value) = bodies.iter().find_map(|body| last_value(body, symbol)) {
                return Some(value);
            }
        }
        None
    }
}

/// Returns what a body binds a key to last.
fn last_value(body: &Body, symbol: Symbol) -> Option<CodeRef> {
    let ix = body.index.get(symbol).next_back()?;
    body.entries[ix].form.binding()?.value.as_ref().map(Rc::clone)
}
