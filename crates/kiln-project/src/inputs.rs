//! The inputs of a project: found on disk, read and parsed before anything but their sources is evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_diag::{Code, Diagnostic, FileId, Texts};
use kiln_eval::{
    InputKey, InputProject, Inputs, Limits, Program, Settings, Versions, WantedInput,
    eval_with_inputs,
};
use kiln_ir::Source;
use kiln_syntax::Syntax;

use crate::load::{folder_of, needed_stdlib};
use crate::modules::{NoModules, read_one};
use crate::{Files, Looked, PROJECT_FILE, ProjectError};

/// Projects that are inputs of each other.
const CYCLE: Code = Code(520);
/// No project where an input should be.
const NO_PROJECT: Code = Code(521);
/// An input that is not in the lock.
const NOT_LOCKED: Code = Code(522);
/// A source that no project can come from.
const UNFIT: Code = Code(523);
/// A path that leaves the project.
const LEAVES: Code = Code(105);

/// A fetched input that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub source: &'a Source,
    /// The lock of the project at hand.
    pub own_lock: Option<&'a str>,
    /// When an input asks: its lock, then those of the other inputs; they win over that of the project at hand.
    pub locks: &'a [&'a str],
    /// The aliases of the project that asks.
    pub aliases: &'a BTreeMap<String, String>,
}

/// Where a fetched input is.
#[derive(Clone, Debug)]
pub enum FoundInput {
    At(PathBuf),
    NotLocked,
    /// It cannot be brought; who was asked knows why.
    Failed,
}

/// Brings inputs that are fetched.
pub trait FindInput: Sync {
    fn find(&self, asked: &Asked<'_>) -> FoundInput;

    /// Returns the versions that locks know of sources, by [`version_key`]; of two of one source the first counts.
    fn versions(&self, _locks: &[&str]) -> Versions {
        Versions::new()
    }
}

/// Returns the key that the version of a source is known by; nothing where a lock has no say in it.
pub fn version_key(source: &Source) -> Option<String> {
    kiln_lower::version_key(source)
}

/// Knows no fetched input: those by a local path are all there is.
#[derive(Clone, Copy, Debug)]
pub struct LocalOnly;

impl FindInput for LocalOnly {
    fn find(&self, _asked: &Asked<'_>) -> FoundInput {
        FoundInput::NotLocked
    }
}

/// A project that is an input of the one at hand, or of one of its inputs.
#[derive(Clone, Debug)]
pub struct Input {
    /// The names by which it was found, joined by dots; paths of its files begin with it and `//`.
    pub name: String,
    pub root: PathBuf,
    /// The text of its lock; nothing when it has none.
    pub lock: Option<FileId>,
    /// What it was fetched from; nothing when it is a folder of this machine.
    pub source: Option<Source>,
    /// Its files, among the texts of the project that uses it; paths are relative to its root.
    pub files: Vec<crate::File>,
    pub looked: Looked,
}

/// The inputs of a project and all of theirs.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) inputs: Inputs,
    pub(crate) folders: Vec<Input>,
    /// The syntax of their files.
    pub(crate) parsed: BTreeMap<FileId, Syntax>,
    pub(crate) findings: Vec<Diagnostic>,
    /// Whether a mistake elsewhere kept them from being read.
    pub(crate) is_stopped: bool,
    pub(crate) failure: Option<ProjectError>,
}

/// What the reading of inputs has to go by.
pub(crate) struct Reading<'a> {
    pub(crate) root: &'a Path,
    /// The text of the lock of the project at hand.
    pub(crate) lock: Option<FileId>,
    pub(crate) find: &'a dyn FindInput,
}

impl Gathered {
    /// Returns what the lock of the project and then those of its inputs say of versions.
    pub(crate) fn versions(&self, reading: &Reading<'_>, texts: &Texts) -> Versions {
        let inputs = self.folders.iter().filter_map(|folder| folder.lock);
        let locks = reading.lock.into_iter().chain(inputs);
        let locks: Vec<&str> =
            locks.filter_map(|lock| texts.get(lock).map(|text| text.text.as_ref())).collect();
        reading.find.versions(&locks)
    }

    /// Reads the inputs of a program and all of theirs, until none is missing.
    pub(crate) fn gather(
        &mut self,
        reading: &Reading<'_>,
        program: &Program,
        own: &BTreeMap<FileId, Syntax>,
        settings: &Settings,
        texts: &mut Texts,
    ) {
        loop {
            let mut scratch = texts.clone();
            let all = own.iter().chain(&self.parsed).map(|(id, syntax)| (*id, syntax.clone()));
            let stdlib = needed_stdlib(&all.collect(), &mut scratch, &NoModules);
            let program = Program { stdlib, ..program.clone() };
            let versions = self.versions(reading, texts);
            let inputs = Inputs { versions, ..self.inputs.clone() };
            let found = eval_with_inputs(program, inputs, settings, Limits::default()).value;
            let Some(mut found) = found else {
                self.is_stopped = true;
                return;
            };
            let wanted = found.wanted_inputs();
            if wanted.is_empty() {
                return;
            }
            for wanted in wanted {
                let key = wanted.key.clone();
                let answer = match self.add(reading, &wanted, texts) {
                    Ok(found) => Some(found),
                    Err(Refused::Told(finding)) => {
                        self.findings.push(*finding);
                        None
                    }
                    Err(Refused::Failed(error)) => {
                        self.failure = Some(error);
                        return;
                    }
                };
                self.inputs.found.insert(key, answer);
            }
        }
    }

    /// Returns the number of a project that is wanted, read if it is new.
    fn add(
        &mut self,
        reading: &Reading<'_>,
        wanted: &WantedInput,
        texts: &mut Texts,
    ) -> Result<usize, Refused> {
        let Some(source) = kiln_lower::input_source(&wanted.source) else {
            let finding = Diagnostic::error(UNFIT, "a field of this source cannot be as it is");
            return Err(finding.at(wanted.span, "the input").into());
        };
        let (root, shown) = match &source {
            Source::Local { path, .. } => self.local(reading, wanted, path)?,
            source => (self.fetched(reading, wanted, source, texts)?, None),
        };
        if let Some(known) = self.folders.iter().position(|folder| folder.root == root) {
            self.refuse_cycle(wanted, known)?;
            return Ok(known);
        }
        if reading.root.canonicalize().is_ok_and(|own| own == root) {
            return Err(self.cycle(wanted, None).into());
        }
        let is_fetched = !matches!(source, Source::Local { .. });
        let source = is_fetched.then_some(source);
        self.read(wanted, root, shown.as_deref(), source, texts)
    }

    /// Returns the folder of a local input, and how its files are shown.
    fn local(
        &self,
        reading: &Reading<'_>,
        wanted: &WantedInput,
        path: &str,
    ) -> Result<(PathBuf, Option<String>), Refused> {
        let path = path.split_once("//").map_or(path, |(_input, path)| path);
        let of = wanted.key.of.map(|ix| &self.folders[ix]);
        let above = of.map_or(reading.root, |of| of.root.as_path());
        let missing = |message: String| {
            Diagnostic::error(NO_PROJECT, message)
                .at(wanted.span, "this input")
                .help("the path is relative to the folder of the file that it is written in")
        };
        let Ok(root) = above.join(path).canonicalize() else {
            return Err(missing(format!("the input `{path}` is not there")).into());
        };
        // What was fetched says what is in it, and nothing of what is beside it here.
        let fetched = self.fetched_root(wanted.key.of);
        if fetched.is_some_and(|fetched| !root.starts_with(fetched)) {
            let message = format!("the path `{path}` leaves the input that it is written in");
            return Err(Diagnostic::error(LEAVES, message)
                .at(wanted.span, "above the folder of its `project.kiln`")
                .help("an input that was fetched cannot know what is beside it")
                .into());
        }
        if !root.join(PROJECT_FILE).is_file() {
            return Err(missing(format!("there is no `{PROJECT_FILE}` in `{path}`")).into());
        }
        let shown = match (fetched, of) {
            (Some(_), _) => None,
            (None, None) => Some(path.to_owned()),
            // How it is reached from here is of no interest: where it is, is.
            (None, Some(_)) => Some(root.to_string_lossy().into_owned()),
        };
        Ok((root, shown))
    }

    /// Returns the folder of the fetched project that an input is or lies in.
    fn fetched_root(&self, of: Option<usize>) -> Option<&Path> {
        let of = &self.folders[of?];
        let is_around = |other: &&Input| other.source.is_some() && of.root.starts_with(&other.root);
        self.folders.iter().find(is_around).map(|other| other.root.as_path())
    }

    fn fetched(
        &self,
        reading: &Reading<'_>,
        wanted: &WantedInput,
        source: &Source,
        texts: &Texts,
    ) -> Result<PathBuf, Refused> {
        let text = |file| texts.get(file).map(|text| text.text.as_ref());
        let asking = wanted.key.of.map(|ix| &self.folders[ix]);
        let others = asking.map_or(&[][..], |_| &self.folders);
        let locks = asking.into_iter().chain(others).filter_map(|folder| folder.lock);
        let locks: Vec<&str> = locks.filter_map(text).collect();
        let own_lock = reading.lock.and_then(text);
        let asked = Asked { source, own_lock, locks: &locks, aliases: &wanted.aliases };
        match reading.find.find(&asked) {
            FoundInput::At(root) if root.join(PROJECT_FILE).is_file() => {
                Ok(root.canonicalize().unwrap_or(root))
            }
            FoundInput::At(_) => {
                let message = format!("there is no `{PROJECT_FILE}` in `{source}`");
                Err(Diagnostic::error(NO_PROJECT, message).at(wanted.span, "this input").into())
            }
            FoundInput::NotLocked => {
                let message =
                    format!("the input `{}`, `{source}`, is not in the lock", wanted.name);
                let finding = Diagnostic::error(NOT_LOCKED, message).at(wanted.span, "this input");
                Err(finding.help("kiln track").into())
            }
            FoundInput::Failed => {
                Err(Refused::Failed(ProjectError::Input { name: wanted.name.clone() }))
            }
        }
    }

    /// Reads the files of an input.
    fn read(
        &mut self,
        wanted: &WantedInput,
        root: PathBuf,
        folder: Option<&str>,
        source: Option<Source>,
        texts: &mut Texts,
    ) -> Result<usize, Refused> {
        let files = Files::read(&root).map_err(Refused::Failed)?;
        let name = self.free_name(&wanted.name);
        let shown = |path: &str| match folder {
            Some(folder) => format!("{folder}/{path}"),
            None => format!("{name}//{path}"),
        };
        let text = |files: &Files, id| {
            files.texts.get(id).map_or_else(|| Arc::from(""), |text| Arc::clone(&text.text))
        };
        let lock = files.lock.map(|id| texts.add(shown(crate::LOCK_FILE), text(&files, id)));
        let mut parsed = BTreeMap::new();
        let mut renamed = Vec::new();
        for file in &files.files {
            let id = texts.add(shown(&file.path), text(&files, file.id));
            let syntax = read_one(id, texts, &NoModules);
            self.findings.extend(syntax.diagnostics().iter().cloned());
            parsed.insert(id, syntax);
            renamed.push(crate::File { id, ..file.clone() });
        }
        self.parsed.extend(parsed.iter().map(|(id, syntax)| (*id, syntax.clone())));
        let (project, folder) = folder_of(&renamed, &format!("{name}//"), parsed);
        self.inputs.projects.push(InputProject { name: name.clone(), project, root: folder });
        let looked = files.looked;
        self.folders.push(Input { name, root, lock, source, files: renamed, looked });
        Ok(self.folders.len() - 1)
    }

    /// Returns a name that no other input has.
    fn free_name(&self, name: &str) -> String {
        let is_free = |name: &str| !self.folders.iter().any(|folder| folder.name == name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| is_free(name)).unwrap_or_default()
    }

    /// Complains when a project that is asked for asks, itself or by its inputs, for the one that asks.
    fn refuse_cycle(&self, wanted: &WantedInput, known: usize) -> Result<(), Refused> {
        let Some(of) = wanted.key.of else { return Ok(()) };
        let mut waiting = vec![known];
        let mut seen = BTreeSet::from([known]);
        while let Some(at) = waiting.pop() {
            if at == of {
                return Err(self.cycle(wanted, Some(known)).into());
            }
            let asks = |(key, _): &(&InputKey, &Option<usize>)| key.of == Some(at);
            let next = self.inputs.found.iter().filter(asks).filter_map(|(_, found)| *found);
            waiting.extend(next.filter(|ix| seen.insert(*ix)));
        }
        Ok(())
    }

    fn cycle(&self, wanted: &WantedInput, known: Option<usize>) -> Diagnostic {
        let name = |ix: Option<usize>| match ix {
            None => "this project".to_owned(),
            Some(ix) => format!("`{}`", self.folders[ix].name),
        };
        let (asks, asked) = (name(wanted.key.of), name(known));
        let message = if known == wanted.key.of {
            format!("{asks} is an input of itself")
        } else {
            format!("{asks} and {asked} are inputs of each other")
        };
        Diagnostic::error(CYCLE, message)
            .at(wanted.span, format!("means {asked}"))
            .help("move what both need into a third project that is an input of both")
    }
}

/// Why an input is not there.
enum Refused {
    Told(Box<Diagnostic>),
    Failed(ProjectError),
}

impl From<Diagnostic> for Refused {
    fn from(finding: Diagnostic) -> Self {
        Self::Told(Box::new(finding))
    }
}
