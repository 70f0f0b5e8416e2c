//! Replacement of what differs between two runs, before a text is compared with a golden one.

/// Values of this run and the names that golden texts have in their place.
///
/// Durations (`1.2s`, `345ms`, `2m13s`) become `[TIME]` and 64 hex digits become `[HASH]`; the values
/// given are replaced first, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redactions {
    values: Vec<(String, String)>,
}

impl Redactions {
    /// Returns redactions without values of their own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value of this run, such as a temporary folder, and its name.
    #[must_use]
    pub fn value(mut self, value: &str, name: &str) -> Self {
        if !value.is_empty() {
            self.values.push((value.to_owned(), name.to_owned()));
        }
        self
    }

    /// Returns the text as golden files have it.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, name) in &self.values {
            text = text.replace(value, name);
        }
        replace_words(&text)
    }
}

/// Replaces each run of letters, digits and points that is a duration or a hash.
fn replace_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at(end);
        let (body, point) = word.strip_suffix('.').map_or((word, ""), |body| (body, "."));
        out.push_str(name_of(body).unwrap_or(body));
        out.push_str(point);
        rest = after;
    }
    out
}

fn name_of(word: &str) -> Option<&'static str> {
    if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some("[HASH]");
    }
    is_duration(word).then_some("[TIME]")
}

/// Whether the word is numbers, each with a unit of time after it.
fn is_duration(word: &str) -> bool {
    let mut rest = word;
    while !rest.is_empty() {
        let n_digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, after) = rest.split_at(n_digits);
        let Some(unit) =
            ["ms", "us", "ns", "s", "m", "h"].into_iter().find(|u| after.starts_with(u))
        else {
            return false;
        };
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        rest = &after[unit.len()..];
    }
    !word.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let redactions = Redactions::new().value("/tmp/x1", "[HOME]").value("", "[NOTHING]");
        assert_eq!(redactions.apply(input), expected);
    }

    #[test]
    fn values_get_their_names() {
        check("log: /tmp/x1/runs/a.log", "log: [HOME]/runs/a.log");
    }

    #[test]
    fn durations_are_replaced() {
        check("built in 1.23s (2m13s, 345ms).", "built in [TIME] ([TIME], [TIME]).");
    }

    #[test]
    fn words_that_only_look_alike_stay() {
        check("s 5 1.2.3 x4ms 12 files_2s dé 4", "s 5 1.2.3 x4ms 12 files_2s dé 4");
    }

    #[test]
    fn hashes_are_replaced() {
        let hash = "0123456789abcdef".repeat(4);
        check(&format!("sha256:{hash}/12"), "sha256:[HASH]/12");
    }
}
