//! The block of lines about a failed element.

use std::time::Duration;

use kiln_event::Failure;

use super::{Progress, ShownFailure, Work};
use crate::Style;
use crate::sanitise::{escape, sanitise};
use crate::style::Paint;
use crate::text;

/// So many lines of the log are shown.
const TAIL: usize = 20;

impl Progress {
    /// Says at once that an element failed and why.
    pub(super) fn failed(&mut self, element: &str, failure: Failure, now: Duration) -> Vec<String> {
        self.running.remove(&Work::Element(element.to_owned()));
        self.failed += 1;
        self.last_said = now;
        let block = block(element, &failure, self.style);
        let element = element.to_owned();
        self.failures.push(ShownFailure { element, failure, buried: false });
        vec![block]
    }

    /// Returns again the blocks that other output has buried; of very many, the first.
    pub(super) fn buried_failures(&self) -> Vec<String> {
        const MOST: usize = 10;
        let buried: Vec<&ShownFailure> =
            self.failures.iter().filter(|shown| shown.buried).collect();
        let mut blocks: Vec<String> = buried
            .iter()
            .take(MOST)
            .map(|shown| block(&shown.element, &shown.failure, self.style))
            .collect();
        let more: Vec<&str> =
            buried.iter().skip(MOST).map(|shown| shown.element.as_str()).collect();
        if !more.is_empty() {
            blocks.push(format!("also failed, see above: {}", escape(&more.join(", "))));
        }
        blocks
    }
}

/// Renders a failure: element, phase, reason, the end of its log, where the rest is, what to do next.
fn block(element: &str, failure: &Failure, style: Style) -> String {
    let Failure { phase, exit, reason, log, tail, recorded } = failure;
    let head = if style.unicode {
        style.paint(Paint::Error, format_args!("{} failed", style.cross()))
    } else {
        style.paint(Paint::Error, "failed")
    };
    let mut lines = vec![format!(
        "{head}: {}{}",
        escape(element),
        why(phase.as_deref(), *exit, reason.as_deref())
    )];
    let element = text::quoted(&escape(element));
    if *recorded {
        lines.push("  it failed before with the same inputs and was not run again;".to_owned());
        lines.push(format!("  `kiln build --retry-failed {element}` runs it"));
    }
    let bar = style.paint(Paint::Faint, style.bar());
    if tail.is_empty() {
        lines.push(format!("  {bar} (it wrote nothing)"));
    }
    for line in tail.iter().skip(tail.len().saturating_sub(TAIL)) {
        lines.push(format!("  {bar} {}", sanitise(line, style.color)).trim_end().to_owned());
    }
    lines.push(format!("  log: {}", escape(log)));
    lines.push(format!("  next: kiln shell --failed {element}"));
    lines.push(format!("        kiln log {element}"));
    lines.join("\n")
}

fn why(phase: Option<&str>, exit: Option<i32>, reason: Option<&str>) -> String {
    let phase = phase.map(|phase| format!(" in phase `{}`", escape(phase)));
    let reasons: Vec<String> = exit.map(text::exit).into_iter().chain(reason.map(escape)).collect();
    let reasons =
        if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    format!("{}{reasons}", phase.unwrap_or_default())
}
