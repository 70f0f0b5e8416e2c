//! What a `Cargo.lock` says, in each of its four versions.

use std::collections::{BTreeMap, BTreeSet};

use kiln_digest::Digest;
use kiln_ir::ObjectId;
use kiln_source::Lockfile;
use serde::Deserialize;

use crate::CargoError;

/// More packages than this are refused.
const MAX_PACKAGES: usize = 50_000;
/// Names and versions that are longer are refused, in bytes.
const MAX_NAME: usize = 128;
/// The newest version of the form that is known.
const NEWEST: i64 = 4;

/// A package of a lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) origin: Origin,
    /// Indices of the packages that it may use.
    pub(crate) uses: Vec<usize>,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The workspace itself, or a folder beside it.
    Path,
    Registry {
        /// As cargo names it in its configuration: `registry+URL` or `sparse+URL`.
        index: String,
        sha256: [u8; 32],
    },
    Git(Repository),
}

/// A repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repository {
    pub(crate) url: String,
    /// `branch`, `tag` or `rev`, and which one.
    pub(crate) reference: Option<(String, String)>,
    pub(crate) commit: ObjectId,
}

#[derive(Deserialize)]
struct Written {
    version: Option<i64>,
    root: Option<WrittenPackage>,
    #[serde(default)]
    package: Vec<WrittenPackage>,
    #[serde(default)]
    metadata: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct WrittenPackage {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    /// The path of the lock file, with the line at which the package begins, where that can be told.
    #[serde(skip)]
    at: String,
}

/// Reads a lock file; its packages are in order of name, version and source.
pub(crate) fn parse(lockfile: &Lockfile<'_>) -> Result<Vec<Package>, CargoError> {
    let path = lockfile.path.to_owned();
    let syntax = |cause| CargoError::Syntax { path: path.clone(), cause };
    let text = std::str::from_utf8(lockfile.bytes).map_err(|cause| syntax(cause.into()))?;
    let read = toml::from_str(text).map_err(|cause| syntax(plain(text, &cause).into()));
    let mut written: Written = read?;
    let version = written.version.unwrap_or(1);
    if !(1..=NEWEST).contains(&version) {
        return Err(CargoError::Version { path, found: version });
    }
    place(&mut written.package, &path, text);
    if let Some(root) = written.root.take() {
        written.package.push(WrittenPackage { at: path.clone(), ..root });
    }
    if written.package.is_empty() {
        return Err(syntax("it has no package".into()));
    }
    if written.package.len() > MAX_PACKAGES {
        return Err(CargoError::TooMany { path, limit: MAX_PACKAGES });
    }
    written
        .package
        .sort_by(|a, b| (&a.name, &a.version, &a.source).cmp(&(&b.name, &b.version, &b.source)));
    let mut packages = Vec::with_capacity(written.package.len());
    let mut seen = BTreeSet::new();
    for package in &written.package {
        if !is_name(&package.name) || !is_version(&package.version) {
            let named = shortened(&format!("{} {}", package.name, package.version));
            return Err(CargoError::BadName { path: package.at.clone(), named });
        }
        if !seen.insert((&package.name, &package.version, &package.source)) {
            return Err(CargoError::Twice { path: package.at.clone(), named: named(package) });
        }
        let origin = origin(package, version, &written.metadata)?;
        let (name, version) = (package.name.clone(), package.version.clone());
        packages.push(Package { name, version, origin, uses: Vec::new() });
    }
    let uses = Uses::of(&written.package);
    for (package, written) in packages.iter_mut().zip(&written.package) {
        for need in &written.dependencies {
            let found = uses.find(need);
            if found.is_empty() {
                let (path, named, need) = (written.at.clone(), named(written), shortened(need));
                return Err(CargoError::NoPackage { path, named, need });
            }
            package.uses.extend(found);
        }
    }
    Ok(packages)
}

/// Notes where packages begin.
fn place(packages: &mut [WrittenPackage], path: &str, text: &str) {
    let heads = text.lines().enumerate().filter(|(_, line)| line.trim_end() == "[[package]]");
    let lines: Vec<usize> = heads.map(|(ix, _)| ix + 1).collect();
    let n_packages = packages.len();
    for (ix, package) in packages.iter_mut().enumerate() {
        package.at = match lines.get(ix).filter(|_| lines.len() == n_packages) {
            Some(line) => format!("{path}:{line}"),
            None => path.to_owned(),
        };
    }
}

/// Returns what is wrong with a text, without the text: it may be anybody's.
fn plain(text: &str, cause: &toml::de::Error) -> String {
    let before = cause.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message: String = cause.message().chars().take(200).collect();
    format!("line {line}: {}", message.escape_debug())
}

fn named(package: &WrittenPackage) -> String {
    format!("{} {}", package.name, package.version)
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

/// Returns whether a text is safe as the name of a crate: it becomes a part of a path and of a URL.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(plain)
}

/// Returns whether a text is safe as a version.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte);
    let starts = text.starts_with(|c: char| c.is_ascii_digit());
    starts && text.len() <= MAX_NAME && text.bytes().all(plain)
}

/// Finds out where a package comes from.
fn origin(
    package: &WrittenPackage,
    version: i64,
    metadata: &BTreeMap<String, toml::Value>,
) -> Result<Origin, CargoError> {
    let Some(source) = &package.source else {
        return Ok(Origin::Path);
    };
    let bad = || CargoError::BadOrigin {
        path: package.at.clone(),
        named: named(package),
        origin: shortened(source),
    };
    if let Some(repository) = source.strip_prefix("git+") {
        return self::repository(repository, version).map(Origin::Git).ok_or_else(bad);
    }
    let url = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
    if url.is_none_or(|url| !is_url(url)) {
        return Err(bad());
    }
    // The first version of the form has all checksums at the end.
    let key = format!("checksum {} {} ({source})", package.name, package.version);
    let old = metadata.get(&key).and_then(toml::Value::as_str);
    let sha256 = package.checksum.as_deref().or(old).and_then(|hex| Digest::from_hex(hex, 0));
    let none = || CargoError::NoChecksum { path: package.at.clone(), named: named(package) };
    Ok(Origin::Registry { index: source.clone(), sha256: sha256.ok_or_else(none)?.hash })
}

fn is_url(text: &str) -> bool {
    text.contains("://") && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads `URL?branch=NAME#COMMIT`.
fn repository(text: &str, version: i64) -> Option<Repository> {
    let (place, commit) = text.rsplit_once('#')?;
    let (url, query) =
        place.split_once('?').map_or((place, None), |(url, query)| (url, Some(query)));
    let reference = match query {
        None => None,
        Some(query) => {
            let (what, value) = query.split_once('=')?;
            matches!(what, "branch" | "tag" | "rev").then_some(())?;
            let value = if version >= 4 { decoded(value)? } else { value.to_owned() };
            Some((what.to_owned(), value))
        }
    };
    let commit = ObjectId::parse(commit).ok()?;
    is_url(url).then(|| Repository { url: url.to_owned(), reference, commit })
}

/// Replaces `%XX` by its byte and `+` by a space, as in the query of a URL.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'%' => {
                let hex = str::from_utf8(after.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(hex, 16).ok()?);
                rest = &after[2..];
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Packages by name, to find those that are needed.
struct Uses<'a>(BTreeMap<&'a str, Vec<(usize, &'a WrittenPackage)>>);

impl<'a> Uses<'a> {
    fn of(packages: &'a [WrittenPackage]) -> Self {
        let mut by_name = BTreeMap::new();
        for (ix, package) in packages.iter().enumerate() {
            let named: &mut Vec<_> = by_name.entry(package.name.as_str()).or_default();
            named.push((ix, package));
        }
        Self(by_name)
    }

    /// Finds the packages that `NAME`, `NAME VERSION` or `NAME VERSION (SOURCE)` may stand for.
    fn find(&self, need: &str) -> Vec<usize> {
        let mut words = need.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let source = words.next().map(|word| word.trim_matches(['(', ')']));
        let fits = |package: &WrittenPackage| {
            // A git source of a need may lack the commit.
            let same =
                |source: &str| package.source.as_deref().is_some_and(|own| own.starts_with(source));
            version.is_none_or(|version| package.version == version) && source.is_none_or(same)
        };
        let named = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        named.iter().filter(|(_, package)| fits(package)).map(|(ix, _)| *ix).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "bef38d45163c2f1dde094a7dfd33ccf595c92905c8f8f4fdc18d06fb1037718a";

    fn told(text: &[u8]) -> String {
        match parse(&Lockfile { path: "Cargo.lock", bytes: text }) {
            Ok(packages) => {
                let line = |package: &Package| {
                    let Package { name, version, origin, uses } = package;
                    let origin = match origin {
                        Origin::Path => "path".to_owned(),
                        Origin::Registry { index, .. } => index.clone(),
                        Origin::Git(Repository { url, reference, .. }) => {
                            let reference = reference.as_ref();
                            let reference = reference.map(|(what, name)| format!(" {what} {name}"));
                            format!("{url}{}", reference.unwrap_or_default())
                        }
                    };
                    format!("{name} {version} {origin} {uses:?}")
                };
                packages.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(told(text.as_bytes()), expected);
    }

    fn package(name: &str, rest: &str) -> String {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{rest}\n")
    }

    const REGISTRY: &str = "source = \"registry+https://r.example.org/index\"";

    #[test]
    fn each_version_of_the_form_is_read() {
        let of = |head: &str, need: &str, checksum: &str| {
            let app = package("app", &format!("dependencies = [\"{need}\"]"));
            let bit = package("bit", &format!("{REGISTRY}\n{checksum}"));
            format!("{head}{app}{bit}")
        };
        let expected = "app 1.0.0 path [1]\nbit 1.0.0 registry+https://r.example.org/index []";
        let checksum = format!("checksum = \"{SHA}\"");
        check(&of("", "bit", &checksum), expected);
        check(&of("version = 3\n", "bit", &checksum), expected);
        check(&of("version = 4\n", "bit 1.0.0", &checksum), expected);
        let source = "bit 1.0.0 (registry+https://r.example.org/index)";
        let old = of("", source, "");
        check(&format!("{old}[metadata]\n\"checksum {source}\" = \"{SHA}\"\n"), expected);
        check(
            &of("version = 5\n", "bit", &checksum),
            "`Cargo.lock` has the version 5, kiln knows those up to 4",
        );
    }

    #[test]
    fn git_repositories_have_a_commit() {
        let commit = "7".repeat(40);
        let of = |version: i64, source: &str| {
            let bit = package("bit", &format!("source = \"git+{source}\""));
            format!("version = {version}\n{bit}")
        };
        let url = "https://r.example.org/bit";
        check(&of(3, &format!("{url}#{commit}")), &format!("bit 1.0.0 {url} []"));
        check(
            &of(4, &format!("{url}?branch=a%2Fb#{commit}")),
            &format!("bit 1.0.0 {url} branch a/b []"),
        );
        check(
            &of(3, &format!("{url}?branch=a%2Fb#{commit}")),
            &format!("bit 1.0.0 {url} branch a%2Fb []"),
        );
        for bad in [url.to_owned(), format!("{url}?x=y#{commit}"), format!("{url}#main")] {
            let said = format!(
                "`Cargo.lock:2` takes `bit 1.0.0` from `git+{bad}`, which is no source that kiln knows"
            );
            check(&of(4, &bad), &said);
        }
    }

    #[test]
    fn hostile_lock_files_have_one_clear_error() {
        let registry = format!("{REGISTRY}\nchecksum = \"{SHA}\"");
        let named =
            |name: &str| format!("`Cargo.lock:1` names a package `{name}` that no crate can be");
        check(&package("../../etc", &registry), &named("../../etc 1.0.0"));
        check(&package("a\\u001b[2J", &registry), &named("a\\u{1b}[2J 1.0.0"));
        check(&package("", &registry), &named(" 1.0.0"));
        let long = "a".repeat(1000);
        check(&package(&long, &registry), &named(&long[..MAX_NAME]));
        let version = "[[package]]\nname = \"a\"\nversion = \"../x\"\n";
        check(version, &named("a ../x"));
        let twice = package("a", &registry).repeat(2);
        check(&twice, "`Cargo.lock:6` names `a 1.0.0` twice");
        check(&package("a", REGISTRY), "`Cargo.lock:1` has no sha256 for `a 1.0.0`");
        let wrong = format!("{REGISTRY}\nchecksum = \"{}\"", &SHA[1..]);
        check(&package("a", &wrong), "`Cargo.lock:1` has no sha256 for `a 1.0.0`");
        let ftp = "source = \"directory+file:///etc\"";
        check(
            &package("a", ftp),
            "`Cargo.lock:1` takes `a 1.0.0` from `directory+file:///etc`, which is no source that kiln knows",
        );
        for bad in [&b"\xff\xfe"[..], b"", b"<html>", b"package = 3", b"[[package]]\nname = 3"] {
            assert_eq!(told(bad), "`Cargo.lock` is no lock file of cargo");
        }
    }

    #[test]
    fn large_lock_files_are_read_or_refused_and_cycles_do_no_harm() {
        let cycle = |from: &str, to: &str| package(from, &format!("dependencies = [\"{to}\"]"));
        let both = format!("{}{}", cycle("a", "b"), cycle("b", "a"));
        check(&both, "a 1.0.0 path [1]\nb 1.0.0 path [0]");
        let many: String = (0..=MAX_PACKAGES).map(|n| package(&format!("a{n}"), "")).collect();
        check(&many, "`Cargo.lock` names more than 50000 packages");
        let deep = format!("package = {}", "[".repeat(1 << 20));
        check(&deep, "`Cargo.lock` is no lock file of cargo");
        let lost = package("a", "dependencies = [\"b\"]");
        check(&lost, "`Cargo.lock:1` says that `a 1.0.0` needs `b`, which it does not name");
        let long = format!("# {}\n{}", "x".repeat(10 << 20), package("a", ""));
        check(&long, "a 1.0.0 path []");
    }
}
