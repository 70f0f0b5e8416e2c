//! Calls, methods and selections whose operands the text decides.

use super::Statics;
use super::chain::{Chain, Found};
use super::shape::Shape;
use crate::code::{Argument, CodeRef, Form, Function, Piece};
use crate::habit;
use crate::methods::{ANY_NUMBER, Method, OF_LIST, OF_TEXT, n_arguments, names};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, Span, nearest, suggestion};
use std::collections::BTreeSet;
use std::rc::Rc;

impl Statics<'_> {
    /// Checks what a form says about its parts.
    pub(super) fn check_form(&mut self, code: &CodeRef) {
        match &code.form {
            Form::Interpolation(pieces) => {
                self.pieces(pieces);
                self.foreign_pieces(pieces);
            }
            Form::If { condition, otherwise, .. } => {
                self.expect_condition(condition);
                self.amended_otherwise(otherwise);
            }
            Form::List(parts) => {
                for guard in parts.iter().filter_map(|part| part.guard.as_ref()) {
                    self.expect_condition(guard);
                }
            }
            Form::Lambda(function) => self.function(function),
            Form::Let { slots, .. } => {
                for slot in slots {
                    if let Some(ty) = &slot.ty {
                        self.walk_type(ty);
                        self.expect(&slot.value, ty, self.text(slot.name), Some(slot.span));
                    }
                }
            }
            Form::Call { callee, args } => match self.shape(callee, 0) {
                Shape::Kind(kind) => self.constructor(&kind, args),
                Shape::Function(Some(function)) => self.call(&function, args, code.span),
                Shape::Function(None)
                | Shape::Unknown
                | Shape::Instance(_)
                | Shape::Record
                | Shape::Project
                | Shape::Folder(..)
                | Shape::File(_)
                | Shape::Mixin(..) => {}
                other => {
                    let found = self.describe(&other);
                    let message = format!("{found} cannot be called");
                    self.report(
                        Diagnostic::error(Code(207), message)
                            .at(callee.span, "neither a function nor a kind"),
                    );
                }
            },
            Form::Method { base, name, name_span, args } => {
                self.method(base, *name, *name_span, args, code.span);
            }
            _ => {}
        }
    }

    fn function(&mut self, function: &Function) {
        let types = function.params.iter().filter_map(|param| param.ty.as_ref());
        types.chain(&function.result).for_each(|ty| self.walk_type(ty));
        for param in &function.params {
            if let (Some(ty), Some(default)) = (&param.ty, &param.default) {
                self.expect(default, ty, self.text(param.name), Some(param.span));
            }
        }
        if let Some(ty) = &function.result {
            self.expect(&function.body, ty, "the result", None);
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            let Piece::Value { code, .. } = piece else { continue };
            let shape = self.shape(code, 0);
            let help = match &shape {
                Shape::Unknown | Shape::Text(_) | Shape::Int(_) | Shape::Bool => continue,
                Shape::List => "`.words` makes shell words of it, `.join(\" \")` one string",
                Shape::Null => "give it a value, or write `%{x ?? \"\"}`",
                Shape::Path => "make it a source, or write the text itself",
                Shape::Mixin(..) | Shape::Function(_) => "only text can stand here",
                _ => "read a field of it: `x.version`; for a field of this element `self.x`",
            };
            let found = self.describe(&shape);
            let message = format!("{found} cannot stand in a string");
            self.report(
                Diagnostic::error(Code(205), message)
                    .at(code.span, format!("this is {found}"))
                    .help(help),
            );
        }
    }

    fn constructor(&mut self, kind: &Rc<Chain>, args: &[Argument]) {
        if args.iter().any(|arg| arg.spread) || kind.root() == self.names.project {
            return;
        }
        let own = Self::own_fields(kind);
        let by_place: Vec<&Argument> = args.iter().filter(|arg| arg.name.is_none()).collect();
        if let Some(extra) = by_place.get(own.len()) {
            let (name, n_own) = (kind.kind().map_or("record", |kind| self.text(kind)), own.len());
            let message = format!("`{name}` takes at most {n_own} arguments by position");
            self.report(Diagnostic::error(Code(208), message).at(extra.span, "one too many"));
        }
        for (field, arg) in own.into_iter().zip(by_place) {
            self.argument(kind, field, arg);
        }
        for arg in args {
            let Some(name) = arg.name else { continue };
            let width = u32::try_from(self.text(name).len()).unwrap_or_default();
            self.check_key(kind, name, arg.span, Span { end: arg.span.start + width, ..arg.span });
            self.argument(kind, name, arg);
        }
    }

    fn argument(&mut self, kind: &Rc<Chain>, field: Symbol, arg: &Argument) {
        if let Found::Declared(fact) = self.find_field(kind, field) {
            self.expect(&arg.value, &fact.ty, self.text(field), Some(fact.span));
        }
    }

    fn call(&mut self, function: &Rc<Function>, args: &[Argument], span: Span) {
        if args.iter().any(|arg| arg.spread) {
            return;
        }
        let n_params = function.params.len();
        let by_place: Vec<&Argument> = args.iter().filter(|arg| arg.name.is_none()).collect();
        if let Some(extra) = by_place.get(n_params) {
            let message = format!("{} arguments are given, {n_params} are taken", by_place.len());
            return self.report(
                Diagnostic::error(Code(208), message)
                    .at(extra.span, "one too many")
                    .also(function.span, "the function"),
            );
        }
        let mut given: BTreeSet<Symbol> = BTreeSet::new();
        for (param, arg) in function.params.iter().zip(by_place) {
            given.insert(param.name);
            if let Some(ty) = &param.ty {
                self.expect_argument(arg, ty, param.name, param.span);
            }
        }
        for arg in args {
            let Some(name) = arg.name else { continue };
            let Some(param) = function.params.iter().find(|param| param.name == name) else {
                return self.unknown_argument(function, name, arg.span);
            };
            if !given.insert(name) {
                let message = format!("`{}` is given twice", self.text(name));
                return self.report(
                    Diagnostic::error(Code(208), message).at(arg.span, "the second value"),
                );
            }
            if let Some(ty) = &param.ty {
                self.expect_argument(arg, ty, name, param.span);
            }
        }
        let missing = |param: &&crate::code::Parameter| {
            param.default.is_none() && !given.contains(&param.name)
        };
        if let Some(param) = function.params.iter().find(missing) {
            let message = format!("the argument `{}` is missing", self.text(param.name));
            self.report(
                Diagnostic::error(Code(208), message)
                    .at(span, "called here")
                    .also(param.span, "declared without a default"),
            );
        }
    }

    fn expect_argument(
        &mut self,
        arg: &Argument,
        ty: &crate::code::TypeRef,
        name: Symbol,
        at: Span,
    ) {
        self.expect(&arg.value, ty, self.text(name), Some(at));
    }

    fn unknown_argument(&mut self, function: &Function, name: Symbol, span: Span) {
        let text = self.text(name);
        let names: Vec<&str> = function.params.iter().map(|param| self.text(param.name)).collect();
        let mut finding = Diagnostic::error(Code(208), format!("there is no argument `{text}`"))
            .at(span, "not a parameter")
            .also(function.span, "the function");
        if let Some(help) = suggestion(text, names.iter().copied()) {
            finding = finding.help(help);
        }
        self.report(finding);
    }

    /// Returns what a method of a string or list answers with.
    pub(super) fn method_shape(&self, base: &Shape, name: Symbol, is_plain: bool) -> Shape {
        let name = self.text(name);
        match base {
            Shape::Text(_) | Shape::List if !is_plain || name != "first" => match name {
                "trim" | "upper" | "lower" | "words" | "replace" | "join" => Shape::Text(None),
                "quote" if matches!(base, Shape::Text(_)) => Shape::Text(None),
                "len" | "to-int" => Shape::Int(None),
                "contains" | "starts-with" | "ends-with" | "older-than" | "any" | "all" => {
                    Shape::Bool
                }
                "lines" | "split" | "map" | "filter" | "sort" | "reverse" | "unique" => Shape::List,
                _ => Shape::Unknown,
            },
            _ => Shape::Unknown,
        }
    }

    fn method(&mut self, base: &CodeRef, name: Symbol, at: Span, args: &[Argument], span: Span) {
        self.prefix_of_version(base, self.text(name), args);
        let shape = self.shape(base, 0);
        let methods = match shape {
            Shape::Text(_) => OF_TEXT,
            Shape::List => OF_LIST,
            _ => return self.check_called_member(&shape, base, name, at, args, span),
        };
        let text = self.text(name);
        let Some(count) = n_arguments(methods, text) else {
            return self.no_method(&shape, text, at, methods);
        };
        if args.iter().any(|arg| arg.spread || arg.name.is_some()) || count == ANY_NUMBER {
            return;
        }
        if count == 0 {
            let parentheses = Span { start: at.end, ..span };
            self.report(
                Diagnostic::error(Code(208), format!("`{text}` takes no arguments"))
                    .at(parentheses, "nothing to call")
                    .help(format!("write `.{text}`, without parentheses"))
                    .edit(parentheses, ""),
            );
        } else if count != args.len() {
            let s = if count == 1 { "" } else { "s" };
            let message = format!("`{text}` takes {count} argument{s}, not {}", args.len());
            self.report(Diagnostic::error(Code(208), message).at(span, "called here"));
        }
    }

    /// `base.name(args)` where the base is neither a string nor a list.
    fn check_called_member(
        &mut self,
        shape: &Shape,
        base: &CodeRef,
        name: Symbol,
        at: Span,
        args: &[Argument],
        span: Span,
    ) {
        self.check_member(base, name, at);
        match self.selected(shape, name, 0) {
            Shape::Function(Some(function)) => self.call(&function, args, span),
            Shape::Kind(kind) => self.constructor(&kind, args),
            _ => {}
        }
    }

    fn no_method(&mut self, shape: &Shape, text: &str, at: Span, methods: &[Method]) {
        let found = self.describe(shape);
        let finding = Diagnostic::error(Code(202), format!("{found} has no method `{text}`"))
            .at(at, "unknown method");
        self.report(habit::method(finding, text, at, names(methods)));
    }

    /// Checks `base.name`.
    pub(super) fn check_member(&mut self, base: &CodeRef, name: Symbol, at: Span) {
        let shape = self.shape(base, 0);
        let text = self.text(name);
        match &shape {
            Shape::Text(_) if n_arguments(OF_TEXT, text).is_none() => {
                self.no_method(&shape, text, at, OF_TEXT);
            }
            Shape::List if n_arguments(OF_LIST, text).is_none() => {
                self.no_method(&shape, text, at, OF_LIST);
            }
            Shape::Instance(chain) if chain.root() != self.names.project => {
                if matches!(self.find_field(chain, name), Found::Absent) {
                    let kind = chain.kind().map_or("record", |kind| self.text(kind));
                    let message = format!("`{kind}` has no field `{text}`");
                    let names: Vec<&str> = self.field_names(chain).into_keys().collect();
                    self.not_there(Diagnostic::error(Code(202), message), text, at, &names);
                }
            }
            Shape::Null | Shape::Bool | Shape::Int(_) | Shape::Path => {
                let found = self.describe(&shape);
                let finding =
                    Diagnostic::error(Code(202), format!("{found} has no field `{text}`"))
                        .at(at, format!("the value before is {found}"));
                self.report(finding);
            }
            Shape::Folder(folder, file) => self.check_key_of(Some(*folder), *file, name, at),
            Shape::File(file) => self.check_key_of(None, Some(*file), name, at),
            _ => {}
        }
    }

    fn check_key_of(&mut self, folder: Option<usize>, file: Option<usize>, name: Symbol, at: Span) {
        let body = file.map(|file| &self.code.files[file].body);
        if body.is_some_and(|body| body.dynamic) {
            return;
        }
        let members = folder.map(|folder| &self.code.folders[folder].members);
        let of_file = body.into_iter().flat_map(|body| body.index.keys());
        let of_folder = members.into_iter().flat_map(|members| members.keys().copied());
        let keys: Vec<Symbol> = of_file.chain(of_folder).collect();
        if keys.contains(&name) {
            return;
        }
        let text = self.text(name);
        let names: Vec<&str> = keys.into_iter().map(|key| self.text(key)).collect();
        let what = if folder.is_some() { "the folder" } else { "the file" };
        let finding = Diagnostic::error(Code(402), format!("{what} has no key `{text}`"));
        self.not_there(finding, text, at, &names);
    }

    fn not_there(&mut self, finding: Diagnostic, text: &str, at: Span, names: &[&str]) {
        let mut finding = finding.at(at, "not there");
        if let Some(help) = suggestion(text, names.iter().copied()) {
            finding = finding.help(help).edit(at, nearest(text, names.iter().copied())[0]);
        }
        self.report(finding);
    }
}
