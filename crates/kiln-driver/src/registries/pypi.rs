//! The index of Python packages.

use super::{ask, base, in_home};
use crate::Environment;

/// Returns the indexes that pip asks, or else uv.
pub(super) fn mirrors(environment: &Environment) -> Vec<String> {
    let words = |name: &str| environment.variable(name).unwrap_or_default().split_whitespace();
    let mut named: Vec<String> = words("PIP_INDEX_URL").filter_map(base).collect();
    if named.is_empty() {
        let of_uv = ["UV_DEFAULT_INDEX", "UV_INDEX_URL"].iter().flat_map(|name| words(name));
        named = of_uv.filter_map(base).take(1).collect();
    }
    let mut extra: Vec<String> = words("PIP_EXTRA_INDEX_URL").filter_map(base).collect();
    let settings = settings(environment);
    if named.is_empty() {
        named.extend(setting(&settings, "index-url"));
    }
    extra.extend(setting(&settings, "extra-index-url"));
    if named.is_empty() {
        named.extend(in_home(environment, ".config/uv/uv.toml").and_then(|text| of_uv(&text)));
    }
    if named.is_empty() {
        let help =
            ["pip3", "pip"].iter().find_map(|pip| ask(environment, pip, &["install", "--help"]));
        named.extend(help.and_then(|text| default_of(&text)));
    }
    named.into_iter().chain(extra).collect()
}

/// Returns pip's settings, as pip lists them or as its own files say.
fn settings(environment: &Environment) -> String {
    let listed = ["pip3", "pip"].iter().find_map(|pip| ask(environment, pip, &["config", "list"]));
    let files = [".config/pip/pip.conf", ".pip/pip.conf"];
    let own = || files.iter().find_map(|file| in_home(environment, file));
    let of_machine = || std::fs::read_to_string("/etc/pip.conf").ok();
    listed.or_else(own).or_else(of_machine).unwrap_or_default()
}

/// Returns the last value of a setting: `global.index-url='URL'` or `index-url = URL`.
fn setting(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let named = lines.filter(|(key, _)| key.trim().rsplit('.').next() == Some(name));
    named.filter_map(|(_, value)| base(value)).next_back()
}

/// Returns the index of a configuration of uv.
fn of_uv(text: &str) -> Option<String> {
    let settings: toml::Table = text.parse().ok()?;
    let plain = settings.get("index-url").and_then(toml::Value::as_str);
    let indexes = settings.get("index").and_then(toml::Value::as_array);
    let is_default =
        |index: &&toml::Value| index.get("default").and_then(toml::Value::as_bool) == Some(true);
    let listed = indexes.and_then(|indexes| indexes.iter().find(is_default)?.get("url")?.as_str());
    plain.or(listed).and_then(base)
}

/// Returns the index that pip names as its own in its help.
fn default_of(help: &str) -> Option<String> {
    let (_, rest) = help.split_once("--index-url <url>")?;
    let rest: String = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = rest.split_once("(default ")?;
    base(rest.split_once(')')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_tells_its_index_in_many_ways() {
        let url = Some("https://py.example.org/simple".to_owned());
        let listed = "global.cert='/x'\nglobal.index-url='https://py.example.org/simple/'\n";
        assert_eq!(setting(listed, "index-url"), url);
        assert_eq!(
            setting("[global]\nindex-url = https://py.example.org/simple\n", "index-url"),
            url
        );
        assert_eq!(setting("global.extra-index-url='https://x.example.org'", "index-url"), None);
        let help = "  -i, --index-url <url>   Base URL (default\n      https://py.example.org/simple). Or\n";
        assert_eq!(default_of(help), url);
        assert_eq!(default_of("  -i, --index-url <url>  Base URL"), None);
        assert_eq!(of_uv("index-url = \"https://py.example.org/simple\""), url);
        assert_eq!(
            of_uv("[[index]]\nurl = \"https://py.example.org/simple\"\ndefault = true"),
            url
        );
    }
}
