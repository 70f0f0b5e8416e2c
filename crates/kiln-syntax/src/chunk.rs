//! A text as chunks: each begins with an item at column 0 and can be parsed alone.
//!
//! Never: looks at more than the first characters of a line.

/// Returns where the chunks of a text begin, in order; the first begins at 0.
///
/// A chunk begins with a character at column 0 that is no blank and no closing bracket; a run of comments goes
/// with what follows it.
pub(crate) fn chunk_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut comments: Option<usize> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        match line.trim_start_matches(['\u{feff}']).bytes().next() {
            Some(b'#') => comments = comments.or(Some(offset)),
            Some(b' ' | b'\t' | b'\r' | b'\n') | None => {
                let indented = line.trim_start();
                if !indented.is_empty() && !indented.starts_with('#') {
                    comments = None;
                }
            }
            Some(b'}' | b']' | b')') => comments = None,
            Some(_) => {
                let start = comments.take().unwrap_or(offset);
                if start > 0 {
                    starts.push(start);
                }
            }
        }
        offset += line.len();
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, chunks: &[&str]) {
        let mut starts = chunk_starts(text);
        starts.push(text.len());
        let found: Vec<&str> = starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        assert_eq!(found, chunks);
    }

    #[test]
    fn an_item_at_column_0_begins_a_chunk() {
        check(
            "a = 1\nb = {\n  c = 2\n}\n\nd = 3\n",
            &["a = 1\n", "b = {\n  c = 2\n}\n\n", "d = 3\n"],
        );
    }

    #[test]
    fn comments_go_with_what_follows() {
        check("a = 1\n# x\n\n## y\nb = 2\n# z\n", &["a = 1\n", "# x\n\n## y\nb = 2\n# z\n"]);
    }

    #[test]
    fn a_comment_at_column_0_inside_of_an_item_does_not_cut_it() {
        check("a = {\n#  b = 1\n  c = 2\n}\nd = 1", &["a = {\n#  b = 1\n  c = 2\n}\n", "d = 1"]);
    }

    #[test]
    fn a_text_without_items_is_one_chunk() {
        check("", &[""]);
        check("\n  x = 1\n", &["\n  x = 1\n"]);
    }
}
