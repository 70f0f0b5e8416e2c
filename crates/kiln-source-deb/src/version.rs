//! The order of Debian versions. Source: Debian policy 5.6.12.

use std::cmp::Ordering;

/// Compares two versions: epoch, upstream version, revision.
pub(crate) fn compare_versions(left: &str, right: &str) -> Ordering {
    let (left_epoch, left_upstream, left_revision) = split(left);
    let (right_epoch, right_upstream, right_revision) = split(right);
    compare_digits(left_epoch, right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch, upstream, revision)
}

/// Compares runs of other characters and runs of digits in turn.
fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_run, left_rest) = run(left, |byte| !byte.is_ascii_digit());
        let (right_run, right_rest) = run(right, |byte| !byte.is_ascii_digit());
        let (left_digits, left_after) = run(left_rest, |byte| byte.is_ascii_digit());
        let (right_digits, right_after) = run(right_rest, |byte| byte.is_ascii_digit());
        let order = compare_run(left_run, right_run)
            .then_with(|| compare_digits(left_digits, right_digits));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_after, right_after);
    }
    Ordering::Equal
}

fn run(text: &str, of: impl Fn(u8) -> bool) -> (&str, &str) {
    // Runs end at ASCII digits or begin with them, so the cut is never inside a character.
    text.split_at(text.bytes().position(|byte| !of(byte)).unwrap_or(text.len()))
}

/// `~` comes before the end, the end before letters, letters before all else.
fn compare_run(left: &str, right: &str) -> Ordering {
    let rank = |byte: Option<u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(byte),
        Some(byte) => i32::from(byte) + 256,
    };
    let (mut left, mut right) = (left.bytes(), right.bytes());
    loop {
        let (l, r) = (left.next(), right.next());
        match rank(l).cmp(&rank(r)) {
            Ordering::Equal if l.is_none() => return Ordering::Equal,
            Ordering::Equal => {}
            order => return order,
        }
    }
}

fn compare_digits(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(versions: &[&str]) {
        for (left_ix, left) in versions.iter().enumerate() {
            for (right_ix, right) in versions.iter().enumerate() {
                assert_eq!(compare_versions(left, right), left_ix.cmp(&right_ix), "{left} {right}");
            }
        }
    }

    #[test]
    fn a_tilde_comes_before_the_end() {
        check(&["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b1", "1.0.1"]);
    }

    #[test]
    fn digits_count_as_numbers() {
        check(&["0.9", "0.10", "0.100", "1:0.1", "2:0", "10:0"]);
        assert_eq!(compare_versions("1.007", "1.7"), Ordering::Equal);
        assert_eq!(compare_versions("0:1", "1-0"), Ordering::Equal);
        check(&["1.99999999999999999999998", "1.99999999999999999999999"]);
    }

    #[test]
    fn the_revision_counts_last() {
        check(&["2.36-9", "2.36-9+deb12u2", "2.36-9+deb12u14", "2.36-10", "2.36.1-1"]);
    }

    #[test]
    fn odd_texts_are_no_panic() {
        check(&["", "\u{e9}"]);
        assert_eq!(compare_versions("-", ":-"), Ordering::Equal);
    }
}
