//! `kiln check`: all mistakes of a project at once, for people or for editors.

use clap::{Args, ValueEnum};
use kiln_diag::{Diagnostic, Severity};
use kiln_driver::{Session, findings_json};

use crate::arguments::Denied;
use crate::screen::Screen;

/// How findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people, on stderr.
    Text,
    /// For editors, on stdout: diagnostics as the language server protocol has them.
    Json,
}

/// What `kiln check` is told.
#[derive(Debug, Args)]
pub(crate) struct CheckWords {
    /// How to tell findings.
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    output: Form,
    /// Make errors of warnings.
    #[arg(short = 'D', long = "deny", value_enum, value_name = "NAME")]
    deny: Vec<Denied>,
}

/// Checks the project and returns the exit status.
pub(crate) fn run(session: &Session, screen: &Screen, words: &CheckWords) -> u8 {
    let checked = match kiln_driver::check(session) {
        Ok(checked) => checked,
        Err(problem) => return screen.problem(&problem),
    };
    let mut findings = checked.findings;
    if words.deny.contains(&Denied::Warnings) {
        for finding in &mut findings {
            finding.severity = Severity::Error;
        }
    }
    let n_errors = findings.iter().filter(|finding| finding.is_error()).count();
    if words.output == Form::Json {
        let written =
            screen.result(findings_json(&checked.root, &checked.texts, &findings).as_bytes());
        return if n_errors == 0 { written } else { 3 };
    }
    let mut first = true;
    for of_file in findings.chunk_by(|left, right| file_of(left) == file_of(right)) {
        if !first {
            screen.say("\n");
        }
        first = false;
        if of_file.iter().any(Diagnostic::is_error) {
            screen.findings(&checked.texts, of_file);
        } else {
            screen.lints(&checked.texts, of_file);
        }
    }
    if n_errors > 0 {
        return 3;
    }
    screen.note(&format!("kiln: {} elements, no mistakes\n", checked.n_elements));
    0
}

fn file_of(finding: &Diagnostic) -> Option<kiln_diag::FileId> {
    finding.primary.as_ref().map(|label| label.span.file)
}
