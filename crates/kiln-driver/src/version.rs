//! Versions as the names of files tell them: for people, never for keys.

/// A file whose name tells a name and a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// What is before the first colon of the URL.
    pub(crate) alias: String,
    pub(crate) name: String,
    pub(crate) version: String,
}

/// How files end that are archives.
const ENDS: [&str; 15] = [
    ".tar.gz",
    ".tar.xz",
    ".tar.bz2",
    ".tar.zst",
    ".tar.lzma",
    ".tar",
    ".tgz",
    ".txz",
    ".tbz2",
    ".tzst",
    ".zip",
    ".dsc",
    ".deb",
    ".gz",
    ".xz",
];

/// Returns what the file of a URL is called, if it tells a version.
pub(crate) fn named(url: &str) -> Option<Named> {
    let (alias, path) = url.split_once(':')?;
    let file = path.rsplit('/').find(|part| !part.is_empty())?;
    let end = ENDS.iter().find(|end| file.ends_with(**end)).copied().unwrap_or_default();
    let stem = file.strip_suffix(end).unwrap_or(file);
    let stem = stem.strip_suffix(".orig").unwrap_or(stem);
    let cut = stem.char_indices().find(|(ix, c)| {
        let rest = stem.get(ix + 1..).unwrap_or_default();
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        matches!(c, '-' | '_') && rest.starts_with(|c: char| c.is_ascii_digit())
    });
    let (ix, _) = cut?;
    let version = stem.get(ix + 1..)?;
    let version = version.strip_prefix('v').unwrap_or(version);
    // Of a plain file: `.txt`, `.sh`.
    let version = match version.rsplit_once('.') {
        Some((version, end)) if end.chars().all(|c| c.is_ascii_alphabetic()) => version,
        _ => version,
    };
    let (alias, name) = (alias.to_owned(), stem.get(..ix)?.to_owned());
    (!name.is_empty()).then(|| Named { alias, name, version: version.to_owned() })
}

/// Returns the version of a Debian binary package: `NAME_VERSION_ARCH.deb`.
pub(crate) fn of_deb(url: &str) -> Option<String> {
    let file = url.rsplit('/').next()?.strip_suffix(".deb")?;
    let mut parts = file.split('_');
    Some(parts.nth(1)?.replace("%3a", ":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_tell_versions() {
        let check = |url: &str, expected: &str| {
            let told = named(url).map(|named| format!("{} {}", named.name, named.version));
            assert_eq!(told.as_deref().unwrap_or_default(), expected, "{url}");
        };
        check("gnu:hello/hello-2.10.tar.gz", "hello 2.10");
        check("a:pool/app5.4/app5.4_5.4.4.orig.tar.gz", "app5.4 5.4.4");
        check("https://example.org/app-v1.2-rc1.zip", "app 1.2-rc1");
        check("a:web-tools-3.tar", "web-tools 3");
        check("a:tool-1.5.sh", "tool 1.5");
        check("a:app_1.0-2.dsc", "app 1.0-2");
        check("a:x/archive/v1.2.tar.gz", "");
        check("a:-1", "");
        check("app-1.0.tar", "");
        check("", "");
    }

    #[test]
    fn packages_tell_versions() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(of_deb(url).as_deref(), expected, "{url}");
        };
        check("debian:pool/h/hello_2.10-3_amd64.deb", Some("2.10-3"));
        check("a:hello.deb", None);
        check("a:hello.tar", None);
    }
}
