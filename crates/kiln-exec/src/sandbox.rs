//! One sandbox: launched, measured, and what stays of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kiln_action::{Action, Ending, Outcome, Request, Staging};
use kiln_artifact::{Phase, Run, Usage};
use kiln_cas::CasError;
use kiln_digest::{Digest, Key};
use kiln_event::{Event, PhaseEnded};
use kiln_plan::{Node, NodeIx};
use kiln_tree::Tree;

use crate::element::Maker;
use crate::error::Foreign;
use crate::{BuildTrees, ExecError, ForeignError};

/// How long an action may take when nothing is said, as `/kiln/run` has it.
const DEFAULT_LIMIT: &str = "86400";

/// What a sandbox is for.
pub(crate) struct Sandbox<'a> {
    pub(crate) node: &'a Node,
    /// What is staged in it.
    pub(crate) of: &'a [NodeIx],
    /// The element's own advice.
    pub(crate) advice: BTreeMap<String, String>,
    pub(crate) log: PathBuf,
}

/// What came of a sandbox.
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    pub(crate) out: Option<Tree>,
    pub(crate) others: BTreeMap<String, Tree>,
    pub(crate) run: Run,
}

impl Maker<'_> {
    /// Runs an action in a sandbox.
    pub(crate) fn launch(
        &self,
        sandbox: &Sandbox<'_>,
        action: &Action,
        staging: &Staging,
        files: &[Vec<u8>],
    ) -> Result<Ran, ExecError> {
        for file in files {
            self.ports.cas.write(file)?;
        }
        let request = Request {
            action: action.clone(),
            staging: staging.clone(),
            advice: self.advice(&sandbox.advice),
            log: sandbox.log.clone(),
            cancel: self.cancel.clone(),
            silence: self.settings.silence,
        };
        let (element, digest) = (sandbox.node.element.clone(), action.digest());
        self.memory.count_launch();
        self.ports.sink.emit(Event::SandboxLaunched { element, action: digest });
        let began = (self.ports.clock)();
        let started = |phase: &str| {
            let (element, phase) = (sandbox.node.element.clone(), phase.to_owned());
            self.ports.sink.emit(Event::PhaseStarted { element, phase });
        };
        let outcome = self.ports.runner.run_told(&request, &started);
        let outcome = outcome.map_err(|cause| self.run_error(sandbox, cause))?;
        let wall_micros = (self.ports.clock)().saturating_sub(began);
        let run = self.run_of(action, digest, &outcome, wall_micros);
        self.tell_ended(sandbox.node, &run, &outcome);
        if !matches!(outcome.ending, Ending::Exit(0) | Ending::Cancelled)
            || run.build_tree.is_some()
        {
            self.keep_sandbox(action)?;
        }
        Ok(Ran { ending: outcome.ending, out: outcome.out, others: outcome.others, run })
    }

    /// Keeps what a person needs to walk into this sandbox later: its root and its command.
    fn keep_sandbox(&self, action: &Action) -> Result<(), ExecError> {
        self.ports.cas.write_tree(&action.input_root)?;
        self.ports.cas.write(&action.command.encode())?;
        self.ports.cas.write(&action.encode())?;
        Ok(())
    }

    /// Returns the environment outside the action: the element's own advice, then what holds for all.
    fn advice(&self, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let jobs = self.jobs.to_string();
        let filled =
            |(name, value): (&String, &String)| (name.clone(), value.replace("$KILN_JOBS", &jobs));
        let mut advice: BTreeMap<String, String> = own.iter().map(filled).collect();
        advice.insert("MAKEFLAGS".to_owned(), format!("-j{jobs}"));
        advice.insert("KILN_JOBS".to_owned(), jobs);
        if let Some(limit) = self.settings.time_limit {
            advice.insert("KILN_TIME_LIMIT".to_owned(), whole_seconds(limit).to_string());
        }
        advice.extend(self.settings.advice.clone());
        advice
    }

    fn run_of(&self, action: &Action, digest: Digest, outcome: &Outcome, wall_micros: u64) -> Run {
        let phase = |phase: &kiln_action::Phase| Phase {
            name: phase.name.clone(),
            start: phase.start.clone(),
            end: phase.end.clone(),
            exit: phase.exit,
            usage: phase.usage.map(|usage| usage_of(usage, 0)),
        };
        let keeps = self.settings.build_trees != BuildTrees::Never;
        Run {
            action: digest,
            input_root: action.input_root.digest(),
            exit: match outcome.ending {
                Ending::Exit(exit) => exit,
                Ending::TimedOut | Ending::Silent | Ending::OutOfMemory | Ending::Cancelled => -1,
            },
            out: outcome.out.as_ref().map(Tree::digest),
            others: outcome.others.iter().map(|(name, t)| (name.clone(), t.digest())).collect(),
            build_tree: outcome.build_tree.as_ref().filter(|_| keeps).map(Tree::digest),
            log: outcome.log,
            phases: outcome.phases.iter().map(phase).collect(),
            usage: usage_of(outcome.usage, wall_micros),
            warnings: outcome.warnings.clone(),
            host: self.settings.host.clone(),
        }
    }

    fn tell_ended(&self, node: &Node, run: &Run, outcome: &Outcome) {
        let kiln_action::Spent { stage_micros, run_micros, capture_micros } = outcome.spent;
        let phase = |phase: &Phase| PhaseEnded {
            name: phase.name.clone(),
            start: phase.start.clone(),
            end: phase.end.clone(),
            exit: phase.exit,
            usage: phase.usage.map(told),
        };
        self.ports.sink.emit(Event::SandboxEnded {
            element: node.element.clone(),
            action: run.action,
            exit: matches!(outcome.ending, Ending::Exit(_)).then_some(run.exit),
            micros: run.usage.wall_micros,
            spent: kiln_event::Spent { stage_micros, run_micros, capture_micros },
            usage: told(run.usage),
            phases: run.phases.iter().map(phase).collect(),
        });
        for warning in &run.warnings {
            let own = warning.split_once(": ").filter(|(code, _)| is_code(code));
            let event = if let Some((code, text)) = own {
                let message = format!("`{}`: {text}", node.element);
                Event::Warning { code: code.to_owned(), message }
            } else {
                let message = format!("`{}`: {warning}", node.element);
                Event::Warning { code: "K4103".to_owned(), message }
            };
            self.ports.sink.emit(event);
        }
    }

    /// Says which limit ended a run, and what sets it.
    pub(crate) fn stopped(&self, ending: Ending) -> Option<String> {
        match ending {
            Ending::Exit(_) | Ending::Cancelled => None,
            Ending::OutOfMemory => {
                let text = "it failed while the kernel killed processes for want of memory; fewer `--jobs` need less";
                Some(text.to_owned())
            }
            Ending::TimedOut => {
                let said = self.settings.time_limit.map(|limit| whole_seconds(limit).to_string());
                let said = said.or_else(|| self.settings.advice.get("KILN_TIME_LIMIT").cloned());
                let limit = said.unwrap_or_else(|| DEFAULT_LIMIT.to_owned());
                Some(format!(
                    "it ran longer than the limit of {limit} s; `--time-limit` sets another"
                ))
            }
            Ending::Silent => {
                let limit = whole_seconds(self.settings.silence.unwrap_or_default());
                Some(format!("it printed nothing for {limit} s; `--silence-limit` sets another"))
            }
        }
    }

    /// Tells lost content from a failure of the machine.
    fn run_error(&self, sandbox: &Sandbox<'_>, cause: ForeignError) -> ExecError {
        // A store that cannot be read has lost nothing.
        let incomplete = |ix: &&NodeIx| match self.tree(**ix) {
            Ok(tree) => self.missing(&tree).is_ok_and(|missing| !missing.is_empty()),
            Err(_gone) => true,
        };
        let lost: Vec<&NodeIx> = sandbox.of.iter().filter(incomplete).collect();
        if lost.is_empty() {
            let element = sandbox.node.element.clone();
            return ExecError::Run { element, cause: Foreign(cause) };
        }
        let keys: Vec<Key> = lost.iter().map(|ix| self.work.plan.node(**ix).key).collect();
        ExecError::Lost { keys }
    }

    /// Returns whether the store has all files of a tree.
    pub(crate) fn is_whole(&self, tree: &Tree) -> bool {
        self.missing(tree).is_ok_and(|missing| missing.is_empty())
    }

    fn missing(&self, tree: &Tree) -> Result<Vec<Digest>, CasError> {
        let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
        self.ports.cas.missing(&files)
    }
}

fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix('K').unwrap_or_default();
    digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn whole_seconds(limit: Duration) -> u64 {
    limit.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

fn usage_of(usage: kiln_action::Usage, wall_micros: u64) -> Usage {
    let kiln_action::Usage { user_micros, system_micros, max_rss_kib, read_bytes, written_bytes } =
        usage;
    Usage { user_micros, system_micros, max_rss_kib, wall_micros, read_bytes, written_bytes }
}

fn told(usage: Usage) -> kiln_event::Usage {
    let Usage {
        user_micros,
        system_micros,
        max_rss_kib,
        wall_micros: _,
        read_bytes,
        written_bytes,
    } = usage;
    kiln_event::Usage { user_micros, system_micros, max_rss_kib, read_bytes, written_bytes }
}
