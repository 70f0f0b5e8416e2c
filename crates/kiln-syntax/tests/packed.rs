//! What is packed reads back as what was parsed, and bytes that are anything else are no syntax and no panic.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "the cases are files")]

use std::path::{Path, PathBuf};

use kiln_diag::FileId;
use kiln_syntax::{Packed, Syntax, parse};

/// Returns the texts of all files of the language below a folder of the repository.
fn texts(folder: &str) -> Vec<String> {
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = waiting.pop() {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|form| form == "kiln") {
                texts.extend(std::fs::read_to_string(path));
            }
        }
    }
    texts
}

#[track_caller]
fn check(text: &str) -> Option<Vec<u8>> {
    let parsed = parse(FileId(7), text);
    let packed = Packed::of(&parsed);
    assert_eq!(packed.is_some(), parsed.diagnostics.is_empty());
    let packed = packed?;
    let read = packed.unpack(FileId(7)).expect("what was packed");
    assert_eq!(read.ast, parsed.ast);
    assert!(read.capitals().eq(parsed.capitals()));
    let syntax = Syntax::of(parsed);
    assert_eq!(syntax.capitals(), read.capitals().collect::<Vec<_>>());
    assert_eq!(syntax.read().ast, read.ast);
    Some(packed.bytes().to_vec())
}

const ALL: &str = r#"##! doc
let f(a: Int, b = -2): [Int]? = a + b * 3 ?? !true
type Port = { a: Int, b?: {String} | "x" | 1 | null } where (p) => p.a > 0
assert f(1) == [], "no %{f(1)} of it"
## documented
a.b."c d" += [..xs, x for x in xs for k, v in d if k != "x"]
outer = {
  [e] = if a then b?.c else let x = 1, g(y) = y in (x: Int) => x[0]
  k { if a then { b = 1 } else if c then { d = 2 } else { e = ... } }
  for x in xs then { "%{x}" = ./path }
  ..mixin Kind { l: (Int) -> a.B = null }
}
block = """
  one %{two}
  """
call = f(1, ..xs, n = "\n\u{41}") { o = false }
"#;

#[test]
fn what_is_packed_reads_back() {
    assert!(check(ALL).is_some(), "{:?}", parse(FileId(0), ALL).diagnostics);
    let found: Vec<String> = ["stdlib", "tests", "docs"].into_iter().flat_map(texts).collect();
    let n_packed = found.iter().filter(|text| check(text).is_some()).count();
    assert!(n_packed > 50, "{n_packed} of {}", found.len());
}

#[test]
fn a_text_in_another_file_has_the_places_of_that_file() {
    let packed = Packed::of(&parse(FileId(1), "a = [b, 1]\n")).unwrap();
    assert_eq!(packed.unpack(FileId(2)).unwrap().ast, parse(FileId(2), "a = [b, 1]\n").ast);
}

#[test]
fn a_text_with_findings_is_not_packed() {
    assert_eq!(check("a = \n"), None);
    assert!(Syntax::of(parse(FileId(0), "a = \n")).has_errors());
}

#[test]
fn damaged_bytes_are_no_panic() {
    for text in ["a = { b: [Int] = [1, x.y], c(d) = \"%{d}\" }\n", "Stack { deps = [a] }\n"] {
        let good = check(text).unwrap();
        for at in 0..good.len() {
            assert!(Packed::of_bytes(&good[..at]).unpack(FileId(0)).is_none());
            for byte in 0..=255 {
                let mut bad = good.clone();
                bad[at] = byte;
                drop(Packed::of_bytes(bad).unpack(FileId(0)));
            }
        }
    }
}
