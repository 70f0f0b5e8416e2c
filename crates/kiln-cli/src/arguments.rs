//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "Examples:
  kiln build hello            build an element and all it needs
  kiln checkout hello out     its files as a folder
  kiln shell --failed hello   walk into a build that failed

`kiln explain CODE` tells more about an error.";

/// Builds many components, each by its own build system, into one system: hermetically, reproducibly.
#[derive(Debug, Parser)]
#[command(name = "kiln", version, before_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Look for the project from this folder.
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Use a hand-written IR instead of a project.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ir: Option<PathBuf>,
    /// Processors that builds may use.
    #[arg(short, long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Try this mirror of an alias first.
    #[arg(long = "mirror", global = true, value_name = "ALIAS=URL")]
    pub(crate) mirrors: Vec<String>,
    /// Never use the network.
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub(crate) color: Option<When>,
    /// Print only results and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// When to do something that suits a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Warnings that may be errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Denied {
    /// Two elements bring one path with different content.
    Overlaps,
    /// All warnings.
    Warnings,
}

/// How commands run that build something.
#[derive(Debug, Default, Args)]
pub(crate) struct Policy {
    /// Whose build trees are kept [default: failure].
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) build_trees: Option<Kept>,
    /// End an element that takes longer: 90s, 30m, 2h [default: 24h].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) time_limit: Option<Duration>,
    /// End an element that prints nothing for so long.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) silence_limit: Option<Duration>,
    /// Sources fetched at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) fetchers: Option<u16>,
}

/// Whose build trees are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    Failure,
    Always,
    Never,
}

fn time(text: &str) -> Result<Duration, &'static str> {
    kiln_driver::duration(text).ok_or("numbers with their units are needed, such as 90s, 30m or 2h")
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build elements and all they need; all elements when none is named.
    Build {
        elements: Vec<String>,
        /// Run again what is recorded as failed.
        #[arg(long)]
        retry_failed: bool,
        /// After a failure, go on with what does not need it.
        #[arg(long, conflicts_with = "fail_fast")]
        keep_going: bool,
        /// After a failure, end at once what runs; else it may finish.
        #[arg(long)]
        fail_fast: bool,
        /// Make errors of some warnings.
        #[arg(short = 'D', long = "deny", value_enum, value_name = "NAME")]
        denied: Vec<Denied>,
        #[command(flatten)]
        policy: Policy,
    },
    /// Show what a build would do.
    Plan { elements: Vec<String> },
    /// Show elements with their keys and whether they are built.
    Show { elements: Vec<String> },
    /// Copy the files of a built element into a folder.
    Checkout {
        #[command(flatten)]
        part: CheckoutPart,
        element: String,
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Write into a folder that is not empty.
        #[arg(long)]
        force: bool,
    },
    /// Walk into the sandbox of an element, with all it is built with.
    Shell {
        #[command(flatten)]
        inside: ShellInside,
        element: String,
        /// Run this instead of a shell.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Print what the last run of an element printed.
    Log { element: String },
    /// Look up what sources and bases are now, and write kiln.lock.
    Track {
        elements: Vec<String>,
        /// Accept package indexes whose signature cannot be checked.
        #[arg(long)]
        insecure_no_signature: bool,
    },
    /// Check the whole project and report all mistakes.
    Check,
    /// Format the kiln files of the project, or those that are named.
    Fmt {
        files: Vec<PathBuf>,
        /// Write nothing; fail when a file is not formatted.
        #[arg(long)]
        check: bool,
    },
    /// Check what kiln needs on this machine.
    Doctor,
    /// Explain an error code.
    Explain { code: String },
    /// Print everything about a failure, or a stage between text and artifact.
    Debug {
        #[command(subcommand)]
        stage: Stage,
    },
}

/// What of an element to copy; else its output.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct CheckoutPart {
    /// The folder /build as the last run left it.
    #[arg(long)]
    pub(crate) build_tree: bool,
    /// The folder /build before the first phase.
    #[arg(long)]
    pub(crate) sources: bool,
    /// All that the first phase sees as /.
    #[arg(long)]
    pub(crate) root: bool,
}

/// What is in the folder /build of a shell; else nothing.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ShellInside {
    /// With its sources: the state before the first phase.
    #[arg(long)]
    pub(crate) build: bool,
    /// As its last run left it.
    #[arg(long)]
    pub(crate) build_tree: bool,
    /// As its failed run left it.
    #[arg(long)]
    pub(crate) failed: bool,
}

/// A stage that `kiln debug` prints.
#[derive(Debug, Subcommand)]
pub(crate) enum Stage {
    /// The lossless tree of a file.
    Cst { file: PathBuf },
    /// The IR as JSON.
    Ir { elements: Vec<String> },
    /// Every node of the plan with its key.
    Plan { elements: Vec<String> },
    /// Every job with what it waits for.
    Graph { elements: Vec<String> },
    /// Everything about the last run of an element, which failed.
    Failure { element: String },
}
