//! What a `package-lock.json` says, and the same with the URL of every package.

use std::collections::BTreeMap;

use kiln_source::Lockfile;
use serde_json::{Map, Value};

use crate::NpmError;
use crate::integrity::Integrity;

/// More packages than this are refused.
const MAX_PACKAGES: usize = 100_000;
/// A host that is nowhere: npm asks for a URL where it needs none.
const NOWHERE: &str = "https://registry.invalid";

/// A package of a registry, or a file of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) integrity: Integrity,
    /// The path below a registry, where it is of one.
    pub(crate) path: Option<String>,
    /// As the lock file has it.
    pub(crate) resolved: Option<String>,
}

/// A lock file that is read.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    pub(crate) packages: Vec<Package>,
    /// Its text with a URL for every package: without one npm asks a registry, even if it has the package.
    pub(crate) whole: String,
}

/// Reads a lock file.
pub(crate) fn parse(lockfile: &Lockfile<'_>) -> Result<Lock, NpmError> {
    let path = lockfile.path;
    let syntax = |what: String| NpmError::Syntax { path: path.to_owned(), what };
    let read = serde_json::from_slice(lockfile.bytes);
    let mut lock: Map<String, Value> =
        read.map_err(|cause| syntax(cause.to_string().escape_debug().to_string()))?;
    let version = lock.get("lockfileVersion").and_then(Value::as_i64);
    match version {
        Some(2 | 3) => {}
        Some(found) => return Err(NpmError::Version { path: path.to_owned(), found }),
        None => return Err(syntax("it has no `lockfileVersion`".to_owned())),
    }
    // What follows is for an older npm, and would contradict.
    lock.remove("dependencies");
    let all = lock.get_mut("packages").and_then(Value::as_object_mut);
    let all = all.ok_or_else(|| syntax("it has no `packages`".to_owned()))?;
    if all.len() > MAX_PACKAGES {
        return Err(NpmError::TooMany { path: path.to_owned(), limit: MAX_PACKAGES });
    }
    let mut packages = BTreeMap::new();
    for (place, package) in all.iter_mut() {
        let Some(package) = package.as_object_mut() else {
            return Err(syntax(format!("`{}` is no package", shortened(place).escape_debug())));
        };
        let at = || at(path, lockfile.bytes, place);
        let Some(found) = self::package(&at, place, package)? else { continue };
        packages.insert((found.integrity.clone(), found.path.clone()), found);
    }
    let whole = serde_json::to_string_pretty(&lock).map_err(|cause| syntax(cause.to_string()))?;
    Ok(Lock { packages: packages.into_values().collect(), whole: whole + "\n" })
}

/// Returns the path of a lock file with the line of a package; of several the last counts, as for npm.
fn at(path: &str, bytes: &[u8], place: &str) -> String {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let key = serde_json::to_string(place).unwrap_or_default();
    let mut found = text.rmatch_indices(&key);
    let is_key =
        |end: usize| text.get(end..).is_some_and(|rest| rest.trim_start().starts_with(':'));
    match found.find(|(start, _)| is_key(start + key.len())) {
        Some((start, _)) => format!("{path}:{}", text[..start].matches('\n').count() + 1),
        None => path.to_owned(),
    }
}

/// Reads one package, and adds its URL; nothing for what is of the project itself or never on Linux.
fn package(
    at: &dyn Fn() -> String,
    place: &str,
    package: &mut Map<String, Value>,
) -> Result<Option<Package>, NpmError> {
    let is = |key: &str| package.get(key).and_then(Value::as_bool) == Some(true);
    let Some((_, name)) = place.rsplit_once("node_modules/") else { return Ok(None) };
    if is("link") || is("inBundle") || (is("optional") && !is_for_linux(package)) {
        return Ok(None);
    }
    let text = |key: &str| package.get(key).and_then(Value::as_str);
    let name = text("name").unwrap_or(name);
    let version = text("version").unwrap_or_default();
    let named = || shortened(&format!("{name} {version}"));
    if !is_name(name) || !is_version(version) {
        return Err(NpmError::BadName { path: at(), named: named() });
    }
    let resolved = text("resolved").map(str::to_owned);
    if let Some(from) = &resolved {
        if from.starts_with("file:") {
            return Ok(None);
        }
        if !from.starts_with("https://") && !from.starts_with("http://") {
            let (path, from) = (at(), shortened(from));
            return Err(NpmError::Unsupported { path, named: named(), from });
        }
    }
    let integrity = text("integrity").and_then(Integrity::parse);
    let none = || NpmError::NoIntegrity { path: at(), named: named() };
    let integrity = integrity.ok_or_else(none)?;
    let last = name.rsplit('/').next().unwrap_or(name);
    let below = format!("{name}/-/{last}-{version}.tgz");
    let is_registry = resolved.as_ref().is_none_or(|from| from.ends_with(&format!("/{below}")));
    if resolved.is_none() {
        package.insert("resolved".to_owned(), format!("{NOWHERE}/{below}").into());
    }
    Ok(Some(Package { integrity, path: is_registry.then_some(below), resolved }))
}

/// Returns whether a package may be installed on Linux.
fn is_for_linux(package: &Map<String, Value>) -> bool {
    let Some(systems) = package.get("os").and_then(Value::as_array) else { return true };
    let mut systems = systems.iter().filter_map(Value::as_str).peekable();
    let all_but = systems.peek().is_some_and(|system| system.starts_with('!'));
    let named = systems.any(|system| system.trim_start_matches('!') == "linux");
    named != all_but
}

/// Returns whether a text is safe as a name, with or without a scope: it becomes a part of a URL.
fn is_name(name: &str) -> bool {
    let parts: Vec<&str> = match name.strip_prefix('@') {
        Some(scoped) => scoped.split('/').collect(),
        None => vec![name],
    };
    let n_parts = if name.starts_with('@') { 2 } else { 1 };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_part =
        |part: &&str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    name.len() <= 214 && parts.len() == n_parts && parts.iter().all(is_part)
}

fn is_version(version: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte);
    let starts = version.starts_with(|c: char| c.is_ascii_digit());
    starts && version.len() <= 128 && version.bytes().all(plain)
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";

    fn told(bytes: &[u8]) -> String {
        match parse(&Lockfile { path: "package-lock.json", bytes }) {
            Ok(lock) => {
                let line = |package: &Package| {
                    format!("{:?} {:?}", package.path, package.resolved).replace("Some", "")
                };
                lock.packages.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(packages: &str, expected: &str) {
        let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{\"\": {{}}, {packages}}}}}");
        assert_eq!(told(text.as_bytes()), expected);
    }

    fn package(place: &str, rest: &str) -> String {
        format!("\"{place}\": {{\"version\": \"1.0.0\", \"integrity\": \"{HASH}\" {rest}}}")
    }

    #[test]
    fn packages_of_registries_and_other_files_are_told_apart() {
        check(&package("node_modules/bit", ""), "(\"bit/-/bit-1.0.0.tgz\") None");
        let url = "https://r.example.org/npm/@a/bit/-/bit-1.0.0.tgz";
        let resolved = format!(", \"resolved\": \"{url}\"");
        let inner = package("node_modules/x/node_modules/@a/bit", &resolved);
        check(&inner, &format!("(\"@a/bit/-/bit-1.0.0.tgz\") (\"{url}\")"));
        check(&package("node_modules/other", &resolved), &format!("None (\"{url}\")"));
        let alias = package("node_modules/other", ", \"name\": \"bit\"");
        check(&alias, "(\"bit/-/bit-1.0.0.tgz\") None");
    }

    #[test]
    fn what_is_not_fetched_is_passed_over() {
        check(&package("packages/own", ""), "");
        check(&package("node_modules/bit", ", \"link\": true"), "");
        check(&package("node_modules/bit", ", \"inBundle\": true"), "");
        check(&package("node_modules/bit", ", \"resolved\": \"file:bit.tgz\""), "");
        check(&package("node_modules/bit", ", \"optional\": true, \"os\": [\"darwin\"]"), "");
        check(&package("node_modules/bit", ", \"optional\": true, \"os\": [\"!linux\"]"), "");
        let here = "(\"bit/-/bit-1.0.0.tgz\") None";
        check(&package("node_modules/bit", ", \"optional\": true, \"os\": [\"!win32\"]"), here);
        check(&package("node_modules/bit", ", \"optional\": true, \"os\": [\"linux\"]"), here);
        check(&package("node_modules/bit", ", \"os\": [\"darwin\"]"), here);
    }

    #[test]
    fn hostile_lock_files_have_one_clear_error() {
        let start = "`package-lock.json`";
        let here = "`package-lock.json:1`";
        let named = |name: &str| format!("{here} names a package `{name}` that npm has not");
        for name in ["../../etc", "@a/../b", "..", "@a", "a b", "@/a", "a?x"] {
            let text = package(&format!("node_modules/{name}"), "");
            check(&text, &named(&format!("{name} 1.0.0")));
        }
        let version = "\"node_modules/a\": {\"version\": \"../1\"}";
        check(version, &named("a ../1"));
        let bare = "\"node_modules/a\": {\"version\": \"1.0.0\"}";
        check(bare, &format!("{here} has no integrity for `a 1.0.0`"));
        let git = package("node_modules/a", ", \"resolved\": \"git+ssh://x\"");
        check(
            &git,
            &format!("{here} takes `a 1.0.0` from `git+ssh://x`, which is no file of a server"),
        );
        // Of two the last counts, as for npm; what only looks like it is passed over.
        let many =
            format!("\n\"node_modules/a\": {{}},\n{bare},\n\"b\": {{\"x\": \"node_modules/a\"}}");
        check(&many, "`package-lock.json:3` has no integrity for `a 1.0.0`");
        check(
            "\"node_modules/a\": 3",
            &format!("{start} is no lock file of npm: `node_modules/a` is no package"),
        );
        let old = "{\"lockfileVersion\": 1, \"dependencies\": {}}";
        assert_eq!(told(old.as_bytes()), format!("{start} has the version 1, kiln knows 2 and 3"));
        for bad in [&b"\xff\xfe"[..], b"", b"<html>", b"[]", b"{}", b"{\"lockfileVersion\":3}"] {
            assert!(told(bad).starts_with(&format!("{start} is no lock file of npm: ")));
        }
        let deep = format!("{{\"lockfileVersion\": 3, \"packages\": {}", "[".repeat(1 << 20));
        assert!(told(deep.as_bytes()).starts_with(&format!("{start} is no lock file of npm: ")));
        let many: Vec<String> = (0..=MAX_PACKAGES).map(|n| format!("\"{n}\": {{}}")).collect();
        check(&many.join(","), &format!("{start} names more than 100000 packages"));
    }

    #[test]
    fn the_whole_text_has_a_url_for_every_package() {
        let text = format!(
            "{{\"lockfileVersion\": 2, \"packages\": {{{}}}, \"dependencies\": {{}}}}",
            package("node_modules/bit", "")
        );
        let lock = parse(&Lockfile { path: "a", bytes: text.as_bytes() }).unwrap();
        assert!(
            lock.whole.contains("\"resolved\": \"https://registry.invalid/bit/-/bit-1.0.0.tgz\"")
        );
        assert!(!lock.whole.contains("dependencies"));
    }
}
