//! Events and diagnostics to lines, as a fold.
//!
//! # Purpose
//! What a person sees of a run: [`Console`] takes events and writes a live view or plain lines; [`report`] renders
//! findings and failures; [`explain`] has the pages of the codes. Everything here goes to stderr: stdout belongs to
//! results.
//!
//! # Never
//! Decides what happens next; reads a clock or the environment (both are given).
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use kiln_console::{Console, Mode, Style};
//! use kiln_event::{Event, Sink};
//! let clock = Arc::new(|| Duration::from_millis(12));
//! let console = Console::new(Mode::Plain, Style::PLAIN, clock, Box::new(std::io::sink()));
//! console.emit(Event::Planned { nodes: 3, cached: 3, to_build: 0 });
//! ```

mod console;
mod explain;
mod live;
mod progress;
pub mod report;
mod sanitise;
mod style;
pub mod text;
mod ticker;

pub use console::{Console, Mode};
pub use explain::{codes, explain, near};
pub use live::{Size, stderr_size};
pub use sanitise::sanitise;
pub use style::Style;
pub use ticker::Ticker;

pub use kiln_event::{Line, error_lines, failed_command};

use std::sync::Arc;
use std::time::Duration;

/// Tells the time since the start of the run; it never goes back.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;
