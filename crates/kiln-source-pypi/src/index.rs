//! Pages of an index: which files a project has there, and where.

use std::fs;
use std::path::Path;

use kiln_digest::Digest;
use kiln_source::{Ports, SourceError, Wanted};
use serde::Deserialize;

use crate::lockfile::Place;

/// Longer pages are not read, in bytes.
const MAX_PAGE: u64 = 256 << 20;

/// A file of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) sha256: [u8; 32],
    pub(crate) place: Place,
}

#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

/// Returns the files that each index has of a project; those of the first index come first.
pub(crate) fn files(
    alias: &str,
    project: &str,
    ports: Ports<'_>,
) -> Result<Vec<Listed>, SourceError> {
    let indexes = ports.fetcher.mirrors().get(alias).to_vec();
    let mut refusal = None;
    let mut listed = Vec::new();
    for index in &indexes {
        let base = format!("{}/{project}/", index.trim_end_matches('/'));
        let page =
            if base.starts_with("file:") { format!("{base}index.html") } else { base.clone() };
        match ports.fetcher.fetch(&Wanted::current(&page), ports.sink) {
            Ok(download) => listed.extend(read(&download.path, &base, index)),
            Err(error @ SourceError::Stopped { .. }) => return Err(error),
            Err(error) => drop(refusal.get_or_insert(error)),
        }
    }
    let url = format!("{alias}:{project}");
    match refusal {
        Some(refusal) if listed.is_empty() => Err(refusal),
        None if indexes.is_empty() && ports.fetcher.is_offline() => {
            Err(SourceError::Offline { url })
        }
        None if indexes.is_empty() => {
            Err(SourceError::UnknownAlias { alias: alias.to_owned(), url })
        }
        _ => Ok(listed),
    }
}

/// Reads a page in either of its forms; one that is none has no files.
fn read(path: &Path, base: &str, index: &str) -> Vec<Listed> {
    let is_long = fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_PAGE);
    let bytes = if is_long { Vec::new() } else { fs::read(path).unwrap_or_default() };
    let text = String::from_utf8_lossy(&bytes);
    let found = if text.trim_start().starts_with('{') { of_json(&text) } else { of_html(&text) };
    let place = |name: String, url: &str| Place {
        name,
        url: joined(base, url),
        index: Some(index.to_owned()),
    };
    let listed = |(name, url, hex): (String, String, String)| {
        let sha256 = Digest::from_hex(&hex.to_ascii_lowercase(), 0)?.hash;
        Some(Listed { sha256, place: place(name, &url) })
    };
    found.into_iter().filter_map(listed).collect()
}

/// Name, URL and sha256 of a file.
type Found = (String, String, String);

fn of_json(text: &str) -> Vec<Found> {
    let Ok(page) = serde_json::from_str::<Page>(text) else { return Vec::new() };
    let found = |mut file: PageFile| Some((file.filename, file.url, file.hashes.remove("sha256")?));
    page.files.into_iter().filter_map(found).collect()
}

/// Reads `<a href="URL#sha256=HEX">NAME</a>`.
fn of_html(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("<a ") {
        let Some((attributes, after)) = after.split_once('>') else { break };
        let Some((name, after)) = after.split_once('<') else { break };
        rest = after;
        let value = attributes.split_once("href=").map(|(_, value)| value.trim_start());
        let quote = value.and_then(|value| value.chars().next()).filter(|c| "\"'".contains(*c));
        let (Some(value), Some(quote)) = (value, quote) else { continue };
        let url = value[1..].split(quote).next().unwrap_or_default().replace("&amp;", "&");
        if let Some((url, hex)) = url.split_once("#sha256=") {
            let hex = hex.split('&').next().unwrap_or_default();
            found.push((name.trim().to_owned(), url.to_owned(), hex.to_owned()));
        }
    }
    found
}

/// Returns where a link on a page leads; never to a file of this machine, unless the page is one.
fn joined(base: &str, url: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if url.contains("://") {
        let local = url.starts_with("file:") && scheme != "file";
        return if local { String::new() } else { url.to_owned() };
    }
    if let Some(rest) = url.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    if url.starts_with('/') {
        return format!("{scheme}://{host}{url}");
    }
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for part in url.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    format!("{scheme}://{host}/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "bef38d45163c2f1dde094a7dfd33ccf595c92905c8f8f4fdc18d06fb1037718a";

    #[test]
    fn links_lead_from_where_the_page_is() {
        let check = |url: &str, expected: &str| {
            assert_eq!(joined("https://i.example.org/simple/bit/", url), expected);
        };
        check("../../packages/a/bit-1.whl", "https://i.example.org/packages/a/bit-1.whl");
        check("bit-1.whl", "https://i.example.org/simple/bit/bit-1.whl");
        check("/bit-1.whl", "https://i.example.org/bit-1.whl");
        check("//f.example.org/bit-1.whl", "https://f.example.org/bit-1.whl");
        check("https://f.example.org/bit-1.whl", "https://f.example.org/bit-1.whl");
        check("../../../../../bit-1.whl", "https://i.example.org/bit-1.whl");
        check("file:///etc/passwd", "");
    }

    #[test]
    fn pages_of_both_forms_list_files() {
        let expected = [("bit-1.whl".to_owned(), "../bit-1.whl".to_owned(), SHA.to_owned())];
        let html = format!(
            "<!DOCTYPE html><a data-x=\"&gt;\" href=\"../bit-1.whl#sha256={SHA}\" class=x>\n bit-1.whl </a><a>x</a>"
        );
        assert_eq!(of_html(&html), expected);
        let json = format!(
            "{{\"files\":[{{\"filename\":\"bit-1.whl\",\"url\":\"../bit-1.whl\",\"hashes\":{{\"sha256\":\"{SHA}\"}}}}]}}"
        );
        assert_eq!(of_json(&json), expected);
        for hostile in [
            "<a ",
            "<a href=",
            "<a href=>x<",
            "<a href=\"x>y<",
            "<a href='é#sha256=é'>é</a>",
            "{\"files\":3}",
        ] {
            assert!(of_json(hostile).is_empty());
            assert!(of_html(hostile).iter().all(|(_, _, hex)| hex != SHA));
        }
    }
}
