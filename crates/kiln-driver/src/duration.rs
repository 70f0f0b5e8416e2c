//! Durations as people write them.

use std::time::Duration;

/// Longer ones are mistakes: a hundred days.
const LONGEST_SECONDS: u64 = 100 * 24 * 60 * 60;

/// Returns the duration that a text such as `90s`, `30m`, `2h` or `1h30m` says, if it says one.
pub fn duration(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..n_digits].parse().ok()?;
        let unit = rest[n_digits..].chars().next()?;
        let unit_seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit_seconds)?)?;
        rest = &rest[n_digits + 1..];
    }
    (1..=LONGEST_SECONDS).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(duration(text), expected.map(Duration::from_secs), "{text:?}");
        };
        check("90s", Some(90));
        check("30m", Some(1_800));
        check("2h", Some(7_200));
        check("1h30m", Some(5_400));
        for none in ["", "90", "s", "m30", "0s", "-1s", "1.5h", "1 h", "9d", "1\u{e9}", "30m5"] {
            check(none, None);
        }
        check("2400h", Some(LONGEST_SECONDS));
        check("2401h", None);
        check("99999999999999999999h", None);
        check("18446744073709551615h", None);
    }
}
