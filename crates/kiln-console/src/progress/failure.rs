//! The block of lines about a failed element.

use std::time::Duration;

use kiln_event::{Failure, LogLine};

use super::{Progress, ShownFailure, Work};
use crate::Style;
use crate::sanitise::{escape, sanitise_to};
use crate::style::Paint;
use crate::text;

/// So many characters of a line are shown; the log has all.
const LONGEST: usize = 320;

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

/// Renders a failure: element, phase, command, reason, what of its log matters, where the rest is, what to do next.
fn block(element: &str, failure: &Failure, style: Style) -> String {
    let Failure { phase, exit, reason, log, excerpt, log_lines, command, build_tree, recorded } =
        failure;
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
    lines.extend(
        command.iter().map(|command| format!("  ran: {}", sanitise_to(LONGEST, command, false))),
    );
    lines.extend(shown(excerpt, style));
    lines.push(format!("  log: {} ({})", escape(log), lines_of(*log_lines)));
    let inside = if *build_tree { "failed" } else { "build" };
    lines.push(format!("  next: kiln shell --{inside} {element}"));
    lines.push(format!("        kiln log {element}"));
    lines.push(format!("        kiln debug failure {element}"));
    lines.join("\n")
}

/// Returns the lines of the log that matter, with their numbers.
fn shown(excerpt: &[LogLine], style: Style) -> Vec<String> {
    let bar = style.paint(Paint::Faint, style.bar());
    let Some(last) = excerpt.last() else {
        return vec![format!("  {bar} (it wrote nothing)")];
    };
    let width = last.number.to_string().len();
    let line = |line: &LogLine| {
        let number = style.paint(Paint::Faint, format_args!("{:width$}", line.number));
        let text = sanitise_to(LONGEST, &line.text, style.color);
        format!("  {number} {bar} {text}").trim_end().to_owned()
    };
    excerpt.iter().map(line).collect()
}

fn lines_of(number: usize) -> String {
    if number == 1 { "1 line".to_owned() } else { format!("{} lines", text::count(number)) }
}

fn why(phase: Option<&str>, exit: Option<i32>, reason: Option<&str>) -> String {
    let phase = phase.map(|phase| format!(" in phase `{}`", escape(phase)));
    let reasons: Vec<String> = exit.map(text::exit).into_iter().chain(reason.map(escape)).collect();
    let reasons =
        if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    format!("{}{reasons}", phase.unwrap_or_default())
}
