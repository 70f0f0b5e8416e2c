//! An evaluated project: elements as handles, fields forced when they are asked for.

use crate::ask::Asking;
use crate::input::{Inputs, VersionsRead, WantedInput};
use crate::machine::{Budget, Machine, NamePath, ObjectId, Poison, ProjectSettings, Term};
use crate::program::{Compiled, Program, compile_program};
use crate::value::Value;
use kiln_diag::{Diagnosed, Diagnostic, Span};
use std::rc::Rc;

/// What an evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Expressions evaluated; each element adds 2,000.
    pub steps: u64,
    /// Bytes of strings, lists and records.
    pub bytes: u64,
    /// Fields and calls that wait for each other.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 2_000_000, bytes: 64 << 20, depth: 512 }
    }
}

/// What the evaluation is told from outside of all files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The platform that builds: `x86_64-linux-gnu`.
    pub build: String,
    /// What is said with `-o`; of one name the last counts.
    pub options: Vec<OptionSetting>,
    /// The key of `lock-for` whose options are set, too; they win.
    pub lock_for: Option<String>,
}

/// An option that is set from outside: `-o name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionSetting {
    pub name: String,
    /// As written; the type of the option says how it is read.
    pub value: String,
    /// Where it is written, if that is a text.
    pub span: Option<Span>,
}

/// An option as a project declares it, with what it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectOption {
    /// The name of the input that declares it, such as `platform.tools`; none if it is the project's own.
    pub input: Option<String>,
    pub name: String,
    /// Its type, as it is written.
    pub ty: String,
    /// None if it has to be set.
    pub default: Option<Value>,
    /// None if it is not set, or if that failed.
    pub value: Option<Value>,
    /// Where it is declared.
    pub declared: Span,
}

/// An element; an index into [`Evaluated`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementId(pub u32);

/// The mark of a failure that is among the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl From<Poison> for Failed {
    fn from(_: Poison) -> Self {
        Self
    }
}

/// An evaluated project. It is lazy: asking for a field may add findings.
///
/// Evaluation recurses within its depth budget: use it inside of [`crate::on_deep_stack`].
#[derive(Debug)]
pub struct Evaluated {
    pub(crate) machine: Machine,
    pub(crate) project: ObjectId,
    pub(crate) asking: Asking,
    /// The project without what was set from outside.
    unset: ObjectId,
}

/// Evaluates a project as far as its settings need; elements and their fields wait.
///
/// None if there is no project to speak of. Call it inside of [`crate::on_deep_stack`].
pub fn eval(
    program: &Program,
    settings: &Settings,
    limits: Limits,
) -> Diagnosed<Option<Evaluated>> {
    eval_compiled(compile_program(program, &[]), settings, limits)
}

/// Evaluates a project like [`eval`] and frees its syntax as soon as the names in it are resolved.
pub fn eval_owned(
    program: Program,
    settings: &Settings,
    limits: Limits,
) -> Diagnosed<Option<Evaluated>> {
    eval_with_inputs(program, Inputs::default(), settings, limits)
}

/// Evaluates a project like [`eval_owned`], with other projects that it uses.
///
/// What it asks for beyond them fails in silence: see [`Evaluated::wanted_inputs`].
pub fn eval_with_inputs(
    program: Program,
    inputs: Inputs,
    settings: &Settings,
    limits: Limits,
) -> Diagnosed<Option<Evaluated>> {
    let compiled = compile_program(&program, &inputs.projects);
    drop(program);
    eval_compiled_with(compiled, inputs, settings, limits)
}

fn eval_compiled(
    compiled: Compiled,
    settings: &Settings,
    limits: Limits,
) -> Diagnosed<Option<Evaluated>> {
    eval_compiled_with(compiled, Inputs::default(), settings, limits)
}

fn eval_compiled_with(
    compiled: Compiled,
    inputs: Inputs,
    settings: &Settings,
    limits: Limits,
) -> Diagnosed<Option<Evaluated>> {
    let budget = Budget::new(limits.steps, limits.bytes, limits.depth);
    let outside = ProjectSettings { build: Rc::from(settings.build.as_str()) };
    let Compiled { code, mut shared, root, roots_of_inputs } = compiled;
    let symbols = std::mem::take(&mut shared.symbols);
    let mut machine = Machine::new(symbols, code, outside, budget);
    machine.diagnostics = std::mem::take(&mut shared.diagnostics);
    let asking = Asking::new(shared, root, roots_of_inputs);
    machine.set_inputs(inputs);
    let project = start(&mut machine, settings);
    let diagnostics = in_order(std::mem::take(&mut machine.diagnostics));
    let value = project.ok().map(|(project, unset)| Evaluated { machine, project, asking, unset });
    Diagnosed { value, diagnostics }
}

/// Makes the project, and the same without what is set from outside.
fn start(machine: &mut Machine, settings: &Settings) -> Result<(ObjectId, ObjectId), Poison> {
    let unset = machine.instantiate(NamePath::ROOT)?;
    let mut project = unset;
    if !settings.options.is_empty() || settings.lock_for.is_some() {
        machine.set_options(unset, &settings.options, settings.lock_for.as_deref())?;
        machine.forget_instances();
        project = machine.instantiate(NamePath::ROOT)?;
        machine.check_set_options(project, &settings.options)?;
    }
    // A mistake in the texts is told; what does not read the option is evaluated all the same.
    machine.check_all_options(project, None);
    machine.check_defaults(project);
    Ok((project, unset))
}

/// Sorts findings by place and leaves out repetitions.
fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
    diagnostics.dedup();
    diagnostics
}

impl Evaluated {
    /// Evaluates the inputs of the project and theirs, and returns those that it has to be given to go on.
    pub fn wanted_inputs(&mut self) -> Vec<WantedInput> {
        self.machine.force_inputs(self.project);
        self.machine.take_wanted()
    }

    /// Returns the keys of `lock-for`: the option sets that are tracked besides the current one.
    pub fn lock_sets(&mut self) -> Vec<String> {
        // What is wrong with them is among the findings.
        self.machine.lock_sets(self.unset).unwrap_or_default()
    }

    /// Returns the versions of sources that were asked for so far, and what the lock says of them.
    pub fn versions_read(&self) -> VersionsRead {
        self.machine.versions_read()
    }

    /// Lists all elements that files, folders and records bind, by name; forces no field of them.
    pub fn elements(&mut self) -> Vec<ElementId> {
        let listed = self.machine.list_elements(self.project);
        listed.into_iter().filter_map(|ix| u32::try_from(ix).ok().map(ElementId)).collect()
    }

    /// Lists the elements of the inputs of the project, to tell which name is near; their mistakes are left out.
    pub fn elements_of_inputs(&mut self) -> Vec<ElementId> {
        let listed = self.machine.list_elements_of_inputs(self.project);
        listed.into_iter().filter_map(|ix| u32::try_from(ix).ok().map(ElementId)).collect()
    }

    /// Finds an element by its name: `libs.zinc`, `image.layers[1]`.
    pub fn find(&mut self, name: &str) -> Option<ElementId> {
        let term = self.machine.find_path(self.project, name)?;
        let ix = self.machine.element_of(&term)?;
        u32::try_from(ix).ok().map(ElementId)
    }

    fn object(&self, id: ElementId) -> ObjectId {
        self.machine.element_entry(id.0 as usize).object
    }

    /// Does something with one element, and lets go afterwards of all that was evaluated for it alone.
    ///
    /// What is asked for again later is evaluated again; it comes to the same.
    pub fn within<T>(&mut self, id: ElementId, step: impl FnOnce(&mut Self) -> T) -> T {
        let object = self.object(id);
        let is_outermost = self.machine.begin_region(object);
        let done = step(self);
        if is_outermost {
            self.machine.end_region();
        }
        done
    }

    /// Returns the name of an element.
    pub fn name(&self, id: ElementId) -> String {
        self.machine.element_name(self.object(id))
    }

    /// Returns whether an element has a name of its own: what a `let` made is a prototype only.
    pub fn is_buildable(&self, id: ElementId) -> bool {
        self.machine.is_public(self.object(id))
    }

    /// Returns the names of an element's kinds, nearest first: `Autotools`, `Build`, `Element`.
    pub fn kinds(&self, id: ElementId) -> Vec<String> {
        self.machine.lineage(self.object(id)).iter().map(ToString::to_string).collect()
    }

    /// Returns where an element is written.
    pub fn span(&self, id: ElementId) -> Span {
        self.machine.object_span(self.object(id))
    }

    /// Forces a field of an element, checked against its type; none if nothing sets it.
    ///
    /// # Errors
    /// If it cannot be evaluated; the reason is among the findings.
    pub fn field(&mut self, id: ElementId, name: &str) -> Result<Option<Value>, Failed> {
        let object = self.object(id);
        self.field_of(object, name)
    }

    /// Returns the number of an element's shape, once it was checked: elements of one shape have one kind and bind
    /// the same keys, so they have in common whatever depends on no such key.
    pub fn shape(&self, id: ElementId) -> Option<u32> {
        self.machine.shape_number(self.object(id))
    }

    /// Returns whether a field is known to be the same for all elements of its shape.
    pub fn is_shared(&self, id: ElementId, field: &str) -> bool {
        self.machine.is_field_shared(self.object(id), field)
    }

    /// Forces a field that has to be set.
    ///
    /// # Errors
    /// If it is not set or cannot be evaluated; the reason is among the findings.
    pub fn required(&mut self, id: ElementId, name: &str) -> Result<Value, Failed> {
        let object = self.object(id);
        self.required_of(object, name)
    }

    /// Returns the options of the project, in the order of their declarations.
    pub fn options(&mut self) -> Vec<ProjectOption> {
        self.machine.project_options(self.project, self.unset, None)
    }

    /// Returns the options of the inputs of the project and of theirs, as they are amended here; an input that has several
    /// names counts once.
    pub fn options_of_inputs(&mut self) -> Vec<ProjectOption> {
        self.machine.options_of_inputs(self.project)
    }

    /// Forces a setting of the project.
    ///
    /// # Errors
    /// If it cannot be evaluated; the reason is among the findings.
    pub fn setting(&mut self, name: &str) -> Result<Option<Value>, Failed> {
        self.field_of(self.project, name)
    }

    /// Forces a setting of the inputs, as far as they were evaluated; in the order in which they were.
    pub fn settings_of_inputs(&mut self, name: &str) -> Vec<Value> {
        let instances = self.machine.other_instances();
        instances
            .into_iter()
            .filter_map(|input| self.field_of(input, name).ok().flatten())
            .collect()
    }

    /// Forces a setting of the project that has to be set.
    ///
    /// # Errors
    /// If it is not set or cannot be evaluated; the reason is among the findings.
    pub fn required_setting(&mut self, name: &str) -> Result<Value, Failed> {
        self.required_of(self.project, name)
    }

    fn required_of(&mut self, object: ObjectId, name: &str) -> Result<Value, Failed> {
        if let Some(value) = self.field_of(object, name)? {
            return Ok(value);
        }
        self.machine.report_unset(object, name);
        Err(Failed)
    }

    fn field_of(&mut self, object: ObjectId, name: &str) -> Result<Option<Value>, Failed> {
        match self.machine.field_by_name(object, name)? {
            Some(term) => Ok(Some(self.machine.deep(&term)?)),
            None => Ok(None),
        }
    }

    /// Returns where the binding of a field stands, for labels.
    pub fn field_span(&mut self, id: ElementId, name: &str) -> Option<Span> {
        let object = self.object(id);
        self.machine.span_by_name(object, name)
    }

    /// Returns the names of the fields that an element's kinds and bodies declare.
    pub fn fields(&mut self, id: ElementId) -> Vec<String> {
        let object = self.object(id);
        self.machine.declared_names(object)
    }

    /// Checks an element: its keys, the types of all declared fields, its assertions.
    ///
    /// # Errors
    /// If one does not hold; the reason is among the findings.
    pub fn check(&mut self, id: ElementId) -> Result<(), Failed> {
        let object = self.object(id);
        self.machine.check_object(object)?;
        Ok(())
    }

    /// Evaluates a path of keys from the project root, such as `libs.zinc.version`.
    pub fn value(&mut self, path: &str) -> Option<Value> {
        let term: Term = self.machine.find_path(self.project, path)?;
        self.machine.deep(&term).ok()
    }

    /// Adds a finding of a later pass, so that all come out in one order.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.machine.diagnostics.push(diagnostic);
    }

    /// Takes what was found since the last time, in order of place.
    pub fn take_diagnostics(&mut self) -> Vec<Diagnostic> {
        in_order(std::mem::take(&mut self.machine.diagnostics))
    }
}
