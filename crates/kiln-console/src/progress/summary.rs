//! The last lines of a run.

use std::time::Duration;

use super::{Progress, Show};
use crate::style::Paint;
use crate::text;

/// The event at the end of a run.
pub(super) struct Ended {
    pub(super) ok: bool,
    pub(super) built: usize,
    pub(super) cached: usize,
    pub(super) failed: usize,
    pub(super) launched: usize,
    pub(super) time: Duration,
}

impl Progress {
    /// Returns the buried failures again, the warnings that came more than once, and the summary.
    pub(super) fn end(&mut self, ended: &Ended) -> Vec<String> {
        let mut lines = self.buried_failures();
        let quiet = self.show == Show::Failures;
        if !quiet {
            for ((code, message), seen) in &self.warnings {
                if *seen > 1 {
                    let line = self.warning_line(code, message);
                    let line = format!("{line} ({}{seen})", self.style.times());
                    lines.push(self.harmless(&line));
                }
            }
        }
        if !(quiet && ended.ok) {
            lines.extend(self.summary(ended));
        }
        lines
    }

    /// Returns the one line about everything; nothing for a run that neither planned nor fetched.
    fn summary(&self, ended: &Ended) -> Option<String> {
        let parts = if self.planned.is_some() {
            self.build_parts(ended)
        } else if self.fetched > 0 {
            vec![format!("{} fetched", text::count(self.fetched)), text::bytes(self.fetched_bytes)]
        } else {
            return None;
        };
        let parts = parts.into_iter().chain([text::duration(ended.time)]).collect::<Vec<_>>();
        Some(format!("kiln: {}", self.style.join(&parts)))
    }

    fn build_parts(&self, ended: &Ended) -> Vec<String> {
        let Ended { ok, built, cached, failed, launched, time: _ } = *ended;
        let mut parts = Vec::new();
        let did = built + failed + launched + self.cut_off + self.fetched + self.skipped;
        match (ok, failed) {
            (true, _) if did == 0 => parts.push("nothing to do".to_owned()),
            (true, _) => parts.push(self.style.paint(Paint::Good, "done")),
            (false, 0) => parts.push(self.style.paint(Paint::Error, "stopped")),
            (false, _) => {
                let word = format!("{} failed", text::count(failed));
                parts.push(self.style.paint(Paint::Error, word));
            }
        }
        let mut also = |number: usize, word: &str| {
            if number > 0 {
                parts.push(format!("{} {word}", text::count(number)));
            }
        };
        also(self.skipped, "skipped");
        also(built, "built");
        also(self.cut_off, "cut off");
        let all = built + cached + failed + self.cut_off + self.skipped;
        // Of a run that was stopped, no share is known.
        if did > 0 && cached > 0 && (ok || failed > 0) {
            let percent = cached * 100 / all.max(1);
            parts.push(format!("{} cached ({percent} %)", text::count(cached)));
        } else {
            parts.push(format!("{} cached", text::count(cached)));
        }
        if self.fetched > 0 {
            parts.push(format!("{} fetched", text::bytes(self.fetched_bytes)));
        }
        match self.warnings.len() {
            0 => {}
            1 => parts.push("1 warning".to_owned()),
            n_warnings => parts.push(format!("{} warnings", text::count(n_warnings))),
        }
        parts
    }
}
