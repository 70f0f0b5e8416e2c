//! Rust source without its comments and the contents of its literals, line for line.

/// Replaces comments and the contents of strings and characters by spaces; newlines stay.
pub(crate) fn scrub(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (end, is_code) = token(bytes, at);
        for byte in &bytes[at..end] {
            let kept = is_code || *byte == b'\n';
            out.push(if kept { *byte } else { b' ' });
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns the end of the comment, literal or piece of code that starts here, and whether it is code.
fn token(bytes: &[u8], at: usize) -> (usize, bool) {
    let rest = &bytes[at..];
    let before_is_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => (at + line_length(rest), false),
        [b'/', b'*', ..] => (at + block_length(rest), false),
        [b'"', ..] => (at + quoted_length(rest, b'"'), false),
        [b'r', b'"' | b'#', ..] if !before_is_word || bytes[at - 1] == b'b' => {
            raw_length(rest).map_or((at + 1, true), |length| (at + length, false))
        }
        [b'\'', b'\\', ..] | [b'\'', _, b'\'', ..] => (at + quoted_length(rest, b'\''), false),
        // A character of several bytes; anything else after a quote is a lifetime.
        [b'\'', first, ..] if *first >= 0x80 => (at + quoted_length(rest, b'\''), false),
        _ => (at + 1, true),
    }
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Returns the length of a raw string, if it is one and no raw identifier.
fn raw_length(rest: &[u8]) -> Option<usize> {
    let n_hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + n_hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = [b'"'].into_iter().chain(vec![b'#'; n_hashes]).collect();
    let start = n_hashes + 2;
    let body = rest.get(start..)?;
    let end = body.windows(close.len()).position(|window| window == close)?;
    Some(start + end + close.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let scrubbed = scrub(text);
        assert_eq!(words(&scrubbed), expected);
        assert_eq!(scrubbed.lines().count(), text.lines().count());
    }

    #[test]
    fn comments_go() {
        check("a // { \n b /* { /* \n } */ { */ c", "a b c");
    }

    #[test]
    fn strings_go() {
        check("a \"}\\\" {\" b b\"{\" c", "a b b c");
    }

    #[test]
    fn raw_strings_go_and_raw_names_stay() {
        check("a r#\"{ \" {\"# b br\"{\" r#type for\"{\" c", "a b b r#type for c");
    }

    #[test]
    fn characters_go_and_lifetimes_stay() {
        check("f '{' '\\'' '\\u{7b}' 'é' &'a str <'a>", "f &'a str <'a>");
    }
}
