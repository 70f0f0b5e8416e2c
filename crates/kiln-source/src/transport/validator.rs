//! What tells that a file of a server is still the same.

use std::time::Duration;

use ureq::http::HeaderMap;

/// An `ETag` or a `Last-Modified` that changes with every byte; weaker ones are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validator(String);

impl Validator {
    /// Takes back what was written down.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        plain.then(|| Self(text.to_owned()))
    }

    /// Returns what an answer says of its file.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        if let Some(tag) = text("etag") {
            return Self::from_text(tag.trim()).filter(Self::is_tag);
        }
        let modified = text("last-modified")?.trim();
        // A file that changes twice in one second has one time for both.
        let age = seconds(text("date")?)?.checked_sub(seconds(modified)?)?;
        if age > 1 { Self::from_text(modified) } else { None }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the header that asks for the file only if it is another.
    pub(crate) fn unless(&self) -> &'static str {
        if self.is_tag() { "If-None-Match" } else { "If-Modified-Since" }
    }

    fn is_tag(&self) -> bool {
        self.0.starts_with('"')
    }
}

/// Returns the wait that a server asks for: in seconds, or until a date, which counts from the server's own.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text("retry-after")?;
    if let Ok(asked) = asked.parse() {
        return Some(Duration::from_secs(asked));
    }
    let wait = seconds(asked)?.saturating_sub(seconds(text("date")?)?);
    Some(Duration::from_secs(wait))
}

/// Returns the seconds since 1970 of a date such as `Fri, 11 Nov 2011 11:11:11 GMT`.
fn seconds(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = date.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let (day, year) = (day.parse::<u64>().ok()?, year.parse::<u64>().ok()?);
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let mut parts = time.split(':').map(str::parse::<u64>);
    let mut part = || parts.next()?.ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    let sane = (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60;
    if !sane || second > 60 {
        return None;
    }
    // Years begin in March here, so that a leap day is the last day of one; 719,468 days lie before 1970.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    Some(((days - 719_468) * 24 + hour) * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "Fri, 11 Nov 2011 11:11:11 GMT";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds(LATER), Some(1_321_009_871));
        assert_eq!(seconds("Tue, 29 Feb 2000 23:59:59 GMT"), Some(951_868_799));
        for bad in [
            "",
            "Fri, 11 Nov 2011 11:11 GMT",
            "Fri, 0 Nov 2011 11:11:11 GMT",
            "Fri, 11 Nov 1 11:11:11 GMT",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_date() {
        let check = |asked: &str, expected: Option<u64>| {
            let found = retry_after(&headers(&[("retry-after", asked), ("date", LATER)]));
            assert_eq!(found, expected.map(Duration::from_secs), "{asked}");
        };
        check("7", Some(7));
        check("Fri, 11 Nov 2011 11:12:00 GMT", Some(49));
        check("Fri, 11 Nov 2011 11:00:00 GMT", Some(0));
        check("soon", None);
        assert_eq!(retry_after(&headers(&[("retry-after", LATER)])), None);
    }

    #[test]
    fn only_what_changes_with_every_byte_is_kept() {
        let check = |pairs: &[(&'static str, &str)], expected: Option<&str>| {
            let found = Validator::of(&headers(pairs));
            assert_eq!(found.as_ref().map(Validator::as_str), expected, "{pairs:?}");
        };
        let modified = ("last-modified", "Fri, 11 Nov 2011 11:11:09 GMT");
        check(&[("etag", "\"a\""), modified], Some("\"a\""));
        check(&[("etag", "W/\"a\"")], None);
        check(&[modified, ("date", LATER)], Some(modified.1));
        check(&[("last-modified", LATER), ("date", LATER)], None);
        check(&[modified], None);
        check(&[], None);
    }
}
