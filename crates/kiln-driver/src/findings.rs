//! Findings as editors take them: the diagnostics of the language server protocol.

use std::path::{Path, PathBuf};

use kiln_diag::{Diagnostic, FileId, Label, Span, Texts};
use kiln_ir::Place;
use serde_json::{Value, json};

/// Returns findings as JSON: one object a file with its `uri` and `diagnostics`; positions count from 0, in UTF-16.
///
/// `data` holds the help, and the edits that it proposes where they need no decision.
pub fn findings_json(root: &Path, texts: &Texts, findings: &[Diagnostic]) -> String {
    let mut files: Vec<Value> = Vec::new();
    for of_file in findings.chunk_by(|left, right| file_of(left) == file_of(right)) {
        let shown: Vec<Value> = of_file.iter().map(|one| diagnostic(root, texts, one)).collect();
        let file = of_file.first().and_then(file_of);
        let uri = file.map_or_else(|| folder_uri(root), |file| uri(root, texts, file));
        files.push(json!({ "uri": uri, "diagnostics": shown }));
    }
    format!("{:#}\n", Value::Array(files))
}

fn diagnostic(root: &Path, texts: &Texts, finding: &Diagnostic) -> Value {
    let related: Vec<Value> = finding.secondary.iter().map(|one| label(root, texts, one)).collect();
    let edits: Vec<Value> = finding
        .edits
        .iter()
        .map(|edit| {
            json!({
                "uri": uri(root, texts, edit.span.file),
                "range": range(texts, edit.span),
                "newText": edit.text,
            })
        })
        .collect();
    let zero = json!({ "line": 0, "character": 0 });
    let place = finding.primary.as_ref().map(|label| range(texts, label.span));
    let mut data = json!({ "explain": format!("kiln explain {}", finding.code), "edits": edits });
    let label = finding.primary.as_ref().map(|label| &label.text);
    // What is not there has no key: nothing is null.
    for (key, text) in [("label", label), ("help", finding.help.as_ref())] {
        if let Some(text) = text {
            data[key] = json!(text);
        }
    }
    json!({
        "range": place.unwrap_or_else(|| json!({ "start": zero, "end": zero })),
        "severity": if finding.is_error() { 1 } else { 2 },
        "code": finding.code.to_string(),
        "codeDescription": { "href": format!("kiln:errors/{}.md", finding.code) },
        "source": "kiln",
        "message": finding.message,
        "relatedInformation": related,
        "data": data,
    })
}

fn label(root: &Path, texts: &Texts, label: &Label) -> Value {
    let location =
        json!({ "uri": uri(root, texts, label.span.file), "range": range(texts, label.span) });
    json!({ "location": location, "message": label.text })
}

fn range(texts: &Texts, span: Span) -> Value {
    let text = texts.get(span.file).map_or("", |text| &text.text);
    json!({ "start": position(text, span.start), "end": position(text, span.end) })
}

/// Returns the line and the UTF-16 unit in it of a byte, both from 0.
fn position(text: &str, at: u32) -> Value {
    let mut at = text.len().min(at as usize);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    let start = before.rfind('\n').map_or(0, |ix| ix + 1);
    json!({ "line": line, "character": before[start..].encode_utf16().count() })
}

fn uri(root: &Path, texts: &Texts, file: FileId) -> String {
    let name = texts.get(file).map_or("", |text| &text.name);
    match name.strip_prefix("<stdlib>/") {
        Some(name) => format!("kiln:stdlib/{}", encoded(name)),
        None => folder_uri(&below(root, name)),
    }
}

/// Returns the path of a text; of an input beside the project it begins with `..`.
fn below(root: &Path, name: &str) -> PathBuf {
    let mut path = root.to_owned();
    for part in name.split('/') {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path
}

fn folder_uri(root: &Path) -> String {
    format!("file://{}", encoded(&root.to_string_lossy()))
}

/// Returns a path as it stands in a URI.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value & 15)]);
            out.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
    out
}

/// Returns the span of a place that an IR names.
pub(crate) fn place_span(texts: &Texts, place: &Place) -> Option<Span> {
    let (file, _) = texts.iter().find(|(_, text)| text.name == place.file)?;
    Some(Span::new(file, place.start, place.end))
}

fn file_of(finding: &Diagnostic) -> Option<FileId> {
    finding.primary.as_ref().map(|label| label.span.file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_diag::Code;

    #[test]
    fn places_count_utf16_from_zero_and_edits_come_along() {
        let mut texts = Texts::default();
        let file = texts.add("a b.kiln", "one\n\u{1f600}\u{e9} zincb\n");
        let span = Span::new(file, 11, 16);
        let finding = Diagnostic::error(Code(101), "`zincb` is not defined")
            .at(span, "unknown")
            .help("did you mean `zinc`?")
            .edit(span, "zinc");
        let shown: Value =
            serde_json::from_str(&findings_json(Path::new("/p"), &texts, &[finding])).unwrap();
        assert_eq!(shown[0]["uri"], "file:///p/a%20b.kiln");
        let one = &shown[0]["diagnostics"][0];
        assert_eq!(one["range"]["start"], json!({ "line": 1, "character": 4 }));
        assert_eq!(one["range"]["end"], json!({ "line": 1, "character": 9 }));
        assert_eq!(one["code"], "K0101");
        assert_eq!(one["data"]["edits"][0]["newText"], "zinc");
        assert_eq!(one["data"]["label"], "unknown");
        assert_eq!(one["codeDescription"]["href"], "kiln:errors/K0101.md");
    }

    #[test]
    fn an_empty_place_at_the_end_and_one_behind_a_wide_character_count_the_same() {
        let check = |text: &str, at: u32, expected: (u32, u32)| {
            let (line, character) = expected;
            assert_eq!(position(text, at), json!({ "line": line, "character": character }));
        };
        check("", 0, (0, 0));
        check("a\n", 2, (1, 0));
        check("\u{1f600}", 4, (0, 2));
        check("\u{1f600}", 2, (0, 0));
        check("\u{10ffff}\u{e9}\r\nb", 8, (1, 0));
        check("x", 99, (0, 1));
    }

    #[test]
    fn what_is_not_there_is_left_out_and_other_folders_are_named() {
        let mut texts = Texts::default();
        let file = texts.add("../lib/a.kiln", "a\n");
        let beside = Diagnostic::warning(Code(905), "x").at(Span::new(file, 0, 1), "here");
        let nowhere = Diagnostic::error(Code(111), "there is no element `x`");
        let shown = findings_json(Path::new("/p/app"), &texts, &[nowhere, beside]);
        assert!(!shown.contains("null"), "{shown}");
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown[0]["uri"], "file:///p/app");
        assert_eq!(shown[0]["diagnostics"][0]["data"].get("help"), None);
        assert_eq!(shown[1]["uri"], "file:///p/lib/a.kiln");
        assert_eq!(shown[1]["diagnostics"][0]["severity"], 2);
    }
}
