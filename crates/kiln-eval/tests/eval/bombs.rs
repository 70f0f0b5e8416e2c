//! Small texts that would grow without an end: each is one error, at its place, in bounded time.

use std::fmt::Write;

use crate::fixture::Fixture;
use crate::lang::force;

/// Evaluates all of a text; the one finding has a code, a help, and a place with its text.
#[track_caller]
fn check(text: &str, code: &str, place: &str) {
    let fixture = Fixture::new(text);
    let (_, findings) = fixture.found(&[], force);
    let said: Vec<String> = findings.iter().map(|finding| fixture.render(finding)).collect();
    assert_eq!(said.len(), 1, "{}", said.concat());
    assert!(said[0].starts_with(&format!("error[{code}]")), "{}", said[0]);
    assert!(said[0].contains(&format!("\n  {place} ended here")), "{}", said[0]);
    assert!(said[0].contains("help: "), "{}", said[0]);
}

#[test]
fn a_string_that_doubles_ends() {
    let text = "let twice(s: String, n: Int) = if n == 0 then s else twice(\"%{s}%{s}\", n - 1)\n\
        a = twice(\"x\", 60).len\n";
    check(text, "K0411", "case.kiln:1:60 `\"%{s}%{s}\"`");
}

#[test]
fn a_list_that_doubles_ends() {
    let text = "let twice(l, n: Int) = if n == 0 then l else twice(l ++ l, n - 1)\n\
        a = twice([1], 60).len\n";
    check(text, "K0411", "case.kiln:1:52 `l ++ l`");
}

#[test]
fn a_fold_that_doubles_ends() {
    let text = "let xs = [1 for a in [1, 2, 3, 4, 5, 6, 7, 8] for b in [1, 2, 3, 4, 5, 6, 7, 8]]\n\
        a = xs.fold(\"x\", (s, x) => s + s).len\n";
    check(text, "K0411", "case.kiln:2:28 `s + s`");
}

#[test]
fn functions_that_call_each_other_end() {
    let text = "let f(n: Int) = g(n + 1)\nlet g(n: Int) = f(n + 1)\na = f(0)\n";
    check(text, "K0412", "case.kiln:2:17 `f(n + 1)`");
}

#[test]
fn a_chain_of_many_elements_is_listed() {
    const N: usize = 10_000;
    let mut text = String::from("a0 = Manual { version = \"1\" }\n");
    for ix in 1..N {
        writeln!(text, "a{ix} = Manual {{ deps = [a{}] }}", ix - 1).expect("a string");
    }
    let fixture = Fixture::new(&text);
    let (listed, findings) = fixture.found(&[], |project, _| project.elements().len().to_string());
    assert!(findings.is_empty(), "{}", fixture.render(&findings[0]));
    assert_eq!(listed, N.to_string());
}
