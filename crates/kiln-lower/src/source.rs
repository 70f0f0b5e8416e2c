//! Sources and patches of an element.

use crate::field::Reader;
use kiln_diag::{Code, Diagnostic};
use kiln_eval::Value;
use kiln_ir::{Patch, PlacedSource, Source};

/// Lowers the sources by target folder, in byte order of the folders.
pub(crate) fn lower_sources(reader: &mut Reader<'_>) -> Vec<PlacedSource> {
    let Some(Value::Record(fields)) = reader.value("sources") else { return Vec::new() };
    let mut placed = Vec::new();
    for (at, value) in fields {
        if !is_clean(&at) {
            let finding = Diagnostic::error(Code(113), format!("`{at}` is no folder below /build"))
                .help("write a relative path without `.` and `..`, or `\".\"` for /build itself");
            reader.report_field("sources", finding, "a key of these sources");
            continue;
        }
        if let Value::Source(source) = value
            && let Some(source) = lower_source(reader, &source)
        {
            placed.push(PlacedSource { at, source });
        }
    }
    placed
}

/// Returns whether a key names `/build` or a folder below it.
fn is_clean(at: &str) -> bool {
    at == "." || is_relative(at)
}

fn is_relative(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Returns whether a text is a clean absolute path: `/` or `/a/b`.
pub(crate) fn is_absolute(path: &str) -> bool {
    path == "/" || path.strip_prefix('/').is_some_and(is_relative)
}

/// Lowers one source; none if it was reported.
pub(crate) fn lower_source(reader: &mut Reader<'_>, source: &kiln_eval::Source) -> Option<Source> {
    match source.kind.as_str() {
        "Local" => {
            let Some(Value::Path(path)) = source.field("path") else { return None };
            let exclude = source.field("exclude").cloned().map(crate::field::texts);
            Some(Source::Local { path: path.clone(), exclude: exclude.unwrap_or_default() })
        }
        "Tar" => {
            let url = source.field("url")?.as_text()?.to_owned();
            let sha256 = source.field("sha256").and_then(Value::as_text).map(str::to_owned);
            let Some(Value::Int(strip)) = source.field("strip") else { return None };
            let Ok(strip) = u32::try_from(*strip) else {
                let finding = Diagnostic::error(Code(201), format!("`strip` cannot be {strip}"))
                    .at(source.span, "the source")
                    .help("it counts the leading folders that are dropped: 0 or more");
                reader.report(finding);
                return None;
            };
            Some(Source::Tar { url, strip, sha256 })
        }
        kind => {
            let message = format!("sources of kind `{kind}` are not supported yet");
            let finding = Diagnostic::error(Code(510), message)
                .at(source.span, "cannot be fetched yet")
                .help("use `Tar` or `Local`");
            reader.report(finding);
            None
        }
    }
}

/// Lowers the patches, in order.
pub(crate) fn place_patches(reader: &mut Reader<'_>) -> Vec<Patch> {
    let Some(Value::List(items)) = reader.value("patches") else { return Vec::new() };
    let path = |item| match item {
        Value::Path(path) => Some(Patch { path, strip: 1 }),
        _ => None,
    };
    items.into_iter().filter_map(path).collect()
}
