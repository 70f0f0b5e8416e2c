//! `kiln options`: what of a project can be set from outside.

use std::path::Path;

use kiln_diag::{Code, Diagnostic, Span, Texts};
use kiln_project::{Options, ProjectOption};

use crate::inputs::Finder;
use crate::loaded::Loaded;
use crate::{Problem, Session};

/// An option as people want to see it; values as the language writes them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ShownOption {
    /// The input that declares it; none if it is the project's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    /// None if it has to be set.
    pub default: Option<String>,
    pub value: Option<String>,
    /// What its `##` comment says, without the marks.
    pub doc: String,
    /// Where it is declared: file and line.
    pub file: String,
    pub line: usize,
}

/// The options of a project and of its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownOptions {
    pub options: Vec<ShownOption>,
    /// Why those of an input are not among them.
    pub lacking: Option<String>,
}

/// Options that are not set: who asks for the options asks for these, too.
const UNSET: Code = Code(502);

/// Returns the options of the project and of its inputs with what they are now; an IR has none.
///
/// # Errors
/// When the project has mistakes. An input that is not here or has mistakes leaves out what is its own.
pub fn options(session: &Session) -> Result<ShownOptions, Problem> {
    let root = Loaded::root(session)?;
    let own = kiln_project::options(&root, &session.choices.options, None)?;
    let is_mistake = |finding: &&Diagnostic| finding.is_error() && finding.code != UNSET;
    if own.findings.iter().any(|finding| is_mistake(&finding)) {
        return Err(Problem::Findings { texts: own.texts, findings: own.findings });
    }
    let all = |found: Options| -> Vec<ShownOption> {
        let Options { texts, options, .. } = found;
        options.into_iter().map(|option| shown(option, &texts, &root)).collect()
    };
    if !own.has_inputs {
        return Ok(ShownOptions { options: all(own), lacking: None });
    }
    let finder = Finder::locked(session);
    match kiln_project::options(&root, &session.choices.options, Some(&finder)) {
        Ok(found) => {
            let lacking = found.findings.iter().find(is_mistake);
            let lacking = lacking.map(|finding| finding.message.clone());
            Ok(ShownOptions { options: all(found), lacking })
        }
        Err(error) => {
            let problem = finder.problem().unwrap_or_else(|| error.into());
            Ok(ShownOptions { options: all(own), lacking: Some(problem.to_string()) })
        }
    }
}

/// Returns options as JSON: a list of objects.
pub fn options_json(options: &[ShownOption]) -> String {
    // Texts and numbers: there is nothing that could not be written.
    serde_json::to_string_pretty(options).unwrap_or_default() + "\n"
}

fn shown(option: ProjectOption, texts: &Texts, root: &Path) -> ShownOption {
    let ProjectOption { input, name, ty, default, value, declared } = option;
    let text = texts.get(declared.file);
    let file = text.map(|text| text.name.clone()).unwrap_or_default();
    let below = Path::new(&file).strip_prefix(root).ok().and_then(Path::to_str);
    let file = below.map(str::to_owned).unwrap_or(file);
    let before = text.and_then(|text| text.text.get(..declared.start as usize)).unwrap_or("");
    ShownOption {
        input,
        name,
        ty,
        default: default.map(|value| value.to_string()),
        value: value.map(|value| value.to_string()),
        doc: doc_above(before),
        file,
        line: line_of(texts, declared),
    }
}

fn line_of(texts: &Texts, span: Span) -> usize {
    let text = texts.get(span.file).map_or("", |text| &text.text);
    1 + text.get(..span.start as usize).unwrap_or("").matches('\n').count()
}

/// Returns the documentation that ends right above the line that a text ends in.
fn doc_above(before: &str) -> String {
    let (above, _line) = before.rsplit_once('\n').unwrap_or(("", before));
    let is_doc = |line: &&str| line.starts_with("##") && !line.starts_with("##!");
    let mut lines: Vec<&str> = above.lines().rev().map(str::trim).take_while(is_doc).collect();
    lines.reverse();
    let plain = |line: &str| line.trim_start_matches('#').trim().to_owned();
    lines.into_iter().map(plain).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, doc: &str) {
        assert_eq!(doc_above(before), doc);
    }

    #[test]
    fn documentation_is_what_stands_right_above() {
        check("options {\n  ## With symbols,\n  ## and slow.\n  ", "With symbols,\nand slow.");
        check("options {\n  ## Of another.\n  other: Int = 1\n  ", "");
        check("##! Of the file.\n", "");
        check("x", "");
    }
}
