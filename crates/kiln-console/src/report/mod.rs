//! Diagnostics as text: `error[K0101]: what`, snippets with their places, causes, the next step.

mod snippet;

use std::error::Error;

use kiln_diag::{Diagnostic, Label, Texts};
use miette::{LabeledSpan, Severity};

use crate::sanitise::escape;
use crate::style::{Paint, Style};

/// Renders a finding about a text, with its snippets, ending with a newline.
pub fn finding(finding: &Diagnostic, texts: &Texts, style: Style) -> String {
    let severity = if finding.is_error() { Severity::Error } else { Severity::Warning };
    let mut out = head(severity, Some(&finding.code.to_string()), &finding.message, style);
    let labels: Vec<&Label> = finding.primary.iter().chain(&finding.secondary).collect();
    let mut files = Vec::new();
    for label in &labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    for file in files {
        let Some(text) = texts.get(file) else { continue };
        let here = labels.iter().filter(|label| label.span.file == file).map(|label| {
            let primary = finding.primary.as_ref().is_some_and(|first| std::ptr::eq(first, *label));
            snippet::Mark {
                start: label.span.start as usize,
                end: label.span.end as usize,
                text: label.text.clone(),
                primary,
            }
        });
        out.push_str(&snippet::render(&text.name, &text.text, here.collect(), style));
    }
    out.push_str(&tail("help", finding.help.as_deref(), Paint::Note, style));
    out
}

/// Renders findings in order, at most so many, and how many more there are.
pub fn findings(findings: &[Diagnostic], texts: &Texts, style: Style, most: usize) -> String {
    let mut blocks: Vec<String> =
        findings.iter().take(most).map(|one| finding(one, texts, style)).collect();
    if let Some(more) = findings.len().checked_sub(most).filter(|more| *more > 0) {
        blocks.push(format!("and {more} more; mend these first\n"));
    }
    blocks.join("\n")
}

/// Renders a failure of the world with its causes, ending with a newline.
pub fn failure(failure: &dyn miette::Diagnostic, style: Style) -> String {
    let severity = failure.severity().unwrap_or(Severity::Error);
    let code = failure.code().map(|code| code.to_string());
    let message = failure.to_string();
    let mut out = head(severity, code.as_deref(), &message, style);
    out.push_str(&foreign_snippets(failure, style));
    let mut said = message;
    for cause in causes(failure) {
        // A cause that its effect repeats word for word says nothing new.
        if !said.contains(&cause) {
            out.push_str(&tail("cause", Some(&cause), Paint::Faint, style));
        }
        said = cause;
    }
    out.push_str(&tail("help", help(failure).as_deref(), Paint::Note, style));
    for related in failure.related().into_iter().flatten() {
        out.push('\n');
        out.push_str(&self::failure(related, style));
    }
    out
}

fn head(severity: Severity, code: Option<&str>, message: &str, style: Style) -> String {
    let (word, paint) = match severity {
        Severity::Error => ("error", Paint::Error),
        Severity::Warning => ("warning", Paint::Warning),
        Severity::Advice => ("note", Paint::Note),
    };
    let word = match code {
        Some(code) => style.paint(paint, format_args!("{word}[{code}]")),
        None => style.paint(paint, word),
    };
    format!("{word}: {}\n", escape(message))
}

/// Renders `word: text`, further lines below the first, or nothing.
fn tail(word: &str, text: Option<&str>, paint: Paint, style: Style) -> String {
    let Some(text) = text else { return String::new() };
    let indent = format!("\n{}", " ".repeat(word.len() + 4));
    let text = escape(text.trim_end()).replace('\n', &indent);
    format!("  {}: {text}\n", style.paint(paint, word))
}

/// Returns the messages of what lies behind a failure, nearest first.
fn causes(failure: &dyn miette::Diagnostic) -> Vec<String> {
    let mut causes = Vec::new();
    let mut known: Option<&dyn miette::Diagnostic> = failure.diagnostic_source();
    let mut plain: Option<&dyn Error> = if known.is_none() { failure.source() } else { None };
    while let Some(cause) = known {
        causes.push(cause.to_string());
        known = cause.diagnostic_source();
        if known.is_none() {
            plain = cause.source();
        }
    }
    while let Some(cause) = plain {
        causes.push(cause.to_string());
        plain = cause.source();
    }
    causes
}

/// Returns the help of a failure, or of the nearest cause that has one.
fn help(failure: &dyn miette::Diagnostic) -> Option<String> {
    let mut known = Some(failure);
    while let Some(cause) = known {
        if let Some(help) = cause.help() {
            return Some(help.to_string());
        }
        known = cause.diagnostic_source();
    }
    None
}

/// Renders the snippets of a failure that brings its own source text (a lock file, a configuration).
fn foreign_snippets(failure: &dyn miette::Diagnostic, style: Style) -> String {
    let (Some(source), Some(labels)) = (failure.source_code(), failure.labels()) else {
        return String::new();
    };
    let labels: Vec<LabeledSpan> = labels.collect();
    let Some(first) = labels.first() else { return String::new() };
    // All of the text: the marks keep their offsets.
    let Ok(whole) = source.read_span(first.inner(), usize::MAX, usize::MAX) else {
        return String::new();
    };
    let shift = whole.span().offset();
    let text = String::from_utf8_lossy(whole.data()).into_owned();
    let name = whole.name().unwrap_or("<text>").to_owned();
    let marks = labels.iter().enumerate().map(|(ix, label)| snippet::Mark {
        start: label.offset().saturating_sub(shift),
        end: (label.offset() + label.len()).saturating_sub(shift),
        text: label.label().unwrap_or_default().to_owned(),
        primary: label.primary() || ix == 0,
    });
    snippet::render(&name, &text, marks.collect(), style)
}
