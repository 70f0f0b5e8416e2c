//! What a value is, as far as the text says it for good.

use super::chain::{Chain, Found, Layer};
use super::{FAR, Fields, Locals, Statics};
use crate::code::{Argument, Body, CodeRef, Form, Function, ScopeId, TypeForm, TypeRef};
use crate::symbol::Symbol;
use kiln_syntax::ast::{BinaryOp, is_capital};
use std::rc::Rc;

/// The shapes of values.
#[derive(Clone)]
pub(super) enum Shape {
    Unknown,
    Null,
    Bool,
    Int(Option<i64>),
    Text(Option<Rc<str>>),
    Path,
    List,
    Record,
    Function(Option<Rc<Function>>),
    Kind(Rc<Chain>),
    Instance(Rc<Chain>),
    /// The kind it is for, if that is known.
    Mixin(Option<Rc<Chain>>, Rc<Body>),
    /// A folder by its number, and the items of the file of its name.
    Folder(usize, Option<usize>),
    /// A file of items by its number.
    File(usize),
    Project,
}

impl Statics<'_> {
    /// Returns what an expression is.
    pub(super) fn shape(&self, code: &CodeRef, depth: usize) -> Shape {
        if depth > FAR {
            return Shape::Unknown;
        }
        match &code.form {
            Form::Null => Shape::Null,
            Form::Bool(_) => Shape::Bool,
            Form::Int(number) => Shape::Int(Some(*number)),
            Form::Text(text) => Shape::Text(Some(Rc::clone(text))),
            Form::Interpolation(_) => Shape::Text(None),
            Form::Path(_) | Form::MakePath { .. } => Shape::Path,
            Form::List(_) => Shape::List,
            Form::Record(_) => Shape::Record,
            Form::Lambda(function) => Shape::Function(Some(Rc::clone(function))),
            Form::Project => Shape::Project,
            Form::Prelude(symbol) => self.prelude_shape(*symbol, depth),
            Form::Mixin { kind, body } => {
                let kind = match self.shape(kind, depth + 1) {
                    Shape::Kind(kind) => Some(kind),
                    _ => None,
                };
                Shape::Mixin(kind, Rc::clone(body))
            }
            Form::Amend { base, body } => self.amended(base, body, depth),
            Form::Call { callee, args } => self.called(callee, args, depth),
            Form::Select { base, name, optional: false, .. } => {
                self.selected(&self.shape(base, depth + 1), *name, depth)
            }
            Form::Method { base, name, args, .. } => {
                let base = self.shape(base, depth + 1);
                self.method_shape(&base, *name, args.is_empty())
            }
            Form::Field { scope, symbol } => self.bound(*scope, *symbol, depth),
            Form::BraceLet { scope, ix } => self.let_shape(*scope, *ix, depth),
            Form::Local { scope, ix } => self.local_shape(*scope, *ix, depth),
            Form::Inherited { symbol, not_in } => self.inherited_shape(*symbol, not_in),
            Form::Let { body, .. } => self.shape(body, depth + 1),
            Form::Unary { op, .. } => match op {
                kiln_syntax::ast::UnaryOp::Not => Shape::Bool,
                kiln_syntax::ast::UnaryOp::Negate => Shape::Int(None),
            },
            Form::Binary { op, .. } => match op {
                BinaryOp::And
                | BinaryOp::Or
                | BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::LessEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual => Shape::Bool,
                BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => Shape::Int(None),
                BinaryOp::Concat => Shape::List,
                _ => Shape::Unknown,
            },
            _ => Shape::Unknown,
        }
    }

    fn prelude_shape(&self, symbol: Symbol, depth: usize) -> Shape {
        if let Some(known) = self.prelude.borrow().get(&symbol) {
            return known.clone();
        }
        let file = self.code.stdlib.get(&symbol).map(|ix| &self.code.files[*ix]);
        let made = match file.and_then(|file| file.value.as_ref()) {
            Some(value) => match (&value.form, self.shape(value, depth + 1)) {
                (Form::Record(body), _) => self.prelude_kind(None, body, symbol),
                (Form::Amend { body, .. }, Shape::Instance(chain)) => {
                    self.prelude_kind(chain.parent.clone(), body, symbol)
                }
                (_, Shape::Mixin(kind, body)) => Shape::Mixin(kind, body),
                _ => Shape::Unknown,
            },
            None => Shape::Unknown,
        };
        self.prelude.borrow_mut().insert(symbol, made.clone());
        made
    }

    fn prelude_kind(&self, parent: Option<Rc<Chain>>, body: &Rc<Body>, symbol: Symbol) -> Shape {
        let link = |parent, body: &Rc<Body>| {
            let (layer, name) = (Layer::Body(Rc::clone(body)), Some(symbol));
            Rc::new(Chain { parent, layer, name, stdlib: true })
        };
        let kind = link(parent, body);
        let default = self.defaults.as_ref().and_then(|defaults| defaults.get(&symbol));
        Shape::Kind(match default {
            Some(default) => link(Some(kind), default),
            None => kind,
        })
    }

    fn amended(&self, base: &CodeRef, body: &Rc<Body>, depth: usize) -> Shape {
        match self.shape(base, depth + 1) {
            Shape::Kind(parent) | Shape::Instance(parent) => {
                Shape::Instance(link(parent, Layer::Body(Rc::clone(body))))
            }
            Shape::Record => Shape::Record,
            _ => Shape::Unknown,
        }
    }

    fn called(&self, callee: &CodeRef, args: &[Argument], depth: usize) -> Shape {
        match self.shape(callee, depth + 1) {
            Shape::Kind(kind) => {
                let own = Self::own_fields(&kind);
                let by_place = args.iter().filter(|arg| arg.name.is_none()).zip(own);
                let named = args.iter().filter_map(|arg| arg.name);
                let values = by_place.map(|(_, field)| field).chain(named).collect();
                Shape::Instance(link(kind, Layer::Values(values)))
            }
            Shape::Function(Some(function)) => match &function.result {
                Some(ty) => shape_of_type(ty),
                None => Shape::Unknown,
            },
            _ => Shape::Unknown,
        }
    }

    /// Returns what a field or member of something is.
    pub(super) fn selected(&self, base: &Shape, name: Symbol, depth: usize) -> Shape {
        match base {
            Shape::Project => self.member(0, name, depth),
            Shape::Folder(folder, file) => match file.filter(|file| self.has_item(*file, name)) {
                Some(file) => self.item(file, name, depth),
                None => self.member(*folder, name, depth),
            },
            Shape::File(file) => self.item(*file, name, depth),
            Shape::Instance(chain) => match self.find_field(chain, name) {
                Found::Declared(fact) => shape_of_type(&fact.ty),
                _ => Shape::Unknown,
            },
            Shape::Text(_) | Shape::List => self.method_shape(base, name, true),
            _ => Shape::Unknown,
        }
    }

    fn has_item(&self, file: usize, name: Symbol) -> bool {
        self.code.files[file].body.index.contains(name)
    }

    fn item(&self, file: usize, name: Symbol, depth: usize) -> Shape {
        self.bound_in(&self.code.files[file].body, name, depth)
    }

    /// Returns what a member of a folder is; the first folder is the root of the project.
    fn member(&self, folder: usize, name: Symbol, depth: usize) -> Shape {
        let Some(member) = self.code.folders.get(folder).and_then(|f| f.members.get(&name)) else {
            return if folder == 0 { self.written_member(name, depth) } else { Shape::Unknown };
        };
        match (member.folder, member.file) {
            (Some(folder), file) => Shape::Folder(folder, file),
            (None, Some(file)) => match &self.code.files[file].value {
                Some(value) => self.named(self.shape(value, depth + 1), name),
                None => Shape::File(file),
            },
            (None, None) => Shape::Unknown,
        }
    }

    /// A member that `project.kiln` writes itself.
    fn written_member(&self, name: Symbol, depth: usize) -> Shape {
        let value = self.project_value();
        match value.map(|value| &value.form) {
            Some(Form::Amend { body, .. }) => self.bound_in(body, name, depth),
            _ => Shape::Unknown,
        }
    }

    fn bound(&self, scope: ScopeId, symbol: Symbol, depth: usize) -> Shape {
        if scope == ScopeId::PROJECT {
            return self.member(0, symbol, depth);
        }
        if let Some(folder) = self.code.folders.iter().position(|folder| folder.scope == scope) {
            return self.member(folder, symbol, depth);
        }
        let Some(braces) = self.braces.get(&scope) else { return Shape::Unknown };
        if braces.is_file || self.is_project_body(scope) || is_capital(self.text(symbol)) {
            return self.bound_in(&braces.body, symbol, depth);
        }
        // What amends these braces may bind it anew, but not to another type.
        let entry = braces.body.index.get(symbol).next();
        let binding = entry.and_then(|ix| braces.body.entries[ix].form.binding());
        match binding.and_then(|binding| binding.ty.as_ref()) {
            Some(ty) => shape_of_type(ty),
            None => self.inherited_shape(symbol, &[]),
        }
    }

    pub(super) fn is_project_body(&self, scope: ScopeId) -> bool {
        let value = self.project_value();
        matches!(value.map(|value| &value.form), Some(Form::Amend { body, .. }) if body.scope == scope)
    }

    /// Returns what a key is bound to, if it is bound once and under no condition.
    fn bound_in(&self, body: &Rc<Body>, symbol: Symbol, depth: usize) -> Shape {
        let mut entries = body.index.get(symbol);
        let (Some(ix), None) = (entries.next(), entries.next()) else { return Shape::Unknown };
        let entry = &body.entries[ix];
        let Some(binding) = entry.form.binding().filter(|_| entry.conditions.is_empty()) else {
            return Shape::Unknown;
        };
        match (&binding.ty, &binding.value) {
            (Some(ty), _) => shape_of_type(ty),
            (None, Some(value)) => self.named(self.shape(value, depth + 1), symbol),
            (None, None) => Shape::Unknown,
        }
    }

    /// Makes a kind of what is bound to a capital name.
    fn named(&self, shape: Shape, symbol: Symbol) -> Shape {
        match shape {
            Shape::Instance(chain) if is_capital(self.text(symbol)) => {
                let layer = match &chain.layer {
                    Layer::Body(body) => Layer::Body(Rc::clone(body)),
                    Layer::Values(values) => Layer::Values(values.clone()),
                };
                let parent = chain.parent.clone();
                Shape::Kind(Rc::new(Chain { parent, layer, name: Some(symbol), stdlib: false }))
            }
            other => other,
        }
    }

    fn let_shape(&self, scope: ScopeId, ix: usize, depth: usize) -> Shape {
        let Some(slot) = self.braces.get(&scope).and_then(|braces| braces.body.lets.get(ix)) else {
            return Shape::Unknown;
        };
        match &slot.ty {
            Some(ty) => shape_of_type(ty),
            None => self.named(self.shape(&slot.value, depth + 1), slot.name),
        }
    }

    fn local_shape(&self, scope: ScopeId, ix: usize, depth: usize) -> Shape {
        match self.locals.get(&scope) {
            Some(Locals::Parameters(function)) => {
                let ty = function.params.get(ix).and_then(|param| param.ty.as_ref());
                ty.map_or(Shape::Unknown, shape_of_type)
            }
            Some(Locals::Lets(values)) => match values.get(ix) {
                Some(Some(value)) => self.shape(value, depth + 1),
                _ => Shape::Unknown,
            },
            Some(Locals::Binder) | None => Shape::Unknown,
        }
    }

    fn inherited_shape(&self, symbol: Symbol, not_in: &[ScopeId]) -> Shape {
        for around in self.around.iter().rev().filter(|around| !not_in.contains(&around.scope)) {
            match &around.fields {
                Fields::Free => {}
                Fields::Unknown => return Shape::Unknown,
                Fields::Of(chain) => match self.find_field(chain, symbol) {
                    Found::Declared(fact) => return shape_of_type(&fact.ty),
                    Found::Absent => {}
                    Found::Unknown => return Shape::Unknown,
                },
            }
        }
        Shape::Unknown
    }
}

/// Adds a link without a name.
pub(super) fn link(parent: Rc<Chain>, layer: Layer) -> Rc<Chain> {
    Rc::new(Chain { parent: Some(parent), layer, name: None, stdlib: false })
}

/// Returns what a value of a type is, if all of them are of one shape.
pub(super) fn shape_of_type(ty: &TypeRef) -> Shape {
    match ty.as_ref() {
        TypeForm::Null => Shape::Null,
        TypeForm::Bool => Shape::Bool,
        TypeForm::Int | TypeForm::IntLiteral(_) => Shape::Int(None),
        TypeForm::Text | TypeForm::TextLiteral(_) => Shape::Text(None),
        TypeForm::Path => Shape::Path,
        TypeForm::Script | TypeForm::List(_) => Shape::List,
        TypeForm::Dict(_) | TypeForm::Record(_) => Shape::Record,
        TypeForm::Function { .. } => Shape::Function(None),
        TypeForm::Union(types) => {
            let is_text = |ty: &TypeRef| matches!(ty.as_ref(), TypeForm::TextLiteral(_));
            if types.iter().all(is_text) { Shape::Text(None) } else { Shape::Unknown }
        }
        TypeForm::Any | TypeForm::Kind(_) | TypeForm::Value { .. } | TypeForm::Defined { .. } => {
            Shape::Unknown
        }
    }
}
