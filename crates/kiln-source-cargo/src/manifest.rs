//! What the manifest of a crate says of its dependencies: which of them no build for Linux takes.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// Tables of dependencies, wherever they stand.
const TABLES: [&str; 5] = [
    "dependencies",
    "dev-dependencies",
    "dev_dependencies",
    "build-dependencies",
    "build_dependencies",
];

/// Returns the names of packages that a crate uses only where it is not built for Linux.
pub(crate) fn elsewhere(manifest: &str) -> BTreeSet<String> {
    let Ok(manifest) = manifest.parse::<Table>() else {
        return BTreeSet::new();
    };
    let mut here = BTreeSet::new();
    let mut elsewhere = BTreeSet::new();
    names(&manifest, &mut here);
    let targets = manifest.get("target").and_then(Value::as_table);
    for (target, tables) in targets.into_iter().flatten() {
        let Some(tables) = tables.as_table() else { continue };
        let set = if never_on_linux(target) { &mut elsewhere } else { &mut here };
        names(tables, set);
    }
    elsewhere.retain(|name| !here.contains(name));
    elsewhere
}

/// Adds the names of the packages that are dependencies in some tables.
fn names(tables: &Table, found: &mut BTreeSet<String>) {
    let tables = TABLES.iter().filter_map(|table| tables.get(*table)?.as_table());
    for (key, dependency) in tables.flatten() {
        let renamed = dependency.get("package").and_then(Value::as_str);
        found.insert(renamed.unwrap_or(key).to_owned());
    }
}

/// Returns whether a target, a triple or `cfg(...)`, is certainly not Linux, on whatever processor.
fn never_on_linux(target: &str) -> bool {
    let target = target.trim();
    match target.strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')')) {
        Some(condition) => Condition { rest: condition }.whole() == Some(Truth::No),
        None => target.contains('-') && !target.contains("linux"),
    }
}

/// What is known of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Open,
}

/// A condition of `cfg(...)` that is read from left to right.
struct Condition<'a> {
    rest: &'a str,
}

/// Conditions deeper than this are not understood.
const MAX_DEPTH: usize = 32;

impl<'a> Condition<'a> {
    fn whole(mut self) -> Option<Truth> {
        let truth = self.read(0)?;
        self.rest.trim_start().is_empty().then_some(truth)
    }

    fn read(&mut self, depth: usize) -> Option<Truth> {
        if depth > MAX_DEPTH {
            return None;
        }
        let name = self.word()?;
        if self.takes('(') {
            let mut truths = Vec::new();
            while !self.takes(')') {
                truths.push(self.read(depth + 1)?);
                if !self.takes(',') {
                    self.takes(')').then_some(())?;
                    break;
                }
            }
            return combined(name, &truths);
        }
        if self.takes('=') {
            return Some(of_value(name, self.text()?));
        }
        Some(match name {
            "unix" | "true" => Truth::Yes,
            "windows" | "false" => Truth::No,
            _ => Truth::Open,
        })
    }

    fn word(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let (word, rest) = text.split_at(text.find(is_end).unwrap_or(text.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn text(&mut self) -> Option<&'a str> {
        let (text, rest) = self.rest.trim_start().strip_prefix('"')?.split_once('"')?;
        self.rest = rest;
        Some(text)
    }

    fn takes(&mut self, mark: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

/// Returns the truth of `all(...)`, `any(...)` and `not(...)`.
fn combined(name: &str, truths: &[Truth]) -> Option<Truth> {
    let strongest = |strong, weak| {
        if truths.contains(&strong) {
            strong
        } else if truths.contains(&Truth::Open) {
            Truth::Open
        } else {
            weak
        }
    };
    match (name, truths) {
        ("all", _) => Some(strongest(Truth::No, Truth::Yes)),
        ("any", _) => Some(strongest(Truth::Yes, Truth::No)),
        ("not", [Truth::Yes]) => Some(Truth::No),
        ("not", [Truth::No]) => Some(Truth::Yes),
        ("not", [Truth::Open]) => Some(Truth::Open),
        _ => None,
    }
}

/// Returns the truth of `name = "value"` on Linux.
fn of_value(name: &str, value: &str) -> Truth {
    let own = match name {
        "target_os" => "linux",
        "target_family" => "unix",
        _ => return Truth::Open,
    };
    if value == own { Truth::Yes } else { Truth::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certainly_not_linux_is_known() {
        let never = [
            "cfg(windows)",
            "cfg(not(unix))",
            "cfg(target_os = \"macos\")",
            "cfg( any( windows , target_os=\"ios\", ) )",
            "cfg(all(unix, target_os = \"redox\"))",
            "cfg(all(target_arch = \"wasm32\", not(target_os = \"linux\")))",
            "x86_64-pc-windows-gnu",
            "wasm32-unknown-unknown",
        ];
        for target in never {
            assert!(never_on_linux(target), "{target}");
        }
    }

    #[test]
    fn what_may_be_linux_or_is_not_understood_is_kept() {
        let deep = format!("cfg({}windows{})", "not(".repeat(100), ")".repeat(100));
        let maybe = [
            "cfg(unix)",
            "cfg(not(windows))",
            "cfg(target_arch = \"wasm32\")",
            "cfg(any(windows, feature = \"x\"))",
            "cfg(not(any(windows, loom)))",
            "cfg(windows",
            "cfg(all(windows)",
            "cfg(some(windows))",
            "cfg(not(windows, unix))",
            "cfg()",
            "aarch64-unknown-linux-gnu",
            "custom",
            &deep,
        ];
        for target in maybe {
            assert!(!never_on_linux(target), "{target}");
        }
    }

    #[test]
    fn a_package_that_is_used_here_too_is_not_elsewhere() {
        let manifest = r#"
            [dependencies]
            both = "1"
            [target.'cfg(windows)'.dependencies]
            both = "1"
            gone = "1"
            alias = { package = "renamed", version = "1" }
            [target.'cfg(windows)'.build-dependencies]
            tool = "1"
            [target.'cfg(unix)'.dependencies]
            tool = "1"
        "#;
        let found: Vec<String> = elsewhere(manifest).into_iter().collect();
        assert_eq!(found, ["gone", "renamed"]);
        assert!(elsewhere("[[[").is_empty());
    }
}
