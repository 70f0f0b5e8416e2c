//! Texts of `##` lines as paragraphs, list items and code.

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// On one line.
    Paragraph(String),
    /// An item of a list, on one line.
    Item(String),
    /// Code, with the word behind its fence.
    Code { language: String, text: String },
}

/// Returns the parts of a text in order.
pub(crate) fn pieces(doc: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = doc.lines();
    let mut goes_on = false;
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            pieces.push(Piece::Code { language: language.to_owned(), text: code.join("\n") });
            goes_on = false;
        } else if trimmed.is_empty() {
            goes_on = false;
        } else if let Some(item) = trimmed.strip_prefix("- ") {
            pieces.push(Piece::Item(item.to_owned()));
            goes_on = true;
        } else if let (true, Some(Piece::Paragraph(text) | Piece::Item(text))) =
            (goes_on, pieces.last_mut())
        {
            text.push(' ');
            text.push_str(trimmed);
        } else {
            pieces.push(Piece::Paragraph(trimmed.to_owned()));
            goes_on = true;
        }
    }
    pieces
}

/// Returns the first sentence of a text, for a line in a list.
pub(crate) fn sentence(doc: &str) -> String {
    let Some(Piece::Paragraph(text) | Piece::Item(text)) = pieces(doc).into_iter().next() else {
        return String::new();
    };
    let ends = |(ix, end): (usize, &str)| {
        let rest = &text[ix + end.len()..];
        // A stop inside of backticks or in front of a small letter ends nothing.
        let is_code = text[..ix].matches('`').count() % 2 == 1;
        let is_end = rest.chars().next().is_none_or(|c| !c.is_lowercase());
        (!is_code && is_end).then_some(ix)
    };
    let end = text.match_indices(". ").find_map(ends);
    text[..end.unwrap_or(text.len())].trim_end_matches(['.', ':']).to_owned()
}

/// Returns the examples in a text: what stands between "```kiln" and "```".
pub fn examples(doc: &str) -> Vec<String> {
    let example = |piece: Piece| match piece {
        Piece::Code { language, text } if language == "kiln" => Some(text + "\n"),
        _ => None,
    };
    pieces(doc).into_iter().filter_map(example).collect()
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span<'a> {
    Words(&'a str),
    /// What stood in backticks.
    Code(&'a str),
}

/// Returns the parts of a line; a backtick without another is a character.
pub(crate) fn spans(line: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = line;
    while let Some((words, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else { break };
        if !words.is_empty() {
            spans.push(Span::Words(words));
        }
        spans.push(Span::Code(code));
        rest = after;
    }
    if !rest.is_empty() {
        spans.push(Span::Words(rest));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_paragraphs_items_and_code() {
        let doc = "One\ntwo.\n\nThree.\n\n- a\n  b\n- c\n\n```kiln\nx = 1\n\n  y\n```\nEnd.";
        let paragraph = |text: &str| Piece::Paragraph(text.to_owned());
        let item = |text: &str| Piece::Item(text.to_owned());
        let code = Piece::Code { language: "kiln".to_owned(), text: "x = 1\n\n  y".to_owned() };
        let expected = [
            paragraph("One two."),
            paragraph("Three."),
            item("a b"),
            item("c"),
            code,
            paragraph("End."),
        ];
        assert_eq!(pieces(doc), expected);
        assert_eq!(examples(doc), ["x = 1\n\n  y\n"]);
        assert_eq!(examples("```sh\nls\n```"), [""; 0]);
        assert_eq!(examples("```kiln\nnever ends"), ["never ends\n"]);
    }

    #[test]
    fn the_first_sentence_ends_where_a_reader_ends_it() {
        let check = |doc: &str, expected: &str| assert_eq!(sentence(doc), expected);
        check("One. Two.", "One");
        check("Only `a. B` counts. Two", "Only `a. B` counts");
        check("Such as e.g. this", "Such as e.g. this");
        check("Set it:\n\n```kiln\n```", "Set it");
        check("", "");
        check("```kiln\nx\n```", "");
    }

    #[test]
    fn backticks_come_in_pairs() {
        use Span::{Code, Words};
        assert_eq!(spans("a `b` c"), [Words("a "), Code("b"), Words(" c")]);
        assert_eq!(spans("`b``c`"), [Code("b"), Code("c")]);
        assert_eq!(spans("a ` b"), [Words("a ` b")]);
        assert_eq!(spans(""), []);
    }
}
