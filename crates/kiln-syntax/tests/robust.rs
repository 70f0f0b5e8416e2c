//! Any text is read: nesting, mutants of the cases, odd bytes. A reading that is not linear would not end.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]

mod texts;

use kiln_diag::FileId;
use kiln_syntax::{Parse, parse};
use std::path::Path;
use texts::OPENERS;

fn assert_sound(text: &str) -> Parse {
    let parse = parse(FileId(0), text);
    let joined: String = parse.tree.tokens().map(|token| token.text(text)).collect();
    assert_eq!(joined, text);
    let broken = parse.tree.walk().any(|(_, _, node)| node.kind.is_error());
    assert!(!broken || parse.has_errors(), "an error without a finding in {text:?}");
    assert!(parse.diagnostics.len() <= 20);
    for finding in &parse.diagnostics {
        for label in finding.primary.iter().chain(&finding.secondary) {
            let range = label.span.start as usize..label.span.end as usize;
            assert!(text.get(range).is_some(), "{finding} is outside of {text:?}");
        }
    }
    parse
}

#[test]
fn nesting_of_any_kind_is_read_in_linear_time() {
    for (open, close) in OPENERS {
        for depth in [10, 100] {
            let opened = format!("x = {}", open.repeat(depth));
            let closed = format!("x = {}1{}\n", open.repeat(depth), close.repeat(depth));
            for text in [opened, closed] {
                let nodes = assert_sound(&text).tree.walk().count();
                assert!(nodes <= 16 * text.len() + 16, "{nodes} nodes for {text:?}");
            }
        }
    }
}

#[test]
fn ten_thousand_brackets_are_one_error() {
    for open in ["(", "[", "{ a = ", "{ a { b ", "a(", "if ", "(x) => ", "let a = ", "\"%{"] {
        let text = format!("x = {}\ny = 1\n", open.repeat(10_000));
        let parse = assert_sound(&text);
        let codes: Vec<String> = parse.diagnostics.iter().map(|d| d.code.to_string()).collect();
        assert_eq!(codes, ["K0018"], "{open}");
        assert!(parse.ast.debug().ends_with("\ny = 1\n"), "the next item is read");
    }
}

/// Every opener, as often as `OPENERS_DEPTH` says: 100,000 times by `make fuzz`.
#[test]
fn fuzz_openers_without_an_end_stay_in_their_item() {
    let depth = std::env::var("OPENERS_DEPTH").ok().and_then(|depth| depth.parse().ok());
    // What is printed for the comparison nests as deep as rows of operators do.
    let deep = std::thread::Builder::new().stack_size(1 << 30);
    let all = deep.spawn(move || openers_stay_in_their_item(depth.unwrap_or(400))).unwrap();
    all.join().unwrap();
}

fn openers_stay_in_their_item(deepest: usize) {
    for (open, close) in OPENERS {
        for depth in [24, deepest] {
            let opened = open.repeat(depth);
            for text in [opened.clone(), format!("{opened}1{}", close.repeat(depth))] {
                let text = format!("w = 1\nx = {text}\ny = 1\n");
                let parse = assert_sound(&text);
                let nodes = parse.tree.walk().count();
                assert!(nodes <= 16 * text.len() + 16, "{nodes} nodes for {depth} of {open}");
                let read = parse.ast.debug();
                assert!(read.starts_with("w = 1\n") && read.ends_with("\ny = 1\n"), "{open}");
            }
        }
    }
}

#[test]
fn the_deepest_nesting_that_is_allowed_is_read() {
    let text = format!("x = {}1{}\n", "(".repeat(255), ")".repeat(255));
    assert_eq!(assert_sound(&text).ast.debug(), "x = 1\n");
}

#[test]
fn long_chains_are_bounded_and_long_rows_are_not() {
    let branches = "if c then { } else ".repeat(300);
    let chain = assert_sound(&format!("a = {{ {branches}{{ }} }}\n"));
    assert_eq!(chain.diagnostics[0].code.to_string(), "K0018");
    let row = assert_sound(&format!("a = {}1\n", "1 + ".repeat(10_000)));
    assert!(!row.has_errors());
}

#[test]
fn mutants_of_the_cases_are_read() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for folder in ["ok", "err"] {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang/syntax").join(folder);
        let mut paths: Vec<_> =
            std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "kiln")) {
            let text = std::fs::read_to_string(path).unwrap();
            if text.len() < 2000 {
                for _ in 0..12 {
                    assert_sound(&mutant(&text, &mut random));
                }
            }
        }
    }
}

/// What a mutation puts in.
const PIECES: [&str; 32] = [
    "{", "}", "[", "]", "(", ")", "\"", "\"\"\"", "%{", ",", "=", "+=", "\n", "\n  ", " ", "#",
    ";", "..", ".", "if ", " then ", " else ", "let ", " in ", "for ", "mixin ", ":", "1.2",
    "\u{e9}", "\0", "-=", "=>",
];

fn mutant(text: &str, random: &mut u64) -> String {
    let mut mutant = text.to_owned();
    for _ in 0..=pick(random, 3) {
        let at = boundary(&mutant, pick(random, mutant.len() + 1));
        let end = boundary(&mutant, at + pick(random, 12));
        match pick(random, 4) {
            0 => mutant.replace_range(at..end, ""),
            1 => mutant.insert_str(at, PIECES[pick(random, PIECES.len())]),
            2 => mutant.replace_range(at..end, PIECES[pick(random, PIECES.len())]),
            _ => mutant.insert_str(at, &text[..boundary(text, pick(random, 40))]),
        }
    }
    mutant
}

/// Returns the next place at or after an offset where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Returns a number below a bound.
fn pick(random: &mut u64, bound: usize) -> usize {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    usize::try_from(*random % bound.max(1) as u64).unwrap_or(0)
}
