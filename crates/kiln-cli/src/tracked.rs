//! A new lock as text: what became of its entries, and what that makes anew.

use kiln_console::{sanitise, text};
use kiln_driver::{Change, Entry, PackageChange, Rebuilds, Tracked};

/// Packages of a base that are named.
const MOST_PACKAGES: usize = 20;
/// Elements that are named.
const MOST_ELEMENTS: usize = 12;

/// Returns a line for each change, and what will be built for them.
pub(crate) fn tracked_text(tracked: &Tracked) -> String {
    let mut lines: Vec<String> = tracked.changes.iter().flat_map(change).collect();
    lines.extend(tracked.rebuilds.iter().flat_map(rebuilds));
    lines.iter().flat_map(|line| [sanitise(line, false), "\n".to_owned()]).collect()
}

fn change(change: &Change) -> Vec<String> {
    let Change { what, old, new, packages } = change;
    let (word, told) = match (old, new) {
        (None, Some(new)) => ("new    ", vec![version(new), size(None, new)]),
        (Some(old), Some(new)) => ("changed", vec![versions(old, new), size(Some(old), new)]),
        (Some(old), None) => ("gone   ", vec![version(old)]),
        (None, None) => ("same   ", Vec::new()),
    };
    let told: Vec<String> = told.into_iter().filter(|told| !told.is_empty()).collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    let mut lines = vec![format!("{word} {what}{told}")];
    lines.extend(packages.iter().take(MOST_PACKAGES).map(package));
    if packages.len() > MOST_PACKAGES {
        let more = text::count(packages.len() - MOST_PACKAGES);
        lines.push(format!("        and {more} more packages"));
    }
    lines
}

fn package(PackageChange { name, old, new }: &PackageChange) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("        {name} {old} -> {new}"),
        (None, Some(new)) => format!("        {name} {new} is new"),
        (Some(old), None) => format!("        {name} {old} is gone"),
        (None, None) => format!("        {name}"),
    }
}

fn version(entry: &Entry) -> String {
    let packages = entry.n_packages.map(|number| format!("{} packages", text::count(number)));
    packages.or_else(|| entry.version.clone()).unwrap_or_default()
}

fn versions(old: &Entry, new: &Entry) -> String {
    let (before, after) = (version(old), version(new));
    match (before == after, old.short == new.short) {
        (false, _) if before.is_empty() => after,
        (false, _) => format!("{before} -> {after}"),
        // The same name for something else: its hash tells them apart.
        (true, false) if after.is_empty() => format!("{} -> {}", old.short, new.short),
        (true, false) => format!("{after}, {} -> {}", old.short, new.short),
        (true, true) => after,
    }
}

fn size(old: Option<&Entry>, new: &Entry) -> String {
    let before = old.and_then(|old| old.size);
    match (before, new.size) {
        (Some(before), Some(after)) if before != after => {
            format!("{} -> {}", text::bytes(before), text::bytes(after))
        }
        (_, Some(after)) => text::bytes(after),
        (_, None) => String::new(),
    }
}

fn rebuilds(Rebuilds { direct, by_dependency }: &Rebuilds) -> Vec<String> {
    let n_all = direct.len() + by_dependency.len();
    if n_all == 0 {
        return vec!["builds  nothing anew".to_owned()];
    }
    let mut lines = vec![format!("builds  {} anew: {}", text::count(n_all), names(direct))];
    if !by_dependency.is_empty() {
        lines.push(format!("        and what needs them: {}", names(by_dependency)));
    }
    lines
}

fn names(names: &[String]) -> String {
    let shown = names.iter().take(MOST_ELEMENTS).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST_ELEMENTS) {
        Some(more) if more > 0 => format!("{shown} and {} more", text::count(more)),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(n_packages: usize, size: u64) -> Entry {
        let (version, short) = (None, String::new());
        Entry { version, short, size: Some(size), n_packages: Some(n_packages) }
    }

    fn package(name: &str, old: Option<&str>, new: Option<&str>) -> PackageChange {
        let owned = |version: Option<&str>| version.map(str::to_owned);
        PackageChange { name: name.to_owned(), old: owned(old), new: owned(new) }
    }

    #[test]
    fn packages_of_a_base_are_told_by_their_versions() {
        let packages = vec![
            package("gcc", Some("12.2.0-1"), Some("12.2.0-2")),
            package("libnew", None, Some("1")),
            package("libold", Some("2"), None),
        ];
        let what = "debian bookworm".to_owned();
        let (old, new) = (Some(base(10, 1_024)), Some(base(11, 2_048)));
        let changes = vec![
            Change { what: what.clone(), old: old.clone(), new, packages },
            Change { what, old, new: None, packages: Vec::new() },
        ];
        let direct = (0..14).map(|ix| format!("e{ix}")).collect();
        let rebuilds = Some(Rebuilds { direct, by_dependency: vec!["app".to_owned()] });
        let text = tracked_text(&Tracked { changes, n_same: 0, rebuilds });
        let expected = "\
changed debian bookworm (10 packages -> 11 packages, 1.0 KiB -> 2.0 KiB)
        gcc 12.2.0-1 -> 12.2.0-2
        libnew 1 is new
        libold 2 is gone
gone    debian bookworm (10 packages)
builds  15 anew: e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11 and 2 more
        and what needs them: app
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_changes_no_key_builds_nothing() {
        let change = Change {
            what: "a:b.tar".to_owned(),
            old: Some(base(1, 1)),
            new: Some(base(1, 1)),
            packages: (0..22).map(|ix| package(&ix.to_string(), None, Some("1"))).collect(),
        };
        let rebuilds = Some(Rebuilds::default());
        let text = tracked_text(&Tracked { changes: vec![change], n_same: 0, rebuilds });
        assert!(text.starts_with("changed a:b.tar (1 packages, 1 B)\n"), "{text}");
        assert!(text.ends_with("        and 2 more packages\nbuilds  nothing anew\n"), "{text}");
    }
}
