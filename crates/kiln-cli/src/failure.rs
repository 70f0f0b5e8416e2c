//! A failed run as text: what ran, how it ended, what it said, what to do next.

use std::time::Duration;

use kiln_console::{error_lines, failed_command, sanitise, text};
use kiln_driver::{FailureReport, RunPhase, RunRecord, Success, Usage};

/// Lines of the log that tell of errors.
const MOST_ERRORS: usize = 10;
/// Lines of a script.
const MOST_SCRIPT: usize = 40;
/// Lines at the end of the log.
const TAIL: usize = 20;

/// Returns all that is known of a failed run; `color` lets the colours of its log through.
pub(crate) fn failure_text(report: &FailureReport, color: bool) -> String {
    let mut lines =
        vec![format!("{} failed{}", report.failure.element, how(report)), String::new()];
    lines.extend(rows(&facts(report)));
    lines.extend(staged(report));
    lines.extend(script(report));
    lines.extend(heading("phases"));
    lines.extend(report.failure.run.phases.iter().map(phase_line));
    lines.push(format!("  all together: {}", usage(&report.failure.run.usage)));
    lines.extend(log(report, color));
    lines.extend(last_success(report));
    lines.extend(next(report));
    lines.join("\n") + "\n"
}

fn how(report: &FailureReport) -> String {
    let run = &report.failure.run;
    let phase = failed_phase(run).map(|(_, phase)| format!(" in phase `{}`", phase.name));
    let why = report.failure.stopped.clone().unwrap_or_else(|| text::exit(run.exit));
    format!("{}: {why}", phase.unwrap_or_default())
}

/// Returns the phase that failed with its number: the first one that did not end well.
fn failed_phase(run: &RunRecord) -> Option<(usize, &RunPhase)> {
    run.phases.iter().enumerate().find(|(_, phase)| phase.exit != Some(0))
}

fn facts(report: &FailureReport) -> Vec<(&'static str, String)> {
    let failure = &report.failure;
    let run = &failure.run;
    let host: Vec<String> =
        run.host.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let start = run.phases.first().and_then(|phase| seconds(&phase.start));
    let mut facts = vec![
        ("element", failure.element.clone()),
        ("key", failure.key.to_string()),
        ("action", run.action.to_string()),
        ("when", start.map(|start| text::date(start.as_secs())).unwrap_or_default()),
        ("host", host.join(", ")),
    ];
    if let Some((ix, phase)) = failed_phase(run) {
        let path = format!("/kiln/{ix:02}-{}", phase.name);
        let log = String::from_utf8_lossy(report.log.as_deref().unwrap_or_default());
        let command = failed_command(&path, report.script.as_deref(), &log);
        let shell = format!("/bin/sh -e {path}");
        facts.push(("command", if command == shell { String::new() } else { command }));
        facts.push(("ran", shell));
    }
    if let Some(command) = &report.command {
        facts.push(("argv", command.arguments.join(" ")));
    }
    facts.push(("in", "/build".to_owned()));
    if let Some(command) = &report.command {
        let root = command.platform.get("unixUID").is_some_and(|uid| uid == "0");
        facts.push(("as", if root { "root (uid 0)" } else { "builder (uid 1000)" }.to_owned()));
        let variables = command.environment.iter();
        facts.extend(variables.map(|(name, value)| ("env", format!("{name}={value}"))));
    }
    facts
        .push(("limits", "1,024 open files, 8 MiB of stack, no core files, no network".to_owned()));
    facts.push(("input root", run.input_root.to_string()));
    let tree = run.build_tree.map_or_else(|| "not kept".to_owned(), |tree| tree.to_string());
    facts.push(("build tree", tree));
    facts.extend(run.warnings.iter().map(|warning| ("warning", warning.clone())));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// Aligns names and values; a name that repeats is said once.
fn rows(facts: &[(&str, String)]) -> Vec<String> {
    let mut before = "";
    let mut rows = Vec::new();
    for (name, value) in facts {
        let shown = if *name == before { "" } else { name };
        rows.push(format!("  {shown:11} {}", sanitise(value, false)));
        before = name;
    }
    rows
}

/// Returns what the root is made of.
fn staged(report: &FailureReport) -> Vec<String> {
    if report.staged.is_empty() {
        return Vec::new();
    }
    let mut lines = heading("staged, lowest first").to_vec();
    lines.extend(report.staged.iter().map(|(element, key)| format!("  {} {element}", key.short())));
    lines
}

/// Returns the script of the phase that failed.
fn script(report: &FailureReport) -> Vec<String> {
    let Some(script) = &report.script else { return Vec::new() };
    let mut lines = heading("script of the phase that failed").to_vec();
    let numbered = script.lines().enumerate().take(MOST_SCRIPT);
    lines.extend(numbered.map(|(ix, line)| format!("  {}: {}", ix + 1, sanitise(line, false))));
    if script.lines().count() > MOST_SCRIPT {
        lines.push("  ...".to_owned());
    }
    lines
}

fn heading(text: &str) -> [String; 2] {
    [String::new(), text.to_owned()]
}

fn phase_line(phase: &RunPhase) -> String {
    let took = || seconds(phase.end.as_deref()?)?.checked_sub(seconds(&phase.start)?);
    let ended = phase.exit.map_or_else(|| "did not end".to_owned(), text::exit);
    let took = took().map(|took| format!(" after {}", text::duration(took)));
    let cost = phase.usage.as_ref().map(|cost| format!(", {}", usage(cost)));
    format!("  {}: {ended}{}{}", phase.name, took.unwrap_or_default(), cost.unwrap_or_default())
}

fn usage(usage: &Usage) -> String {
    let Usage {
        user_micros,
        system_micros,
        max_rss_kib,
        wall_micros: _,
        read_bytes,
        written_bytes,
    } = *usage;
    // Of a phase it is not known.
    let memory = match max_rss_kib {
        0 => String::new(),
        kib => format!("memory {}, ", text::bytes(kib.saturating_mul(1_024))),
    };
    format!(
        "CPU {}, {memory}read {}, wrote {}",
        text::duration(Duration::from_micros(user_micros.saturating_add(system_micros))),
        text::bytes(read_bytes),
        text::bytes(written_bytes),
    )
}

fn log(report: &FailureReport, color: bool) -> Vec<String> {
    let Some(log) = &report.log else {
        return heading("the log is gone from the store").to_vec();
    };
    let log = String::from_utf8_lossy(log);
    let mut shown = Vec::new();
    let errors = error_lines(&log, MOST_ERRORS);
    if !errors.is_empty() {
        shown.extend(heading("errors in the log"));
        let line = |line: &kiln_console::Line<'_>| {
            format!("  {}: {}", line.number, sanitise(line.text, color))
        };
        shown.extend(errors.iter().map(line));
    }
    let lines: Vec<&str> = log.lines().collect();
    let n_shown = lines.len().min(TAIL);
    shown.extend(heading(&format!(
        "last {n_shown} of {} lines of the log",
        text::count(lines.len())
    )));
    let tail = &lines[lines.len() - n_shown..];
    shown.extend(
        tail.iter().map(|line| format!("  | {}", sanitise(line, color)).trim_end().to_owned()),
    );
    let path = report.log_path.as_ref();
    shown.extend(
        path.map(|path| format!("  file: {}", sanitise(&path.display().to_string(), false))),
    );
    shown
}

fn last_success(report: &FailureReport) -> Vec<String> {
    let Some(Success { key, run }) = &report.success else { return Vec::new() };
    let mut lines = heading("last success").to_vec();
    let same = if *key == report.failure.key { "the same" } else { "another one" };
    lines.push(format!("  key: {key}, {same}"));
    lines.extend(run.iter().flat_map(|run| run.phases.iter().map(phase_line)));
    lines
}

fn next(report: &FailureReport) -> Vec<String> {
    let element = text::quoted(&report.failure.element);
    let mut lines = heading("next").to_vec();
    let mut add = |command: String, what: &str| lines.push(format!("  {command:40} # {what}"));
    if report.failure.run.build_tree.is_some() {
        add(format!("kiln shell --failed {element}"), "walk into the failed build");
        if let Some((ix, phase)) = failed_phase(&report.failure.run) {
            let again = format!("/bin/sh -e /kiln/{ix:02}-{}", phase.name);
            add(again, "there: the phase that failed, again");
        }
        add(format!("kiln checkout --build-tree {element} DIR"), "its build tree");
    } else {
        add(format!("kiln shell --build {element}"), "its sandbox before the first phase");
    }
    add(format!("kiln log {element}"), "all it printed");
    match report.changed_since {
        _ if report.failure.stopped.is_some() => {
            add(format!("kiln build {element}"), "run it again, perhaps with another limit");
        }
        Some(true) => add(format!("kiln build {element}"), "the project has changed since"),
        _ => add(format!("kiln build --retry-failed {element}"), "run it again"),
    }
    lines
}

/// Reads seconds with a fraction, as the phases have them.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some(Duration::new(whole.parse().ok()?, nanos.parse().unwrap_or(0)))
}
