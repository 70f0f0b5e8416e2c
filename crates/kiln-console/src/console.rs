//! The console: takes events from any thread and writes what a person should see.

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kiln_event::{Event, Sink};

use crate::live::{Live, Out, Size};
use crate::progress::{Progress, Show};
use crate::ticker::BEAT;
use crate::{Clock, Style};

/// Timers show whole seconds: over a slow line every draw costs.
const SECOND: Duration = Duration::from_secs(1);

/// How a run is shown.
#[derive(Clone)]
pub enum Mode {
    /// Live lines at the foot of a terminal of this size (asked for at every draw: people resize).
    Terminal(Arc<dyn Fn() -> Size + Send + Sync>),
    /// One line for what starts and takes more than a second, for what ends, and a sign of life.
    Plain,
    /// Failures only.
    Quiet,
}

/// Shows a run to a person.
pub struct Console {
    clock: Clock,
    style: Style,
    stopping: Box<dyn Fn() -> bool + Send + Sync>,
    view: Mutex<View>,
}

struct View {
    progress: Progress,
    output: Output,
    drawn: Option<Duration>,
    /// Whether something other than time changed since the live lines were drawn.
    changed: bool,
    /// Whether the summary was said: nothing is drawn below it.
    ended: bool,
}

enum Output {
    Live(Live),
    Lines(Out),
}

impl Console {
    /// Makes a console; `out` is stderr.
    pub fn new(mode: Mode, style: Style, clock: Clock, out: Out) -> Self {
        let (show, output) = match mode {
            Mode::Terminal(size) => (Show::Live, Output::Live(Live::new(out, size))),
            Mode::Plain => (Show::Lines, Output::Lines(out)),
            Mode::Quiet => (Show::Failures, Output::Lines(out)),
        };
        let view = View {
            progress: Progress::new(show, style),
            output,
            drawn: None,
            changed: false,
            ended: false,
        };
        Self { clock, style, stopping: Box::new(|| false), view: Mutex::new(view) }
    }

    /// Says once that the run is being stopped, at the first tick at which `stopping` is true.
    #[must_use]
    pub fn watching(mut self, stopping: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.stopping = Box::new(stopping);
        self
    }

    /// Moves the timers and gives signs of life; called about ten times a second ([`crate::Ticker`]).
    pub fn tick(&self) {
        let now = (self.clock)();
        let mut view = self.view();
        if view.ended {
            return;
        }
        let mut said = Vec::new();
        if (self.stopping)() {
            said.extend(view.progress.stop(now));
        }
        said.extend(view.progress.tick(now));
        view.show(&said, now, self.style);
    }

    /// Writes text of someone else (a rendered report) without tearing the live lines.
    pub fn print(&self, text: &str) {
        let now = (self.clock)();
        let mut view = self.view();
        view.progress.note_other_output(now);
        view.show(&[text.trim_end_matches('\n').to_owned()], now, self.style);
    }

    /// Removes the live lines, at the end of a run however it ends.
    pub fn clear(&self) {
        if let Output::Live(live) = &mut self.view().output {
            live.clear();
        }
    }

    /// Removes the live lines unless somebody is just writing: for who ends the program and cannot wait.
    pub fn clear_now(&self) {
        if let Ok(mut view) = self.view.try_lock()
            && let Output::Live(live) = &mut view.output
        {
            live.clear();
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Console {
    fn emit(&self, event: Event) {
        let now = (self.clock)();
        let mut view = self.view();
        let ended = matches!(event, Event::RunEnded { .. });
        let said = view.progress.take(event, now);
        view.changed = true;
        if ended {
            view.end(&said);
        } else {
            view.show(&said, now, self.style);
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.clear();
    }
}

impl View {
    /// Says texts; draws the live lines anew with them, else after a change with the beat, else for their timers.
    fn show(&mut self, texts: &[String], now: Duration, style: Style) {
        match &mut self.output {
            Output::Lines(out) => write_lines(out, texts),
            Output::Live(live) => {
                let pause = if self.changed { BEAT } else { SECOND };
                let due = self.drawn.is_none_or(|drawn| now.saturating_sub(drawn) >= pause);
                if texts.is_empty() && !due {
                    return;
                }
                self.drawn = Some(now);
                self.changed = false;
                live.hold();
                for text in texts {
                    live.say(text);
                }
                live.draw(&foot(&self.progress, live.size(), now, style));
                live.release();
            }
        }
    }

    /// Says the last texts and removes the live lines.
    fn end(&mut self, texts: &[String]) {
        self.ended = true;
        match &mut self.output {
            Output::Lines(out) => write_lines(out, texts),
            Output::Live(live) => {
                live.clear();
                for text in texts {
                    live.say(text);
                }
            }
        }
    }
}

/// Returns the live lines: at most a third of the screen, none wider than it.
fn foot(progress: &Progress, size: Size, now: Duration, style: Style) -> Vec<String> {
    let rows = usize::from(size.rows / 3);
    let columns = usize::from(size.columns) - 1;
    let cut = |line: String| console::truncate_str(&line, columns, style.ellipsis()).into_owned();
    progress.lines(now, rows).into_iter().map(cut).collect()
}

fn write_lines(out: &mut Out, texts: &[String]) {
    for text in texts {
        // A reader that has gone away is no reason to stop a build.
        let _closed = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}
