//! Times as servers and indexes write them: `Sat, 28 Nov 2026 20:15:24 UTC`.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns the seconds since 1970; nothing when the text is no time of the zone UTC.
pub fn seconds_of(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[_weekday, day, month, year, time, "UTC" | "GMT" | "+0000"] = words.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|known| *known == month)?;
    let days = days(number(year, 1970, 9999)?, u64::try_from(month).ok()?, number(day, 1, 31)?);
    let mut parts = time.split(':');
    let mut part = |limit| number(parts.next()?, 0, limit);
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    parts.next().is_none().then_some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && (least..=most).contains(number))
}

/// Returns the days since 1970 of a day; `month` is counted from nought.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March here, so that the day that is sometimes there is the last.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap = year / 4 - year / 100 + year / 400;
    year * 365 + leap + (month * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(seconds_of(text), expected, "{text}");
        check("Thu, 01 Jan 1970 00:00:00 UTC", Some(0));
        check("Tue, 29 Feb 2000 12:34:56 GMT", Some(951_827_696));
        check("Sat, 28 Nov 2026 20:15:24 UTC", Some(1_795_896_924));
        check("Fri, 31 Dec 2100 23:59:60 +0000", Some(4_133_980_800));
        check("Sat, 28 Nov 2026 20:15:24 CET", None);
        check("Sat, 28 Now 2026 20:15:24 UTC", None);
        check("Sat, 28 Nov 1969 20:15:24 UTC", None);
        check("Sat, 28 Nov 2026 20:15 UTC", None);
        check("Sat, 28 Nov 2026 20:15:24:1 UTC", None);
        check("Sat, +8 Nov 2026 24:00:00 UTC", None);
        check("", None);
    }
}
