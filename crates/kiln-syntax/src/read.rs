//! Text to lossless tree, chunk by chunk.
//!
//! Never: fails; keeps a pair of the parser longer than its chunk.

use crate::kind::{Bad, SyntaxKind};
use crate::parser::{KilnParser, Rule, kind_of};
use crate::tree::{Builder, Tree};
use pest::{Parser as _, Token};

/// What a thread gets that reads deeply nested text; 256 levels need a tenth of it.
const DEEP_STACK: usize = 16 << 20;

/// Texts with fewer openers than this in every chunk are read on the stack of the caller.
const SHALLOW: usize = 40;

/// Runs a reader of a text on a stack that the nesting of the text cannot exhaust.
pub(crate) fn on_deep_stack<T: Send>(
    text: &str,
    starts: &[usize],
    read: impl Fn() -> T + Sync,
) -> T {
    if chunks(text, starts).all(|(_, chunk)| openers(chunk) < SHALLOW) {
        return read();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK);
        match thread.spawn_scoped(scope, &read) {
            Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system gives no thread: the caller's stack has to do.
            Err(_) => read(),
        }
    })
}

/// Reads the chunks of a text into one tree.
pub(crate) fn read_tree(text: &str, starts: &[usize]) -> Tree {
    let mut builder = Builder::new(text);
    for (start, chunk) in chunks(text, starts) {
        read_chunk(&mut builder, start, chunk);
    }
    builder.finish()
}

fn read_chunk(builder: &mut Builder<'_>, start: usize, chunk: &str) {
    let mut base = start;
    let mut rest = chunk;
    if start == 0 && chunk.starts_with(MARK) {
        base = MARK.len_utf8();
        rest = &chunk[base..];
        builder.token(SyntaxKind::Mark, offset(base));
    }
    let Ok(pairs) = KilnParser::parse(Rule::file, rest) else {
        // Unreachable by the grammar, whose entry rule accepts every text.
        builder.token(SyntaxKind::Bad(Bad::Top), offset(start + chunk.len()));
        return;
    };
    for token in pairs.tokens() {
        let (begins, rule, at) = match token {
            Token::Start { rule, pos } => (true, rule, base + pos.pos()),
            Token::End { rule, pos } => (false, rule, base + pos.pos()),
        };
        match kind_of(rule) {
            None | Some(SyntaxKind::File) => {}
            Some(kind) if begins => builder.start(kind, offset(at)),
            Some(kind) => builder.end(kind, offset(at)),
        }
    }
    builder.gap(offset(start + chunk.len()));
}

/// The byte order mark, ignored at the start of a file.
const MARK: char = '\u{feff}';

/// Returns each chunk with its start.
fn chunks<'a>(text: &'a str, starts: &'a [usize]) -> impl Iterator<Item = (usize, &'a str)> {
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| (*start, text.get(*start..end).unwrap_or_default()))
}

/// Returns a bound of the nesting of a chunk: whatever opens something, or looks like it.
fn openers(chunk: &str) -> usize {
    let bytes = chunk.as_bytes();
    let brackets = bytes.iter().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count();
    let words = bytes.windows(2).filter(|pair| matches!(*pair, b"if" | b"le" | b"=>" | b"->"));
    brackets + words.count()
}

/// Texts are shorter than 4 GiB: `parse` refuses longer ones.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
