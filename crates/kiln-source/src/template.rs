//! Mirrors that say how the URL of a file is put together, as registries of crates do.

/// Stands for the sha256 of a file, where it is known.
pub(crate) const SHA256: &str = "{sha256-checksum}";

/// Returns the URL of `NAME/VERSION/...` on a mirror with markers; nothing if the mirror has none.
pub(crate) fn filled(mirror: &str, path: &str) -> Option<String> {
    let (name, rest) = path.split_once('/')?;
    let (version, _) = rest.split_once('/')?;
    let lower = name.to_ascii_lowercase();
    let markers = [
        ("{crate}", name.to_owned()),
        ("{version}", version.to_owned()),
        ("{prefix}", prefix(name)?),
        ("{lowerprefix}", prefix(&lower)?),
    ];
    let has_marker = markers.iter().any(|(marker, _)| mirror.contains(marker));
    if !has_marker && !mirror.contains(SHA256) {
        return None;
    }
    let fill = |url: String, (marker, value): &(&str, String)| url.replace(marker, value);
    Some(markers.iter().fold(mirror.to_owned(), fill))
}

/// Returns the folder of a crate in an index.
fn prefix(name: &str) -> Option<String> {
    Some(match name.len() {
        1 => "1".to_owned(),
        2 => "2".to_owned(),
        3 => format!("3/{}", name.get(..1)?),
        _ => format!("{}/{}", name.get(..2)?, name.get(2..4)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mirror: &str, path: &str, expected: Option<&str>) {
        assert_eq!(filled(mirror, path).as_deref(), expected);
    }

    #[test]
    fn markers_stand_for_parts_of_the_path() {
        let base = "https://a.example.org";
        check(
            &format!("{base}/{{crate}}/{{crate}}-{{version}}.crate"),
            "Ab/1.0/download",
            Some("https://a.example.org/Ab/Ab-1.0.crate"),
        );
        check(
            &format!("{base}/{{prefix}}/{{lowerprefix}}"),
            "SerDe/1.0/download",
            Some("https://a.example.org/Se/rD/se/rd"),
        );
        check(&format!("{base}/{{prefix}}"), "abc/1.0/download", Some("https://a.example.org/3/a"));
        check(&format!("{base}/{{prefix}}"), "ab/1.0/download", Some("https://a.example.org/2"));
        check(
            &format!("{base}/{SHA256}"),
            "ab/1.0/download",
            Some("https://a.example.org/{sha256-checksum}"),
        );
        check(base, "ab/1.0/download", None);
        check(&format!("{base}/{{crate}}"), "ab", None);
        check(&format!("{base}/{{prefix}}"), "ää/1.0/download", Some("https://a.example.org/ä/ä"));
        check(&format!("{base}/{{prefix}}"), "aäbc/1.0/download", None);
    }
}
