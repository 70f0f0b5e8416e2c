//! Edits of texts: what a help proposes, so that an editor or a test can do it.

use crate::{FileId, Span};

/// Bytes of a text and what they become; an empty span inserts, an empty text deletes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

/// Returns a text of this identity with all edits of it applied, in order of place; insertions at one place in their order.
/// Nothing if two overlap or one lies outside the text or inside a character.
pub fn edited(file: FileId, text: &str, edits: &[Edit]) -> Option<String> {
    let mut ours: Vec<&Edit> = edits.iter().filter(|edit| edit.span.file == file).collect();
    ours.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for edit in ours {
        let (start, end) = (edit.span.start as usize, edit.span.end as usize);
        out.push_str(text.get(at..start)?);
        text.get(start..end)?;
        out.push_str(&edit.text);
        at = end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edits: &[(u32, u32, &str)], expected: Option<&str>) {
        let edits: Vec<Edit> = edits
            .iter()
            .map(|&(start, end, text)| Edit {
                span: Span::new(FileId(0), start, end),
                text: text.to_owned(),
            })
            .collect();
        assert_eq!(edited(FileId(0), "one \u{e9} two", &edits).as_deref(), expected);
    }

    #[test]
    fn edits_apply_together_or_not_at_all() {
        check(&[], Some("one \u{e9} two"));
        check(&[(7, 10, "2"), (0, 3, "1")], Some("1 \u{e9} 2"));
        check(&[(3, 3, ","), (3, 3, ";")], Some("one,; \u{e9} two"));
        check(&[(0, 5, "")], None);
        check(&[(0, 3, "1"), (2, 4, "2")], None);
        check(&[(10, 11, "")], None);
    }

    #[test]
    fn edits_of_another_text_are_left() {
        let other = Edit { span: Span::new(FileId(1), 0, 1), text: String::new() };
        assert_eq!(edited(FileId(0), "x", &[other]).as_deref(), Some("x"));
    }
}
