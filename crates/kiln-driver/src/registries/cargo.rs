//! Registries of crates: cargo's configuration, and cargo itself for what nobody configured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kiln_digest::Digest;
use kiln_source::Mirrors;
use toml::{Table, Value};

use super::{CRATES, Get};
use crate::{Environment, Session};

/// Folder below the cache in which cargo is asked.
const FOLDER: &str = "registries-v1";
/// More sources than this do not replace each other.
const MAX_HOPS: usize = 16;
/// The first cargo that reads an index file by file; an older one would bring all of it.
const FIRST_SPARSE: u32 = 68;

/// Returns where files of crates are, by alias, as far as nobody set it.
pub(super) fn mirrors(
    session: &Session,
    set: &Mirrors,
    get: Get<'_>,
) -> BTreeMap<String, Vec<String>> {
    let environment = &session.environment;
    let settings = settings(environment);
    let mut found = BTreeMap::new();
    let mut look_up = |alias: String, name: Option<&str>, index: Option<String>| {
        if !set.get(&alias).is_empty() {
            return;
        }
        let sparse = index.as_deref().and_then(|index| index.strip_prefix("sparse+"));
        let said = match sparse {
            Some(url) => get(&format!("{}/config.json", url.trim_end_matches('/'))),
            None => ask(session, name),
        };
        let mirror = said.as_deref().and_then(download_url);
        found.insert(alias, mirror.into_iter().collect());
    };
    look_up(CRATES.to_owned(), None, replacement(&settings));
    for (name, index) in registries(environment) {
        look_up(alias(&name), Some(&name), Some(index));
    }
    found
}

/// Returns the alias of a registry that the user named.
pub(super) fn alias(name: &str) -> String {
    format!("{CRATES}-{}", name.to_ascii_lowercase())
}

/// Returns the indexes of the registries that the user named.
pub(super) fn registries(environment: &Environment) -> BTreeMap<String, String> {
    let settings = settings(environment);
    let tables = settings.get("registries").and_then(Value::as_table);
    let index = |value: &Value| Some(value.get("index")?.as_str()?.to_owned());
    let named = tables.into_iter().flatten();
    let mut found: BTreeMap<String, String> =
        named.filter_map(|(name, value)| Some((name.clone(), index(value)?))).collect();
    for (variable, value) in environment.variables() {
        let name = variable.strip_prefix("CARGO_REGISTRIES_");
        if let Some(name) = name.and_then(|rest| rest.strip_suffix("_INDEX")) {
            found.insert(name.to_ascii_lowercase().replace('_', "-"), value.clone());
        }
    }
    found
}

/// Returns the index that replaces the one of cargo.
fn replacement(settings: &Table) -> Option<String> {
    let mut name = "crates-io";
    for _ in 0..MAX_HOPS {
        let of = |table: &str| settings.get(table).and_then(|table| table.get(name));
        let text = |value: Option<&'_ Value>, key: &str| {
            value.and_then(|value| value.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        let next =
            of("source").and_then(|source| source.get("replace-with")).and_then(Value::as_str);
        match next {
            Some(next) => name = next,
            None => {
                return text(of("source"), "registry").or_else(|| text(of("registries"), "index"));
            }
        }
    }
    None
}

/// Reads cargo's configuration; one that cannot be read says nothing.
fn settings(environment: &Environment) -> Table {
    text(environment).parse().unwrap_or_default()
}

fn text(environment: &Environment) -> String {
    let Some(home) = home(environment) else { return String::new() };
    let read = |name: &str| fs::read_to_string(home.join(name)).ok();
    read("config.toml").or_else(|| read("config")).unwrap_or_default()
}

fn home(environment: &Environment) -> Option<PathBuf> {
    let of_user = || Some(Path::new(environment.variable("HOME")?).join(".cargo"));
    environment.variable("CARGO_HOME").map(|home| environment.cwd.join(home)).or_else(of_user)
}

/// Has cargo look for a crate that is not there, in a home of its own with the user's configuration: on the way it keeps
/// what the registry says of itself.
fn ask(session: &Session, name: Option<&str>) -> Option<Vec<u8>> {
    let environment = &session.environment;
    let cargo = environment.find_program("cargo")?;
    let version = super::ask(environment, "cargo", &["--version"])?;
    let minor = version.split(['.', ' ']).nth(2)?.parse::<u32>().ok()?;
    if minor < FIRST_SPARSE {
        return None;
    }
    let settings = text(environment);
    let id = Digest::of(format!("{name:?}\n{settings}").as_bytes()).hex();
    let folder = environment.cache().ok()?.join(FOLDER).join(format!("cargo-{id}"));
    let (home, app) = (folder.join("home"), folder.join("app"));
    fs::create_dir_all(app.join("src")).ok()?;
    fs::create_dir_all(&home).ok()?;
    let registry = name.map(|name| format!(", registry = \"{name}\"")).unwrap_or_default();
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.0.0\"\n[workspace]\n\
         [dependencies]\nkiln = {{ version = \"999999\"{registry} }}\n"
    );
    fs::write(app.join("Cargo.toml"), manifest).ok()?;
    fs::write(app.join("src/lib.rs"), "").ok()?;
    fs::write(home.join("config.toml"), settings).ok()?;
    let mut command = Command::new(cargo);
    command.args(["generate-lockfile", "--quiet"]).current_dir(&app).env("CARGO_HOME", &home);
    command.envs([
        ("CARGO_REGISTRIES_CRATES_IO_PROTOCOL", "sparse"),
        ("CARGO_NET_RETRY", "1"),
        ("CARGO_HTTP_TIMEOUT", "10"),
    ]);
    // It cannot succeed; what counts is what it leaves.
    drop(command.stdin(Stdio::null()).output());
    let indexes = fs::read_dir(home.join("registry/index")).ok()?;
    indexes.flatten().find_map(|index| fs::read(index.path().join("config.json")).ok())
}

/// Returns where the files of a registry are, by what it says of itself.
fn download_url(text: &[u8]) -> Option<String> {
    let said: serde_json::Value = serde_json::from_slice(text).ok()?;
    super::base(said.get("dl")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_registry_is_found_over_its_names() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(replacement(&text.parse().unwrap()).as_deref(), expected);
        };
        check("", None);
        let chain = "[source.crates-io]\nreplace-with = \"a\"\n[source.a]\nreplace-with = \"b\"\n";
        let index = "sparse+https://b.example.org/";
        check(&format!("{chain}[source.b]\nregistry = \"{index}\"\n"), Some(index));
        check(&format!("{chain}[registries.b]\nindex = \"{index}\"\n"), Some(index));
        check(&format!("{chain}[source.b]\ndirectory = \"vendor\"\n"), None);
        check(&format!("{chain}[source.b]\nreplace-with = \"a\"\n"), None);
    }

    #[test]
    fn a_registry_says_where_its_files_are() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(download_url(text.as_bytes()).as_deref(), expected);
        };
        let base = "https://c.example.org/crates";
        check(&format!("{{\"dl\": \"{base}\"}}"), Some(base));
        check(
            &format!("{{\"dl\": \"{base}/{{crate}}\", \"api\": null}}"),
            Some(&format!("{base}/{{crate}}")),
        );
        check("{\"dl\": \"ftp://c.example.org\"}", None);
        check("<html>", None);
        check("{\"dl\": 3}", None);
    }
}
