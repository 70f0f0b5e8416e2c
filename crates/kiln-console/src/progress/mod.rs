//! The fold of events: what runs, what is done, what is to be said.

mod batch;
mod failure;
mod summary;
mod work;

use std::collections::BTreeMap;
use std::time::Duration;

use kiln_event::{Event, Failure};

use crate::Style;
use crate::sanitise::{escape, sanitise};
use crate::style::Paint;
use crate::text;

use batch::{Batch, Count};
use work::{Running, Work};

/// What takes longer is worth a line of its own.
const LONG: Duration = Duration::from_secs(1);

/// After so long without a word, people think that it hangs.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What is said; the live lines say the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Starts are seen in the live lines.
    Live,
    Lines,
    Failures,
}

/// The state of a run as events tell it.
pub(crate) struct Progress {
    show: Show,
    style: Style,
    planned: Option<Planned>,
    running: BTreeMap<Work, Running>,
    built: usize,
    cut_off: usize,
    failed: usize,
    skipped: usize,
    fetched: usize,
    fetched_bytes: u64,
    /// Files that are fetched together, in place of each of them.
    batch: Option<Batch>,
    warnings: BTreeMap<(String, String), usize>,
    failures: Vec<ShownFailure>,
    last_said: Duration,
    stopping: bool,
}

#[derive(Clone, Copy)]
struct Planned {
    nodes: usize,
    cached: usize,
}

struct ShownFailure {
    element: String,
    failure: Failure,
    /// Whether something else was said after it.
    buried: bool,
}

impl Progress {
    pub(crate) fn new(show: Show, style: Style) -> Self {
        Self {
            show,
            style,
            planned: None,
            running: BTreeMap::new(),
            built: 0,
            cut_off: 0,
            failed: 0,
            skipped: 0,
            fetched: 0,
            fetched_bytes: 0,
            batch: None,
            warnings: BTreeMap::new(),
            failures: Vec::new(),
            last_said: Duration::ZERO,
            stopping: false,
        }
    }

    /// Takes an event and returns what is to be said about it.
    pub(crate) fn take(&mut self, event: Event, now: Duration) -> Vec<String> {
        match event {
            Event::RunStarted { .. } | Event::Integrating { .. } | Event::SandboxEnded { .. } => {
                Vec::new()
            }
            Event::Planned { nodes, cached, to_build: _ } => {
                self.planned = Some(Planned { nodes, cached });
                Vec::new()
            }
            Event::Impure { base, remarks } => self.impure(&base, remarks, now),
            Event::FetchStarted { source } => self.start(Work::Fetch(source), now),
            Event::Fetched { source, bytes } => self.fetched(source, bytes, now),
            Event::FetchProgress { files, of_files, bytes, of_bytes } => {
                self.progressed(Count { files, of_files, bytes, of_bytes }, now)
            }
            Event::FetchFailed { source, message } => self.fetch_failed(source, &message, now),
            Event::FetchRetried { source, attempt, message } => {
                self.say(&format!("trying {source} again ({attempt}): {message}"), now)
            }
            Event::ElementStarted { element, key: _ } => {
                self.start(Work::Element(element.as_str().to_owned()), now)
            }
            Event::ElementWaits { element, process } => self.waits(element.as_str(), process),
            Event::SandboxLaunched { element, action: _ } => {
                self.launched(element.as_str(), None, now)
            }
            Event::PhaseStarted { element, phase } => {
                self.launched(element.as_str(), Some(phase), now)
            }
            Event::ElementCutOff { element, .. } => {
                self.running.remove(&Work::Element(element.as_str().to_owned()));
                self.cut_off += 1;
                Vec::new()
            }
            Event::ElementBuilt { element, action, micros, .. } => {
                self.built(element.as_str(), action.is_some(), Duration::from_micros(micros), now)
            }
            Event::ElementFailed { element, key: _, failure } => {
                self.failed(element.as_str(), failure, now)
            }
            Event::ElementSkipped { .. } => {
                self.skipped += 1;
                Vec::new()
            }
            Event::Warning { code, message } => self.warning(code, message, now),
            Event::RunEnded { ok, built, cached, failed, launched, micros } => {
                let time = Duration::from_micros(micros);
                self.running.clear();
                self.end(&summary::Ended { ok, built, cached, failed, launched, time })
            }
        }
    }

    /// Returns what is to be said because time went by.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<String> {
        if self.show != Show::Lines {
            return Vec::new();
        }
        let mut lines = Vec::new();
        let in_batch = self.batch.is_some();
        for (work, running) in &mut self.running {
            if in_batch && work.is_fetch() {
                continue;
            }
            let since = running.phase.as_ref().map_or(running.since, |(_, since)| *since);
            if !running.announced && now.saturating_sub(since) >= LONG {
                running.announced = true;
                lines.push(work.describe(running));
            }
        }
        if lines.is_empty() && now.saturating_sub(self.last_said) >= HEARTBEAT {
            lines.extend(self.heartbeat(now));
        }
        lines.into_iter().flat_map(|line| self.say(&line, now)).collect()
    }

    /// Says, once, that no more work is begun and what is still waited for.
    pub(crate) fn stop(&mut self, now: Duration) -> Vec<String> {
        if self.stopping {
            return Vec::new();
        }
        self.stopping = true;
        let running = text::count(self.running.len());
        self.say(&format!("stopping, {running} running; once more ends kiln at once"), now)
    }

    /// Notes that someone else wrote to the terminal.
    pub(crate) fn note_other_output(&mut self, now: Duration) {
        self.last_said = now;
        self.bury_failures();
    }

    /// Returns the live lines: what runs, longest first, and the total; at most so many.
    pub(crate) fn lines(&self, now: Duration, most: usize) -> Vec<String> {
        let room = most.saturating_sub(1);
        let mut running = self.longest_first();
        let mut lines = Vec::new();
        if let Some(batch) = self.batch.as_ref().filter(|_| room > 0) {
            running.retain(|(work, _)| !work.is_fetch());
            lines.push(self.timed(batch.since(), now, &batch.describe(now)));
        }
        let room = room.saturating_sub(lines.len());
        let hidden = if running.len() > room { running.len() + 1 - room } else { 0 };
        running.truncate(running.len() - hidden);
        for (work, running) in running {
            lines.push(self.timed(running.since, now, &escape(&work.describe(running))));
        }
        if hidden > 0 {
            lines.push(format!("         {} and {hidden} more", self.style.ellipsis()));
        }
        if self.planned.is_some() || !self.running.is_empty() || self.fetched > 0 {
            let mut parts = self.counts();
            parts.push(text::seconds(now));
            lines.push(self.style.join(&parts));
        }
        lines
    }

    /// Returns a live line with its timer.
    fn timed(&self, since: Duration, now: Duration, text: &str) -> String {
        let time = now.saturating_sub(since);
        let time = if time >= LONG { text::seconds(time) } else { String::new() };
        let time = self.style.paint(Paint::Faint, format_args!("{time:>7}"));
        format!("{time}  {text}")
    }

    fn impure(&mut self, base: &str, remarks: Vec<String>, now: Duration) -> Vec<String> {
        let line = format!("base: {base} (impure, not shared)");
        let parts = std::iter::once(line).chain(remarks).collect::<Vec<_>>();
        self.say(&escape(&parts.join("; ")), now)
    }

    fn start(&mut self, work: Work, now: Duration) -> Vec<String> {
        let (launched, waits_for, phase, announced) = (false, None, None, false);
        self.running.insert(work, Running { since: now, launched, waits_for, phase, announced });
        Vec::new()
    }

    /// Notes that the sandbox of an element runs, and which phase in it.
    fn launched(&mut self, element: &str, phase: Option<String>, now: Duration) -> Vec<String> {
        let work = Work::Element(element.to_owned());
        if let Some(running) = self.running.get_mut(&work) {
            // Its root may have been integrated before, in a sandbox with phases of its own.
            running.announced &= phase.is_none();
            running.launched = true;
            running.waits_for = None;
            running.phase = phase.map(|phase| (phase, now));
        }
        Vec::new()
    }

    fn fetched(&mut self, source: String, bytes: u64, now: Duration) -> Vec<String> {
        self.fetched += usize::from(bytes > 0);
        self.fetched_bytes += bytes;
        let work = Work::Fetch(source);
        let Some(running) = self.running.remove(&work) else { return Vec::new() };
        let time = now.saturating_sub(running.since);
        // What was in the cache or on this machine took no network, however long it took.
        if time < LONG || bytes == 0 || self.batch.is_some() {
            return Vec::new();
        }
        let what = format!("{}fetched {}", self.tick_mark(), work.name());
        let line = self.style.join(&[what, text::bytes(bytes), text::duration(time)]);
        self.say(&line, now)
    }

    fn built(&mut self, element: &str, ran: bool, time: Duration, now: Duration) -> Vec<String> {
        self.running.remove(&Work::Element(element.to_owned()));
        self.built += 1;
        // Imports and compositions are many and quick.
        if !ran && time < LONG {
            return Vec::new();
        }
        let what = format!("{}built {element}", self.tick_mark());
        let line = self.style.join(&[what, text::duration(time)]);
        self.say(&line, now)
    }

    fn warning(&mut self, code: String, message: String, now: Duration) -> Vec<String> {
        let line = self.warning_line(&code, &message);
        let seen = self.warnings.entry((code, message)).or_default();
        *seen += 1;
        if *seen > 1 { Vec::new() } else { self.say(&line, now) }
    }

    fn warning_line(&self, code: &str, message: &str) -> String {
        let word = self.style.paint(Paint::Warning, format_args!("warning[{code}]"));
        format!("{word}: {message}")
    }

    /// Returns the sign of life: what runs longest and how far everything is.
    fn heartbeat(&self, now: Duration) -> Option<String> {
        let (work, running) = self.longest_first().into_iter().next()?;
        let batch = self.batch.as_ref().filter(|_| work.is_fetch());
        let what = batch.map_or_else(|| work.describe(running), |batch| batch.describe(now));
        let since = batch.map_or(running.since, Batch::since);
        let time = text::duration(now.saturating_sub(since));
        let mut parts = vec![format!("still {what}, {time}")];
        parts.extend(self.counts());
        Some(self.style.join(&parts))
    }

    fn longest_first(&self) -> Vec<(&Work, &Running)> {
        let mut running: Vec<_> = self.running.iter().collect();
        running.sort_by_key(|(_, running)| running.since);
        running
    }

    /// Returns the counts of the total line, each with its word.
    fn counts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(Planned { nodes, cached }) = self.planned {
            let done = cached + self.built + self.cut_off + self.failed + self.skipped;
            let (done, nodes) = (text::count(done.min(nodes)), text::count(nodes));
            parts.push(format!("{done}/{nodes}"));
            parts.push(format!("{} cached", text::count(cached)));
            parts.push(format!("{} built", text::count(self.built)));
        }
        let mut also = |number: usize, word: &str| {
            if number > 0 {
                parts.push(format!("{} {word}", text::count(number)));
            }
        };
        also(self.cut_off, "cut off");
        also(self.failed, "failed");
        also(self.fetched, "fetched");
        also(self.running.len(), "running");
        parts
    }

    /// Says a line that is no failure, if such are shown.
    fn say(&mut self, line: &str, now: Duration) -> Vec<String> {
        if self.show == Show::Failures {
            return Vec::new();
        }
        self.note_other_output(now);
        vec![self.harmless(line)]
    }

    fn say_failure_line(&mut self, line: &str, now: Duration) -> Vec<String> {
        self.note_other_output(now);
        vec![self.harmless(line)]
    }

    fn bury_failures(&mut self) {
        for shown in &mut self.failures {
            shown.buried = true;
        }
    }

    fn tick_mark(&self) -> String {
        self.mark(Paint::Good, "\u{2713}")
    }

    fn cross(&self) -> String {
        self.mark(Paint::Error, "\u{2717}")
    }

    /// Makes the texts of others in some lines harmless; our own colours stay.
    fn harmless(&self, lines: &str) -> String {
        let lines: Vec<String> =
            lines.lines().map(|line| sanitise(line, self.style.color)).collect();
        lines.join("\n")
    }

    /// Returns a mark with its space where it can be drawn; words say the same.
    fn mark(&self, paint: Paint, mark: &str) -> String {
        if self.style.unicode {
            format!("{} ", self.style.paint(paint, mark))
        } else {
            String::new()
        }
    }
}
