//! What tells that a file of a server is still the same.

use std::time::Duration;

use ureq::http::HeaderMap;

use crate::seconds_of;

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
        let age = seconds_of(text("date")?)?.checked_sub(seconds_of(modified)?)?;
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
    let wait = seconds_of(asked)?.saturating_sub(seconds_of(text("date")?)?);
    Some(Duration::from_secs(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "Fri, 11 Nov 2011 11:11:11 GMT";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
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
