//! Project instances: options, machines, defaults, and amending a project as a whole.

use super::names::{NamePart, NamePath};
use super::object::{Nature, Object, ObjectId, Raw};
use super::{Env, FrameForm, FrameId, Lazy, Machine, Poison, Term, ThunkState};
use crate::code::ScopeId;
use crate::symbol::Symbol;
use crate::value::Value;
use kiln_diag::{Code, Diagnostic, Span};
use std::rc::Rc;

/// Project instances that one evaluation may make.
const MAX_INSTANCES: usize = 64;

/// What the evaluation is told from outside of all files.
#[derive(Clone, Debug)]
pub(crate) struct ProjectSettings {
    /// The platform that builds, such as `x86_64-linux-gnu`.
    pub(crate) build: Rc<str>,
}

impl Machine {
    /// Makes the project of `project.kiln`, amended by bodies that were written elsewhere.
    pub(crate) fn instantiate(&mut self, name: NamePath) -> Result<ObjectId, Poison> {
        let span = self.program.projects[0].span;
        self.instantiate_project(0, &[], name, span)
    }

    /// Makes an instance of the project at hand or, by its number, of an input.
    pub(super) fn instantiate_project(
        &mut self,
        number: usize,
        overrides: &[Raw],
        name: NamePath,
        asked: Span,
    ) -> Result<ObjectId, Poison> {
        let span = self.program.projects[number].span;
        // One more may be made to see whether it is equal to another.
        self.refuse_instances(number, asked)?;
        let project = self.push_object(Object::new(Nature::Project, Rc::from([]), name, span));
        self.instances.push(project);
        self.note_project_number(project, number);
        let frame =
            self.push_frame(ScopeId::PROJECT, FrameId::OUTERMOST, FrameForm::Members(project));
        self.member_frames.insert(project, frame);
        let program = Rc::clone(&self.program);
        let code = &program.files[program.projects[number].file];
        let Some(value) = &code.value else { return Err(self.no_project(span)) };
        let braces = self.open_braces(None, &code.body, frame, name);
        self.check_assertions(&code.body, braces, name)?;
        let made = match self.eval(value, Env { frame: braces, name })? {
            Term::Object(object) if self.object(object).nature == Nature::Project => object,
            _ => return Err(self.no_project(value.span)),
        };
        let kind = self.well_known.project;
        let Term::Object(kind) = self.prelude_kind(kind, project, span)? else {
            return Err(Poison);
        };
        let n_kind = self.object(kind).raws.len();
        let mut raws: Vec<Raw> = self.object(made).raws.to_vec();
        raws.insert(n_kind.min(raws.len()), Raw::Folder(program.projects[number].folder));
        if number == 0 {
            raws.extend(self.command_line.clone());
        }
        raws.extend(overrides.iter().cloned());
        let made_kind = self.object(made).kind;
        let object = self.object_mut(project);
        object.raws = Rc::from(raws);
        object.kind = made_kind;
        object.overrides = overrides.len();
        Ok(project)
    }

    fn refuse_instances(&mut self, number: usize, asked: Span) -> Result<(), Poison> {
        if self.instances.len() <= MAX_INSTANCES {
            return Ok(());
        }
        if self.diagnostics.iter().any(|finding| finding.code == Code(413)) {
            return Err(Poison);
        }
        let project = self.program.projects[number].span;
        Err(self.report(
            Diagnostic::error(Code(413), format!("more than {MAX_INSTANCES} project instances"))
                .at(asked, "one more than there may be")
                .also(project, "the project")
                .help(
                    "options and members that are equal give one instance; these differ each time",
                ),
        ))
    }

    fn no_project(&mut self, span: Span) -> Poison {
        self.report(
            Diagnostic::error(Code(110), "`project.kiln` holds no project")
                .at(span, "not a `Project { … }`")
                .help("write `Project { name = \"…\" }`"),
        )
    }

    /// `project { … }`: the same project with other options or members.
    pub(super) fn amend_project(
        &mut self,
        base: ObjectId,
        raw: &Raw,
        env: Env,
        span: Span,
    ) -> Result<ObjectId, Poison> {
        let n_overrides = self.object(base).overrides;
        let raws = Rc::clone(&self.object(base).raws);
        let mut overrides = raws[raws.len() - n_overrides..].to_vec();
        overrides.push(raw.clone());
        self.check_override_keys(base, raw)?;
        self.check_input_overrides(base, raw)?;
        let number = self.project_number(base);
        if let Some(same) = self.same_instance(number, &overrides) {
            return Ok(same);
        }
        let public = self.public_input_name(env.name);
        let is_public = public.is_some();
        let name = if let Some(name) = public {
            name
        } else {
            let above = self.input_name(number);
            self.names.instance(above)
        };
        let instance = self.instantiate_project(number, &overrides, name, span)?;
        if let Some(equal) = self.equal_instance(instance, &overrides, span)? {
            self.instances.retain(|other| *other != instance);
            return Ok(equal);
        }
        self.refuse_instances(number, span)?;
        if !is_public {
            let label = self.instance_label(instance, span)?;
            self.names.label(name, &label);
        }
        Ok(instance)
    }

    /// Names the options of an instance that differ from those of the project: `{target=aarch64-linux-gnu}`.
    fn instance_label(&mut self, instance: ObjectId, span: Span) -> Result<String, Poison> {
        let options = self.well_known.options;
        let first = self.plain_instance(self.project_number(instance));
        let Some(first) = first else { return Ok(String::new()) };
        let (mine, theirs) =
            (self.field(instance, options, span)?, self.field(first, options, span)?);
        let (Some(Term::Object(mine)), Some(Term::Object(theirs))) = (mine, theirs) else {
            return Ok("{}".to_owned());
        };
        let mut parts = Vec::new();
        for key in self.keys(mine)? {
            let (value, other) = (self.field(mine, key, span)?, self.field(theirs, key, span)?);
            let (Some(value), Some(other)) = (value, other) else { continue };
            if !self.equal(&value, &other, span)? {
                let shown = match self.deep(&value)? {
                    Value::Text(text) | Value::Platform(text) => text,
                    other => other.to_string(),
                };
                parts.push(format!("{}={shown}", self.text(key)));
            }
        }
        Ok(format!("{{{}}}", parts.join(",")))
    }

    /// Finds an instance of a project that the very same bodies amend.
    fn same_instance(&self, number: usize, overrides: &[Raw]) -> Option<ObjectId> {
        let is_same = |instance: &&ObjectId| {
            let object = self.object(**instance);
            let theirs = &object.raws[object.raws.len() - object.overrides..];
            self.project_number(**instance) == number
                && theirs.len() == overrides.len()
                && theirs.iter().zip(overrides).all(|pair| match pair {
                    (
                        Raw::Body { body: one, frame: at },
                        Raw::Body { body: other, frame: other_at },
                    ) => Rc::ptr_eq(one, other) && at == other_at,
                    _ => false,
                })
        };
        self.instances.iter().find(is_same).copied()
    }

    /// Finds an earlier instance of a project with equal options, whose members are replaced by the very same.
    fn equal_instance(
        &mut self,
        instance: ObjectId,
        overrides: &[Raw],
        span: Span,
    ) -> Result<Option<ObjectId>, Poison> {
        let options = self.well_known.options;
        let Some(members) = self.replaced(overrides) else { return Ok(None) };
        let Some(mine) = self.field(instance, options, span)? else { return Ok(None) };
        let number = self.project_number(instance);
        for other in self.instances.clone() {
            if other == instance || self.project_number(other) != number {
                continue;
            }
            let raws = Rc::clone(&self.object(other).raws);
            let theirs = &raws[raws.len() - self.object(other).overrides..];
            if self.replaced(theirs).as_ref() != Some(&members) {
                continue;
            }
            // An option that is being evaluated asks for this instance: it cannot be the same one.
            if self.is_pending_options(other) {
                continue;
            }
            if let Some(value) = self.field(other, options, span)?
                && self.equal(&mine, &value, span)?
            {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    fn is_pending_options(&self, project: ObjectId) -> bool {
        self.pending.iter().any(|pending| match pending {
            super::Pending::Field(object, symbol, _) => {
                *object == project && *symbol == self.well_known.options
            }
            super::Pending::Let(..) => false,
        })
    }

    /// The values of the options.
    pub(super) fn options(&mut self, frame: FrameId, span: Span) -> Result<Term, Poison> {
        let project = self.here(frame, span)?;
        let options = self.well_known.options;
        match self.field(project, options, span)? {
            Some(term) => {
                if let Term::Object(object) = &term {
                    self.check_options(*object)?;
                }
                Ok(term)
            }
            None => Err(self.report_no_value(project, options, span)),
        }
    }

    /// `machine`: a record of the platform that builds and the one the result runs on.
    pub(super) fn machine(&mut self, frame: FrameId, span: Span) -> Result<Term, Poison> {
        let project = self.here(frame, span)?;
        if let Some(machine) = self.machines.get(&project) {
            return Ok(Term::Object(*machine));
        }
        let build = self.build_platform(project, span)?;
        let target = self.well_known.target;
        let options = self.options(frame, span)?;
        let mut runs_on = Lazy::Done(build.clone());
        if let Term::Object(options) = options
            && self.declaration(options, target)?.is_some()
        {
            runs_on = Lazy::Later(self.push_thunk(ThunkState::Field(options, target, span)));
        }
        let build_key = self.symbols.intern("build");
        let values = vec![(build_key, Lazy::Done(build), span), (target, runs_on, span)];
        let raws = Rc::from([Raw::Values(Rc::new(values))]);
        let name = self.names.child(NamePath::ROOT, NamePart::Stdlib);
        let machine = self.push_object(Object::new(Nature::Record, raws, name, span));
        self.machines.insert(project, machine);
        Ok(Term::Object(machine))
    }

    fn build_platform(&mut self, project: ObjectId, span: Span) -> Result<Term, Poison> {
        let platform = self.well_known.platform;
        let Term::Object(kind) = self.prelude_kind(platform, project, span)? else {
            return Err(Poison);
        };
        let triple = Term::Text(Rc::clone(&self.settings.build));
        let env = Env { frame: FrameId::OUTERMOST, name: NamePath::ROOT };
        self.construct(kind, vec![(Lazy::Done(triple), span)], Vec::new(), env, span)
    }

    /// Returns a kind with the project's defaults for it and for all kinds that it amends.
    pub(super) fn prelude_with_defaults(
        &mut self,
        symbol: Symbol,
        project: ObjectId,
        span: Span,
    ) -> Result<Term, Poison> {
        let plain = self.prelude_kind(symbol, project, span)?;
        let Term::Object(kind) = &plain else { return Ok(plain) };
        let kind = *kind;
        if self.object(kind).nature != Nature::Element {
            return Ok(plain);
        }
        self.prelude_once((project, symbol, true), span, |machine| {
            let raws = machine.defaults_of(kind, project, span)?;
            if raws.is_empty() {
                return Ok(Term::Object(kind));
            }
            let old = machine.object(kind).clone();
            let all = old.raws.iter().cloned().chain(raws).collect();
            let object = Object {
                kind: old.kind,
                is_kind: old.is_kind,
                base: Some(kind),
                ..Object::new(old.nature, all, old.name, old.span)
            };
            Ok(Term::Object(machine.push_object(object)))
        })
    }

    fn defaults_of(
        &mut self,
        kind: ObjectId,
        project: ObjectId,
        span: Span,
    ) -> Result<Vec<Raw>, Poison> {
        let defaults = self.well_known.defaults;
        let Some(Term::Object(defaults)) = self.field(project, defaults, span)? else {
            return Ok(Vec::new());
        };
        let mut lineage = Vec::new();
        let mut at = self.object(kind).is_kind;
        while let Some(id) = at {
            lineage.push(self.kinds[id.0 as usize].name);
            at = self.kinds[id.0 as usize].parent;
        }
        let mut raws = Vec::new();
        for name in lineage.into_iter().rev() {
            if let Some(Term::Object(record)) = self.field(defaults, name, span)? {
                raws.extend(self.object(record).raws.iter().cloned());
            }
        }
        Ok(raws)
    }
}
