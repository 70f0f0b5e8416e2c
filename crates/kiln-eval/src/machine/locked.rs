//! What the lock knows of sources, and the option sets that it is made for.

use super::object::{Nature, ObjectId, Position};
use super::{Machine, Poison, Term};
use crate::VersionsRead;
use crate::code::{CodeRef, Expr, Form};
use crate::symbol::Symbol;
use crate::value::{Source, Value};
use kiln_diag::{Code, Diagnostic, Span, suggestion};
use std::rc::Rc;

/// The kind of sources whose version is not in their URL.
const GIT: &str = "Git";
/// What tells one commit from another, in order.
const FIELDS: [&str; 5] = ["exclude", "exclude-submodules", "submodules", "track", "url"];

impl Machine {
    /// Returns the versions that were asked for.
    pub(crate) fn versions_read(&self) -> VersionsRead {
        self.inputs.versions_read.clone()
    }

    /// Returns the version that the lock says of a source; nothing where it has no say, as the source is none of git or
    /// somebody wrote a version.
    pub(super) fn locked_version(
        &mut self,
        object: ObjectId,
        span: Span,
    ) -> Result<Option<Term>, Poison> {
        let found = self.object(object);
        if found.nature != Nature::Source || found.is_kind.is_some() {
            return Ok(None);
        }
        if self.kind_name(object).as_ref() != GIT {
            return Ok(None);
        }
        let version = self.well_known.version;
        let bound = self.find_binding(object, version, Position::TOP)?;
        // The first layer is that of the root kind, which says that there is none.
        if bound.is_some_and(|bound| bound.layer > 0) {
            return Ok(None);
        }
        let mut fields = Vec::new();
        for name in FIELDS {
            let symbol = self.symbols.intern(name);
            let Some(term) = self.field(object, symbol, span)? else { return Ok(None) };
            fields.push((name.to_owned(), self.deep(&term)?));
        }
        let key = Source { kind: GIT.to_owned(), fields, span }.key();
        let known = self.inputs.versions.get(&key).cloned();
        let term = known.as_deref().map_or(Term::Null, |text| Term::Text(Rc::from(text)));
        self.inputs.versions_read.insert(key, known);
        Ok(Some(term))
    }

    /// Returns the keys of `lock-for`; each holds a record of options.
    pub(crate) fn lock_sets(&mut self, project: ObjectId) -> Result<Vec<String>, Poison> {
        let Some(sets) = self.lock_for(project)? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for key in self.keys(sets)? {
            names.push(self.text(key).to_string());
            // So that what is wrong is told by whoever loads the project.
            self.options_of_set(project, sets, key)?;
        }
        Ok(names)
    }

    fn lock_for(&mut self, project: ObjectId) -> Result<Option<ObjectId>, Poison> {
        let (symbol, span) = (self.well_known.lock_for, self.object(project).span);
        match self.field(project, symbol, span)? {
            Some(Term::Object(sets)) => Ok(Some(sets)),
            _ => Ok(None),
        }
    }

    /// Returns the options that one of `lock-for` sets, and where.
    fn options_of_set(
        &mut self,
        project: ObjectId,
        sets: ObjectId,
        set: Symbol,
    ) -> Result<Vec<(Symbol, Span)>, Poison> {
        let span = self.object(project).span;
        let Some(Term::Object(values)) = self.field(sets, set, span)? else { return Err(Poison) };
        let (mut keys, mut failed) = (Vec::new(), false);
        for key in self.keys(values)? {
            let at = self.binding_key_span(values, key).unwrap_or(span);
            let Some(declared) = self.options_of(project)? else { return Err(Poison) };
            if self.declaration(declared, key)?.is_none() {
                self.unknown_option(declared, key, Some(at));
                failed = true;
            }
            keys.push((key, at));
        }
        if failed { Err(Poison) } else { Ok(keys) }
    }

    /// Returns what one of `lock-for` sets options to, as code that reads it there.
    pub(super) fn code_of_set(
        &mut self,
        project: ObjectId,
        name: &str,
    ) -> Result<Vec<(Symbol, CodeRef)>, Poison> {
        let symbol = self.symbols.intern(name);
        let sets = self.lock_for(project)?;
        let names = match sets {
            Some(sets) => self.keys(sets)?,
            None => Vec::new(),
        };
        let Some(sets) = sets.filter(|_| names.contains(&symbol)) else {
            let names: Vec<Rc<str>> = names.into_iter().map(|name| self.text(name)).collect();
            let mut finding =
                Diagnostic::error(Code(501), format!("`lock-for` has no options `{name}`"));
            if let Some(help) = suggestion(name, names.iter().map(AsRef::as_ref)) {
                finding = finding.help(help);
            }
            return Err(self.report(finding));
        };
        let lock_for = self.well_known.lock_for;
        let mut bindings = Vec::new();
        for (key, span) in self.options_of_set(project, sets, symbol)? {
            let mut code = Rc::new(Expr { span, form: Form::Project });
            for part in [lock_for, symbol, key] {
                let (base, name_span, optional) = (code, span, false);
                let form = Form::Select { base, name: part, name_span, optional };
                code = Rc::new(Expr { span, form });
            }
            bindings.push((key, code));
        }
        Ok(bindings)
    }
}

impl Value {
    /// Returns a list of texts.
    fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Self::Text(text.clone())).collect())
    }
}

/// Returns the key that the version of a commit is known by.
pub fn git_key(
    url: &str,
    track: &str,
    exclude: &[String],
    submodules: bool,
    exclude_submodules: &[String],
) -> String {
    let values = [
        Value::texts(exclude),
        Value::texts(exclude_submodules),
        Value::Bool(submodules),
        Value::Text(track.to_owned()),
        Value::Text(url.to_owned()),
    ];
    let fields = FIELDS.iter().map(|name| (*name).to_owned()).zip(values).collect();
    let span = Span::new(kiln_diag::FileId(0), 0, 0);
    Source { kind: GIT.to_owned(), fields, span }.key()
}
