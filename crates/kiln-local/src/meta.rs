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
fn parse(text: &str) -> Vec<Phase> {
    text.lines().filter_map(phase).collect()
}

fn phase(line: &str) -> Option<Phase> {
    let words: Vec<&str> = line.split(' ').collect();
    let [name, start, end, exit] = words[..] else {
        return None;
    };
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
    Some(Phase { name: name.to_owned(), start: start.to_owned(), end, exit })
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
