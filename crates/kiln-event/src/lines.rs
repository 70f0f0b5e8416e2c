//! The lines of a log that tell what went wrong.

/// What a line has that tells of an error, in lower case.
const SIGNS: [&str; 20] = [
    "error:",
    "error[",
    "error (",
    "fatal:",
    "undefined reference",
    "undefined symbol",
    "undefined variable",
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
    "traceback (most recent call last)",
    "panicked at",
    "no rule to make target",
];

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: usize,
    pub text: &'a str,
}

/// Returns the first lines of a log that tell of an error, at most so many.
///
/// The first errors are the ones that matter: the later ones often follow from them, and what a tool says at the end is
/// only that there were some.
pub fn error_lines(log: &str, most: usize) -> Vec<Line<'_>> {
    let numbered = log.lines().enumerate().map(|(ix, text)| Line { number: ix + 1, text });
    numbered.filter(|line| tells_error(line.text)).take(most).collect()
}

fn tells_error(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    // What make says of a command that said it already.
    let follows = lower.contains("*** [") || lower.contains("(ignored)");
    !follows && SIGNS.iter().any(|sign| lower.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_common_tools_are_found() {
        let check = |line: &str, expected: bool| assert_eq!(tells_error(line), expected, "{line}");
        check("main.c:1:21: error: 'missing' undeclared", true);
        check("main.c:3:10: fatal error: zlib.h: No such file or directory", true);
        check("configure: error: C compiler cannot create executables", true);
        check("/usr/bin/ld: a.o: undefined reference to `inflate'", true);
        check("/usr/bin/ld: cannot find -lz: No such file or directory", true);
        check("collect2: error: ld returned 1 exit status", true);
        check("./run: line 3: foo: command not found", true);
        check("/kiln/00-build: 2: foo: not found", true);
        check("error[E0308]: mismatched types", true);
        check("CMake Error: The source directory", true);
        check("make: *** No rule to make target 'all'.  Stop.", true);
        check("make: *** [Makefile:3: main.o] Error 1", false);
        check("gcc -Werror -c error.c", false);
        check("checking for errors... 0", false);
        check("", false);
    }

    #[test]
    fn the_first_errors_are_returned_with_their_numbers() {
        let log = "fine\na: error: one\nfine\nb: error: two\nc: error: three\n";
        let found: Vec<usize> = error_lines(log, 2).iter().map(|line| line.number).collect();
        assert_eq!(found, [2, 4]);
    }
}
