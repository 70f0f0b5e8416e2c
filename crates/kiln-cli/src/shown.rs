//! Elements as text: a line each, or one in full.

use std::fmt::{Display, Write as _};

use kiln_driver::{Element, ElementName, IMPURE, InFull, Row, Shown, Step};

/// Returns one line each.
pub(crate) fn lines(values: &[impl Display]) -> String {
    values.iter().flat_map(|value| [value.to_string(), "\n".to_owned()]).collect()
}

/// Returns a table of elements; one alone is shown in full.
pub(crate) fn shown_text(shown: &Shown) -> String {
    let (impure, rows) = match shown {
        Shown::InFull(one) => (one.impure, lines(&in_full(one))),
        Shown::Table(rows) => (rows.iter().any(|one| one.impure), table(rows)),
    };
    let heading = impure.then(|| format!("{IMPURE}\n"));
    heading.unwrap_or_default() + &rows
}

fn table(rows: &[Row]) -> String {
    let length = |one: &Row| one.name.as_str().chars().count();
    let width = rows.iter().map(length).max().unwrap_or(0);
    let mut text = String::new();
    for Row { name, kind, version, key, state, impure } in rows {
        let (name, version) = (name.as_str(), version.as_deref().unwrap_or(""));
        let impure = if *impure { " impure" } else { "" };
        // Writing to a text cannot fail.
        let _written =
            write!(text, "{name:width$} {} {state}{impure} {kind} {version}", key.short());
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn in_full(InFull { element, key, state, impure: _, warnings }: &InFull) -> Vec<String> {
    let names =
        |names: &[ElementName]| names.iter().map(ElementName::as_str).collect::<Vec<_>>().join(" ");
    let advice = &element.advice;
    let mut rows = vec![
        ("element", element.name.to_string()),
        ("kind", advice.kind.clone()),
        ("version", advice.version.clone().unwrap_or_default()),
        ("summary", advice.summary.clone()),
        ("key", key.to_string()),
        ("state", state.to_string()),
        ("base", element.base.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("build-deps", names(&element.build_deps)),
        ("deps", names(&element.deps)),
        ("run-deps", names(&element.run_deps)),
    ];
    rows.extend(
        element.stage_at.iter().map(|(at, of)| ("stage-at", format!("{at} {}", names(of)))),
    );
    let source = |placed: &kiln_driver::PlacedSource| format!("{} at {}", placed.source, placed.at);
    rows.extend(element.sources.iter().map(|placed| ("source", source(placed))));
    rows.extend(element.env.iter().map(|(name, value)| ("env", format!("{name}={value}"))));
    rows.extend(warnings.iter().map(|warning| ("warning", warning.clone())));
    rows.retain(|(_, value)| !value.is_empty());
    let mut lines: Vec<String> =
        rows.iter().map(|(name, value)| format!("{name:11}{value}")).collect();
    lines.extend(phases(element));
    lines
}

fn phases(element: &Element) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &element.steps {
        let Step::Run { phases } = step else { continue };
        for phase in phases {
            lines.push(format!("phase      {}", phase.name));
            lines.extend(phase.script.lines().map(|line| format!("    {line}")));
        }
    }
    lines
}
