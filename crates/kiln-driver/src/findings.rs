//! Findings as editors take them: the diagnostics of the language server protocol.

use std::path::Path;

use kiln_diag::{Diagnostic, FileId, Label, Span, Texts};
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
    json!({
        "range": place.unwrap_or_else(|| json!({ "start": zero, "end": zero })),
        "severity": if finding.is_error() { 1 } else { 2 },
        "code": finding.code.to_string(),
        "source": "kiln",
        "message": finding.message,
        "relatedInformation": related,
        "data": {
            "label": finding.primary.as_ref().map(|label| label.text.clone()),
            "help": finding.help,
            "explain": format!("kiln explain {}", finding.code),
            "edits": edits,
        },
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
        None => format!("{}/{}", folder_uri(root), encoded(name)),
    }
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
    }
}
