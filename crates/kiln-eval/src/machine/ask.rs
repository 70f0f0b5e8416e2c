//! Values of texts that are asked of a project from outside.

use super::names::{NamePart, NamePath};
use super::object::{Nature, ObjectId};
use super::{Env, FrameForm, FrameId, Lazy, Machine, Poison, Term};
use crate::code::{CodeRef, Function};
use crate::compile::FileCode;
use crate::methods::{OF_LIST, OF_TEXT, names};

/// Items of a list and keys of a record whose types are told.
const TOLD: usize = 12;
/// Lists and records within each other whose types are told.
const MAX_NESTING: usize = 6;

impl Machine {
    /// Opens the items of a text inside of what earlier ones opened; its `let`s are forced once.
    pub(crate) fn open_asked(
        &mut self,
        code: &FileCode,
        project: ObjectId,
        parent: Option<FrameId>,
    ) -> Result<FrameId, Poison> {
        let root = self.member_frames.get(&project).copied();
        let parent = parent.or(root).unwrap_or(FrameId::OUTERMOST);
        let name = self.names.child(NamePath::ROOT, NamePart::Prototype);
        let frame = self.open_braces(None, &code.body, parent, name);
        self.check_assertions(&code.body, frame, name)?;
        let FrameForm::Braces { lets, .. } = &self.frame(frame).form else { return Ok(frame) };
        for thunk in lets.clone() {
            self.force_thunk(thunk)?;
        }
        Ok(frame)
    }

    /// Evaluates an expression in an opened frame.
    pub(crate) fn eval_asked(&mut self, code: &CodeRef, frame: FrameId) -> Result<Term, Poison> {
        let name = self.names.child(NamePath::ROOT, NamePart::Prototype);
        self.eval(code, Env { frame, name })
    }

    /// Returns the type of a value; what is lazy in it is forced, quietly.
    pub(crate) fn type_text(&mut self, term: &Term) -> String {
        let n_findings = self.diagnostics.len();
        let text = self.type_within(term, MAX_NESTING);
        self.diagnostics.truncate(n_findings);
        text
    }

    fn type_within(&mut self, term: &Term, depth: usize) -> String {
        match term {
            Term::Null => "Null".to_owned(),
            Term::Bool(_) => "Bool".to_owned(),
            Term::Int(_) => "Int".to_owned(),
            Term::Text(_) => "String".to_owned(),
            Term::Path(_) => "Path".to_owned(),
            Term::List(_) | Term::Object(_) if depth == 0 => "Any".to_owned(),
            Term::List(items) => {
                let types = items.iter().take(TOLD).map(|item| self.lazy_type(item, depth));
                let mut types: Vec<String> = types.collect();
                types.sort_unstable();
                types.dedup();
                format!("[{}]", if types.is_empty() { "Any".to_owned() } else { types.join(" | ") })
            }
            Term::Mixin(mixin) => match self.eval_prototype(
                &mixin.kind.clone(),
                Env { frame: mixin.frame, name: NamePath::ROOT },
            ) {
                Ok(Term::Object(kind)) => format!("mixin {}", self.kind_name(kind)),
                _ => "mixin".to_owned(),
            },
            Term::Function(closure) => self.signature(&closure.function),
            Term::Intrinsic(_) => "Step".to_owned(),
            Term::Object(object) => self.object_type(*object, depth),
        }
    }

    fn lazy_type(&mut self, lazy: &Lazy, depth: usize) -> String {
        match self.force(lazy) {
            Ok(term) => self.type_within(&term, depth - 1),
            Err(Poison) => "Any".to_owned(),
        }
    }

    fn object_type(&mut self, id: ObjectId, depth: usize) -> String {
        if self.object(id).is_kind.is_some() {
            return format!("kind {}", self.kind_name(id));
        }
        match self.object(id).nature {
            Nature::Project => "Project".to_owned(),
            Nature::Element | Nature::Source | Nature::Step | Nature::Platform => {
                self.kind_name(id).to_string()
            }
            Nature::Record | Nature::Module | Nature::Folder => {
                let Ok(keys) = self.keys(id) else { return "Any".to_owned() };
                let span = self.object(id).span;
                let mut parts = Vec::new();
                for key in keys.iter().take(TOLD) {
                    let ty = match self.field(id, *key, span) {
                        Ok(Some(term)) => self.type_within(&term, depth - 1),
                        _ => "Any".to_owned(),
                    };
                    let key = self.text(*key);
                    let plain = kiln_syntax::ast::is_identifier(&key);
                    parts.push(if plain {
                        format!("{key}: {ty}")
                    } else {
                        format!("{key:?}: {ty}")
                    });
                }
                let more = if keys.len() > TOLD { ", …" } else { "" };
                if parts.is_empty() {
                    "{}".to_owned()
                } else {
                    format!("{{ {}{more} }}", parts.join(", "))
                }
            }
        }
    }

    fn signature(&self, function: &Function) -> String {
        let mut parts = Vec::new();
        for parameter in &function.params {
            let ty = parameter.ty.as_ref().map(|ty| format!(": {}", self.describe_type(ty)));
            let default = if parameter.default.is_some() { " = …" } else { "" };
            let name = self.text(parameter.name);
            parts.push(format!("{name}{}{default}", ty.unwrap_or_default()));
        }
        let result = function.result.as_ref().map(|ty| self.describe_type(ty));
        format!("({}) -> {}", parts.join(", "), result.as_deref().unwrap_or("Any"))
    }

    /// Returns what may follow a `.`, sorted.
    pub(crate) fn names_within(&mut self, term: &Term) -> Vec<String> {
        let n_findings = self.diagnostics.len();
        let mut names: Vec<String> = match term {
            Term::Text(_) => names(OF_TEXT).map(str::to_owned).collect(),
            Term::List(_) => names(OF_LIST).map(str::to_owned).collect(),
            Term::Object(object) => self.keys_within(*object),
            _ => Vec::new(),
        };
        self.diagnostics.truncate(n_findings);
        names.sort_unstable();
        names.dedup();
        names
    }

    fn keys_within(&mut self, object: ObjectId) -> Vec<String> {
        let open = self.is_dict(object) || self.object(object).nature == Nature::Project;
        let mut symbols = Vec::new();
        if open && let Ok(layers) = self.layers(object) {
            symbols.extend(layers.iter().flat_map(|layer| self.written_keys(layer)));
        }
        if let Ok(declared) = self.declared_fields(object) {
            symbols.extend(declared.into_iter().map(|(symbol, _)| symbol));
        }
        symbols.into_iter().map(|symbol| self.text(symbol).to_string()).collect()
    }
}
