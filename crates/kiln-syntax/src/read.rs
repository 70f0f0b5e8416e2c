//! Text to lossless tree, chunk by chunk.
//!
//! Never: fails; keeps a pair of the parser longer than its chunk.

use crate::common::{self, Mark};
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
    let mut marks = Vec::new();
    for (start, chunk) in chunks {
        read_chunk(&mut builder, *start, chunk, &mut marks);
    }
    builder.finish(end)
}

fn read_chunk(builder: &mut Builder<'_>, start: usize, chunk: &str, marks: &mut Vec<Mark>) {
    let mut base = start;
    let mut rest = chunk;
    if start == 0 && chunk.starts_with(MARK) {
        base = MARK.len_utf8();
        rest = &chunk[base..];
        builder.token(SyntaxKind::Mark, offset(base));
    }
    if !read_by_hand(builder, base, rest, marks) {
        read_by_grammar(builder, base, rest);
    }
    builder.gap(offset(start + chunk.len()));
}

/// Reads what is most common, and nothing else; returns whether it was.
fn read_by_hand(builder: &mut Builder<'_>, base: usize, rest: &str, marks: &mut Vec<Mark>) -> bool {
    if !common::read(rest, marks) {
        return false;
    }
    for Mark { kind, begins, at } in marks {
        if *begins {
            builder.start(*kind, offset(base + *at));
        } else {
            builder.end(*kind, offset(base + *at));
        }
    }
    true
}

/// Reads all that the grammar knows.
fn read_by_grammar(builder: &mut Builder<'_>, base: usize, rest: &str) {
    let Ok(pairs) = KilnParser::parse(Rule::file, rest) else {
        // Unreachable by the grammar, whose entry rule accepts every text.
        builder.token(SyntaxKind::Bad(Bad::Top), offset(base + rest.len()));
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
    use super::{read_by_grammar, read_by_hand, read_tree};
    use crate::chunk::chunk_starts;
    use crate::mutants::{Random, items, mutant};
    use crate::tree::{Builder, Tree, join};

    /// Items whose mutants are often read by hand.
    const COMMON: [&str; 8] = [
        "a = Meson {\n  version = \"1.2\"\n  source = Tar(\"up:a/a-%{version}.tar.xz\")\n  deps = [b, c.d]\n}\n",
        "## It.\na = Make { # it\n  args += [\"--x\", \"\\\"%{ a }\\n\"], strip = 1\n\n  env { A = \"%%{b}\" }\n}\n",
        "Cargo {\n  x.y-z = [\n    \"a\"\n    b, null\n  ]\n  on = true\n  f = Git(\"u\", track = \"v*\",).x\n}\n",
        "a = \"\"\"\n  make %{b.c} %%{d}\n    \"x\"\n  \"\"\"\nb = c { d { e = 1 } }.f\n",
        "a = Local(./src/a-1)\nb = [[], {}, [{ c = 7 }], \"\", d(1)(e)]\n",
        "a = b\nc = d # e\n  .f\ng = h\n  { i = 1 }\n",
        "a = f(\n  b = [1\n  2], # c\n  \"\\t%{g(\"h\")}\"\n)\n",
        "{\n  a = b, c = d\n  e += false\n  f = { g = h.i {} }\n}\n",
    ];

    fn tree_of(text: &str, read: impl Fn(&mut Builder<'_>) -> bool) -> Option<Tree> {
        let mut builder = Builder::new(text, 0..text.len());
        read(&mut builder).then(|| join(vec![builder.finish(text.len())]))
    }

    /// Compares both ways to read an item; returns whether it can be read by hand.
    fn check_by_hand(item: &str) -> bool {
        let by_hand = tree_of(item, |builder| read_by_hand(builder, 0, item, &mut Vec::new()));
        let Some(by_hand) = by_hand else { return false };
        let by_grammar = tree_of(item, |builder| {
            read_by_grammar(builder, 0, item);
            true
        });
        let by_grammar = by_grammar.expect("the grammar reads anything");
        assert_eq!(by_hand.debug(Some(item)), by_grammar.debug(Some(item)), "{item:?}");
        assert!(by_hand == by_grammar, "{item:?}");
        true
    }

    #[test]
    fn what_is_read_by_hand_is_what_the_grammar_says() {
        let n_known = items().iter().filter(|item| check_by_hand(item)).count();
        assert!(n_known > 20, "{n_known} items");
        for item in &COMMON[..5] {
            assert!(check_by_hand(item), "{item}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the number of cases comes from outside")]
    fn fuzz_mutants_that_are_read_by_hand_are_what_the_grammar_says() {
        let n_cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
        let mut n_known = 0;
        for seed in 0..n_cases.unwrap_or(6_000u64) {
            let mut random = Random::new(seed);
            let item = COMMON[random.below(COMMON.len())];
            n_known += usize::from(check_by_hand(&mutant(item, &mut random)));
        }
        assert!(n_known > 100, "{n_known} mutants");
    }

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
