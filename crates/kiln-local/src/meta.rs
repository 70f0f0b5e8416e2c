//! What the command says about itself in `/meta`; nothing of it is trusted.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kiln_action::{Phase, Usage};
use kiln_sandbox::Sample;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};

use crate::runner::cost;

/// How much of the file of phases is read.
const MAX_PHASES: u64 = 64 << 10;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) phases: Vec<Phase>,
    /// The command's own watchdog ended it.
    pub(crate) limit: bool,
}

impl Meta {
    /// Reads `/meta` below an upper folder; what is not as it should be is not there.
    pub(crate) fn read(upper: &Path, samples: &[Sample]) -> Self {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let folder = upper.join("meta");
        let Ok(folder) = openat(CWD, &folder, flags | OFlags::DIRECTORY, Mode::empty()) else {
            return Self::default();
        };
        let limit = statat(&folder, "limit", AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let mut text = Vec::new();
        if let Ok(phases) = openat(&folder, "phases", flags, Mode::empty())
            && rustix::fs::fstat(&phases)
                .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
            && File::from(phases).take(MAX_PHASES).read_to_end(&mut text).is_err()
        {
            text.clear();
        }
        Self { phases: parse(&text, samples), limit }
    }
}

/// Returns the signal that ended a whole command from outside: its shell would have written how the phase ended.
pub(crate) fn killed(status: i32, meta: &Meta) -> Option<i32> {
    let is_open = meta.phases.last().is_some_and(|phase| phase.end.is_none());
    (is_open && !meta.limit).then_some(status - 128).filter(|signal| *signal > 0)
}

/// Tells the phases of a command while it runs.
pub(crate) struct Following<'a> {
    /// The upper folder.
    pub(crate) upper: &'a Path,
    /// Takes the name of a phase that started.
    pub(crate) started: &'a (dyn Fn(&str) + Sync),
    /// Phases that were there the last time.
    pub(crate) n_seen: usize,
}

impl Following<'_> {
    /// Looks what runs now; a phase that came and went since the last time is not told.
    pub(crate) fn look(&mut self) {
        let phases = Meta::read(self.upper, &[]).phases;
        let is_new = phases.len() > self.n_seen;
        self.n_seen = phases.len();
        if let Some(phase) = phases.last().filter(|phase| is_new && phase.end.is_none()) {
            (self.started)(&phase.name);
        }
    }
}

/// Reads lines `name start end exit`, `-` for what did not come; other lines are passed over.
/// A phase is written when it starts and again when it ends; it cost what came between.
fn parse(text: &[u8], samples: &[Sample]) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    // What the command had cost when the last phase started.
    let mut before = None;
    let mut length = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        length += line.len() as u64;
        let Some(mut phase) = phase(String::from_utf8_lossy(line).trim_end_matches('\n')) else {
            continue;
        };
        let now = samples.iter().find(|sample| sample.length >= length);
        let is_its_end = |begun: &mut Phase| begun.name == phase.name && begun.end.is_none();
        if phases.last_mut().is_some_and(is_its_end) {
            phases.pop();
            phase.usage = now.zip(before).and_then(|(now, before)| difference(now, before));
        }
        phases.push(phase);
        before = now;
    }
    phases
}

/// Returns what came between two samples; nothing when one had to do for both.
fn difference(now: &Sample, before: &Sample) -> Option<Usage> {
    let is_apart = now.length > before.length;
    let [now, before] = [now, before].map(|sample| cost(sample.usage));
    is_apart.then(|| Usage {
        user_micros: now.user_micros.saturating_sub(before.user_micros),
        system_micros: now.system_micros.saturating_sub(before.system_micros),
        max_rss_kib: now.max_rss_kib,
        read_bytes: now.read_bytes.saturating_sub(before.read_bytes),
        written_bytes: now.written_bytes.saturating_sub(before.written_bytes),
    })
}

fn phase(line: &str) -> Option<Phase> {
    let words: Vec<&str> = line.split(' ').collect();
    let [name, start, end, exit] = words[..] else {
        return None;
    };
    // The `date` of a small root knows no `%N` and leaves it as it is.
    let [start, end] = [start, end].map(|time| time.strip_suffix(".%N").unwrap_or(time));
    let is_time =
        |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.'));
    let is_name = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !is_name || !is_time(start) || !(end == "-" || is_time(end)) {
        return None;
    }
    let exit = if exit == "-" { None } else { Some(exit.parse().ok()?) };
    let end = (end != "-").then(|| end.to_owned());
    Some(Phase { name: name.to_owned(), start: start.to_owned(), end, exit, usage: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Option<i32>)]) {
        let phases = parse(text.as_bytes(), &[]);
        let found: Vec<_> = phases.iter().map(|phase| (phase.name.as_str(), phase.exit)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn phases_are_read() {
        check("build 10.5 11 0\ncheck 12 - -\n", &[("build", Some(0)), ("check", None)]);
    }

    #[test]
    fn a_phase_that_ended_is_there_once() {
        check(
            "build 10 - -\nbuild 10 11 0\ncheck 12 - -\n",
            &[("build", Some(0)), ("check", None)],
        );
        check("a 10 11 0\na 10 11 0\n", &[("a", Some(0)), ("a", Some(0))]);
    }

    /// Checks the user time of each phase; a sample is a length of the text and the time until then.
    #[track_caller]
    fn check_cost(text: &str, samples: &[(u64, u64)], expected: &[Option<u64>]) {
        let sample = |&(length, user_micros): &(u64, u64)| {
            let usage = kiln_sandbox::Usage { user_micros, ..kiln_sandbox::Usage::default() };
            Sample { length, usage }
        };
        let samples: Vec<_> = samples.iter().map(sample).collect();
        let phases = parse(text.as_bytes(), &samples);
        let found: Vec<_> =
            phases.iter().map(|phase| phase.usage.map(|usage| usage.user_micros)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_phase_costs_what_came_between_its_lines() {
        let text = "a 1 - -\na 1 2 0\nb 2 - -\nb 2 3 0\n";
        check_cost(text, &[(8, 10), (16, 30), (24, 35), (32, 75)], &[Some(20), Some(40)]);
        // The end of one and the start of the next came together.
        check_cost(text, &[(8, 10), (24, 35), (32, 75)], &[Some(25), Some(40)]);
    }

    #[test]
    fn a_phase_without_a_sample_has_no_cost() {
        let text = "a 1 - -\na 1 2 0\nb 2 - -\n";
        check_cost(text, &[], &[None, None]);
        check_cost(text, &[(8, 10)], &[None, None]);
        check_cost("a 1 2 0\n", &[(8, 10)], &[None]);
        check_cost(text, &[(24, 50)], &[None, None]);
    }

    #[test]
    fn a_time_without_fraction_is_read() {
        check("build 10.%N 11.%N 0\n", &[("build", Some(0))]);
        assert_eq!(parse(b"build 10.%N - -\n", &[])[0].start, "10");
    }

    #[test]
    fn what_is_no_phase_is_passed_over() {
        check("", &[]);
        check(
            "\u{1b}[31m 1 2 0\nbuild 1 2\nbuild x 2 0\nbuild 1 2 99999999999\n\nb 1 2 0 5\n",
            &[],
        );
    }

    #[test]
    fn a_command_that_could_not_tell_its_end_was_killed() {
        let check = |status: i32, phases: &str, limit: bool, expected: Option<i32>| {
            let meta = Meta { phases: parse(phases.as_bytes(), &[]), limit };
            assert_eq!(killed(status, &meta), expected, "{status} {phases:?}");
        };
        check(137, "a 1 2 0\nb 2 - -\n", false, Some(9));
        check(143, "b 2 - -\n", false, Some(15));
        check(137, "b 2 - -\n", true, None);
        check(137, "b 2 - -\nb 2 3 137\n", false, None);
        check(128, "b 2 - -\n", false, None);
        check(1, "b 2 - -\n", false, None);
        check(137, "", false, None);
    }

    #[test]
    fn a_phase_is_told_once_while_it_runs() {
        let upper = tempfile::tempdir().unwrap();
        std::fs::create_dir(upper.path().join("meta")).unwrap();
        let told = std::sync::Mutex::new(String::new());
        let started = |name: &str| told.lock().unwrap().push_str(name);
        let mut following = Following { upper: upper.path(), started: &started, n_seen: 0 };
        let mut check = |text: &str, expected: &str| {
            std::fs::write(upper.path().join("meta/phases"), text).unwrap();
            following.look();
            assert_eq!(std::mem::take(&mut *told.lock().unwrap()), expected, "{text}");
        };
        check("", "");
        check("a 1 - -\n", "a");
        check("a 1 - -\n", "");
        check("a 1 - -\na 1 2 0\n", "");
        check("a 1 - -\na 1 2 0\nb 2 - -\nb 2 3 0\nc 3 - -\n", "c");
        check("", "");
    }

    #[test]
    fn a_meta_that_is_a_link_is_not_followed() {
        let upper = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("limit"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), upper.path().join("meta")).unwrap();
        assert_eq!(Meta::read(upper.path(), &[]), Meta::default());
    }
}
