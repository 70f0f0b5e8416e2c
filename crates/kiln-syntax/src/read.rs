//! Text to lossless tree, chunk by chunk.
//!
//! Never: fails; keeps a pair of the parser longer than its chunk.

use crate::kind::{Bad, SyntaxKind};
use crate::parser::{KilnParser, Rule, kind_of};
use crate::tree::{Builder, Part, Tree, join};
use pest::{Parser as _, Token};

/// What a thread gets that reads deeply nested text; 256 levels need a tenth of it.
const DEEP_STACK: usize = 16 << 20;

/// Bytes of a text that take longer to read than a thread to start.
const WORTH_A_THREAD: usize = 16 << 10;

/// The most threads that read one text.
const MOST_THREADS: usize = 4;

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

/// Returns how many parts of a text are worth a thread each.
pub(crate) fn n_parts(text: &str) -> usize {
    (text.len() / WORTH_A_THREAD).clamp(1, MOST_THREADS)
}

/// Reads the chunks of a text into one tree, in neighbouring parts of about one size.
pub(crate) fn read_tree(text: &str, starts: &[usize], n_parts: usize) -> Tree {
    let chunks: Vec<(usize, &str)> = chunks(text, starts).collect();
    let mut parts: Vec<&[(usize, &str)]> = Vec::new();
    let mut rest = chunks.as_slice();
    for ix in 1..=n_parts {
        let until = text.len() / n_parts * ix;
        let n_chunks = rest.partition_point(|(start, _)| *start < until || ix == n_parts);
        let (part, after) = rest.split_at(n_chunks);
        parts.push(part);
        rest = after;
    }
    parts.retain(|part| !part.is_empty());
    let Some((first, others)) = parts.split_first() else {
        return join(Vec::new());
    };
    std::thread::scope(|scope| {
        let spawn = |part| {
            let thread = std::thread::Builder::new().stack_size(DEEP_STACK);
            thread.spawn_scoped(scope, move || read_part(text, part))
        };
        let threads: Vec<_> = others.iter().map(|part| (spawn(*part), *part)).collect();
        let mut read = vec![read_part(text, first)];
        for (thread, part) in threads {
            read.push(match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                }
                // The system gives no thread: the caller's has to do.
                Err(_) => read_part(text, part),
            });
        }
        join(read)
    })
}

/// Reads neighbouring chunks.
fn read_part(text: &str, chunks: &[(usize, &str)]) -> Part {
    let start = chunks.first().map_or(0, |(start, _)| *start);
    let end = chunks.last().map_or(0, |(start, chunk)| start + chunk.len());
    let mut builder = Builder::new(text, start..end);
    for (start, chunk) in chunks {
        read_chunk(&mut builder, *start, chunk);
    }
    builder.finish(end)
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

#[cfg(test)]
mod tests {
    use super::read_tree;
    use crate::chunk::chunk_starts;

    fn check(text: &str) {
        let starts = chunk_starts(text);
        let whole = read_tree(text, &starts, 1);
        let joined: String = whole.tokens().map(|token| token.text(text)).collect();
        assert_eq!(joined, text);
        for n_parts in 2..6 {
            let parts = read_tree(text, &starts, n_parts);
            assert_eq!(parts.debug(Some(text)), whole.debug(Some(text)), "{n_parts} of {text:?}");
            assert!(parts == whole);
        }
    }

    #[test]
    fn a_text_in_parts_has_the_tree_of_the_whole() {
        check("a = 1\nb = [1, 2]\nc = { d = 3 }\ne = f(4)\n");
        check("\u{feff}# x\n\n## y\na = 1 # z\n# only\n\nb = 2\n  \n# end\n");
        check("# nothing\n\n# at all\n");
        check("");
    }

    #[test]
    fn mistakes_stay_in_their_part() {
        check("a = \nb = [1\nc = }\n)\nd\n\n= 3\ne f g\n#\n");
        check("a = \"\"\"\nb = 1\n\"\"\"\nc = (((\nd { = }\n");
    }
}
