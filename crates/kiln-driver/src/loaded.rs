//! The project of a session: found, loaded, pinned, planned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kiln_diag::{Code, Diagnostic, FileId, Texts, suggestion};
use kiln_digest::Digest;
use kiln_ir::{Element, ElementName, Fingerprint, Ir, Pins, Place, PlacedSource, Source, Vendored};
use kiln_lock::{Lock, LockedSource};
use kiln_plan::{Plan, PlanError, Platform, Request};
use kiln_project::{Input, LOCK_FILE, Looked, ProjectError};
use kiln_source_local::LocalError;

use crate::findings::place_span;
use crate::host::Host;
use crate::kept::{Kept, KeptSources};
use crate::sources::Sources;
use crate::{DriverError, Problem, Session, inputs};

/// Instruction set of this machine in the words of the remote-apis lexicon.
pub(crate) const ISA: &str = if cfg!(target_arch = "aarch64") {
    "arm-a64"
} else if cfg!(target_arch = "x86_64") {
    "x86-64"
} else {
    std::env::consts::ARCH
};

/// From how many sources on they are looked at side by side.
const MANY_SOURCES: usize = 64;

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
            lints,
            looked,
            n_texts,
        })
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
        let root = Loaded::root(session)?;
        let kept = Kept::of(session, &root).filter(|_| session.choices.ir.is_none());
        let kept = kept.map(|kept| kept.with_options(&session.choices.options));
        // What is wrong is told by its place in the texts, which were not read: then they are.
        let recalled = kept.as_ref().and_then(|kept| Self::recall(session, kept, &root, targets));
        if let Some(planned) = recalled {
            return Ok(planned);
        }
        let loaded = Loaded::load(session, targets)?;
        if let Some(kept) = &kept {
            kept.keep(&loaded, targets);
        }
        let targets = target_names(&loaded, targets)?;
        Self::of(session, loaded, targets)
    }

    /// Plans with the IR of an earlier run, if the texts are the same and nothing is wrong.
    fn recall(session: &Session, kept: &Kept, root: &Path, targets: &[String]) -> Option<Self> {
        let loaded = Loaded::of_ir(kept.recall(targets)?, root.to_owned()).ok()?;
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

/// Returns what is pinned: by the lock, and by the project's own folders as they are now.
fn pins(session: &Session, loaded: &Loaded, targets: &[ElementName]) -> Result<Pins, Problem> {
    // What the targets do not need may lack its pins.
    let needed = kiln_plan::needed(&loaded.ir, targets);
    let locked = loaded.lock.pins(needed.iter().copied(), &loaded.texts);
    if locked.has_errors() {
        let findings = locked.diagnostics;
        return Err(Problem::Findings { texts: loaded.texts.clone(), findings });
    }
    let mut pins = locked.value;
    let mut wanted: BTreeMap<&Source, &Element> = BTreeMap::new();
    for element in &needed {
        for PlacedSource { source, .. } in &element.sources {
            if matches!(source, Source::Local { .. }) && !pins.sources.contains_key(source) {
                wanted.entry(source).or_insert(element);
            }
        }
    }
    inputs::measure(session, loaded, &mut wanted, &mut pins)?;
    let mut kept = KeptSources::of(session, &loaded.root);
    wanted.retain(|source, _element| {
        let digest = kept.as_mut().and_then(|kept| kept.recall(source));
        pins.sources.extend(digest.map(|digest| ((*source).clone(), digest)));
        digest.is_none()
    });
    let sources: Vec<&Source> = wanted.keys().copied().collect();
    let measured = measure(session, &loaded.root, &sources);
    for ((source, element), digest) in wanted.into_iter().zip(measured) {
        let digest = digest.map_err(|error| unusable(&loaded.texts, element, error))?;
        if let Some(kept) = &mut kept {
            kept.note(source, digest);
        }
        pins.sources.insert(source.clone(), digest);
    }
    if let Some(kept) = kept {
        kept.write();
    }
    if let Some(element) = needed.iter().find(|element| element.is_host()) {
        let host = Host::read(session).map_err(|error| unusable(&loaded.texts, element, error))?;
        pins.host = Some(host.fingerprint);
    }
    check_lockfiles(loaded, &needed)?;
    for element in &needed {
        for patch in &element.patches {
            if !pins.patches.contains_key(patch) {
                let files = inputs::patches(loaded, patch)
                    .map_err(|error| unusable(&loaded.texts, element, error))?;
                pins.patches.insert(patch.clone(), files);
            }
        }
    }
    Ok(pins)
}

/// Complains about lock files of the project that are not what was tracked.
fn check_lockfiles(loaded: &Loaded, needed: &[&Element]) -> Result<(), Problem> {
    let mut checked = BTreeSet::new();
    for element in needed {
        for source in element.sources.iter().flat_map(|placed| placed.source.with_inner()) {
            let Some(vendored) = source.vendored().filter(|vendored| vendored.of.is_none()) else {
                continue;
            };
            let locked = loaded.lock.source(source).filter(|_| checked.insert(source));
            let Some(locked) = locked else { continue };
            let (root, path) = loaded.place(&vendored.lockfile);
            let here = Vendored { lockfile: path.to_owned(), of: None };
            crate::vendored::check(root, &here, &locked.content)
                .map_err(|error| unusable(&loaded.texts, element, error))?;
        }
    }
    Ok(())
}

/// Measures folders of the project in their order, side by side where they are many.
fn measure(session: &Session, root: &Path, sources: &[&Source]) -> Vec<Result<Digest, LocalError>> {
    if sources.is_empty() {
        return Vec::new();
    }
    let local = Sources::new(session, root);
    let one = |source: &&Source| match source {
        Source::Local { path, exclude, with_ignored } => {
            local.measure(path, exclude, *with_ignored)
        }
        foreign => Err(LocalError::Outside { path: foreign.to_string() }),
    };
    let n_each = sources.len().div_ceil(session.environment.cpus.max(1)).max(MANY_SOURCES);
    if sources.len() <= n_each {
        return sources.iter().map(one).collect();
    }
    std::thread::scope(|scope| {
        let pieces = sources.chunks(n_each);
        let running: Vec<_> = pieces
            .map(|piece| scope.spawn(move || piece.iter().map(one).collect::<Vec<_>>()))
            .collect();
        let ended = running.into_iter().flat_map(|piece| match piece.join() {
            Ok(digests) => digests,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
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
