//! The lines of a log that tell what went wrong.

use serde::{Deserialize, Serialize};

/// What a line has that tells of an error, in lower case.
const SIGNS: [&str; 25] = [
    "error:",
    "error[",
    "error (",
    "cmake error",
    "fatal:",
    "undefined reference",
    "undefined symbol",
    "undefined variable",
    "multiple definition of",
    ": undefined: ",
    "cannot find ",
    "no such file or directory",
    "command not found",
    ": not found",
    "permission denied",
    "no space left on device",
    "out of memory",
    "cannot allocate memory",
    "segmentation fault",
    "assertion failed",
    "exception in thread",
    "panicked at",
    "no rule to make target",
    "*** ",
    "***failed",
];

/// How a line starts that tells of an error.
const STARTS: [&str; 5] = ["FAILED: ", "FAIL: ", "FAILED ", "not ok ", "Killed"];

/// What a line has that only says that a command said it already, in lower case.
const FOLLOWS: [&str; 5] =
    ["*** [", "(ignored)", "collect2: error", "error: subcommand failed", "*** waiting for"];

/// What stands in the log where a phase begins.
const PHASE: &str = "kiln: phase ";

/// How Python begins; what it says stands at the end.
const TRACEBACK: &str = "Traceback (most recent call last)";

/// Lines that go on below the one that tells of an error: where it is, what it is about.
const MOST_BELOW: usize = 3;

/// So much of a line is kept, in characters: some tools print megabytes without a line break.
const LONGEST_KEPT: usize = 1_000;

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: usize,
    pub text: &'a str,
}

/// A line of a log that is kept, as a terminal would show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Counted from 1.
    pub number: usize,
    pub text: String,
}

impl From<Line<'_>> for LogLine {
    fn from(line: Line<'_>) -> Self {
        let text = line.text.trim_end_matches('\r');
        let text = text.rsplit('\r').next().unwrap_or(text);
        Self { number: line.number, text: text.chars().take(LONGEST_KEPT).collect() }
    }
}

/// Returns the first lines of the last phase of a log that tell of an error, with what belongs to them, at most so many.
///
/// The first errors are the ones that matter: the later ones often follow from them, and what a tool says at the end is
/// only that there were some.
pub fn error_lines(log: &str, most: usize) -> Vec<Line<'_>> {
    let lines = last_phase(log);
    let mut found: Vec<Line<'_>> = Vec::new();
    let mut ix = 0;
    while ix < lines.len() && found.len() < most {
        let (from, to) = told_at(&lines, ix);
        let new = from < to && !found.iter().any(|line| line.text == lines[from].text);
        found.extend(lines[from..to].iter().filter(|_| new));
        ix = to.max(ix + 1);
    }
    found.truncate(most);
    found
}

/// Returns what of the last phase of a log a person should see first, in its order and at most so many lines: what tells
/// of errors and a few of the last lines; the last lines alone where nothing tells of an error.
pub fn excerpt(log: &str, most: usize) -> Vec<Line<'_>> {
    let lines = last_phase(log);
    let errors = error_lines(log, most - most / 3);
    let n_last = if errors.is_empty() { most } else { most / 3 };
    let last = &lines[lines.len().saturating_sub(n_last)..];
    let mut shown = errors;
    shown.extend(last);
    shown.sort_by_key(|line| line.number);
    shown.dedup();
    shown
}

/// Returns the lines after the last mark of a phase, without those at the end that are empty.
fn last_phase(log: &str) -> Vec<Line<'_>> {
    let numbered = log.lines().enumerate().map(|(ix, text)| Line { number: ix + 1, text });
    let mut lines: Vec<Line<'_>> = numbered.collect();
    let mark = lines.iter().rposition(|line| line.text.starts_with(PHASE));
    lines.drain(..mark.map_or(0, |ix| ix + 1));
    while lines.last().is_some_and(|line| line.text.trim().is_empty()) {
        lines.pop();
    }
    lines
}

/// Returns the range of lines that belong to an error that is told at this one; an empty one where none is.
fn told_at(lines: &[Line<'_>], ix: usize) -> (usize, usize) {
    let is_below = |line: &Line<'_>| line.text.starts_with([' ', '\t']);
    let n_below = lines[ix + 1..].iter().take_while(|line| is_below(line)).count();
    if lines[ix].text.starts_with(TRACEBACK) {
        let end = (ix + n_below + 2).min(lines.len());
        return (end.saturating_sub(MOST_BELOW).max(ix), end);
    }
    if !tells_error(lines[ix].text) {
        return (ix, ix);
    }
    let below = &lines[ix + 1..ix + 1 + n_below.min(MOST_BELOW)];
    let n_own = below.iter().take_while(|line| !tells_error(line.text)).count();
    (ix, ix + 1 + n_own)
}

fn tells_error(line: &str) -> bool {
    let line = without_colors(line);
    let lower = line.to_ascii_lowercase();
    let follows = FOLLOWS.iter().any(|sign| lower.contains(sign));
    let starts = STARTS.iter().any(|start| line.starts_with(start));
    !follows && (starts || SIGNS.iter().any(|sign| lower.contains(sign)))
}

/// Takes out what sets colours: `ESC [ ... letter`.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |ix| ix + 1);
        plain.push_str(&part[end..]);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_common_tools_are_found() {
        let check = |line: &str, expected: bool| assert_eq!(tells_error(line), expected, "{line}");
        check("main.c:1:21: error: 'missing' undeclared", true);
        check("main.c:3:10: fatal error: zinc.h: No such file or directory", true);
        check("configure: error: C compiler cannot create executables", true);
        check("/usr/bin/ld: a.o: undefined reference to `inflate'", true);
        check("/usr/bin/ld: cannot find -lz: No such file or directory", true);
        check("collect2: error: ld returned 1 exit status", false);
        check("./run: line 3: foo: command not found", true);
        check("/kiln/00-build: 2: foo: not found", true);
        check("error[E0308]: mismatched types", true);
        check("\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: mismatched types", true);
        check("CMake Error at CMakeLists.txt:5 (find_package):", true);
        check("../meson.build:4:0: ERROR: Dependency \"zinc\" not found", true);
        check("fatal: not a git repository", true);
        check("make: *** No rule to make target 'all'.  Stop.", true);
        check("Makefile:2: *** missing separator.  Stop.", true);
        check("make: *** [Makefile:3: main.o] Error 1", false);
        check("make: *** Waiting for unfinished jobs....", false);
        check("FAILED: src/main.o", true);
        check("./main.go:3:5: undefined: foo", true);
        check("FAIL: tests/one", true);
        check("gcc -Werror -c error.c", false);
        check("checking for errors... 0", false);
        check("", false);
    }

    fn check(of: &[Line<'_>], expected: &[usize]) {
        let found: Vec<usize> = of.iter().map(|line| line.number).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_errors_are_returned_with_their_numbers() {
        let log = "fine\na: error: one\nfine\nb: error: two\nc: error: three\n";
        check(&error_lines(log, 2), &[2, 4]);
    }

    #[test]
    fn what_stands_below_an_error_belongs_to_it() {
        let log = "CMake Error at x:1 (y):\n  zinc is missing\n\nfine\n";
        check(&error_lines(log, 9), &[1, 2]);
        check(&error_lines("error: a\n 1\n 2\n 3\n 4\n 5\n", 9), &[1, 2, 3, 4]);
        check(&error_lines("error: a\n b: error: c\n d\n", 9), &[1, 2, 3]);
    }

    #[test]
    fn of_a_traceback_the_end_counts() {
        let log =
            "Traceback (most recent call last):\n  a\n    b\n  c\n    d\nKeyError: 'x'\nfine\n";
        check(&error_lines(log, 9), &[4, 5, 6]);
        check(&error_lines("Traceback (most recent call last):", 9), &[1]);
    }

    #[test]
    fn an_error_that_is_told_again_is_returned_once() {
        check(&error_lines("error: a\nerror: a\nerror: b\n", 9), &[1, 3]);
    }

    #[test]
    fn of_a_line_is_kept_what_a_terminal_shows() {
        let kept = |text| LogLine::from(Line { number: 1, text }).text;
        assert_eq!(kept("1 %\r2 %\rerror: x\r"), "error: x");
        assert_eq!(kept(&"x".repeat(LONGEST_KEPT + 1)).len(), LONGEST_KEPT);
    }

    #[test]
    fn errors_of_earlier_phases_did_not_stop_it() {
        let log = "kiln: phase configure\nerror: harmless\nkiln: phase build\nfine\n";
        check(&error_lines(log, 9), &[]);
        check(&excerpt(log, 9), &[4]);
    }

    #[test]
    fn an_excerpt_has_the_errors_and_the_end() {
        let fine = |n_lines: usize| "fine\n".repeat(n_lines);
        let log = format!("{}x: error: one\n{}", fine(10), fine(10));
        check(&excerpt(&log, 9), &[11, 19, 20, 21]);
        check(&excerpt(&fine(20), 4), &[17, 18, 19, 20]);
        check(&excerpt("error: a\nb\n\n\n", 9), &[1, 2]);
        check(&excerpt("", 9), &[]);
    }
}
