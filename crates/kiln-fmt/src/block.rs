//! Block strings, indented anew as a unit.

/// Returns a block string, quotes included, with its lines at new columns; none if it must stay as it is.
///
/// Only the indentation that all lines share is replaced, which the language drops anyway.
pub(crate) fn reindent(block: &str, lines_at: usize, close_at: usize) -> Option<String> {
    let inner = block.strip_prefix(QUOTE)?.strip_suffix(QUOTE)?;
    let mut lines: Vec<&str> = inner.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let closes_alone = lines.len() > 1 && lines.last().is_some_and(|line| is_blank(line));
    if closes_alone {
        lines.pop();
    }
    let (first, rest) = lines.split_first()?;
    let common = common_indent(rest)?;
    let mut out = String::from(QUOTE);
    if !is_blank(first) {
        out.push_str(first);
    }
    for line in rest {
        out.push('\n');
        let kept = line.strip_prefix(common).unwrap_or_default();
        if !kept.is_empty() {
            out.extend(std::iter::repeat_n(' ', lines_at));
            out.push_str(kept);
        }
    }
    if closes_alone {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', close_at));
    }
    out.push_str(QUOTE);
    Some(out)
}

const QUOTE: &str = "\"\"\"";

/// Returns what all lines with content begin with; none if there is no such line.
fn common_indent<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let blanks = |line: &'a str| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    let mut indents = lines.iter().filter(|line| !is_blank(line)).map(|line| blanks(line));
    let first = indents.next()?;
    Some(indents.fold(first, |common, indent| {
        let same = common.bytes().zip(indent.bytes()).take_while(|(left, right)| left == right);
        &common[..same.count()]
    }))
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(block: &str, expected: Option<&str>) {
        assert_eq!(reindent(block, 2, 0).as_deref(), expected);
    }

    #[test]
    fn the_shared_indentation_is_replaced() {
        check("\"\"\"\n      a\n        b\n    \"\"\"", Some("\"\"\"\n  a\n    b\n\"\"\""));
    }

    #[test]
    fn text_behind_the_quotes_stays_there() {
        check("\"\"\"a\n      b\"\"\"", Some("\"\"\"a\n  b\"\"\""));
    }

    #[test]
    fn blank_lines_lose_only_the_shared_indentation() {
        check("\"\"\"\n    a\n\n      \n    \"\"\"", Some("\"\"\"\n  a\n\n    \n\"\"\""));
    }

    #[test]
    fn a_block_of_blanks_stays() {
        check("\"\"\"\n    \n  \"\"\"", None);
    }
}
