//! Small texts that would grow without an end: each is one error, at its place, in bounded time.
//!
//! `tests/lang/bombs` holds a text and its one finding each. What may be used is less than usual, so that they end soon.

use std::collections::BTreeSet;
use std::fmt::Write;

use kiln_diag::Texts;
use kiln_eval::{ElementId, Evaluated, Limits, Value};

use crate::fixture::Fixture;
use crate::lang::{cases, check_all, compare, force};

/// Steps that each written element adds; bytes are 16 KiB.
const STEPS_OF_ELEMENT: u64 = 2_000;

/// Forces all of a project, and all elements that fields of elements hold.
fn force_all(project: &mut Evaluated, texts: &Texts) -> String {
    force(project, texts);
    let mut waiting = project.elements();
    let mut seen: BTreeSet<ElementId> = waiting.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        for field in project.fields(id) {
            if let Ok(Some(value)) = project.field(id, &field) {
                add_elements(&value, &mut |id| {
                    if seen.insert(id) {
                        waiting.push(id);
                    }
                });
            }
        }
    }
    String::new()
}

fn add_elements(value: &Value, add: &mut impl FnMut(ElementId)) {
    match value {
        Value::Element(id) => add(*id),
        Value::List(items) => items.iter().for_each(|one| add_elements(one, add)),
        Value::Record(fields) => fields.iter().for_each(|(_, one)| add_elements(one, add)),
        _ => {}
    }
}

#[test]
fn each_bomb_is_one_error() {
    let limits = Limits { steps: 100_000, bytes: 4 << 20, ..Limits::default() };
    let cases = cases("bombs");
    assert!(cases.len() > 30);
    check_all(&cases, |path, text| {
        let fixture = Fixture::new(text);
        let (_, findings) = fixture.within(limits, &[], force_all);
        let shown: String = findings.iter().map(|one| fixture.render(one)).collect();
        let name = path.display();
        if findings.len() != 1 || findings[0].code.0 / 10 != 41 || findings[0].help.is_none() {
            return Err(format!("{name}: not one error of a budget\n{shown}"));
        }
        compare(&path.with_extension("txt"), &shown)
    });
}

/// Evaluates all of a text within limits and returns the codes of what is found.
fn codes(text: &str, limits: Limits) -> Vec<u16> {
    let (_, findings) = Fixture::new(text).within(limits, &[], force);
    findings.iter().map(|finding| finding.code.0).collect()
}

/// Returns the least number from which on a text is evaluated without an error; below it ends with a code.
#[track_caller]
fn least(text: &str, code: u16, limits: impl Fn(u64) -> Limits) -> u64 {
    let (mut fails, mut holds) = (0, 4_000_000);
    assert_eq!(codes(text, limits(holds)), [] as [u16; 0]);
    while holds - fails > 1 {
        let middle = u64::midpoint(fails, holds);
        let found = codes(text, limits(middle));
        if found.is_empty() {
            holds = middle;
        } else {
            assert_eq!(found, [code]);
            fails = middle;
        }
    }
    holds
}

#[test]
fn depth_is_counted_in_fields_and_calls() {
    let text = |n: u32| format!("f(n: Int): Int = if n == 0 then 0 else f(n - 1)\na = f({n})\n");
    // The file, its key, and one call more than n.
    assert_eq!(codes(&text(509), Limits::default()), [] as [u16; 0]);
    assert_eq!(codes(&text(510), Limits::default()), [412]);
}

#[test]
fn steps_are_expressions_slots_and_bytes() {
    let steps = |steps| Limits { steps, ..Limits::default() };
    let of = |text: &str| least(text, 410, steps);
    let one = of("a = 1\n");
    assert_eq!(of("a = 1 + 1\n") - one, 2, "the operator and a second number");
    let text = |n: usize| format!("a = \"{}\" + \"b\"\n", "x".repeat(n));
    assert_eq!(of(&text(64 * 10 + 62)) - of(&text(62)), 10, "64 bytes of a string");
    let list = |n: usize| format!("a = [{}].len\n", "1, ".repeat(n));
    assert_eq!(of(&list(80)) - of(&list(0)), 10 + 80 * 24 / 64, "8 slots, and 24 bytes each");
}

#[test]
fn bytes_are_those_of_strings_and_lists() {
    let bytes = |bytes| Limits { bytes, ..Limits::default() };
    let text = |n: usize| format!("a = \"{}\" + \"b\"\n", "x".repeat(n));
    assert_eq!(least(&text(700), 411, bytes) - least(&text(500), 411, bytes), 200);
}

#[test]
fn each_written_element_adds_to_the_budget() {
    let limits = |steps| Limits { steps, ..Limits::default() };
    let loops = "let d = \"aaaaaaaaaaaaaaaaaaaa\".split(\"\")\n\
        let n = [1 for x in d for y in d for z in d].len\na = Manual { version = \"%{n}\" }\n";
    let (one, two) = (format!("{loops}b = 1\n"), format!("{loops}b = Manual {{}}\n"));
    let (of_one, of_two) = (least(&one, 410, limits), least(&two, 410, limits));
    assert!(of_one > of_two && of_one - of_two < STEPS_OF_ELEMENT, "{of_one} {of_two}");
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
