//! Sources and patches of an element.

use crate::field::Reader;
use kiln_diag::{Code, Diagnostic};
use kiln_eval::{Value, git_key};
use kiln_ir::{Patch, PlacedSource, Source, Vendored};

/// Lowers the sources by target folder, in byte order of the folders.
pub(crate) fn lower_sources(reader: &mut Reader<'_>) -> Vec<PlacedSource> {
    let Some(Value::Record(fields)) = reader.value("sources") else { return Vec::new() };
    // Kept for every element: no room is left over.
    let mut placed = Vec::with_capacity(fields.len());
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
            let exclude = exclude.unwrap_or_default();
            let Some(Value::Bool(with_ignored)) = source.field("with-ignored") else { return None };
            Some(Source::Local { path: path.clone(), exclude, with_ignored: *with_ignored })
        }
        "Tar" => {
            let Archive { url, strip, subdir, sha256 } = lower_archive(reader, source)?;
            Some(Source::Tar { url, strip, subdir, sha256 })
        }
        "Zip" => {
            let Archive { url, strip, subdir, sha256 } = lower_archive(reader, source)?;
            Some(Source::Zip { url, strip, subdir, sha256 })
        }
        "File" => lower_file(reader, source),
        "Git" => git(source),
        "Deb" => Some(Source::Deb { url: text(source, "url")?, sha256: text(source, "sha256") }),
        "Dsc" => Some(Source::Dsc { url: text(source, "url")?, sha256: text(source, "sha256") }),
        "Crates" => lower_vendored(reader, source, "lockfile").map(Source::Crates),
        "Pypi" => lower_vendored(reader, source, "lockfile").map(Source::Pypi),
        "Npm" => lower_vendored(reader, source, "lockfile").map(Source::Npm),
        "GoModules" => lower_vendored(reader, source, "sumfile").map(Source::GoModules),
        "OciImage" => lower_image(reader, source),
        kind => {
            let message = format!("sources of kind `{kind}` are not supported yet");
            reader.report(Diagnostic::error(Code(510), message).at(source.span, "the source"));
            None
        }
    }
}

/// Returns the source of an input as the lock knows it; none if a field of it cannot be as it is.
pub fn input_source(source: &kiln_eval::Source) -> Option<Source> {
    if source.kind == "Git" {
        return git(source);
    }
    if source.kind == "Local" {
        let Some(Value::Path(path)) = source.field("path") else { return None };
        let (path, exclude) = (path.clone(), Vec::new());
        return Some(Source::Local { path, exclude, with_ignored: true });
    }
    let Some(Value::Int(strip)) = source.field("strip") else { return None };
    let strip = u32::try_from(*strip).ok()?;
    let subdir = text(source, "subdir");
    if subdir.as_deref().is_some_and(|subdir| !is_relative(subdir)) {
        return None;
    }
    let (url, sha256) = (text(source, "url")?, text(source, "sha256"));
    match source.kind.as_str() {
        "Tar" => Some(Source::Tar { url, strip, subdir, sha256 }),
        "Zip" => Some(Source::Zip { url, strip, subdir, sha256 }),
        _ => None,
    }
}

/// Returns the key that the evaluation knows the version of a source by; nothing where a lock has no say in it.
pub fn version_key(source: &Source) -> Option<String> {
    let Source::Git { url, track, exclude, submodules, exclude_submodules } = source else {
        return None;
    };
    Some(git_key(url, track, exclude, *submodules, exclude_submodules))
}

/// What archives of all forms have.
struct Archive {
    url: String,
    strip: u32,
    subdir: Option<String>,
    sha256: Option<String>,
}

fn lower_archive(reader: &mut Reader<'_>, source: &kiln_eval::Source) -> Option<Archive> {
    let Some(Value::Int(strip)) = source.field("strip") else { return None };
    let Ok(strip) = u32::try_from(*strip) else {
        let help = "it counts the leading folders that are dropped: 0 or more";
        return cannot_be(reader, source, &format!("`strip` cannot be {strip}"), help);
    };
    let subdir = text(source, "subdir");
    if let Some(subdir) = subdir.as_deref().filter(|subdir| !is_relative(subdir)) {
        let help = "write a folder of the archive such as `src/lib`, without `.` and `..`";
        return cannot_be(reader, source, &format!("`subdir` cannot be `{subdir}`"), help);
    }
    Some(Archive { url: text(source, "url")?, strip, subdir, sha256: text(source, "sha256") })
}

fn lower_file(reader: &mut Reader<'_>, source: &kiln_eval::Source) -> Option<Source> {
    let url = text(source, "url")?;
    let name = text(source, "name").unwrap_or_else(|| last_part(&url).to_owned());
    if !is_relative(&name) || name.contains(['/', '\0']) {
        let help = "write the name of one file, without a folder: `name = \"file\"`";
        return cannot_be(reader, source, &format!("a file cannot be named `{name}`"), help);
    }
    let Some(Value::Bool(executable)) = source.field("executable") else { return None };
    Some(Source::File { url, name, executable: *executable, sha256: text(source, "sha256") })
}

/// Lowers a lock file of another program: a path of the project, or a text for one inside the source `of`.
fn lower_vendored(
    reader: &mut Reader<'_>,
    source: &kiln_eval::Source,
    field: &str,
) -> Option<Vendored> {
    let of = match source.field("of") {
        Some(Value::Source(of)) => Some(lower_source(reader, of)?),
        _ => None,
    };
    match (source.field(field)?, of) {
        (Value::Path(lockfile), None) => Some(Vendored { lockfile: lockfile.clone(), of: None }),
        (Value::Path(lockfile), Some(_)) => {
            let help = format!("write it as text: `{field} = \"{}\"`", last_part(lockfile));
            let message = format!("`{field}` is a path of the project, but `of` is set");
            cannot_be(reader, source, &message, &help)
        }
        (found, of) => {
            let lockfile = found.as_text()?.to_owned();
            if !is_relative(&lockfile) {
                let help = "write the path of a file of the source, without `.` and `..`";
                return cannot_be(
                    reader,
                    source,
                    &format!("`{field}` cannot be `{lockfile}`"),
                    help,
                );
            }
            match of {
                // What lies in the project is read there.
                Some(Source::Local { path, .. }) => {
                    let lockfile =
                        if path == "." { lockfile } else { format!("{path}/{lockfile}") };
                    Some(Vendored { lockfile, of: None })
                }
                Some(of) => Some(Vendored { lockfile, of: Some(Box::new(of)) }),
                None => {
                    let help =
                        format!("write `./{lockfile}` for a file of the project, or `of = source`");
                    cannot_be(reader, source, &format!("nothing says where `{lockfile}` is"), &help)
                }
            }
        }
    }
}

fn lower_image(reader: &mut Reader<'_>, source: &kiln_eval::Source) -> Option<Source> {
    let found = source.field("image")?;
    let local = matches!(found, Value::Path(_));
    let image = match found {
        Value::Path(path) => path.clone(),
        found => found.as_text()?.to_owned(),
    };
    let platform = text(source, "platform")?;
    if !matches!(platform.split('/').count(), 2 | 3) || !is_relative(&platform) {
        let help = "write the system and the cpu, such as `linux/amd64` or `linux/arm/v7`";
        return cannot_be(reader, source, &format!("`platform` cannot be `{platform}`"), help);
    }
    let (tag, sha256) = (text(source, "tag"), text(source, "sha256"));
    Some(Source::OciImage { image, local, platform, tag, sha256 })
}

/// Returns what a URL calls its file; nothing of a query.
fn last_part(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit(['/', ':']).next().unwrap_or_default()
}

fn text(source: &kiln_eval::Source, field: &str) -> Option<String> {
    source.field(field).and_then(Value::as_text).map(str::to_owned)
}

fn cannot_be<T>(
    reader: &mut Reader<'_>,
    source: &kiln_eval::Source,
    message: &str,
    help: &str,
) -> Option<T> {
    reader.report(Diagnostic::error(Code(201), message).at(source.span, "the source").help(help));
    None
}

fn git(source: &kiln_eval::Source) -> Option<Source> {
    let text = |name: &str| source.field(name)?.as_text().map(str::to_owned);
    let texts = |name: &str| source.field(name).cloned().map(crate::field::texts);
    let Some(Value::Bool(submodules)) = source.field("submodules") else { return None };
    Some(Source::Git {
        url: text("url")?,
        track: text("track")?,
        exclude: texts("exclude").unwrap_or_default(),
        submodules: *submodules,
        exclude_submodules: texts("exclude-submodules").unwrap_or_default(),
    })
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
