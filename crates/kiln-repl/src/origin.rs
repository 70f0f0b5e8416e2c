//! Whose body a layer is, as text and as JSON.

use kiln_diag::{Span, Texts};
use kiln_eval::Origin;
use serde_json::{Value as Json, json};

/// Characters of an expression that names a mixin.
const LONGEST: usize = 60;

/// Tells whose body it is.
pub(crate) fn origin_text(origin: &Origin, texts: &Texts) -> String {
    match origin {
        Origin::Stdlib(stem) => format!("stdlib `{stem}`"),
        Origin::Default(kind) => format!("default of the project for `{kind}`"),
        Origin::Kind(kind) => format!("kind `{kind}`"),
        Origin::Mixin { applied, by: _ } => format!("mixin `{}`", written(*applied, texts)),
        Origin::Copied { applied, by: _ } => format!("copy of `{}`", written(*applied, texts)),
        Origin::Element(name) if name.is_empty() => "an element without a name".to_owned(),
        Origin::Element(name) => format!("element `{name}`"),
        Origin::Record => "a record".to_owned(),
        Origin::File => "a file".to_owned(),
        Origin::Project => "`project.kiln`".to_owned(),
        Origin::Folder => "a file or folder".to_owned(),
        Origin::Instance => "an amend of the project".to_owned(),
        Origin::CommandLine => "`-o` of the command line".to_owned(),
        Origin::Argument => "an argument".to_owned(),
    }
}

/// Returns what stands in a span, on one line and not too long.
fn written(span: Span, texts: &Texts) -> String {
    let text =
        texts.get(span.file).and_then(|text| text.text.get(span.start as usize..span.end as usize));
    let words: Vec<&str> = text.unwrap_or_default().split_whitespace().collect();
    let line = words.join(" ");
    let mut chars = line.chars();
    let short: String = chars.by_ref().take(LONGEST).collect();
    if chars.next().is_some() { short + " …" } else { line }
}

/// Tells whose body brings what is no body of its own.
pub(crate) fn applied_text(origin: &Origin, texts: &Texts) -> String {
    let (Origin::Mixin { applied, by } | Origin::Copied { applied, by }) = origin else {
        return String::new();
    };
    format!("       applied by {} at {}\n", origin_text(by, texts), texts.place(*applied))
}

/// The same for programs.
pub(crate) fn applied_json(origin: &Origin, texts: &Texts) -> Json {
    let (Origin::Mixin { applied, by } | Origin::Copied { applied, by }) = origin else {
        return Json::Null;
    };
    json!({ "by": origin_text(by, texts), "at": texts.place(*applied) })
}
