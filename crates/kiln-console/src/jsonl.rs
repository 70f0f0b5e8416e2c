//! The record of a run: one JSON line for each event.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use kiln_event::{Event, Record, Sink};

use crate::Clock;

/// Version of the form of a line.
const VERSION: u32 = 1;

/// Writes `events.jsonl`.
///
/// Each line is one `write`: a run that is killed leaves whole lines, at most the last one is cut. What cannot be
/// written (a full disk) is lost; the run itself goes on and meets the full disk where it matters.
pub struct JsonLines<W: Write + Send> {
    clock: Clock,
    out: Mutex<W>,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to an open file, without a buffer between.
    pub fn new(out: W, clock: Clock) -> Self {
        Self { clock, out: Mutex::new(out) }
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn emit(&self, event: Event) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: lines are in order of their times.
        let micros = u64::try_from((self.clock)().as_micros()).unwrap_or(u64::MAX);
        let mut line = Record { v: VERSION, micros, event }.to_line();
        line.push('\n');
        let _lost = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// Counts calls and keeps what was written.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for &mut Writes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_event_is_one_write_of_one_line_that_reads_back() {
        let mut writes = Writes::default();
        let events = [
            Event::FetchStarted { source: "a\nb".into() },
            Event::Planned { nodes: 1, cached: 0, to_build: 1 },
        ];
        let lines = JsonLines::new(&mut writes, Arc::new(|| Duration::from_micros(7)));
        for event in &events {
            lines.emit(event.clone());
        }
        drop(lines);
        assert_eq!(writes.0.len(), events.len());
        for (bytes, event) in writes.0.iter().zip(events) {
            let line = std::str::from_utf8(bytes).unwrap().strip_suffix('\n').unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(Record::from_line(line).unwrap(), Record { v: 1, micros: 7, event });
        }
    }
}
