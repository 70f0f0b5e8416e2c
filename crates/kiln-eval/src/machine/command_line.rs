//! Options of the command line: read as their types say, then a body that amends every instance.

use super::object::{ObjectId, Raw};
use super::{FrameForm, FrameId, Machine, Poison, Term};
use crate::code::{
    Argument, Binding, Body, CodeRef, Entry, EntryForm, Expr, Form, KeyIndex, ListPart, Mentions,
    ScopeId, TypeForm, TypeRef,
};
use crate::symbol::Symbol;
use crate::value::Value;
use crate::{OptionSetting, ProjectOption};
use kiln_diag::{Code, Diagnostic, Span, suggestion};
use std::rc::Rc;

/// Types within types that an option is read through.
const MAX_NESTING: usize = 64;

impl Machine {
    /// Turns `-o name=value` into a body that amends every instance, after checking the names.
    pub(crate) fn set_options(
        &mut self,
        project: ObjectId,
        settings: &[OptionSetting],
        lock_for: Option<&str>,
    ) -> Result<(), Poison> {
        let project_span = self.program.project_span;
        let options = self.well_known.options;
        let Some(declared) = self.options_of(project)? else { return Err(Poison) };
        let mut bindings = Vec::new();
        let mut failed = false;
        for setting in settings {
            let symbol = self.symbols.intern(&setting.name);
            self.command_line_file = setting.span.map(|span| span.file);
            let Some(declaration) = self.declaration(declared, symbol)? else {
                self.unknown_option(declared, symbol, setting.span);
                failed = true;
                continue;
            };
            let span = setting.span.or(declaration.span).unwrap_or(project_span);
            let form = self.option_value(
                &declaration.ty,
                &setting.value,
                declaration.frame,
                span,
                MAX_NESTING,
            );
            bindings.push((symbol, Rc::new(Expr { span, form })));
        }
        if let Some(set) = lock_for {
            bindings.extend(self.code_of_set(project, set)?);
        }
        if failed {
            return Err(Poison);
        }
        let span = project_span;
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
        settings: &[OptionSetting],
    ) -> Result<(), Poison> {
        let span = self.program.project_span;
        let Some(options) = self.options_of(project)? else { return Err(Poison) };
        let mut failed = false;
        for setting in settings {
            let symbol = self.symbols.intern(&setting.name);
            let value = self.field(options, symbol, span);
            failed |= !matches!(value, Ok(Some(term)) if self.deep(&term).is_ok());
        }
        if failed { Err(Poison) } else { Ok(()) }
    }

    /// Checks all options of an instance: each is declared, has a value, and that is of its type. Of an input it is known
    /// where it is named.
    pub(crate) fn check_all_options(&mut self, project: ObjectId, named: Option<Span>) {
        let Ok(Some(options)) = self.options_of(project) else { return };
        // What is wrong is among the findings.
        let _checked = self.check_options(options);
        let _checked = self.check_values(options, named);
    }

    fn check_values(&mut self, options: ObjectId, named: Option<Span>) -> Result<(), Poison> {
        for (symbol, declared) in self.declared_fields(options)? {
            match self.field(options, symbol, declared) {
                Ok(Some(term)) => drop(self.deep(&term)),
                Ok(None) => drop(self.report_unset_option(symbol, declared, named)),
                Err(Poison) => {}
            }
        }
        Ok(())
    }

    pub(super) fn report_unset_option(
        &mut self,
        symbol: Symbol,
        declared: Span,
        named: Option<Span>,
    ) -> Poison {
        let name = self.text(symbol);
        let finding = Diagnostic::error(Code(502), format!("the option `{name}` is not set"));
        let label = "declared without a default";
        self.report(match named {
            None => finding
                .at(declared, label)
                .help(format!("say `-o {name}=VALUE`, or give it a default")),
            Some(named) => finding
                .at(named, "this input has no default for it")
                .also(declared, label)
                .help(format!("set it here: `{{ options {{ {name} = … }} }}`")),
        })
    }

    /// Returns the record of options of an instance; a project whose options are no record is told.
    pub(super) fn options_of(&mut self, project: ObjectId) -> Result<Option<ObjectId>, Poison> {
        let options = self.well_known.options;
        let span = self.program.project_span;
        match self.field(project, options, span)? {
            Some(Term::Object(object)) if self.is_dict(object) => Ok(Some(object)),
            Some(other) => {
                let found = self.describe(&other);
                let span = self.binding_span(project, options).unwrap_or(span);
                Err(self.report(
                    Diagnostic::error(
                        Code(503),
                        format!("`options` is a record of typed fields, not {found}"),
                    )
                    .at(span, format!("this is {found}"))
                    .help("`options { debug: Bool = false }` declares an option"),
                ))
            }
            None => Ok(None),
        }
    }

    /// Returns the options that an instance declares, with what they are without anything set from outside.
    pub(crate) fn project_options(
        &mut self,
        project: ObjectId,
        unset: ObjectId,
        input: Option<&str>,
    ) -> Vec<ProjectOption> {
        let (Ok(Some(options)), Ok(Some(plain))) =
            (self.options_of(project), self.options_of(unset))
        else {
            return Vec::new();
        };
        let mut known = Vec::new();
        for (symbol, declared) in self.declared_fields(options).unwrap_or_default() {
            let Ok(Some(declaration)) = self.declaration(options, symbol) else { continue };
            known.push(ProjectOption {
                input: input.map(str::to_owned),
                name: self.text(symbol).to_string(),
                ty: self.describe_type(&declaration.ty),
                default: self.option_now(plain, symbol, declared),
                value: self.option_now(options, symbol, declared),
                declared,
            });
        }
        known
    }

    fn option_now(&mut self, options: ObjectId, symbol: Symbol, span: Span) -> Option<Value> {
        let term = self.field(options, symbol, span).ok()??;
        self.deep(&term).ok()
    }

    /// Options are closed: only what is declared with a type can be set.
    pub(super) fn check_options(&mut self, object: ObjectId) -> Result<(), Poison> {
        if !self.options_checked.insert(object) {
            return Ok(());
        }
        for key in self.keys(object)? {
            if self.declaration(object, key)?.is_none() {
                let span = self.binding_key_span(object, key);
                let span = span.unwrap_or(self.program.project_span);
                return Err(self.unknown_option(object, key, Some(span)));
            }
        }
        Ok(())
    }

    pub(super) fn unknown_option(
        &mut self,
        object: ObjectId,
        key: Symbol,
        span: Option<Span>,
    ) -> Poison {
        let text = self.text(key);
        let mut names: Vec<Rc<str>> = Vec::new();
        for (name, _) in self.declared_fields(object).unwrap_or_default() {
            if matches!(self.declaration(object, name), Ok(Some(_))) {
                names.push(self.text(name));
            }
        }
        let declare = format!("`options {{ {text}: Bool = false }}`");
        let from_outside = span.is_none_or(|span| self.command_line_file == Some(span.file));
        let help = if let Some(how) = self.input_help(&text).filter(|_| from_outside) {
            how
        } else if let Some(near) = suggestion(&text, names.iter().map(AsRef::as_ref)) {
            near
        } else if from_outside && names.is_empty() {
            "the project has no options".to_owned()
        } else if from_outside {
            format!("the options of the project are {}", names.join(", "))
        } else if names.is_empty() {
            format!("declare it with a type: {declare}")
        } else {
            let names = names.join(", ");
            format!("its options are {names}; a new one is declared with a type: {declare}")
        };
        let mut finding =
            Diagnostic::error(Code(501), format!("there is no option `{text}`")).help(help);
        if let Some(span) = span {
            finding = finding.at(span, "set here");
        }
        self.report(finding)
    }

    /// Returns how an option of an input is set, if a name means one: `platform.level`.
    fn input_help(&mut self, name: &str) -> Option<String> {
        let (path, option) = name.rsplit_once('.')?;
        let first = path.split('.').next()?;
        let project = self.plain_instance(0)?;
        self.has_input(project, first).then(|| {
            format!(
                "options of an input are set where it is named: `{first} = Project(…) {{ options {{ {option} = … }} }}`"
            )
        })
    }

    /// Returns how an option of a type is said on the command line, if it can be.
    pub(super) fn option_help(&self, ty: &TypeRef) -> Option<String> {
        match ty.as_ref() {
            TypeForm::Bool => Some("say `true` or `false`".to_owned()),
            TypeForm::Int => Some("say a whole number".to_owned()),
            TypeForm::TextLiteral(_) | TypeForm::IntLiteral(_) | TypeForm::Union(_) => {
                let mut words = Vec::new();
                self.add_words(ty, &mut words);
                (!words.is_empty()).then(|| format!("say one of {}", words.join(", ")))
            }
            TypeForm::List(of) => {
                let one = self.option_help(of);
                let one = one.map(|one| format!(", each: {one}")).unwrap_or_default();
                Some(format!("items are separated by commas{one}"))
            }
            TypeForm::Dict(_) | TypeForm::Record(_) | TypeForm::Path | TypeForm::Value { .. } => {
                Some("an option of this type is set by an amend of the project only".to_owned())
            }
            _ => None,
        }
    }

    fn add_words(&self, ty: &TypeRef, words: &mut Vec<String>) {
        match ty.as_ref() {
            TypeForm::TextLiteral(text) => words.push(format!("`{text}`")),
            TypeForm::IntLiteral(number) => words.push(format!("`{number}`")),
            TypeForm::Null => words.push("`null`".to_owned()),
            TypeForm::Bool => words.extend(["`true`".to_owned(), "`false`".to_owned()]),
            TypeForm::Union(types) => types.iter().for_each(|one| self.add_words(one, words)),
            _ => words.push(self.describe_type(ty)),
        }
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
        self.as_type(ty, text, frame, span, depth).unwrap_or_else(|| Form::Text(Rc::from(text)))
    }

    /// Reads a text as a value of a type, if it can be one; conditions of types are checked later.
    fn as_type(
        &mut self,
        ty: &TypeRef,
        text: &str,
        frame: FrameId,
        span: Span,
        depth: usize,
    ) -> Option<Form> {
        // A type may be defined by itself.
        let depth = depth.checked_sub(1)?;
        match ty.as_ref() {
            TypeForm::Bool => text.parse().ok().map(Form::Bool),
            TypeForm::Int => text.parse().ok().map(Form::Int),
            TypeForm::IntLiteral(wanted) => {
                text.parse().ok().filter(|number| number == wanted).map(Form::Int)
            }
            TypeForm::Null => (text == "null").then_some(Form::Null),
            TypeForm::TextLiteral(wanted) => {
                (text == wanted.as_ref()).then(|| Form::Text(Rc::clone(wanted)))
            }
            TypeForm::Text | TypeForm::Any => Some(Form::Text(Rc::from(text))),
            TypeForm::Kind(name) if *name == self.well_known.platform => {
                let callee = Rc::new(Expr { span, form: Form::Prelude(*name) });
                let value = Rc::new(Expr { span, form: Form::Text(Rc::from(text)) });
                let args = vec![Argument { name: None, spread: false, value, span }];
                Some(Form::Call { callee, args })
            }
            TypeForm::List(of) => {
                let mut parts = Vec::new();
                for part in text.split(',').filter(|part| !part.is_empty()) {
                    let form = self.option_value(of, part, frame, span, depth);
                    let value = Rc::new(Expr { span, form });
                    let (loops, guard) = (Vec::new(), None);
                    parts.push(ListPart { spread: false, value, loops, guard });
                }
                Some(Form::List(parts))
            }
            // The narrow types first: any text is a String.
            TypeForm::Union(types) => {
                let (wide, narrow): (Vec<&TypeRef>, Vec<&TypeRef>) = types
                    .iter()
                    .partition(|ty| matches!(ty.as_ref(), TypeForm::Text | TypeForm::Any));
                let mut ordered = narrow.into_iter().chain(wide);
                ordered.find_map(|one| self.as_type(one, text, frame, span, depth))
            }
            TypeForm::Defined { scope, ix, .. } => {
                let found = self.find_frame(frame, *scope).map(|id| &self.frame(id).form);
                let definition = match found {
                    Some(FrameForm::Braces { body, .. }) => body.types.get(*ix),
                    _ => None,
                };
                let ty = definition.map(|definition| Rc::clone(&definition.ty))?;
                self.as_type(&ty, text, frame, span, depth)
            }
            _ => None,
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
