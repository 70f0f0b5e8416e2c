//! The words of items that could not be read in full.

use kiln_diag::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// As many errors of a file are told at most.
const MOST: usize = 20;

/// What begins a word that is written anywhere in an item that could not be read.
const WRITTEN: char = '~';

/// So near to a name that has a type an error may have cut the name off: `na` of `name(a: Int)`.
const NEAR: usize = 12;

/// Returns what the items of all chunks with an error may be called, each once.
pub(crate) fn words(text: &str, bounds: &[usize], diagnostics: &[Diagnostic]) -> Vec<Arc<str>> {
    // The first error of each chunk.
    let mut broken: BTreeMap<usize, usize> = BTreeMap::new();
    let spans =
        diagnostics.iter().filter(|one| one.is_error()).filter_map(|one| one.primary.as_ref());
    for label in spans {
        let at = (label.span.start as usize).min(text.len().saturating_sub(1));
        let chunk = bounds.partition_point(|bound| *bound <= at).saturating_sub(1);
        broken.entry(chunk).or_insert(at);
    }
    // What is behind the last error that is told may be broken too.
    if diagnostics.len() >= MOST {
        let last = broken.last_key_value().map_or(0, |(chunk, _)| *chunk);
        for chunk in last + 1..bounds.len().saturating_sub(1) {
            broken.insert(chunk, usize::MAX);
        }
    }
    let mut words: BTreeSet<String> = BTreeSet::new();
    for (chunk, error) in broken {
        let (Some(start), Some(end)) = (bounds.get(chunk), bounds.get(chunk + 1)) else { continue };
        let text = text.get(*start..*end).unwrap_or_default();
        let written = text.split(|c| !is_part(c)).filter(|word| !word.is_empty());
        words.extend(written.map(|word| format!("{WRITTEN}{word}")));
        if !add_head(text, error.saturating_sub(*start), &mut words) {
            add_keys(text, &mut words);
        }
    }
    words.into_iter().map(Arc::from).collect()
}

/// Adds the words that something is bound to in an item without a name: they may be members.
fn add_keys(text: &str, words: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices(['=', '{', ':', '(']) {
        let before = text[..at].trim_end_matches([' ', '+', '?', '.']);
        let word = &before[before.trim_end_matches(is_part).len()..];
        if !word.is_empty() {
            words.insert(word.to_owned());
        }
    }
}

/// Adds what stands where the name of the item was: `lib=…` when it is a name, else `li"b…`; returns whether it is one.
fn add_head(text: &str, error: usize, words: &mut BTreeSet<String>) -> bool {
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let mut n_before = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        n_before += line.len();
        (n_before - line.len(), line)
    });
    let (at, line) = lines.into_iter().find(|(_, line)| !is_comment(line)).unwrap_or_default();
    let end = line.find(['=', '{', ':', '(']).unwrap_or(line.len());
    let (head, rest) = line.split_at(end);
    let head = head.trim();
    let head = ["let ", "type "].iter().find_map(|word| head.strip_prefix(word)).unwrap_or(head);
    let is_name = !head.is_empty() && head.chars().all(|c| is_part(c) || c == '.');
    let is_name = is_name && rest.starts_with(['=', ':', '(']);
    let is_near = rest.starts_with(':') && error <= at + end + NEAR;
    if !is_name || is_near {
        words.extend([format!("{head}…"), "…".to_owned()]);
    } else {
        words.insert(format!("{head}=…"));
    }
    is_name
}

/// Returns whether a name may be missing for no other reason than that the item of this name could not be read: by one
/// of the words that were [lost](crate::Parse::lost).
pub fn may_be(word: &str, name: &str) -> bool {
    let Some(head) = word.strip_suffix('…') else { return word == name };
    let (head, is_name) = head.strip_suffix('=').map_or((head, false), |head| (head, true));
    let same = |(left, right): &(char, char)| left == right;
    let n_begin = head.chars().zip(name.chars()).take_while(same).count();
    let (n_head, n_name) = (head.chars().count(), name.chars().count());
    let n_rest = n_head.min(n_name) - n_begin;
    let ends = head.chars().rev().zip(name.chars().rev()).take(n_rest);
    let n_same = n_begin + ends.take_while(same).count();
    // What is a name may have grown; of what is none, a part of the name has to be left.
    if is_name { n_same == n_name } else { n_same >= n_name.div_ceil(3) }
}

/// Returns whether a name is written in an item that could not be read, which may declare it, by one of the words that
/// were [lost](crate::Parse::lost).
pub fn is_written(word: &str, name: &str) -> bool {
    word.strip_prefix(WRITTEN) == Some(name)
}

/// Returns whether an item that could not be read has this very name, by one of the words that were
/// [lost](crate::Parse::lost).
pub fn is_called(word: &str, name: &str) -> bool {
    word.strip_suffix("=…").unwrap_or(word) == name
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::{WRITTEN, is_written, may_be};
    use crate::parse;
    use kiln_diag::FileId;

    fn check(text: &str, expected: &[&str]) {
        let parse = parse(FileId(0), text);
        let names: Vec<&str> = parse.lost().filter(|word| !word.starts_with(WRITTEN)).collect();
        assert_eq!(names, expected, "{:?}", parse.diagnostics);
    }

    #[test]
    fn only_items_with_an_error_lose_their_words() {
        check("a = 1\nb = two\n", &[]);
        check("a = 1\nb-c = [two\n\nd = three\n", &["b-c=…"]);
        check("a = \nb = 1\n", &["a=…"]);
    }

    #[test]
    fn an_item_without_a_name_loses_all_that_its_name_may_have_been() {
        check("zi}nc = 1\nb = 1\n", &["nc", "zi}nc…", "…"]);
        check("Project {\n  a = 1\n  b = ]\n}\n", &["Project", "Project…", "a", "b", "…"]);
    }

    #[test]
    fn what_an_item_may_declare_is_known() {
        let parse = parse(FileId(0), "a = K {\n  level: Int = \n}\nb = other\n");
        let is = |name| parse.lost().any(|word| is_written(word, name));
        assert_eq!(["level", "other"].map(is), [true, false]);
    }

    #[test]
    fn a_name_is_told_from_what_is_left_of_it() {
        let may = |word: &str, names: [&str; 3]| names.map(|name| may_be(word, name));
        assert_eq!(may("zinc", ["zinc", "zin", "zincs"]), [true, false, false]);
        assert_eq!(may("zizinc=…", ["zinc", "tin", "zizinc"]), [true, false, true]);
        assert_eq!(may("zi}nc…", ["zinc", "zine", "lead"]), [true, true, false]);
        assert_eq!(may("…", ["zinc", "a", "b"]), [false; 3]);
    }
}
