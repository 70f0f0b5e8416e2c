//! Mutants of the standard library and of the cases: each of them ends, within limits, with findings that have a place.
//!
//! `PROPTEST_CASES` says how many; `make fuzz` says many.

use std::path::Path;

use kiln_diag::Diagnostic;
use kiln_eval::Limits;

use crate::fixture::Fixture;
use crate::lang::force;

/// Small limits: most mutants need less, bombs end soon.
const LIMITS: Limits = Limits { steps: 20_000, bytes: 1 << 20, depth: 128 };

/// What a mutation puts in.
const PIECES: [&str; 32] = [
    "{", "}", "[", "]", "(", ")", "\"", "%{", ",", "=", "+=", "\n", "..", ".", "?.", "?? ", "if ",
    " then ", " else ", "let ", " in ", "for ", "mixin ", "type ", ": Int", "self", "super", "1",
    "null", "=>", " ++ ", "\u{e9}",
];

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).expect("it is below a usize")
    }
}

/// Returns the texts that are changed: of the standard library, and of the cases.
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn texts() -> Vec<String> {
    let mut texts: Vec<String> =
        kiln_stdlib::files().iter().map(|(_, text)| (*text).to_owned()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang");
    for folder in ["ok", "err"] {
        let listed = std::fs::read_dir(root.join(folder)).expect("a folder of texts");
        let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "kiln"));
        paths.sort();
        texts.extend(paths.iter().map(|path| std::fs::read_to_string(path).expect("a text")));
    }
    assert!(texts.len() > 100, "only {} texts", texts.len());
    texts
}

/// Returns the next place at or after an offset where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Changes a text in one to three places; pieces come from a fixed set, and from the other text.
fn mutant(text: &str, other: &str, random: &mut Random) -> String {
    let mut mutant = text.to_owned();
    for _ in 0..=random.below(3) {
        let at = boundary(&mutant, random.below(mutant.len() + 1));
        let end = boundary(&mutant, at + random.below(12));
        let from = boundary(other, random.below(other.len() + 1));
        let piece = match random.below(4) {
            0 => "",
            1 => &other[from..boundary(other, from + random.below(80))],
            _ => PIECES[random.below(PIECES.len())],
        };
        let is_put_in = !piece.is_empty() && random.below(2) == 0;
        mutant.replace_range(if is_put_in { at..at } else { at..end }, piece);
    }
    mutant
}

/// Evaluates all of a text and returns what is said about it.
fn evaluated(text: &str) -> Vec<Diagnostic> {
    let fixture = Fixture::new(text);
    let (_, findings) = fixture.within(LIMITS, &[], force);
    for finding in &findings {
        // A label outside of its text would be a panic here.
        assert!(!fixture.render(finding).is_empty());
        assert!(finding.primary.is_some(), "{finding} has no place");
    }
    findings
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the number of cases comes from outside")]
fn fuzz_mutants_are_evaluated_within_limits() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let n_cases: u64 = cases.unwrap_or(300);
    let texts = texts();
    let (mut n_sound, mut n_evaluated) = (0, 0);
    for seed in 0..n_cases {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let text = &texts[random.below(texts.len())];
        let other = &texts[random.below(texts.len())];
        let findings = evaluated(&mutant(text, other, &mut random));
        n_sound += u64::from(findings.is_empty());
        // Findings of the evaluation, rather than of the syntax, are what this is about.
        let is_of_values = |found: &Diagnostic| found.code.to_string().as_str() >= "K0200";
        n_evaluated += u64::from(findings.iter().any(is_of_values));
    }
    assert!(n_sound > 0 && n_evaluated * 5 > n_cases, "{n_sound}, {n_evaluated} of {n_cases}");
}
