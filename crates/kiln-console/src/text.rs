//! Numbers for people: times, sizes, counts, exits.

use std::time::Duration;

/// Returns `12 ms`, `3.2 s`, `2m13s` or `1h02m`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        60..=3_599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Returns `3 s`, `2m13s` or `1h02m`: a timer that runs.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=59 => format!("{seconds} s"),
        _ => duration(time),
    }
}

/// Returns `2011-11-11 11:11:11 UTC` for seconds since 1970.
pub fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that a leap day is the last day of one; 719,468 days lie before 1970.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next_year;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Returns `912 B`, `1.2 MiB` and so on.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, so that no fraction is needed.
    let mut tenths = u128::from(bytes) * 10 / 1_024;
    let mut unit_ix = 0;
    while tenths >= 10_240 && unit_ix + 1 < UNITS.len() {
        tenths /= 1_024;
        unit_ix += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit_ix])
}

/// Returns a number with its thousands apart: `1,204`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns `exit 2`, with what a shell means by it where that is known.
pub fn exit(exit: i32) -> String {
    let meaning = match exit {
        126 => "the program cannot be executed",
        127 => "a program was not found",
        132 => "killed by SIGILL",
        133 => "killed by SIGTRAP",
        134 => "killed by SIGABRT",
        135 => "killed by SIGBUS",
        136 => "killed by SIGFPE",
        137 => "killed by SIGKILL, perhaps out of memory",
        139 => "killed by SIGSEGV",
        141 => "killed by SIGPIPE",
        143 => "killed by SIGTERM",
        152 => "killed by SIGXCPU",
        153 => "killed by SIGXFSZ",
        _ => return format!("exit {exit}"),
    };
    format!("exit {exit} ({meaning})")
}

/// Returns a word of a command line as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+/:=@%,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_at_most() {
        let check = |millis, expected| {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        };
        check(0, "0 ms");
        check(999, "999 ms");
        check(1_000, "1.0 s");
        check(59_999, "59.9 s");
        check(133_000, "2m13s");
        check(3_725_000, "1h02m");
        assert_eq!(seconds(Duration::from_millis(3_999)), "3 s");
        assert_eq!(seconds(Duration::from_secs(133)), "2m13s");
    }

    #[test]
    fn a_date_is_that_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(1_321_009_871), "2011-11-11 11:11:11 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(date(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!(date(1_735_689_599), "2024-12-31 23:59:59 UTC");
    }

    #[test]
    fn sizes_and_counts_have_units_and_groups() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(1_258_292), "1.2 MiB");
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
        assert_eq!(count(7), "7");
        assert_eq!(count(1_204), "1,204");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn an_exit_says_what_the_shell_means() {
        assert_eq!(exit(2), "exit 2");
        assert_eq!(exit(137), "exit 137 (killed by SIGKILL, perhaps out of memory)");
    }

    #[test]
    fn a_word_is_quoted_when_a_shell_would_change_it() {
        assert_eq!(quoted("libs.zinc"), "libs.zinc");
        assert_eq!(quoted(r#"libs."gtk+""#), r#"'libs."gtk+"'"#);
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
