//! What a `go.sum` says.

use std::collections::BTreeMap;

use kiln_source::Lockfile;

use crate::GoError;

/// More modules than this are refused.
const MAX_MODULES: usize = 100_000;
/// Longer names and versions are refused, in bytes.
const MAX_NAME: usize = 512;
/// What stands behind the version where the sum is of the `go.mod` alone.
const MOD: &str = "/go.mod";
/// The one sort of sum that there is.
const PREFIX: &str = "h1:";

/// A module at a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Module {
    pub(crate) path: String,
    pub(crate) version: String,
}

/// The sums of a module, as they are written: `h1:…`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) go_mod: String,
    /// Of its files; nothing where go needs no more than its `go.mod`.
    pub(crate) files: Option<String>,
}

impl Module {
    /// Returns where its files are in a proxy, without the ending: capital letters are written as `!` and the small one.
    pub(crate) fn place(&self) -> String {
        format!("{}/@v/{}", escaped(&self.path), escaped(&self.version))
    }
}

/// Reads a `go.sum`.
pub(crate) fn parse(lockfile: &Lockfile<'_>) -> Result<BTreeMap<Module, Sums>, GoError> {
    let path = lockfile.path.to_owned();
    let mut found: BTreeMap<Module, (Option<String>, Option<String>)> = BTreeMap::new();
    for (ix, line) in lockfile.bytes.split(|byte| *byte == b'\n').enumerate() {
        let syntax = || GoError::Syntax { path: path.clone(), line: ix + 1 };
        let line = std::str::from_utf8(line).map_err(|_bad| syntax())?;
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        let [name, version, sum] = words[..] else {
            if words.is_empty() {
                continue;
            }
            return Err(syntax());
        };
        if !is_sum(sum) {
            return Err(syntax());
        }
        let of_mod = version.strip_suffix(MOD);
        let version = of_mod.unwrap_or(version);
        if !is_path(name) || !is_version(version) {
            let named = format!("{name} {version}").chars().take(100).collect();
            return Err(GoError::BadName { path: format!("{path}:{}", ix + 1), named });
        }
        let module = Module { path: name.to_owned(), version: version.to_owned() };
        let (go_mod, files) = found.entry(module).or_default();
        let place = if of_mod.is_some() { go_mod } else { files };
        if place.as_deref().is_some_and(|other| other != sum) {
            let path = format!("{path}:{}", ix + 1);
            return Err(GoError::Twice { path, named: format!("{name} {version}") });
        }
        *place = Some(sum.to_owned());
        if found.len() > MAX_MODULES {
            return Err(GoError::TooMany { path, limit: MAX_MODULES });
        }
    }
    let whole = |(module, (go_mod, files)): (Module, (Option<String>, Option<String>))| {
        let named = || format!("{} {}", module.path, module.version);
        let none = || GoError::NoSum { path: path.clone(), named: named() };
        let go_mod = go_mod.ok_or_else(none)?;
        Ok((module, Sums { go_mod, files }))
    };
    found.into_iter().map(whole).collect()
}

/// Returns whether a text is a sum: base64 of a sha256.
fn is_sum(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix('=')) else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    digits.len() == 43 && digits.bytes().all(plain)
}

/// Returns whether a text is safe as the path of a module.
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part.bytes().all(plain)
    };
    text.len() <= MAX_NAME && text.split('/').all(is_part)
}

/// Returns whether a text is safe as a version.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+_~".contains(&byte);
    let digits = text.strip_prefix('v').unwrap_or_default();
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    starts && text.len() <= MAX_NAME && text.bytes().all(plain)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn told(bytes: &[u8]) -> String {
        match parse(&Lockfile { path: "go.sum", bytes }) {
            Ok(modules) => {
                let line = |(module, sums): (&Module, &Sums)| {
                    format!("{}{}", module.place(), if sums.files.is_some() { " zip" } else { "" })
                };
                modules.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(told(text.replace("SUM", SUM).as_bytes()), expected);
    }

    #[test]
    fn modules_have_their_places_in_a_proxy() {
        check(
            "example.org/Bit v1.0.0-RC1 SUM\nexample.org/Bit v1.0.0-RC1/go.mod SUM\n\nexample.org/x/y v2.0.0+incompatible/go.mod SUM\n",
            "example.org/!bit/@v/v1.0.0-!r!c1 zip\nexample.org/x/y/@v/v2.0.0+incompatible",
        );
        check("", "");
        check("a v1/go.mod SUM\na v1/go.mod SUM", "a/@v/v1");
    }

    #[test]
    fn hostile_files_have_one_clear_error() {
        let named = |name: &str| format!("`go.sum:1` names a module `{name}` that go has not");
        check("../../etc v1 SUM", &named("../../etc v1"));
        check("/etc v1 SUM", &named("/etc v1"));
        check("a/../b v1 SUM", &named("a/../b v1"));
        check("a/!b v1 SUM", &named("a/!b v1"));
        check("a\u{1b}[2J v1 SUM", &named("a\\u{1b}[2J v1"));
        check("a v1/../../b SUM", &named("a v1/../../b"));
        check("a 1 SUM", &named("a 1"));
        let line = |n| format!("line {n} of `go.sum` is no sum of a module");
        check("a v1/go.mod SUM\na v1", &line(2));
        check("a v1 SUM more", &line(1));
        check("a v1 h1:short=", &line(1));
        check("a v1 h2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", &line(1));
        assert_eq!(told(b"\xff"), line(1));
        assert_eq!(told(&b"x".repeat(10 << 20)), line(1));
        check("a v1 SUM", "`go.sum` has no sum of the `go.mod` of `a v1`");
        let other = SUM.replace("47DE", "48DE");
        check(&format!("a v1 SUM\na v1 {other}"), "`go.sum:2` has two sums of `a v1`");
        let many: String = (0..=MAX_MODULES)
            .map(|n| format!("a{n} v1/go.mod SUM\n"))
            .fold(String::new(), |all, line| all + &line);
        check(&many, "`go.sum` names more than 100000 modules");
    }
}
