//! The text form of control files, indexes, releases and apt's `.sources`: stanzas of `Field: value` lines.

/// Returns the stanzas of a text.
pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").filter(|stanza| !stanza.trim().is_empty())
}

/// Returns the fields of a stanza; a value goes on in lines that begin with white space.
pub(crate) fn fields(stanza: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = stanza;
    std::iter::from_fn(move || {
        loop {
            let line_end = rest.find('\n').map_or(rest.len(), |ix| ix + 1);
            let line = &rest[..line_end];
            if rest.is_empty() {
                return None;
            }
            let Some(colon) = line.find(':').filter(|_| !line.starts_with([' ', '\t', '#'])) else {
                rest = &rest[line_end..];
                continue;
            };
            let mut end = line_end;
            while rest[end..].starts_with([' ', '\t']) {
                end += rest[end..].find('\n').map_or(rest.len() - end, |ix| ix + 1);
            }
            let field = (&rest[..colon], rest[colon + 1..end].trim());
            rest = &rest[end..];
            return Some(field);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_go_on_in_further_lines() {
        let text = "\nA: 1\nB:\n x\n\ty: z\n# C: 3\nD:4\n\n\nE: 5";
        let found: Vec<Vec<_>> = stanzas(text).map(|stanza| fields(stanza).collect()).collect();
        assert_eq!(found, [vec![("A", "1"), ("B", "x\n\ty: z"), ("D", "4")], vec![("E", "5")]]);
    }

    #[test]
    fn odd_texts_have_no_fields() {
        for text in ["", "no colon", " leading: space", "\n"] {
            assert_eq!(stanzas(text).flat_map(fields).count(), 0, "{text:?}");
        }
    }
}
