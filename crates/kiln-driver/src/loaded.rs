//! The project of a session: found, loaded, pinned, planned.

use std::path::{Path, PathBuf};

use kiln_diag::{Code, Diagnostic, FileId, Texts, suggestion};
use kiln_ir::{Element, ElementName, Fingerprint, Ir, Pins, Place};
use kiln_lock::{Lock, LockedSource};
use kiln_plan::{Plan, PlanError, Platform, Request};
use kiln_project::{Input, LOCK_FILE, Looked, ProjectError};

use crate::findings::place_span;
use crate::outline::Earlier;
use crate::pinned::pins;
use crate::{DriverError, Problem, Session};

/// Instruction set of this machine in the words of the remote-apis lexicon.
pub(crate) const ISA: &str = if cfg!(target_arch = "aarch64") {
    "arm-a64"
} else if cfg!(target_arch = "x86_64") {
    "x86-64"
} else {
    std::env::consts::ARCH
};

/// A project up to its IR and lock.
pub(crate) struct Loaded {
    pub(crate) root: PathBuf,
    /// What stands for the project in the index of the store: the path of its root.
    pub(crate) identity: String,
    pub(crate) ir: Ir,
    pub(crate) texts: Texts,
    /// What is pinned: by the project, and what it does not pin by its inputs.
    pub(crate) lock: Lock,
    /// What the file of the project itself pins.
    pub(crate) own_lock: Lock,
    /// The projects that it uses.
    pub(crate) inputs: Vec<Input>,
    /// Those of them that were fetched, as they are pinned.
    pub(crate) fetched: Vec<LockedSource>,
    /// The keys of `lock-for`.
    pub(crate) lock_sets: Vec<String>,
    /// Whether what it evaluates to depends on the lock.
    pub(crate) reads_lock: bool,
    /// Lints; errors end the loading.
    pub(crate) lints: Vec<Diagnostic>,
    /// Where the texts were looked for; nothing when the IR was not made of texts just now.
    pub(crate) looked: Option<Looked>,
    /// The first texts are those of the project.
    pub(crate) n_texts: u32,
}

/// A project with the plan of some targets.
pub(crate) struct Planned {
    pub(crate) loaded: Loaded,
    pub(crate) plan: Plan,
    pub(crate) pins: Pins,
}

impl Loaded {
    /// Returns the root of the project, before anything is read.
    pub(crate) fn root(session: &Session) -> Result<PathBuf, Problem> {
        let from = session.directory();
        if let Some(ir) = &session.choices.ir {
            let ir = session.environment.cwd.join(ir);
            let folder = ir.parent().unwrap_or(Path::new("/"));
            return Ok(folder.canonicalize().unwrap_or_else(|_gone| folder.to_owned()));
        }
        let root = kiln_project::find(&from).ok_or(ProjectError::NotFound { from })?;
        Ok(root.canonicalize().unwrap_or(root))
    }

    /// Returns what stands for the project in the index of the store.
    pub(crate) fn identity(root: &Path) -> String {
        root.to_string_lossy().into_owned()
    }

    /// Loads the project; `targets` limits what is evaluated, nothing means all.
    pub(crate) fn load(session: &Session, targets: &[String]) -> Result<Self, Problem> {
        let root = Self::root(session)?;
        match &session.choices.ir {
            Some(ir) => Self::load_ir(&session.environment.cwd.join(ir), root),
            None => crate::text::load(session, root, targets),
        }
    }

    /// Complains when elements need each other in a circle; what is not locked yet is no mistake of the project.
    pub(crate) fn check_dependencies(&self) -> Result<(), Problem> {
        let targets = self.ir.elements.iter().map(|element| element.name.clone()).collect();
        let platform = Platform { isa: ISA.to_owned(), ..Platform::default() };
        // Which machine this is makes no mistake of the project.
        let pins = Pins { host: Some(Fingerprint([0; 32])), ..Pins::default() };
        match kiln_plan::plan(&self.ir, &pins, &Request { targets, platform }) {
            Ok(_) | Err(PlanError::MissingPin { .. }) => Ok(()),
            Err(error) => Err(Problem::finding(&self.texts, finding(&self.texts, &error))),
        }
    }

    fn load_ir(path: &Path, root: PathBuf) -> Result<Self, Problem> {
        let ir = Ir::from_json(&read(path)?)
            .map_err(|cause| DriverError::BadIr { path: path.to_owned(), cause })?;
        Self::of_ir(ir, root)
    }

    /// Adds to an IR what else there is of a project: its lock.
    fn of_ir(ir: Ir, root: PathBuf) -> Result<Self, Problem> {
        let mut texts = Texts::default();
        let lock = root.join(LOCK_FILE);
        let lock = if lock.is_file() {
            let text = read(&lock)?;
            let file = texts.add(LOCK_FILE, text.as_str());
            parse_lock(&texts, file, &text)?
        } else {
            Lock::default()
        };
        let identity = Self::identity(&root);
        let (lints, looked, n_texts) = (Vec::new(), None, 0);
        let own_lock = lock.clone();
        let (inputs, fetched) = (Vec::new(), Vec::new());
        Ok(Self {
            root,
            identity,
            ir,
            texts,
            lock,
            own_lock,
            inputs,
            fetched,
            lock_sets: Vec::new(),
            reads_lock: false,
            lints,
            looked,
            n_texts,
        })
    }

    /// Adds the projects that it uses, by their names and folders, and what they pin.
    fn add_inputs(&mut self, inputs: Vec<(String, PathBuf)>) -> Result<(), Problem> {
        for (name, root) in inputs {
            let path = root.join(LOCK_FILE);
            let lock = if path.is_file() {
                Some(self.texts.add(path.to_string_lossy(), read(&path)?.as_str()))
            } else {
                None
            };
            let (source, files, looked) = (None, Vec::new(), Looked::default());
            self.inputs.push(Input { name, root, lock, source, files, looked });
        }
        let mut lock = crate::text::pinned_by_inputs(&self.texts, &self.inputs)?;
        lock.merge(self.own_lock.clone());
        self.lock = lock;
        Ok(())
    }

    /// Makes one of nothing but an IR, for what lies in no project.
    pub(crate) fn of_source(ir: Ir) -> Self {
        Self {
            root: PathBuf::new(),
            identity: String::new(),
            ir,
            texts: Texts::default(),
            lock: Lock::default(),
            own_lock: Lock::default(),
            inputs: Vec::new(),
            fetched: Vec::new(),
            lock_sets: Vec::new(),
            reads_lock: false,
            lints: Vec::new(),
            looked: None,
            n_texts: 0,
        }
    }

    /// Returns the root of the project that a path is of, and the path in it: `lib//src` is of the input `lib`.
    pub(crate) fn place<'a>(&'a self, path: &'a str) -> (&'a Path, &'a str) {
        let input = path.split_once("//").and_then(|(name, path)| {
            let input = self.inputs.iter().find(|input| input.name == name)?;
            Some((input.root.as_path(), path))
        });
        input.unwrap_or((&self.root, path))
    }
}

fn read(path: &Path) -> Result<String, DriverError> {
    std::fs::read_to_string(path)
        .map_err(|cause| DriverError::ReadProject { path: path.to_owned(), cause })
}

/// Parses the lock, or says what is wrong with it.
pub(crate) fn parse_lock(texts: &Texts, file: FileId, text: &str) -> Result<Lock, Problem> {
    let parsed = Lock::parse(file, text);
    match parsed.value {
        Some(lock) if parsed.diagnostics.iter().all(|finding| !finding.is_error()) => Ok(lock),
        _ => Err(Problem::Findings { texts: texts.clone(), findings: parsed.diagnostics }),
    }
}

impl Planned {
    /// Loads the project and plans some targets, or all elements.
    pub(crate) fn load(session: &Session, targets: &[String]) -> Result<Self, Problem> {
        Self::load_after(session, targets, &Earlier::of(session, targets)?)
    }

    /// Loads and plans like [`Planned::load`], with what is known of earlier runs.
    pub(crate) fn load_after(
        session: &Session,
        targets: &[String],
        earlier: &Earlier,
    ) -> Result<Self, Problem> {
        // What is wrong is told by its place in the texts, which were not read: then they are.
        if let Some(planned) = Self::recall(session, earlier, targets) {
            earlier.keep(earlier.same, &planned, targets);
            return Ok(planned);
        }
        let loaded = Loaded::load(session, targets)?;
        let same = earlier.kept.as_ref().and_then(|kept| kept.keep(&loaded, targets));
        let names = target_names(&loaded, targets)?;
        let planned = Self::of(session, loaded, names)?;
        earlier.keep(same, &planned, targets);
        Ok(planned)
    }

    /// Plans with the IR of an earlier run, if the texts are the same and nothing is wrong.
    fn recall(session: &Session, earlier: &Earlier, targets: &[String]) -> Option<Self> {
        let Earlier { root, kept, same } = earlier;
        let kept = kept.as_ref()?;
        let mut loaded = Loaded::of_ir(kept.ir((*same)?)?, root.clone()).ok()?;
        loaded.add_inputs(kept.inputs()?).ok()?;
        let targets = target_names(&loaded, targets).ok()?;
        Self::of(session, loaded, targets).ok()
    }

    pub(crate) fn of(
        session: &Session,
        loaded: Loaded,
        targets: Vec<ElementName>,
    ) -> Result<Self, Problem> {
        let pins = pins(session, &loaded, &targets)?;
        let platform = Platform { isa: ISA.to_owned(), ..Platform::default() };
        let request = Request { targets, platform };
        match kiln_plan::plan(&loaded.ir, &pins, &request) {
            Ok(plan) => Ok(Self { loaded, plan, pins }),
            Err(error) => Err(Problem::finding(&loaded.texts, finding(&loaded.texts, &error))),
        }
    }
}

pub(crate) fn target_names(
    loaded: &Loaded,
    targets: &[String],
) -> Result<Vec<ElementName>, Problem> {
    if targets.is_empty() {
        return Ok(loaded.ir.elements.iter().map(|element| element.name.clone()).collect());
    }
    let parse = |text: &String| {
        ElementName::parse(text)
            .map_err(|_bad| DriverError::BadElement { text: text.clone() }.into())
    };
    targets.iter().map(parse).collect()
}

/// Shows the element whose source or patch cannot be used, where its place is known and there is no cause to tell.
pub(crate) fn unusable<E>(texts: &Texts, element: &Element, error: E) -> Problem
where
    E: miette::Diagnostic + Send + Sync + 'static,
{
    let place = element.advice.origin.as_ref().and_then(|place| place_span(texts, place));
    let code =
        error.code().and_then(|code| code.to_string().strip_prefix('K')?.parse().ok().map(Code));
    match (place, code) {
        (Some(place), Some(code)) if std::error::Error::source(&error).is_none() => {
            let help = error.help().map(|help| help.to_string());
            let finding = Diagnostic::error(code, error.to_string()).at(place, "this element");
            Problem::finding(texts, finding.help(help.unwrap_or_default()))
        }
        _ => error.into(),
    }
}

fn finding(texts: &Texts, error: &PlanError) -> Diagnostic {
    let at = |finding: Diagnostic, place: &Option<Place>, text: &str| match place
        .as_ref()
        .and_then(|place| place_span(texts, place))
    {
        Some(span) if finding.primary.is_none() => finding.at(span, text),
        Some(span) => finding.also(span, text),
        None => finding,
    };
    let message = error.to_string();
    match error {
        PlanError::Cycle { path } => {
            let mut finding = Diagnostic::error(Code(3001), message)
                .help("take one of these dependencies away, or split one of the elements");
            for (ix, (_, place)) in path.iter().enumerate() {
                let next = &path[(ix + 1) % path.len()].0;
                finding = at(finding, place, &format!("needs `{next}`"));
            }
            finding
        }
        PlanError::UnknownTarget { name, known } => {
            let near = suggestion(name.as_str(), known.iter().map(ElementName::as_str));
            let help = near.unwrap_or_else(|| "`kiln show` lists the elements".to_owned());
            Diagnostic::error(Code(3002), message).help(help)
        }
        PlanError::UnknownDependency { element: _, dependency, place } => {
            let finding = Diagnostic::error(Code(3003), message)
                .help(format!("define `{dependency}`, or take it out of the dependencies"));
            at(finding, place, "this element")
        }
        PlanError::HostInList { element: _, host, list, place } => {
            let help = format!(
                "take `{host}` out of `{list}`: its `/usr` is mounted where it is the `base`, and is no tree that could \
                 be staged or composed"
            );
            at(Diagnostic::error(Code(3005), message).help(help), place, "this element")
        }
        PlanError::MissingPin { element, what: _, place } => {
            let finding =
                Diagnostic::error(Code(3004), message).help(format!("kiln track {element}"));
            at(finding, place, "this element")
        }
    }
}
