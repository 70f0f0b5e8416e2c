//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "Examples:
  kiln build hello            build an element and all it needs
  kiln checkout hello out     its files as a folder
  kiln log hello              what its last run printed

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
        /// After a failure, start nothing more (the default).
        #[arg(long)]
        fail_fast: bool,
    },
    /// Show what a build would do.
    Plan { elements: Vec<String> },
    /// Show elements with their keys and whether they are built.
    Show { elements: Vec<String> },
    /// Copy the files of a built element into a folder.
    Checkout {
        element: String,
        folder: PathBuf,
        /// Write into a folder that is not empty.
        #[arg(long)]
        force: bool,
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
    /// Print a stage between text and artifact.
    Debug {
        #[command(subcommand)]
        stage: Stage,
    },
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
}
