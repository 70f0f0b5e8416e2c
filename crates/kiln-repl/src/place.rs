//! Places as people write them.

/// Reads `FILE:LINE:COL`.
pub(crate) fn place_of(text: &str) -> Option<(&str, usize, usize)> {
    let (rest, column) = text.trim().rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let is_file = file.strip_suffix(".kiln").is_some();
    Some((file, line.parse().ok()?, column.parse().ok()?)).filter(|_| is_file)
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn a_place_has_a_file_a_line_and_a_column() {
        assert_eq!(place_of("libs/a.kiln:3:14"), Some(("libs/a.kiln", 3, 14)));
        assert_eq!(place_of("libs.a"), None);
        assert_eq!(place_of("a.kiln:x:1"), None);
        assert_eq!(place_of("a:1:1"), None);
    }
}
