//! Names that mean nothing where they stand, and something in another file of the project.

use kiln_diag::{Code, Diagnostic, Span, Texts};
use kiln_syntax::ast::{Entry, KeyPart};
use kiln_syntax::parse;

use crate::PROJECT_FILE;
use crate::files::parts_of;

const UNDEFINED: Code = Code(101);
/// What somebody asks.
const EXPRESSION: &str = "<expression>";
/// So many places of one name are told.
const MAX_PLACES: usize = 3;

/// Helps with names that are not defined: the members of other files that are called so are named in full.
///
/// Texts are only read again when there is such a finding without any help.
pub fn say_where(findings: &mut [Diagnostic], texts: &Texts) {
    for finding in findings.iter_mut() {
        let is_helpless =
            finding.code == UNDEFINED && finding.help.is_none() && finding.edits.is_empty();
        let Some((name, span)) = is_helpless.then(|| written(finding, texts)).flatten() else {
            continue;
        };
        let mut places = places(name, texts);
        places.truncate(MAX_PLACES);
        let said: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        finding.help = match &places[..] {
            [] => None,
            _ => Some(format!("it is in another file: write {}", said.join(" or "))),
        };
        if let [place] = &places[..] {
            finding.edits.push(kiln_diag::Edit { span, text: place.clone() });
        }
    }
}

/// Returns the name that a finding of the project, or of what is asked of it, is about.
fn written<'a>(finding: &Diagnostic, texts: &'a Texts) -> Option<(&'a str, Span)> {
    let span = finding.primary.as_ref()?.span;
    let text = texts.get(span.file).filter(|text| is_own(&text.name) || text.name == EXPRESSION)?;
    Some((text.text.get(span.start as usize..span.end as usize)?, span))
}

/// Answers whether a text is a file of the project itself, not of an input or the standard library.
fn is_own(name: &str) -> bool {
    name.strip_suffix(".kiln").is_some()
        && !name.starts_with(['<', '/', '.'])
        && !name.contains("//")
}

/// Returns the full names of the members of files that are called so.
fn places(name: &str, texts: &Texts) -> Vec<String> {
    let mut places = Vec::new();
    for (file, text) in texts.iter() {
        if !is_own(&text.name) || text.name == PROJECT_FILE {
            continue;
        }
        let parts = parts_of(&text.name);
        if parts.len() > 1 && parts.last().is_some_and(|last| last == name) {
            places.push(parts.join("."));
        }
        if !text.text.contains(name) {
            continue;
        }
        let parse = parse(file, &text.text);
        let is_so = |entry: &Entry| {
            matches!(entry, Entry::Field(field)
                if matches!(field.key.first(), Some(KeyPart::Name(key)) if key.text.as_ref() == name))
        };
        if parse.ast.entries.iter().any(is_so) {
            places.push(format!("{}.{name}", parts.join(".")));
        }
    }
    places
}
