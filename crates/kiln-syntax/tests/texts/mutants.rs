//! Texts of the repository, and what becomes of them when somebody types into them at random.

#![expect(clippy::disallowed_methods, reason = "the texts are files")]

use std::path::Path;

/// What a mutation puts in.
const PIECES: [&str; 44] = [
    "{", "}", "[", "]", "(", ")", "\"", "\"\"\"", "%{", ",", "=", "+=", "\n", "\n  ", " ", "#",
    ";", "..", ".", "if ", " then ", " else ", "let ", " in ", "for ", "mixin ", ":", "1.2",
    "\u{e9}", "\0", "-=", "=>", "''", "'", "${", "//", "\u{feff}", "\r\n", "\u{202e}", "with ",
    "inherit ", "\\q", "8k", "- ",
];

/// Returns the items of the standard library and of the good cases, each with what belongs to it.
pub(crate) fn items() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut items = Vec::new();
    for folder in ["stdlib", "tests/lang/syntax/ok"] {
        let listed = std::fs::read_dir(root.join(folder)).expect("a folder of texts");
        let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "kiln"));
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(path).expect("a text");
            let parse = kiln_syntax::parse(kiln_diag::FileId(0), &text);
            items.extend(parse.chunks().map(|chunk| text[chunk].to_owned()));
        }
    }
    items.retain(|item| item.len() < 1500);
    assert!(items.len() > 100, "only {} items", items.len());
    items
}

/// Numbers that look random and are the same each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }
}

/// Returns a text with one to four mutations in it.
pub(crate) fn mutant(text: &str, random: &mut Random) -> String {
    let mut mutant = text.to_owned();
    for _ in 0..=random.below(4) {
        mutant = mutation(&mutant, random);
    }
    mutant
}

/// Returns a text with one mutation in it.
pub(crate) fn mutation(text: &str, random: &mut Random) -> String {
    let mut mutant = text.to_owned();
    let at = boundary(text, random.below(text.len() + 1));
    let end = boundary(text, at + random.below(12));
    let piece = PIECES[random.below(PIECES.len())];
    match random.below(4) {
        0 => mutant.replace_range(at..end, ""),
        1 => mutant.insert_str(at, piece),
        2 => mutant.replace_range(at..end, piece),
        _ => mutant.insert_str(at, &text[..boundary(text, random.below(40))]),
    }
    mutant
}

/// Returns the next place at or after an offset where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
