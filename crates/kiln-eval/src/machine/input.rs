//! Inputs: other projects, by the source that they come from.

use super::call::Arguments;
use super::names::NamePath;
use super::object::{Nature, ObjectId};
use super::{Env, Machine, Poison, Term};
use crate::symbol::Symbol;
use crate::value::{Source, Value};
use crate::{InputKey, Inputs, ProjectOption, Versions, VersionsRead, WantedInput};
use kiln_diag::{Code, Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// The kinds of sources that a project can come from.
const KINDS: [&str; 4] = ["Local", "Git", "Tar", "Zip"];

/// What an evaluation knows of its inputs.
#[derive(Debug, Default)]
pub(super) struct InputState {
    /// Which input a call of `Project(source)` means; none where it was told what is wrong.
    pub(super) found: BTreeMap<InputKey, Option<usize>>,
    /// All inputs were read: what is not there now is none.
    is_complete: bool,
    /// What the lock says is the version of a source.
    pub(super) versions: Versions,
    /// What was asked of that.
    pub(super) versions_read: VersionsRead,
    /// What was asked for and is not there.
    pub(super) wanted: Vec<WantedInput>,
    /// Instances that nothing amends, by the number of their project.
    plain: BTreeMap<usize, ObjectId>,
    /// The numbers of the projects of instances; the project at hand is the first.
    numbers: BTreeMap<ObjectId, usize>,
}

impl Machine {
    /// Lets the evaluation know its inputs.
    pub(crate) fn set_inputs(&mut self, inputs: Inputs) {
        let Inputs { projects: _, found, is_complete, versions } = inputs;
        self.inputs.found = found;
        self.inputs.is_complete = is_complete;
        self.inputs.versions = versions;
    }

    /// Returns all instances but that of the project at hand.
    pub(crate) fn other_instances(&self) -> Vec<ObjectId> {
        self.instances.iter().skip(1).copied().collect()
    }

    /// Takes what was asked for and is not there.
    pub(crate) fn take_wanted(&mut self) -> Vec<WantedInput> {
        std::mem::take(&mut self.inputs.wanted)
    }

    /// Evaluates all inputs of a project, and all of theirs.
    pub(crate) fn force_inputs(&mut self, project: ObjectId) {
        let mut waiting = vec![project];
        let mut seen = BTreeSet::from([project]);
        while let Some(project) = waiting.pop() {
            for (_, instance, span) in self.inputs_of(project) {
                if seen.insert(instance) {
                    waiting.push(instance);
                    self.check_all_options(instance, Some(span));
                }
            }
        }
        for instance in self.other_instances() {
            self.check_overrides(instance);
        }
    }

    /// Returns the options of all inputs of a project and of theirs, the nearest first; those without a mistake.
    pub(crate) fn options_of_inputs(&mut self, project: ObjectId) -> Vec<ProjectOption> {
        let mut waiting = VecDeque::from([(None::<String>, project)]);
        let mut seen = BTreeSet::from([project]);
        let mut known = Vec::new();
        while let Some((above, project)) = waiting.pop_front() {
            for (key, instance, _) in self.inputs_of(project) {
                if !seen.insert(instance) {
                    continue;
                }
                let key = self.text(key);
                let name = above
                    .as_ref()
                    .map_or_else(|| key.to_string(), |above| format!("{above}.{key}"));
                let plain = self.plain_instance(self.project_number(instance));
                known.extend(self.project_options(
                    instance,
                    plain.unwrap_or(instance),
                    Some(&name),
                ));
                waiting.push_back((Some(name), instance));
            }
        }
        known
    }

    /// Lists the elements of the inputs of a project, for messages: what is wrong with them is not told.
    pub(crate) fn list_elements_of_inputs(&mut self, project: ObjectId) -> Vec<usize> {
        let n_findings = self.diagnostics.len();
        let inputs = self.inputs_of(project);
        let listed =
            inputs.into_iter().flat_map(|(_, input, _)| self.list_elements(input)).collect();
        self.diagnostics.truncate(n_findings);
        listed
    }

    /// Returns whether a project has an input of a name.
    pub(super) fn has_input(&mut self, project: ObjectId, name: &str) -> bool {
        let (inputs, span) = (self.well_known.inputs, self.object(project).span);
        let Ok(Some(Term::Object(record))) = self.field(project, inputs, span) else {
            // They are not read yet.
            return self.inputs.wanted.iter().any(|wanted| wanted.name == name);
        };
        let keys = self.keys(record).unwrap_or_default();
        keys.into_iter().any(|key| &*self.text(key) == name)
    }

    fn inputs_of(&mut self, project: ObjectId) -> Vec<(Symbol, ObjectId, Span)> {
        let (inputs, span) = (self.well_known.inputs, self.object(project).span);
        let Ok(Some(Term::Object(record))) = self.field(project, inputs, span) else {
            return Vec::new();
        };
        let mut instances = Vec::new();
        for key in self.keys(record).unwrap_or_default() {
            let span = self.binding_span(record, key).unwrap_or(span);
            // What is wrong is among the findings.
            if let Ok(Some(Term::Object(instance))) = self.field(record, key, span)
                && self.object(instance).nature == Nature::Project
            {
                instances.push((key, instance, span));
            }
        }
        instances
    }

    /// Returns the number of the project that an instance is of.
    pub(super) fn project_number(&self, instance: ObjectId) -> usize {
        self.inputs.numbers.get(&instance).copied().unwrap_or(0)
    }

    pub(super) fn note_project_number(&mut self, instance: ObjectId, number: usize) {
        if number > 0 {
            self.inputs.numbers.insert(instance, number);
        }
    }

    /// Returns the instance of a project that nothing amends, if it was asked for.
    pub(super) fn plain_instance(&self, number: usize) -> Option<ObjectId> {
        match number {
            0 => self.instances.first().copied(),
            _ => self.inputs.plain.get(&number).copied(),
        }
    }

    /// Returns an instance of an input: one that is amended, which has a name, where there is one.
    pub(crate) fn some_instance(&self, number: usize) -> Option<ObjectId> {
        let plain = self.plain_instance(number);
        let is_other = |instance: &ObjectId| Some(*instance) != plain;
        let numbers = self.inputs.numbers.iter().filter(|(_, of)| **of == number);
        numbers.map(|(instance, _)| *instance).find(is_other).or(plain)
    }

    /// `Project(source)`: another project.
    pub(super) fn load_input(
        &mut self,
        arguments: &Arguments,
        env: Env,
        span: Span,
    ) -> Result<Term, Poison> {
        let [(lazy, at)] = &arguments.positional[..] else {
            return Err(self.report_input_arguments(span));
        };
        if let Some((_, _, at)) = arguments.named.first() {
            return Err(self.report_input_arguments(*at));
        }
        let at = *at;
        let term = self.force(lazy)?;
        let Value::Source(source) = self.deep(&term)? else {
            return Err(self.report_no_source(&term, at));
        };
        if !KINDS.contains(&source.kind.as_str()) {
            let message = format!("a project cannot come from a source of kind `{}`", source.kind);
            let finding = Diagnostic::error(Code(523), message).at(at, "the source of the project");
            return Err(self.report(finding.help("take `Local`, `Git`, `Tar` or `Zip`")));
        }
        let importer = self.here(env.frame, span)?;
        let of = self.project_number(importer).checked_sub(1);
        let key = InputKey { of, source: source.key() };
        match self.inputs.found.get(&key) {
            Some(Some(ix)) => self.instance_of_input(ix + 1, env.name, span).map(Term::Object),
            Some(None) => Err(Poison),
            None if self.inputs.is_complete => Err(self.report(
                Diagnostic::error(Code(524), "this project is not among the `inputs`")
                    .at(span, "loaded here")
                    .help("name it in `project.kiln`: `inputs { lib = Project(Local(../lib)) }`"),
            )),
            None => Err(self.want_input(importer, key, source, env.name, span)),
        }
    }

    fn report_input_arguments(&mut self, at: Span) -> Poison {
        self.report(
            Diagnostic::error(Code(208), "`Project` takes one source")
                .at(at, "called here")
                .help("amend it for all else: `Project(Local(../lib)) { options { … } }`"),
        )
    }

    fn report_no_source(&mut self, found: &Term, at: Span) -> Poison {
        let found = self.describe(found);
        self.report(
            Diagnostic::error(Code(201), format!("`Project` takes a Source, not {found}"))
                .at(at, format!("this is {found}"))
                .help("write `Project(Local(../lib))` or `Project(Git(\"…\"))`"),
        )
    }

    fn instance_of_input(
        &mut self,
        number: usize,
        name: NamePath,
        span: Span,
    ) -> Result<ObjectId, Poison> {
        let public = self.public_input_name(name);
        if let Some(instance) = self.inputs.plain.get(&number).copied() {
            if let Some(name) = public {
                let provisional = self.object(instance).name;
                self.names.rename_instance(provisional, name);
            }
            return Ok(instance);
        }
        let name = if let Some(name) = public {
            name
        } else {
            let above = self.input_name(number);
            let name = self.names.instance(above);
            self.names.label(name, "{plain}");
            name
        };
        let instance = self.instantiate_project(number, &[], name, span)?;
        self.inputs.plain.insert(number, instance);
        Ok(instance)
    }

    /// Returns how an instance that a key binds is called: `p` for that of `inputs { p = … }`.
    pub(super) fn public_input_name(&mut self, name: NamePath) -> Option<NamePath> {
        let inputs = self.well_known.inputs;
        self.names.is_public(name).then(|| self.names.without_key(name, inputs))
    }

    /// Returns how an instance of a project is called that no key binds.
    pub(super) fn input_name(&mut self, number: usize) -> NamePath {
        let program = Rc::clone(&self.program);
        let mut name = NamePath::ROOT;
        for part in &program.projects[number].name {
            name = self.names.child(name, super::names::NamePart::Key(*part));
        }
        name
    }

    fn want_input(
        &mut self,
        importer: ObjectId,
        key: InputKey,
        source: Source,
        name: NamePath,
        span: Span,
    ) -> Poison {
        let aliases = self.symbols.intern("aliases");
        let aliases = match self.field(importer, aliases, span) {
            Ok(Some(term)) => self.deep(&term),
            _ => Err(Poison),
        };
        let texts = |(alias, url): (String, Value)| match url {
            Value::Text(url) => Some((alias, url)),
            _ => None,
        };
        let aliases = match aliases {
            Ok(Value::Record(fields)) => fields.into_iter().filter_map(texts).collect(),
            _ => BTreeMap::new(),
        };
        let program = Rc::clone(&self.program);
        let number = key.of.map_or(0, |ix| ix + 1);
        let importer_name = program.projects[number].name.iter().copied();
        let own = self.names.last_key(name).unwrap_or(self.well_known.project);
        let parts: Vec<Rc<str>> = importer_name.chain([own]).map(|part| self.text(part)).collect();
        if !self.inputs.wanted.iter().any(|wanted| wanted.key == key) {
            let name = parts.join(".");
            self.inputs.wanted.push(WantedInput { key, name, source, span, aliases });
        }
        Poison
    }

    /// Returns the input of a name, of an instance whose members have none of it.
    pub(super) fn input(
        &mut self,
        project: ObjectId,
        symbol: Symbol,
        span: Span,
    ) -> Result<Option<Term>, Poison> {
        if self.object(project).nature != Nature::Project || self.object(project).is_kind.is_some()
        {
            return Ok(None);
        }
        let inputs = self.well_known.inputs;
        match self.field(project, inputs, span)? {
            Some(Term::Object(record)) => self.field(record, symbol, span),
            _ => Ok(None),
        }
    }
}
