//! Element and input trees to an [`Action`]: root merge, overlaps, generated files.
//!
//! # Purpose
//! [`assemble()`] is where an element becomes one hermetic command, to the byte (`docs/spec/sandbox.md`);
//! [`function`] is what the other steps are: pure functions on trees.
//!
//! # Never
//! Reads a store; runs a command; knows a key.
//!
//! # Example
//! ```
//! use kiln_assemble::{Inputs, assemble};
//! use kiln_ir::{Element, ElementName};
//! use kiln_tree::Tree;
//! let element = Element::new(ElementName::parse("a").unwrap());
//! let inputs = Inputs { element: &element, isa: "x86-64", base: None, staged: vec![], staged_at: vec![], sources: Tree::empty() };
//! // Nothing brings a shell.
//! assert!(assemble(&inputs).is_err());
//! ```

pub mod function;
mod generated;
mod integrate;
mod root;

pub use generated::{GROUP, HOSTS, PASSWD, RUN, run_keeping};
pub use integrate::{Integration, integration};
pub use root::{Layer, OverlapFound, Root, layer};

use std::collections::BTreeMap;

use kiln_action::{Action, Command, HOST_PROPERTY, Staging};
use kiln_ir::{Element, ElementName, Phase, Step, User};
use kiln_tree::{Draft, RelPath, Time, Tree};

/// A backstop later than the watchdog of `/kiln/run`: 25 hours.
const TIMEOUT_SECONDS: u64 = 25 * 60 * 60;
/// Phases are numbered with two digits.
const MAX_PHASES: usize = 100;

/// An element with the trees of all that it is built from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    pub element: &'a Element,
    /// Instruction set in the words of the remote-apis lexicon, such as `x86-64`.
    pub isa: &'a str,
    pub base: Option<Layer>,
    /// What is staged above the base, in order.
    pub staged: Vec<Layer>,
    /// Closures below another folder, by its path.
    pub staged_at: Vec<(String, Vec<Layer>)>,
    /// What is `/build` when the first phase starts: the sources, laid out and patched.
    pub sources: Tree,
}

/// What an element brings to the root that it is built in.
#[derive(Clone, Debug)]
pub struct Own<'a> {
    pub element: &'a Element,
    /// Instruction set in the words of the remote-apis lexicon, such as `x86-64`.
    pub isa: &'a str,
    /// Closures below another folder, by its path.
    pub staged_at: Vec<(String, Vec<Layer>)>,
    /// What is `/build` when the first phase starts: the sources, laid out and patched.
    pub sources: Tree,
    /// Whether the build tree comes back after a success, too: another action with the same outputs.
    pub keeps_build_tree: bool,
}

/// An action, ready to run, with what is new in its input root.
#[derive(Clone, Debug)]
pub struct Assembled {
    pub action: Action,
    pub staging: Staging,
    /// What two elements bring with different content, whitelisted ones aside.
    pub overlaps: Vec<OverlapFound>,
    /// Contents of the generated files, which no other tree brings.
    pub files: Vec<Vec<u8>>,
}

/// Why an element cannot become an action or a tree.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AssembleError {
    #[error("`{element}` has no `/bin/sh` in its root")]
    #[diagnostic(
        code("K3010"),
        help("set a `base` that has a shell, or add an element with one to `build-deps`")
    )]
    NoShell { element: ElementName },
    #[error("`{path}` in the root of `{element}` is reserved for the build, and `{by}` brings it")]
    #[diagnostic(
        code("K3011"),
        help("install it elsewhere: `build kiln meta out` at the top of a root are kiln's own")
    )]
    Reserved { element: ElementName, path: RelPath, by: ElementName },
    #[error("`{glob}` in `{element}` is no glob")]
    #[diagnostic(
        code("K3012"),
        help("globs are absolute paths with `*`, `**`, `?`, `[a-z]` and `{{a,b}}`")
    )]
    BadGlob {
        element: ElementName,
        glob: String,
        #[source]
        cause: globset::Error,
    },
    #[error("two sources of `{element}` bring `{path}`")]
    #[diagnostic(
        code("K3013"),
        help("lay one of them out in a folder of its own: `sources {{ \"sub\" = ... }}`")
    )]
    SourcesClash { element: ElementName, path: RelPath },
    #[error("`{path}` of `{element}` is no clean path")]
    #[diagnostic(code("K3014"), help("write a path without `..` and empty parts"))]
    BadPlace { element: ElementName, path: String },
    #[error("`{element}` uses `{what}`, which this kiln does not run yet")]
    #[diagnostic(code("K3015"), help("leave it out, or build this element with a later kiln"))]
    NotYet { element: ElementName, what: &'static str },
    #[error("`{element}` has {count} phases, at most {MAX_PHASES} are possible")]
    #[diagnostic(code("K3016"), help("join some of them"))]
    ManyPhases { element: ElementName, count: usize },
    #[error("`{name}` in `{element}` is no name of a phase")]
    #[diagnostic(code("K3017"), help("use letters, digits and dashes"))]
    BadPhase { element: ElementName, name: String },
}

/// Makes the action of the one `Run` among the steps of an element, in a root without integration.
///
/// # Errors
/// When the root has no shell or uses reserved names, or the element asks for what cannot be done.
pub fn assemble(inputs: &Inputs<'_>) -> Result<Assembled, AssembleError> {
    let Inputs { element, isa, base, staged, staged_at, sources } = inputs;
    let layers: Vec<Layer> = base.iter().chain(staged).cloned().collect();
    let own = Own {
        element,
        isa,
        staged_at: staged_at.clone(),
        sources: sources.clone(),
        keeps_build_tree: false,
    };
    assemble_in(&Root::merge(&element.name, &layers)?, &own)
}

/// Makes the action of the one `Run` among the steps of an element, in a root.
///
/// # Errors
/// As [`assemble()`].
pub fn assemble_in(root: &Root, own: &Own<'_>) -> Result<Assembled, AssembleError> {
    let Own { element, isa, staged_at, sources, keeps_build_tree } = own;
    let phases = phases(element)?;
    let more = root::staged_at(&element.name, staged_at)?;
    let extended = if more.is_empty() { None } else { Some(root.with(&element.name, &more)?) };
    let root = extended.as_ref().unwrap_or(root);

    let mut files = Vec::new();
    let mut upper = Draft::default();
    let blocked = |_blocked| reserved(&element.name, "kiln");
    let run = if *keeps_build_tree { run_keeping() } else { RUN.to_owned() };
    generated::lay_out(&mut upper, &run, phases, &mut files).map_err(blocked)?;
    if let Ok(build) = RelPath::parse("build") {
        upper.put(&build, sources.clone()).map_err(blocked)?;
    }
    let command = command(isa, element.user, &element.env);
    let (action, staging) = above(root, &element.name, upper.seal(), command)?;
    Ok(Assembled { action, staging, overlaps: root.overlaps.clone(), files })
}

/// Lays what is generated over a root.
fn above(
    root: &Root,
    element: &ElementName,
    upper: Tree,
    mut command: Command,
) -> Result<(Action, Staging), AssembleError> {
    if let Some(host) = root.host {
        command.platform.insert(HOST_PROPERTY.to_owned(), host.to_string());
    } else if !root::has_shell(&root.tree) {
        return Err(AssembleError::NoShell { element: element.clone() });
    }
    let above = kiln_tree::merge(&[root.tree.clone(), upper.clone()]);
    if !above.stackable || above.layers[1] != upper {
        let by = root.owner(&RelPath::parse("etc").unwrap_or_default());
        return Err(AssembleError::Reserved {
            element: element.clone(),
            path: RelPath::parse("etc").unwrap_or_default(),
            by: by.unwrap_or_else(|| element.clone()),
        });
    }
    let action = Action { command, input_root: above.tree, timeout_seconds: TIMEOUT_SECONDS };
    Ok((action, Staging { lowers: root.layers.clone(), upper }))
}

fn reserved(element: &ElementName, path: &str) -> AssembleError {
    let path = RelPath::parse(path).unwrap_or_default();
    AssembleError::Reserved { element: element.clone(), path, by: element.clone() }
}

fn phases(element: &Element) -> Result<&[Phase], AssembleError> {
    let name = || element.name.clone();
    let not_yet = |what| Err(AssembleError::NotYet { element: name(), what });
    let mut runs = element.steps.iter().filter_map(|step| match step {
        Step::Run { phases } => Some(phases.as_slice()),
        _ => None,
    });
    let phases = runs.next().unwrap_or_default();
    if runs.next().is_some() {
        return not_yet("several runs with other steps between them");
    }
    if phases.len() > MAX_PHASES {
        return Err(AssembleError::ManyPhases { element: name(), count: phases.len() });
    }
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match phases.iter().find(|phase| !plain(&phase.name)) {
        Some(phase) => Err(AssembleError::BadPhase { element: name(), name: phase.name.clone() }),
        None => Ok(phases),
    }
}

/// Lays the sources of an element out in one tree, which its patches are applied to.
///
/// # Errors
/// When two of them bring one path.
pub fn sources(element: &Element, trees: &[Tree]) -> Result<Tree, AssembleError> {
    let mut layers = Vec::new();
    for (placed, tree) in element.sources.iter().zip(trees) {
        let at = RelPath::in_root(&placed.at).map_err(|_unclean| AssembleError::BadPlace {
            element: element.name.clone(),
            path: placed.at.clone(),
        })?;
        layers.push(root::below(&at, tree));
    }
    let merged = kiln_tree::merge(&layers);
    match merged.overlaps.into_iter().next() {
        Some(overlap) => {
            Err(AssembleError::SourcesClash { element: element.name.clone(), path: overlap.path })
        }
        None => Ok(merged.tree),
    }
}

fn command(isa: &str, user: User, env: &BTreeMap<String, String>) -> Command {
    let epoch = Time::STAGED.seconds.to_string();
    let fixed = [
        ("HOME", "/tmp"),
        ("KILN_OUT", "/out"),
        ("LC_ALL", "C.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"),
        ("SOURCE_DATE_EPOCH", &epoch),
        ("TZ", "UTC"),
    ];
    let mut environment: BTreeMap<String, String> =
        fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    environment.extend(env.clone());
    let id = match user {
        User::Builder => "1000",
        User::Root => "0",
    };
    let platform = [("ISA", isa), ("OSFamily", "linux"), ("unixGID", id), ("unixUID", id)];
    Command {
        arguments: vec!["/bin/sh".to_owned(), "/kiln/run".to_owned()],
        environment,
        output_paths: ["build", "meta", "out"]
            .iter()
            .filter_map(|p| RelPath::parse(p).ok())
            .collect(),
        output_node_properties: vec!["mtime".to_owned()],
        platform: platform.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

#[cfg(test)]
mod tests;
