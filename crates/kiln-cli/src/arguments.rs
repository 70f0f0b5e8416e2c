//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};

use crate::examples::{
    BUILD_EXAMPLES, BUNDLE_EXAMPLES, FETCH_EXAMPLES, OPTIONS_EXAMPLES, SHELL_EXAMPLES,
    TRACK_EXAMPLES,
};
use crate::option_flag::{OPTIONS, option, options_said, with_argument};
use crate::overview::overview;
use crate::{docs, eval, init, new, sources, why};

/// Width of help: that of a terminal nobody has changed.
const COLUMNS: usize = 80;

const EVERYWHERE: &str = "Options of all commands";

/// Builds many components, each by its own build system, into one system.
///
/// Builds many components, each by its own build system, into one system:
/// hermetically, reproducibly.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    version,
    disable_help_subcommand = true,
    disable_version_flag = true,
    max_term_width = COLUMNS
)]
pub(crate) struct Arguments {
    /// Print the version.
    #[arg(short = 'V', long, action = ArgAction::Version, hide_short_help = true)]
    pub(crate) version: Option<bool>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the command line, or ends the program with what is wrong with it.
    pub(crate) fn read() -> Self {
        let command = overview(Self::command());
        let found = command.get_arguments().find(|argument| argument.get_id() == OPTIONS);
        let option = found.cloned();
        let matches = with_argument(command, option.as_ref(), 0).get_matches();
        let mut arguments = Self::from_arg_matches(&matches).unwrap_or_else(|wrong| wrong.exit());
        arguments.common.options = options_said(&matches);
        arguments
    }

    /// Returns an option that the command would have to ignore.
    pub(crate) fn misplaced(&self) -> Option<&'static str> {
        let Self { version: _, common, command } = self;
        let knows_no_elements = match command {
            Command::Fmt { .. }
            | Command::Doctor
            | Command::Explain { .. }
            | Command::Docs(_)
            | Command::Init(_) => true,
            Command::Debug { stage } => matches!(stage, Stage::Cst { .. }),
            _ => false,
        };
        let reads_texts = matches!(command, Command::Options { .. } | Command::New(_));
        let knows_no_ir = knows_no_elements || reads_texts;
        // An IR has no options any more: they are what it was made with.
        let knows_no_options = knows_no_elements || common.ir.is_some();
        if common.ir.is_some() && knows_no_ir {
            return Some("--ir");
        }
        (!common.options.is_empty() && knows_no_options).then_some("-o")
    }
}

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = EVERYWHERE)]
pub(crate) struct Common {
    /// Look for the project from this folder.
    #[arg(short = 'C', long, global = true, value_name = "DIR", hide_short_help = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Set an option of the project, such as debug=true.
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE", hide_short_help = true, value_parser = option)]
    pub(crate) options: Vec<(String, String)>,
    /// Use a hand-written IR instead of a project.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) ir: Option<PathBuf>,
    /// Processors that builds may use [default: all].
    #[arg(short, long, global = true, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Try this mirror of an alias first.
    #[arg(long = "mirror", global = true, value_name = "ALIAS=URL", hide_short_help = true)]
    pub(crate) mirrors: Vec<String>,
    /// Never use the network.
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) offline: bool,
    /// When to use colour [default: auto].
    #[arg(long, global = true, value_enum, value_name = "WHEN", hide_short_help = true)]
    pub(crate) color: Option<When>,
    /// Print only results and errors.
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,
}

/// When to do something that suits a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Warnings that may be errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Denied {
    /// That two elements bring one path with different content.
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
    /// End what takes longer, such as 2h [default: 24h].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) time_limit: Option<Duration>,
    /// End what is silent for so long [default: never].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) silence_limit: Option<Duration>,
    /// Sources fetched at a time [default: 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) fetchers: Option<u16>,
}

/// Whose build trees are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    /// Of what failed.
    Failure,
    /// Of everything that runs; of an element that is named, also when it is built already.
    Always,
    /// Of nothing.
    Never,
}

fn time(text: &str) -> Result<Duration, &'static str> {
    kiln_driver::duration(text).ok_or("numbers with their units are needed, such as 90s, 30m or 2h")
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin a project.
    #[command(after_long_help = init::EXAMPLES)]
    Init(init::InitArguments),
    /// Add an element to the project.
    #[command(after_long_help = new::EXAMPLES)]
    New(new::NewArguments),
    /// Build elements and all they need.
    #[command(after_long_help = BUILD_EXAMPLES)]
    Build {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
        /// Run again what is recorded as failed.
        #[arg(long)]
        retry_failed: bool,
        /// After a failure, go on with what does not need it.
        #[arg(long, conflicts_with = "fail_fast")]
        keep_going: bool,
        /// After a failure, end what runs; else it may finish.
        #[arg(long)]
        fail_fast: bool,
        /// Make errors of warnings, also of what is built already.
        #[arg(short = 'D', long = "deny", value_enum, value_name = "NAME")]
        denied: Vec<Denied>,
        /// Take sources from a file of `kiln bundle`.
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
        #[command(flatten)]
        policy: Policy,
    },
    /// Show what a build would do.
    Plan {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
    /// Show elements with their keys and whether they are built.
    Show {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
    /// Copy the files of a built element into a folder.
    Checkout {
        #[command(flatten)]
        part: CheckoutPart,
        /// Name of the element.
        element: String,
        /// Folder to write; it is made where it is not there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Write into a folder that is not empty.
        #[arg(long)]
        force: bool,
    },
    /// Walk into the sandbox of an element, with all it is built with.
    #[command(after_long_help = SHELL_EXAMPLES)]
    Shell {
        #[command(flatten)]
        inside: ShellInside,
        /// Name of the element.
        element: String,
        /// Run this instead of a shell.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Print what the last run of an element printed.
    Log {
        /// Name of the element.
        element: String,
    },
    /// Look up what sources and bases are now, and write kiln.lock.
    #[command(after_long_help = TRACK_EXAMPLES)]
    Track {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
        /// Write nothing; fail when the lock would change.
        #[arg(long)]
        check: bool,
        /// Accept package indexes whose signature cannot be checked.
        #[arg(long)]
        insecure_no_signature: bool,
        /// Sources looked up at a time [default: 8].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
        fetchers: Option<u16>,
    },
    /// Bring all sources and packages, so that a build needs no network.
    #[command(after_long_help = FETCH_EXAMPLES)]
    Fetch {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
        /// Take what there is from this file of `kiln bundle` first.
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
        /// Files fetched at a time [default: 8].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
        fetchers: Option<u16>,
    },
    /// Write all sources and packages into one file.
    #[command(after_long_help = BUNDLE_EXAMPLES)]
    Bundle {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
        /// File to write.
        #[arg(short, long, value_name = "FILE", required = true)]
        file: PathBuf,
    },
    /// Compare sources with where they come from.
    Source {
        #[command(subcommand)]
        action: sources::SourceAction,
    },
    /// Show the options of the project with their values.
    #[command(after_long_help = OPTIONS_EXAMPLES)]
    Options {
        /// How to print them.
        #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
        output: Output,
    },
    /// Check the whole project and report all mistakes.
    Check(crate::check::CheckWords),
    /// Format the kiln files of the project, or those that are named.
    Fmt {
        /// Files, or `-` for what comes in; all of the project when none is said.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Write nothing; fail when a file is not formatted.
        #[arg(long)]
        check: bool,
    },
    /// Evaluate an expression in the scope of the project.
    #[command(after_long_help = eval::EXAMPLES)]
    Eval(eval::EvalWords),
    /// Ask the project one thing after the other.
    Repl,
    /// Tell where a field or name comes from.
    #[command(after_long_help = why::EXAMPLES)]
    Why(why::WhyWords),
    /// Tell about kinds, fields and what the project defines.
    #[command(after_long_help = docs::EXAMPLES)]
    Docs(docs::DocsArguments),
    /// Check what kiln needs on this machine.
    Doctor,
    /// Explain an error code.
    Explain {
        /// A code such as K3001, as errors print it.
        code: String,
    },
    /// Print all about a failure, or a stage between text and artifact.
    Debug {
        #[command(subcommand)]
        stage: Stage,
    },
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
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
    Cst {
        /// A file of the language.
        file: PathBuf,
    },
    /// The IR as JSON.
    Ir {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
    /// Every node of the plan with its key.
    Plan {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
    /// Every job with what it waits for.
    Graph {
        /// Elements by name; all of the project when none is said.
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
    /// Everything about the last run of an element, which failed.
    Failure {
        /// Name of the element.
        element: String,
    },
}
