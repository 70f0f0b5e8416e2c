//! Text of others (build output, file names, source text) made harmless to a terminal.

/// Longer lines are cut: a build may print megabytes without a line break.
const LONGEST_LINE: usize = 1_000;

/// Makes a line of build output harmless: colours stay where wanted, every other control sequence goes, and what a
/// carriage return would have overwritten is left out.
pub fn sanitise(line: &str, color: bool) -> String {
    sanitise_to(LONGEST_LINE, line, color)
}

/// Does the same and shows at most so many characters.
pub(crate) fn sanitise_to(longest: usize, line: &str, color: bool) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut clean = String::new();
    let mut colored = false;
    let mut rest = line;
    let mut n_chars = 0;
    while let Some(c) = rest.chars().next() {
        if n_chars == longest {
            clean.push_str("...");
            break;
        }
        if c == '\x1b' || c == '\u{9b}' {
            let (sequence, after) = split_sequence(rest);
            if color && is_color(sequence) {
                clean.push_str(sequence);
                colored = true;
            }
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c == '\t' {
            clean.push_str("    ");
        } else if !is_harmful(c) {
            clean.push(c);
        }
        n_chars += 1;
    }
    if colored {
        clean.push_str("\x1b[0m");
    }
    clean
}

/// Makes a text harmless by showing its control characters escaped; line breaks stay.
pub(crate) fn escape(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) && c != '\n' {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Makes source text harmless and keeps every byte offset: a harmful character becomes one of the same length.
pub(crate) fn mask(text: &str) -> String {
    let mask = |c: char| match c {
        '\n' | '\t' => c,
        c if !is_harmful(c) => c,
        c => match c.len_utf8() {
            1 => ' ',
            2 => '\u{bf}',
            _ => '\u{fffd}',
        },
    };
    text.chars().map(mask).collect()
}

/// Returns whether a character does something to a terminal, or to the order of what is read there.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Splits the control sequence off that a text starts with.
fn split_sequence(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    // The one-character form of `ESC [`, in two bytes of UTF-8.
    let short = text.starts_with('\u{9b}');
    let kind = if short { Some(b'[') } else { bytes.get(1).copied() };
    let end = match kind {
        Some(b'[') => {
            let from_ix = 2;
            let last = |byte: &u8| (0x40..=0x7e).contains(byte) || !(0x20..=0x3f).contains(byte);
            bytes[from_ix..].iter().position(last).map_or(bytes.len(), |ix| {
                let last_ix = from_ix + ix;
                // A byte that cannot be part of it ends it and is text again.
                if (0x40..=0x7e).contains(&bytes[last_ix]) { last_ix + 1 } else { last_ix }
            })
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string_end(text),
        Some(0x20..=0x2f) => (bytes.len()).min(3),
        Some(_) => 1 + text[1..].chars().next().map_or(0, char::len_utf8),
        None => 1,
    };
    let end = (end..=text.len()).find(|ix| text.is_char_boundary(*ix)).unwrap_or(text.len());
    text.split_at(end)
}

/// Returns where a sequence that carries a string ends: after BEL or `ESC \`, else with the text.
fn string_end(text: &str) -> usize {
    let bel = text.find('\x07').map(|ix| ix + 1);
    let st = text.find("\x1b\\").map(|ix| ix + 2);
    match (bel, st) {
        (Some(bel), Some(st)) => bel.min(st),
        (Some(end), None) | (None, Some(end)) => end,
        (None, None) => text.len(),
    }
}

/// Returns whether a sequence only sets colours (`ESC [ ... m`).
fn is_color(sequence: &str) -> bool {
    let Some(body) = sequence.strip_prefix("\x1b[").and_then(|rest| rest.strip_suffix('m')) else {
        return false;
    };
    body.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_and_text_are_left_of_build_output() {
        let check = |line: &str, colored: &str, plain: &str| {
            assert_eq!(sanitise(line, true), colored, "{line:?}");
            assert_eq!(sanitise(line, false), plain, "{line:?}");
        };
        check("plain \u{e9}", "plain \u{e9}", "plain \u{e9}");
        check("\x1b[1;31merror\x1b[0m", "\x1b[1;31merror\x1b[0m\x1b[0m", "error");
        check("a\x1b[2Jb\x1b[10;10Hc", "abc", "abc");
        check("\x1b]0;title\x07x\x1b]8;;http:\x1b\\y", "xy", "xy");
        check("never ends \x1b]0;title", "never ends ", "never ends ");
        check("\u{9b}2Jx", "x", "x");
        check("\x1bc\x1b(0x\x07\x08", "x", "x");
        check("10 %\r50 %\r100 %\r\n", "100 %", "100 %");
        check("a\tb", "a    b", "a    b");
        check("\u{202e}txt.exe", "txt.exe", "txt.exe");
        check("\x1b[3\u{e9}1m", "\u{e9}1m", "\u{e9}1m");
        check("\x1b", "", "");
        check("\x1b[", "", "");
        check("\x1b\u{e9}x", "x", "x");
    }

    #[test]
    fn an_endless_line_is_cut() {
        let line = "x".repeat(5_000);
        assert_eq!(sanitise(&line, false).len(), LONGEST_LINE + 3);
    }

    #[test]
    fn a_mask_keeps_offsets() {
        let text = "a\x1b[b\u{85}\u{202e}\r\n\t\u{e9}";
        let masked = mask(text);
        assert_eq!(masked, "a [b\u{bf}\u{fffd} \n\t\u{e9}");
        assert_eq!(masked.len(), text.len());
    }
}
