//! What the command says about itself in `/meta`; nothing of it is trusted.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kiln_action::Phase;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};

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
    pub(crate) fn read(upper: &Path) -> Self {
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
        Self { phases: parse(&String::from_utf8_lossy(&text)), limit }
    }
}

/// Reads lines `name start end exit`, `-` for what did not come; other lines are passed over.
/// A phase is written when it starts and again when it ends.
fn parse(text: &str) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for phase in text.lines().filter_map(phase) {
        let is_its_end = |begun: &mut Phase| begun.name == phase.name && begun.end.is_none();
        if phases.last_mut().is_some_and(is_its_end) {
            phases.pop();
        }
        phases.push(phase);
    }
    phases
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
        let phases = parse(text);
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

    #[test]
    fn a_time_without_fraction_is_read() {
        check("build 10.%N 11.%N 0\n", &[("build", Some(0))]);
        assert_eq!(parse("build 10.%N - -\n")[0].start, "10");
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
    fn a_meta_that_is_a_link_is_not_followed() {
        let upper = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("limit"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), upper.path().join("meta")).unwrap();
        assert_eq!(Meta::read(upper.path()), Meta::default());
    }
}
