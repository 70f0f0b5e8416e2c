//! How long files and functions may be, and what an encoding may not leave out.

use std::collections::BTreeMap;

use super::scrub::scrub;

const SOFT: usize = 400;
const HARD: usize = 600;
const FUNCTION: usize = 60;

/// One function of a file: its name, its lines and its scrubbed text.
struct Function<'a> {
    name: &'a str,
    n_lines: usize,
    text: &'a str,
}

/// Complains of long files, and of exceptions that are no longer needed.
pub(crate) fn files(files: &BTreeMap<String, String>, exceptions: &[(&str, usize)]) -> Vec<String> {
    let lengths: BTreeMap<&str, usize> =
        files.iter().map(|(path, text)| (path.as_str(), text.lines().count())).collect();
    let mut found = judge(&lengths, SOFT, exceptions);
    for (path, length) in lengths.iter().filter(|(_, length)| **length > HARD) {
        found.push(format!("{path} has {length} lines; no file may have more than {HARD}"));
    }
    found
}

/// Complains of long functions, and of exceptions that are no longer needed.
pub(crate) fn functions(
    files: &BTreeMap<String, String>,
    exceptions: &[(&str, usize)],
) -> Vec<String> {
    let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in files {
        for function in functions_of(&scrub(text)) {
            let length = lengths.entry(format!("{path}::{}", function.name)).or_default();
            *length = function.n_lines.max(*length);
        }
    }
    let lengths = lengths.iter().map(|(name, length)| (name.as_str(), *length)).collect();
    judge(&lengths, FUNCTION, exceptions)
}

/// Complains of functions named `encode` that skip fields with `..`.
pub(crate) fn encodings(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for function in functions_of(&scrub(text)) {
            let squeezed: String = function.text.split_whitespace().collect();
            if function.name == "encode" && squeezed.contains(",..}") {
                found.push(format!("{path}: `encode` leaves fields out with `..`"));
            }
        }
    }
    found
}

fn judge(
    lengths: &BTreeMap<&str, usize>,
    limit: usize,
    exceptions: &[(&str, usize)],
) -> Vec<String> {
    let exceptions: BTreeMap<&str, usize> = exceptions.iter().copied().collect();
    let mut found = Vec::new();
    for (name, length) in lengths {
        let allowed = exceptions.get(name).copied().unwrap_or(limit);
        if *length > allowed {
            found.push(format!("{name} has {length} lines, more than {allowed}"));
        }
    }
    for name in exceptions.keys() {
        if lengths.get(name).is_none_or(|length| *length <= limit) {
            found.push(format!("{name} needs no exception any more: take it from the list"));
        }
    }
    found
}

/// Finds the functions that have a body, nested ones included.
fn functions_of(scrubbed: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    for (start, _) in scrubbed.match_indices("fn ") {
        let before = scrubbed[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &scrubbed[start..];
        let name = rest[3..].trim_start();
        let end_of_name = name.find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = &name[..end_of_name.unwrap_or(name.len())];
        if let (false, Some(end)) = (name.is_empty(), end_of_body(rest)) {
            let text = &rest[..end];
            found.push(Function { name, n_lines: text.lines().count(), text });
        }
    }
    found
}

/// Returns where the body ends; `None` for a declaration without one.
fn end_of_body(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'[' | b'(' => brackets += 1,
            b']' | b')' => brackets = brackets.saturating_sub(1),
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("a.rs".to_owned(), text.to_owned())])
    }

    #[test]
    fn a_long_file_is_named() {
        let expected = ["a.rs has 401 lines, more than 400"];
        assert_eq!(files(&one(&"x\n".repeat(401)), &[]), expected);
        assert!(files(&one(&"x\n".repeat(400)), &[]).is_empty());
    }

    #[test]
    fn an_exception_bounds_what_it_allows() {
        assert!(files(&one(&"x\n".repeat(450)), &[("a.rs", 450)]).is_empty());
        let expected = ["a.rs has 451 lines, more than 450"];
        assert_eq!(files(&one(&"x\n".repeat(451)), &[("a.rs", 450)]), expected);
    }

    #[test]
    fn a_stale_exception_is_named() {
        let expected = ["a.rs needs no exception any more: take it from the list"];
        assert_eq!(files(&one("x\n"), &[("a.rs", 450)]), expected);
        assert_eq!(files(&BTreeMap::new(), &[("a.rs", 450)]), expected);
    }

    #[test]
    fn no_exception_goes_past_the_hard_limit() {
        let expected = ["a.rs has 601 lines; no file may have more than 600"];
        assert_eq!(files(&one(&"x\n".repeat(601)), &[("a.rs", 700)]), expected);
    }

    #[test]
    fn a_long_function_is_named() {
        let body = format!(
            "trait T {{ fn a(&self, x: [u8; 4]);\nfn b() {{\n{}}}\n}}",
            "\"}\";\n".repeat(59)
        );
        assert_eq!(functions(&one(&body), &[]), ["a.rs::b has 61 lines, more than 60"]);
        assert!(functions(&one(&body), &[("a.rs::b", 61)]).is_empty());
    }

    #[test]
    fn an_encoding_that_skips_fields_is_named() {
        let bad = "fn encode(&self) { let Self { a, .. } = self; }";
        assert_eq!(encodings(&one(bad)), ["a.rs: `encode` leaves fields out with `..`"]);
        assert!(encodings(&one("fn decode() { let Self { a, .. } = self; }")).is_empty());
        assert!(encodings(&one("fn encode(&self) { let Self { a, b: _ } = self; }")).is_empty());
    }
}
