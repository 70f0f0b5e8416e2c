//! What a half-written name may become.

use kiln_eval::Limits;
use kiln_syntax::{ast::is_identifier, parse};

use crate::dialogue::Dialogue;
use crate::line::{COMMANDS, Inside, scan};
use crate::shown::key;

/// What a completion may use: it shall be quick.
const LIMITS: Limits = Limits { steps: 200_000, bytes: 8 << 20, depth: 256 };

/// The words of the language.
const KEYWORDS: [&str; 12] =
    ["assert", "else", "false", "for", "if", "in", "let", "mixin", "null", "then", "true", "type"];

/// Returns where the word begins, and what it may become, sorted.
pub(crate) fn complete(dialogue: &mut Dialogue, text: &str, at: usize) -> (usize, Vec<String>) {
    let before = text.get(..at).unwrap_or(text);
    let start = word_start(before);
    let (lead, word) = before.split_at(start);
    let candidates = if before.trim_start().starts_with(':') && !before.trim_start().contains(' ') {
        let start = before.len() - before.trim_start().len();
        let typed = &before[start..];
        let fitting = COMMANDS.iter().filter(|command| command.starts_with(typed));
        return (start, fitting.map(|command| (*command).to_owned()).collect());
    } else if matches!(scan(lead).inside, Inside::Comment | Inside::Text | Inside::Block) {
        Vec::new()
    } else if let Some(base) = lead.strip_suffix("?.").or_else(|| lead.strip_suffix('.')) {
        names_of(dialogue, &base[chain_start(base)..])
    } else if let Some((kind, set)) = body_at(lead) {
        let mut names = names_of(dialogue, kind);
        names.retain(|name| !set.contains(&name.as_str()));
        names
    } else {
        let mut names = dialogue.evaluated.names();
        names.extend(KEYWORDS.map(str::to_owned));
        names
    };
    let mut names: Vec<String> =
        candidates.iter().map(|name| key(name)).filter(|name| name.starts_with(word)).collect();
    names.sort_unstable();
    names.dedup();
    (start, names)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn word_start(text: &str) -> usize {
    text.trim_end_matches(is_word).len()
}

/// Returns where a chain of names begins that ends with a text: `libs."gtk+"`.
fn chain_start(text: &str) -> usize {
    let mut start = text.len();
    loop {
        let head = &text[..start];
        let end = if let Some(quoted) = head.strip_suffix('"') {
            match quoted.rfind('"') {
                Some(open) => open,
                None => return start,
            }
        } else {
            word_start(head)
        };
        if end == start {
            return start;
        }
        start = end;
        match text[..start].strip_suffix("?.").or_else(|| text[..start].strip_suffix('.')) {
            Some(more) => start = more.len(),
            None => return start,
        }
    }
}

/// Evaluates a chain of names, quietly and within small limits, and returns what it has.
fn names_of(dialogue: &mut Dialogue, text: &str) -> Vec<String> {
    let is_chain = !text.is_empty() && text.chars().all(|c| is_word(c) || ".?\"+".contains(c));
    if !is_chain {
        return Vec::new();
    }
    // What is only tried is no text of the session: nothing will point into it.
    let file = kiln_diag::FileId(u32::MAX);
    let parse = parse(file, text);
    if parse.has_errors() || !parse.ast.entries.is_empty() {
        return Vec::new();
    }
    dialogue.evaluated.grant(LIMITS, None);
    let names = match dialogue.evaluated.ask(&parse) {
        Ok(Some(answer)) => dialogue.evaluated.names_within(&answer),
        _ => Vec::new(),
    };
    let failed = !dialogue.evaluated.take_diagnostics().is_empty();
    if failed || dialogue.evaluated.is_exhausted() {
        dialogue.begin_again();
    }
    names
}

/// Returns the kind whose body a new item would stand in, and the keys that are set in it already.
fn body_at(text: &str) -> Option<(&str, Vec<&str>)> {
    let scan = scan(text);
    let (bracket, open) = *scan.open.last()?;
    if bracket != '{' {
        return None;
    }
    let body = &text[open + 1..];
    let last = body.trim_end_matches([' ', '\t']).chars().last();
    if !matches!(last, None | Some('\n' | ',')) {
        return None;
    }
    let head = text[..open].trim_end();
    let base = &head[chain_start(head)..];
    let set = body.split(['\n', ',']).filter_map(|item| {
        let item = item.trim_start();
        let word = &item[..item.find(|c| !is_word(c)).unwrap_or(item.len())];
        is_identifier(word).then_some(word)
    });
    (!base.is_empty()).then(|| (base, set.collect()))
}
