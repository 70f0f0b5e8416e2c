//! Lines of a session: when a text is whole, and which command it is.

/// What a line of a session asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Nothing,
    /// An expression, or `let`s.
    Ask(&'a str),
    /// `:t expr`
    Type(&'a str),
    /// `:doc Name`
    Doc(&'a str),
    /// `:why name`
    Why(&'a str),
    Reload,
    Help,
    Quit,
    /// A command that there is not.
    Unknown(&'a str),
}

/// The commands, for completion.
pub(crate) const COMMANDS: [&str; 6] = [":doc", ":help", ":q", ":reload", ":t", ":why"];

impl<'a> Line<'a> {
    /// Reads a line.
    pub fn read(text: &'a str) -> Self {
        let text = text.trim();
        let Some(command) = text.strip_prefix(':') else {
            return if is_blank(text) { Self::Nothing } else { Self::Ask(text) };
        };
        let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        match word {
            "t" | "type" => Self::Type(rest),
            "doc" | "d" => Self::Doc(rest),
            "why" => Self::Why(rest),
            "reload" | "r" => Self::Reload,
            "help" | "h" | "?" => Self::Help,
            "q" | "quit" | "exit" => Self::Quit,
            _ => Self::Unknown(word),
        }
    }
}

/// Returns whether a text says nothing: blank lines and comments.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// Returns whether all brackets and block strings of a text are closed.
pub fn is_whole(text: &str) -> bool {
    scan(text).is_whole()
}

/// Joins the lines of one question: what follows the first is indented, as the language wants it.
pub fn joined(lines: &[String]) -> String {
    let mut text = String::new();
    for (ix, line) in lines.iter().enumerate() {
        if ix > 0 {
            text.push('\n');
            let stands_free = line.starts_with([' ', '\t', '}', ']', ')']) || line.is_empty();
            text.push_str(if stands_free { "" } else { "  " });
        }
        text.push_str(line);
    }
    text
}

/// Where a text ends: the brackets that are open, and whether it is inside of a string or comment.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Each with its place.
    pub(crate) open: Vec<(char, usize)>,
    pub(crate) inside: Inside,
    /// A bracket closes nothing: more lines mend nothing.
    is_broken: bool,
}

/// What a place lies in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inside {
    #[default]
    Code,
    Comment,
    Text,
    Block,
}

impl Scan {
    fn is_whole(&self) -> bool {
        self.is_broken || (self.open.is_empty() && self.inside != Inside::Block)
    }
}

/// Reads a text for its brackets; strings, comments and `%{…}` are understood.
pub(crate) fn scan(text: &str) -> Scan {
    let mut scan = Scan::default();
    // Strings that an interpolation interrupts.
    let mut strings: Vec<Inside> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let n_read = match scan.inside {
            Inside::Comment => {
                scan.inside = if first == '\n' { Inside::Code } else { Inside::Comment };
                first.len_utf8()
            }
            Inside::Text | Inside::Block => read_string(&mut scan, &mut strings, rest, at),
            Inside::Code => read_code(&mut scan, &mut strings, rest, at),
        };
        rest = rest.get(n_read..).unwrap_or("");
    }
    scan
}

/// Reads on inside of a string; returns how many bytes.
fn read_string(scan: &mut Scan, strings: &mut Vec<Inside>, rest: &str, at: usize) -> usize {
    let is_block = scan.inside == Inside::Block;
    let end = if is_block { "\"\"\"" } else { "\"" };
    if rest.starts_with(end) || (!is_block && rest.starts_with('\n')) {
        scan.inside = Inside::Code;
        return if rest.starts_with('\n') { 1 } else { end.len() };
    }
    if rest.starts_with("%%{") {
        return 3;
    }
    if rest.starts_with("%{") {
        strings.push(scan.inside);
        scan.open.push(('%', at));
        scan.inside = Inside::Code;
        return 2;
    }
    let n_first = rest.chars().next().map_or(1, char::len_utf8);
    let escaped = rest[n_first..].chars().next().filter(|_| !is_block && rest.starts_with('\\'));
    n_first + escaped.map_or(0, char::len_utf8)
}

/// Reads on outside of strings; returns how many bytes.
fn read_code(scan: &mut Scan, strings: &mut Vec<Inside>, rest: &str, at: usize) -> usize {
    if rest.starts_with("\"\"\"") {
        scan.inside = Inside::Block;
        return 3;
    }
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        '"' => scan.inside = Inside::Text,
        '#' => scan.inside = Inside::Comment,
        '(' | '[' | '{' => scan.open.push((first, at)),
        ')' | ']' | '}' => match scan.open.pop() {
            Some(('%', _)) if first == '}' => scan.inside = strings.pop().unwrap_or_default(),
            Some(('(', _)) if first == ')' => {}
            Some(('[', _)) if first == ']' => {}
            Some(('{', _)) if first == '}' => {}
            _ => scan.is_broken = true,
        },
        _ => {}
    }
    first.len_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_whole_when_its_brackets_are_closed() {
        for whole in [
            "",
            "1 + 2",
            "f(1)",
            "\"(\"",
            "# (",
            "\"%{[1].len}\"",
            "\"\"\"\n(\n\"\"\"",
            "a \"%%{\"",
            // More lines mend nothing.
            "f(1]",
            ")",
            "\"never closed",
        ] {
            assert!(is_whole(whole), "{whole:?}");
        }
        for open in ["f(", "[1,", "Make {", "\"\"\"\nx", "\"\"\"%{f(", "\"%{[", "(\")\"", "{ # }"] {
            assert!(!is_whole(open), "{open:?}");
        }
    }

    #[test]
    fn lines_that_follow_are_indented_as_the_language_wants_it() {
        let lines = ["Make {", "version = \"1\"", "  summary = \"x\"", "}"].map(str::to_owned);
        assert_eq!(joined(&lines), "Make {\n  version = \"1\"\n  summary = \"x\"\n}");
    }

    #[test]
    fn a_command_is_told_from_an_expression() {
        assert_eq!(Line::read("  "), Line::Nothing);
        assert_eq!(Line::read("# only a remark"), Line::Nothing);
        assert_eq!(Line::read(" 1 + 2 "), Line::Ask("1 + 2"));
        assert_eq!(Line::read(":t  [1]"), Line::Type("[1]"));
        assert_eq!(Line::read(":why app.version"), Line::Why("app.version"));
        assert_eq!(Line::read(":q"), Line::Quit);
        assert_eq!(Line::read(":nonsense 1"), Line::Unknown("nonsense"));
    }
}
