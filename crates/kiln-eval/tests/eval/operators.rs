//! Every operator: in every spacing, beside every other, with the values that count.

use crate::fixture::Fixture;
use crate::show::show;
use std::fmt::Write;

/// The operators from loose to tight; those of one row are equally tight.
const ROWS: [&[&str]; 8] = [
    &["??"],
    &["||"],
    &["&&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["++"],
    &["+", "-"],
    &["*", "/"],
];

/// Operands and the value of each operator between them.
const VALUES: [(&str, &str, &str, &str); 14] = [
    ("p", "??", "q", "7"),
    ("t", "||", "f", "true"),
    ("t", "&&", "f", "false"),
    ("p", "==", "q", "false"),
    ("p", "!=", "q", "true"),
    ("p", "<", "q", "false"),
    ("p", "<=", "q", "false"),
    ("p", ">", "q", "true"),
    ("p", ">=", "q", "true"),
    ("xs", "++", "xs", "[1, 1]"),
    ("p", "+", "q", "9"),
    ("p", "-", "q", "5"),
    ("p", "*", "q", "14"),
    ("p", "/", "q", "3"),
];

/// What stands before and behind an operator: blanks, line ends, comments.
const SPACINGS: [(&str, &str); 8] = [
    ("", ""),
    (" ", ""),
    ("", " "),
    (" ", " "),
    ("\n  ", " "),
    (" ", "\n  "),
    (" # why\n  ", " "),
    ("\n\n  ", "\n\n  "),
];

const NAMES: &str = "let p = 7, q = 2, t = true, f = false, xs = [1]\n";

/// Returns the value of each text; findings stand behind all values.
fn values(texts: &[String]) -> Vec<String> {
    let mut file = String::new();
    for (ix, text) in texts.iter().enumerate() {
        writeln!(file, "//- /c{ix}.kiln\n{}a = {text}", NAMES.replace(", ", "\nlet "))
            .expect("text");
    }
    let found = Fixture::new(&file).run(&[], |project, _| {
        let mut found = String::new();
        for ix in 0..texts.len() {
            let value = project.value(&format!("c{ix}.a"));
            found.push_str(&value.map_or_else(String::new, |value| show(project, &value)));
        }
        found
    });
    found.lines().map(str::to_owned).collect()
}

#[test]
fn an_operator_means_the_same_in_every_spacing() {
    let mut texts = Vec::new();
    let mut wanted = Vec::new();
    for (left, op, right, value) in VALUES {
        for (before, behind) in SPACINGS {
            // A name may hold a minus, and a minus that begins a line and touches what follows is a sign.
            let is_name = op == "-" && before.is_empty() && behind.is_empty();
            if !is_name {
                texts.push(format!("{left}{before}{op}{behind}{right}"));
                wanted.push(value.to_owned());
            }
        }
    }
    assert_eq!(values(&texts), wanted);
}

#[test]
fn a_minus_subtracts_only_where_it_can_be_nothing_else() {
    let texts =
        ["p - q", "p -q", "p- q", "7-2", "(p)-q", "p -1", "[p\n  -q].len", "[p\n  - q].len"];
    let texts = texts.map(str::to_owned);
    assert_eq!(values(&texts), ["5", "5", "5", "5", "5", "6", "2", "1"]);
}

/// Returns the row of an operator.
fn tightness(op: &str) -> usize {
    ROWS.iter().position(|row| row.contains(&op)).expect("an operator")
}

#[test]
fn each_pair_of_operators_groups_by_tightness_and_then_to_the_left() {
    let ops: Vec<&str> = ROWS.concat();
    assert_eq!(ops.len(), VALUES.len());
    for first in &ops {
        for second in &ops {
            let is_chain =
                tightness(first) == tightness(second) && (3..=4).contains(&tightness(first));
            if is_chain {
                continue;
            }
            let text = format!("x = a {first} b {second} c\n");
            let grouped = if tightness(second) > tightness(first) {
                format!("x = a {first} (b {second} c)\n")
            } else {
                format!("x = (a {first} b) {second} c\n")
            };
            assert_eq!(dump(&text), dump(&grouped), "{text}");
            let other = if tightness(second) > tightness(first) {
                format!("x = (a {first} b) {second} c\n")
            } else {
                format!("x = a {first} (b {second} c)\n")
            };
            assert_ne!(dump(&text), dump(&other), "{text}");
        }
    }
}

#[test]
fn signs_bind_tighter_than_operators_and_looser_than_what_follows_a_value() {
    for op in ROWS.concat() {
        assert_eq!(dump(&format!("x = -a {op} !b\n")), dump(&format!("x = (-a) {op} (!b)\n")));
    }
    assert_eq!(dump("x = -a.b(c)[d]\n"), dump("x = -(a.b(c)[d])\n"));
    assert_eq!(dump("x = !a.b\n"), dump("x = !(a.b)\n"));
    assert_eq!(dump("x = - -a\n"), dump("x = -(-a)\n"));
}

fn dump(text: &str) -> String {
    let parsed = kiln_syntax::parse(kiln_diag::FileId(0), text);
    assert!(parsed.diagnostics.is_empty(), "{text}: {:?}", parsed.diagnostics);
    parsed.ast.debug()
}
