//! Files and folders as values, loaded when a name in them is forced.

use super::names::{NamePart, NamePath};
use super::object::{Nature, Object, ObjectId, Raw};
use super::{Env, FrameForm, FrameId, Machine, Poison, Term};
use crate::code::ScopeId;
use crate::compile::{FileCode, Lost};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic, FileId, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// All compiled files and how they lie in folders.
#[derive(Debug)]
pub(crate) struct ProgramCode {
    /// The first one is the project root.
    pub(crate) folders: Vec<FolderCode>,
    pub(crate) files: Vec<FileCode>,
    /// Files of the standard library by the name they define.
    pub(crate) stdlib: BTreeMap<Symbol, usize>,
    /// Their texts: findings there also show the user's place.
    pub(crate) stdlib_files: BTreeSet<FileId>,
    /// The project at hand, then its inputs.
    pub(crate) projects: Vec<ProjectCode>,
    /// Where the project at hand stands.
    pub(crate) project_span: Span,
    /// The words of items that could not be read in full.
    pub(crate) lost: Rc<Lost>,
}

/// The files of one project.
#[derive(Debug)]
pub(crate) struct ProjectCode {
    /// What the names of its elements begin with, unless a binding says otherwise; nothing for the project at hand.
    pub(crate) name: Vec<Symbol>,
    /// `project.kiln`.
    pub(crate) file: usize,
    /// Its root.
    pub(crate) folder: usize,
    pub(crate) span: Span,
}

/// The members of a folder.
#[derive(Debug)]
pub(crate) struct FolderCode {
    pub(crate) scope: ScopeId,
    pub(crate) members: BTreeMap<Symbol, MemberCode>,
}

/// A file, a folder, or a file of items and a folder of one name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemberCode {
    pub(crate) file: Option<usize>,
    pub(crate) folder: Option<usize>,
}

impl Machine {
    /// Makes the value of a file or folder.
    pub(super) fn load_member(
        &mut self,
        folder: usize,
        symbol: Symbol,
        owner: ObjectId,
        name: NamePath,
    ) -> Result<Term, Poison> {
        let program = Rc::clone(&self.program);
        let Some(member) = program.folders[folder].members.get(&symbol) else {
            return Err(Poison);
        };
        let parent = self.member_frame(owner, folder);
        let Some(file) = member.file else {
            let Some(inner) = member.folder else { return Err(Poison) };
            return Ok(Term::Object(self.folder_object(inner, None, parent, name)));
        };
        let code = &program.files[file];
        if code.value.is_some() {
            return self.load_expression(code, symbol, parent, name);
        }
        let body = Raw::Body { body: Rc::clone(&code.body), frame: parent };
        if let Some(inner) = member.folder {
            return Ok(Term::Object(self.folder_object(inner, Some(body), parent, name)));
        }
        let object = Object::new(Nature::Module, Rc::from([body]), name, code.body.span);
        Ok(Term::Object(self.push_object(object)))
    }

    fn folder_object(
        &mut self,
        folder: usize,
        items: Option<Raw>,
        parent: FrameId,
        name: NamePath,
    ) -> ObjectId {
        let nature = if items.is_some() { Nature::Module } else { Nature::Folder };
        let raws: Rc<[Raw]> = [Raw::Folder(folder)].into_iter().chain(items).collect();
        let object = self.push_object(Object::new(nature, raws, name, self.program.project_span));
        let project = self.find_frame(parent, ScopeId::PROJECT).unwrap_or(FrameId::OUTERMOST);
        let scope = self.program.folders[folder].scope;
        let frame = self.push_frame(scope, project, FrameForm::Members(object));
        self.member_frames.insert(object, frame);
        object
    }

    /// Returns the frame in which the files of a folder object are evaluated.
    fn member_frame(&mut self, owner: ObjectId, folder: usize) -> FrameId {
        if let Some(frame) = self.member_frames.get(&owner) {
            return *frame;
        }
        // An amended folder: its files see the amended one.
        let mut at = owner;
        let mut project = FrameId::OUTERMOST;
        while let Some(base) = self.object(at).base {
            at = base;
            if let Some(frame) = self.member_frames.get(&at) {
                project = self.find_frame(*frame, ScopeId::PROJECT).unwrap_or(project);
                break;
            }
        }
        let scope = self.program.folders[folder].scope;
        let frame = self.push_frame(scope, project, FrameForm::Members(owner));
        self.member_frames.insert(owner, frame);
        frame
    }

    /// Evaluates a file that is one expression.
    pub(super) fn load_expression(
        &mut self,
        code: &FileCode,
        symbol: Symbol,
        parent: FrameId,
        name: NamePath,
    ) -> Result<Term, Poison> {
        let Some(value) = &code.value else { return Err(Poison) };
        let frame = self.open_braces(None, &code.body, parent, name);
        self.check_assertions(&code.body, frame, name)?;
        let term = self.eval(value, Env { frame, name })?;
        Ok(self.tag_kind(term, symbol, value.span, name))
    }

    /// Returns a kind of the standard library, as the project of a place sees it.
    pub(super) fn prelude(
        &mut self,
        symbol: Symbol,
        frame: FrameId,
        span: Span,
    ) -> Result<Term, Poison> {
        let project = self.here(frame, span)?;
        let from_stdlib = self.is_stdlib_frame(frame);
        if from_stdlib {
            return self.prelude_kind(symbol, project, span);
        }
        self.prelude_with_defaults(symbol, project, span)
    }

    fn is_stdlib_frame(&self, frame: FrameId) -> bool {
        let mut id = frame;
        while id != FrameId::OUTERMOST {
            let frame = self.frame(id);
            if frame.scope == ScopeId::PROJECT {
                return false;
            }
            if frame.scope == ScopeId::STDLIB {
                return true;
            }
            id = frame.parent;
        }
        false
    }

    /// Returns a kind as the standard library defines it.
    pub(super) fn prelude_kind(
        &mut self,
        symbol: Symbol,
        project: ObjectId,
        span: Span,
    ) -> Result<Term, Poison> {
        self.prelude_once((project, symbol, false), span, |machine| {
            machine.load_stdlib(symbol, project, span)
        })
    }

    /// Evaluates an entry of the prelude at most once for each instance.
    pub(super) fn prelude_once(
        &mut self,
        key: (ObjectId, Symbol, bool),
        span: Span,
        make: impl FnOnce(&mut Self) -> Result<Term, Poison>,
    ) -> Result<Term, Poison> {
        use super::PreludeState;
        match self.prelude.get(&key) {
            Some(PreludeState::Done(term)) => return Ok(term.clone()),
            Some(PreludeState::Failed) => return Err(Poison),
            Some(PreludeState::Busy) => {
                let name = self.text(key.1);
                return Err(self.report(
                    Diagnostic::error(Code(401), format!("the kind `{name}` needs itself"))
                        .at(span, "asked for here")
                        .help("a default of a kind cannot depend on the kind"),
                ));
            }
            None => {}
        }
        self.prelude.insert(key, PreludeState::Busy);
        let made = make(self);
        let state = match &made {
            Ok(term) => PreludeState::Done(term.clone()),
            Err(Poison) => PreludeState::Failed,
        };
        self.prelude.insert(key, state);
        made
    }

    fn load_stdlib(
        &mut self,
        symbol: Symbol,
        project: ObjectId,
        span: Span,
    ) -> Result<Term, Poison> {
        let program = Rc::clone(&self.program);
        let Some(file) = program.stdlib.get(&symbol) else { return Err(Poison) };
        let code = &program.files[*file];
        let instance = self.member_frames.get(&project).copied().unwrap_or(FrameId::OUTERMOST);
        let parent = self.push_frame(ScopeId::STDLIB, instance, FrameForm::Locals(Vec::new()));
        let stdlib = self.names.child(NamePath::ROOT, NamePart::Stdlib);
        let name = self.names.child(stdlib, NamePart::Key(symbol));
        if code.value.is_none() {
            return Err(self.unsupported(
                span,
                "a file of the standard library is one expression",
                "used here",
            ));
        }
        let term = self.load_expression(code, symbol, parent, name)?;
        if let Term::Object(object) = &term {
            self.make_prelude_kind(*object, symbol);
        }
        Ok(term)
    }

    /// Gives a kind of the standard library its identity, the same in every instance.
    fn make_prelude_kind(&mut self, object: ObjectId, symbol: Symbol) {
        let nature = self.root_nature(symbol);
        let span = Span::new(self.program.project_span.file, 0, 0);
        let parent = self.object(object).kind;
        let known = self.kind_of_binding.get(&(span, symbol)).copied();
        let kind = known.unwrap_or_else(|| self.push_kind(symbol, parent, true));
        self.kind_of_binding.insert((span, symbol), kind);
        let object = self.object_mut(object);
        object.is_kind = Some(kind);
        if let Some(nature) = nature {
            object.nature = nature;
        }
    }

    /// Returns the nature that a root kind gives to all that descends from it.
    fn root_nature(&self, symbol: Symbol) -> Option<Nature> {
        let names = &self.well_known;
        [
            (names.element, Nature::Element),
            (names.source, Nature::Source),
            (names.step, Nature::Step),
            (names.platform, Nature::Platform),
            (names.project, Nature::Project),
        ]
        .into_iter()
        .find(|(name, _)| *name == symbol)
        .map(|(_, nature)| nature)
    }
}
