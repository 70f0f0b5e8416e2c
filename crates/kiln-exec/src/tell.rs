//! What a slot says of an element: warnings, success, failure with the end of its log.

use std::path::{Path, PathBuf};

use kiln_artifact::Run;
use kiln_assemble::OverlapFound;
use kiln_digest::Digest;
use kiln_event::{Event, excerpt, failed_command};
use kiln_ir::{ElementName, Step};
use kiln_plan::Node;

use crate::ExecError;
use crate::element::Maker;

/// What programs say of a file that nobody can write, in the locale of builds.
const READ_ONLY: &str = "Read-only file system";
/// Lines of a log that a person should read first.
const EXCERPT_LINES: usize = 11;

impl Maker<'_> {
    pub(crate) fn log_path(&self, node: &Node) -> PathBuf {
        self.settings.logs.join(format!("{}.log", node.element.file_name()))
    }

    /// Warns of overlaps, of each once, or refuses them.
    pub(crate) fn warn(
        &self,
        element: &ElementName,
        overlaps: &[OverlapFound],
    ) -> Result<(), ExecError> {
        if self.denies("overlaps") && !overlaps.is_empty() {
            let element = element.clone();
            let overlaps = overlaps.iter().map(overlap_text).collect();
            return Err(ExecError::Overlaps { element, overlaps });
        }
        for overlap in overlaps.iter().filter(|overlap| self.memory.is_new(overlap)) {
            let OverlapFound { path, loser, winner } = overlap;
            let message = format!(
                "`/{path}` in the root of `{element}`: `{winner}` replaces what `{loser}` brings"
            );
            self.ports.sink.emit(Event::Warning { code: "K4104".to_owned(), message });
        }
        Ok(())
    }

    /// Refuses what a run was warned of.
    pub(crate) fn refuse_warnings(&self, node: &Node, run: &Run) -> Result<(), ExecError> {
        if !self.settings.deny.contains("warnings") || run.warnings.is_empty() {
            return Ok(());
        }
        let (element, warnings) = (node.element.clone(), run.warnings.clone());
        Err(ExecError::Warnings { element, warnings })
    }

    fn denies(&self, what: &str) -> bool {
        let deny = &self.settings.deny;
        deny.contains(what) || deny.contains("warnings")
    }

    pub(crate) fn tell_built(
        &self,
        node: &Node,
        action: Option<Digest>,
        out: Digest,
        started: u64,
    ) {
        let micros = (self.ports.clock)().saturating_sub(started);
        let (element, key) = (node.element.clone(), node.key);
        self.ports.sink.emit(Event::ElementBuilt { element, key, action, out, micros });
    }

    pub(crate) fn tell_failed(
        &self,
        node: &Node,
        run: &Run,
        reason: Option<String>,
        recorded: bool,
    ) -> Result<(), ExecError> {
        let text = self.ports.cas.read(run.log).unwrap_or_default();
        let path = self.log_path(node);
        // Unless its own run wrote it just now: what failed ran earlier, or in the root of another element, too.
        if recorded || !path.exists() {
            write_log(&path, &text)
                .map_err(|cause| ExecError::Log { path: path.clone(), cause })?;
        }
        let text = String::from_utf8_lossy(&text);
        let mut phases = run.phases.iter().enumerate();
        let failed = phases.find(|(_, phase)| phase.exit != Some(0));
        let failure = kiln_event::Failure {
            phase: failed.map(|(_, phase)| phase.name.clone()),
            exit: reason.is_none().then_some(run.exit),
            reason,
            log: path.display().to_string(),
            excerpt: excerpt(&text, EXCERPT_LINES).into_iter().map(Into::into).collect(),
            log_lines: text.lines().count(),
            command: failed.map(|(ix, phase)| self.failed_command(node, ix, &phase.name, &text)),
            build_tree: run.build_tree.is_some(),
            recorded,
        };
        self.tell_unwritable(node, failure.phase.as_deref(), &text);
        let (element, key) = (node.element.clone(), node.key);
        self.ports.sink.emit(Event::ElementFailed { element, key, failure });
        Ok(())
    }

    /// Tells why a script could not write, where nobody can: `/usr` of this machine.
    fn tell_unwritable(&self, node: &Node, phase: Option<&str>, log: &str) {
        let is_on_host = |ix| self.element(self.work.plan.node(ix)).is_host();
        if !node.base.is_some_and(is_on_host) || !log.contains(READ_ONLY) {
            return;
        }
        let mut phases = self.element(node).steps.iter().flat_map(|step| match step {
            Step::Run { phases } => phases.as_slice(),
            _ => &[],
        });
        let is_own = phases.any(|own| Some(own.name.as_str()) == phase);
        let advice = if is_own {
            "install below `$KILN_OUT`"
        } else {
            "what `integrate` would change there needs another base than `Host`"
        };
        let message = format!(
            "`{}`: `/usr` is that of this machine and cannot be written: {advice}",
            node.element
        );
        self.ports.sink.emit(Event::Warning { code: "K4109".to_owned(), message });
    }

    fn failed_command(&self, node: &Node, phase_ix: usize, name: &str, log: &str) -> String {
        let mut phases = self.element(node).steps.iter().flat_map(|step| match step {
            Step::Run { phases } => phases.as_slice(),
            _ => &[],
        });
        let script = phases.find(|phase| phase.name == name);
        let path = format!("/kiln/{phase_ix:02}-{name}");
        failed_command(&path, script.map(|phase| phase.script.as_ref()), log)
    }
}

/// Says who replaces what.
pub(crate) fn overlap_text(overlap: &OverlapFound) -> String {
    let OverlapFound { path, loser, winner } = overlap;
    format!("`/{path}`: `{winner}` replaces what `{loser}` brings")
}

#[expect(clippy::disallowed_methods, reason = "the executor owns the logs of a run")]
fn write_log(path: &Path, text: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, text)
}
