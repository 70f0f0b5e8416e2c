//! Options of the command line: read as their types say, then a body that amends every instance.

use super::object::{ObjectId, Raw};
use super::{FrameForm, FrameId, Machine, Poison, Term};
use crate::code::{
    Argument, Binding, Body, CodeRef, Entry, EntryForm, Expr, Form, KeyIndex, ListPart, Mentions,
    ScopeId, TypeForm, TypeRef,
};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::rc::Rc;

/// Types within types that an option is read through.
const MAX_NESTING: usize = 64;

impl Machine {
    /// Turns `-o name=value` into a body that amends every instance, after checking names and types.
    pub(crate) fn set_options(
        &mut self,
        project: ObjectId,
        settings: &[(String, String)],
    ) -> Result<(), Poison> {
        let span = self.program.project_span;
        let options = self.well_known.options;
        let Some(Term::Object(declared)) = self.field(project, options, span)? else {
            return Ok(());
        };
        let mut bindings = Vec::new();
        for (name, text) in settings {
            let symbol = self.symbols.intern(name);
            let Some(declaration) = self.declaration(declared, symbol)? else {
                return Err(self.unknown_option(declared, symbol, None));
            };
            let form =
                self.option_value(&declaration.ty, text, declaration.frame, span, MAX_NESTING);
            let value = Rc::new(Expr { span: declaration.span.unwrap_or(span), form });
            bindings.push((symbol, value));
        }
        let inner = synthetic_body(bindings, false, span);
        let amend = Rc::new(Expr { span, form: Form::AmendSuper(inner) });
        let body = synthetic_body(vec![(options, amend)], true, span);
        let frame = self.member_frames.get(&project).copied().unwrap_or(FrameId::OUTERMOST);
        self.command_line = Some(Raw::Body { body, frame });
        Ok(())
    }

    /// Checks the types of the options that were set, before anything else is evaluated.
    pub(crate) fn check_set_options(
        &mut self,
        project: ObjectId,
        settings: &[(String, String)],
    ) -> Result<(), Poison> {
        let span = self.program.project_span;
        let options = self.well_known.options;
        let Some(Term::Object(options)) = self.field(project, options, span)? else {
            return Ok(());
        };
        let mut failed = false;
        for (name, _) in settings {
            let symbol = self.symbols.intern(name);
            failed |= self.field(options, symbol, span).is_err();
        }
        if failed { Err(Poison) } else { Ok(()) }
    }

    /// Reads an option of the command line as its type says.
    fn option_value(
        &mut self,
        ty: &TypeRef,
        text: &str,
        frame: FrameId,
        span: Span,
        depth: usize,
    ) -> Form {
        match ty.as_ref() {
            // A type may be defined by itself.
            _ if depth == 0 => Form::Text(Rc::from(text)),
            TypeForm::Bool if text == "true" || text == "false" => Form::Bool(text == "true"),
            TypeForm::Int | TypeForm::IntLiteral(_) => match text.parse() {
                Ok(number) => Form::Int(number),
                Err(_) => Form::Text(Rc::from(text)),
            },
            TypeForm::Kind(name) if *name == self.well_known.platform => {
                let callee = Rc::new(Expr { span, form: Form::Prelude(*name) });
                let value = Rc::new(Expr { span, form: Form::Text(Rc::from(text)) });
                let args = vec![Argument { name: None, spread: false, value, span }];
                Form::Call { callee, args }
            }
            TypeForm::List(of) => {
                let mut parts = Vec::new();
                for part in text.split(',').filter(|part| !part.is_empty()) {
                    let form = self.option_value(of, part, frame, span, depth - 1);
                    let value = Rc::new(Expr { span, form });
                    let (loops, guard) = (Vec::new(), None);
                    parts.push(ListPart { spread: false, value, loops, guard });
                }
                Form::List(parts)
            }
            TypeForm::Union(types) => {
                let is_null = |ty: &&TypeRef| matches!(ty.as_ref(), TypeForm::Null);
                if text == "null" && types.iter().any(|ty| is_null(&ty)) {
                    return Form::Null;
                }
                match types.iter().find(|ty| !is_null(ty)) {
                    Some(one) => self.option_value(&Rc::clone(one), text, frame, span, depth - 1),
                    None => Form::Text(Rc::from(text)),
                }
            }
            TypeForm::Defined { scope, ix, .. } => {
                let found = self.find_frame(frame, *scope).map(|id| &self.frame(id).form);
                let definition = match found {
                    Some(FrameForm::Braces { body, .. }) => body.types.get(*ix),
                    _ => None,
                };
                match definition.map(|definition| Rc::clone(&definition.ty)) {
                    Some(ty) => self.option_value(&ty, text, frame, span, depth - 1),
                    None => Form::Text(Rc::from(text)),
                }
            }
            _ => Form::Text(Rc::from(text)),
        }
    }
}

/// Makes a body that no text holds.
fn synthetic_body(bindings: Vec<(Symbol, CodeRef)>, uses_super: bool, span: Span) -> Rc<Body> {
    let mut entries = Vec::new();
    for (symbol, value) in bindings {
        let key_span = value.span;
        let value = Some(value);
        let binding = Binding {
            symbol,
            key_span,
            value,
            ty: None,
            uses_super,
            mentions: Mentions::default(),
        };
        let form = EntryForm::Binding(binding);
        entries.push(Entry { conditions: Rc::from([]), form });
    }
    Rc::new(Body {
        scope: ScopeId::NOWHERE,
        span,
        transparent: true,
        index: KeyIndex::new(&entries),
        entries,
        lets: Vec::new(),
        types: Vec::new(),
        conditions: Vec::new(),
        condition_mentions: Vec::new(),
        assertions: Vec::new(),
        dynamic: false,
        late: false,
    })
}
