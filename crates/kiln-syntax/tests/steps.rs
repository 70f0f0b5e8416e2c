//! The work of reading is linear: the parser's own count of its steps stays below a bound for each byte.
//!
//! The bound is one number of the whole process, so this is one test in a file of its own.

mod texts;

use kiln_diag::FileId;
use kiln_syntax::parse;
use std::num::NonZeroUsize;
use texts::OPENERS;

/// More steps than a byte of a row needs.
const OF_ROWS: usize = 250;

/// More steps than a byte of nested text needs: what an open bracket ends is read once more at every level.
const OF_NESTING: usize = 2_000;

/// What a text may consist of, many times over.
const ROWS: [&str; 72] = [
    "a b ",
    "a = 1 ",
    "a = 1, ",
    "a.",
    "a\n  .b",
    "\"x\" ",
    "\"",
    "%{",
    "+ ",
    "1",
    "# x\n  ",
    "#",
    ";",
    "@",
    "()",
    "{}",
    "[]",
    "( ",
    ") ",
    "} ",
    "]",
    "\n",
    "  \n  ",
    " ",
    "a(",
    "a)",
    "x: ",
    "=",
    "= ",
    "then ",
    "else ",
    "in ",
    "for ",
    "if a then {} ",
    "if a then {}\n  ",
    "..",
    "...",
    "./",
    "-",
    "- ",
    "!",
    "\\",
    "\u{e9}",
    "\"\"\"",
    "\"\"\"\n  ",
    ",",
    "|",
    "a | ",
    "? ",
    "=> ",
    "(x) => x, ",
    "let a = 1 in ",
    "let a = 1\n  ",
    "assert a, ",
    "type T = ",
    "mixin ",
    "a { } ",
    "a[1]",
    "f(x)",
    "f(x",
    "1.2 ",
    "0x",
    "\"%{x}\" ",
    "a =\n  ",
    "a b\n  ",
    "a (b) ",
    "\0",
    "\r\n",
    "x = y\n",
    "}\n",
    "a @ b\n  ",
    "a-",
];

/// What stands around a row.
const FRAMES: [(&str, &str); 4] =
    [("", ""), ("a = {\n  ", "\n}\n"), ("a = [\n  ", "\n]\n"), ("a = f(", ")")];

/// Asserts that the parser, which gives up over the bound, reads the same with and without it.
fn check(text: &str, steps: usize) {
    pest::set_call_limit(None);
    let free = parse(FileId(0), text).tree;
    pest::set_call_limit(NonZeroUsize::new(steps * text.len()));
    let bounded = parse(FileId(0), text).tree;
    let shown: String = text.chars().take(40).collect();
    assert!(free == bounded, "more than {steps} steps a byte for {shown:?}");
}

#[test]
fn steps_are_linear() {
    for (before, after) in FRAMES {
        for row in ROWS {
            check(&format!("{before}{}{after}", row.repeat(1_200 / row.len())), OF_ROWS);
        }
    }
    for (open, close) in OPENERS {
        check(&format!("x = {}1{}\n", open.repeat(100), close.repeat(100)), OF_NESTING);
        check(&format!("x = {}\n", open.repeat(100)), OF_NESTING);
    }
}
