//! The standard library: its files are read and evaluated, the examples in its texts are true.

use crate::fixture::Fixture;
use std::fmt::Write;

/// Returns the lines of the example in the documentation of a file.
fn example(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start_matches("##"));
    let inside = lines.skip_while(|line| line.trim() != "```kiln").skip(1);
    let mut example = String::new();
    for line in inside.take_while(|line| line.trim() != "```") {
        writeln!(example, "{}", line.strip_prefix(' ').unwrap_or(line)).expect("a string");
    }
    example
}

#[test]
fn every_example_evaluates_without_a_finding() {
    let mut n_examples = 0;
    for (stem, text) in kiln_stdlib::files() {
        let example = example(text);
        if example.is_empty() {
            continue;
        }
        n_examples += 1;
        let shown = Fixture::new(&example).run(&[], |project, _| {
            let mut kinds = String::new();
            for id in project.elements() {
                if project.check(id).is_ok() {
                    writeln!(kinds, "{}", project.kinds(id).join("\n")).expect("a string");
                }
            }
            kinds
        });
        assert!(!shown.contains("error["), "{stem}: {shown}");
        let is_no_kind =
            text.contains("\nSource {") || ["Compiled", "Run", "Sourced"].contains(stem);
        assert!(is_no_kind || shown.lines().any(|kind| kind == *stem), "{stem}: {shown}");
    }
    assert!(n_examples > 15, "{n_examples}");
}

#[test]
fn every_kind_is_a_kind() {
    let kinds: Vec<&str> = kiln_stdlib::files().iter().map(|(stem, _)| *stem).collect();
    let mut text = String::new();
    for kind in &kinds {
        writeln!(text, "{} = {kind}", kind.to_lowercase()).expect("a string");
    }
    let shown = Fixture::new(&text).run(&[], |project, _| match project.value("case") {
        Some(value) => value.to_string(),
        None => String::new(),
    });
    let is_mixin = |kind: &&str| ["Compiled", "Sourced"].contains(kind);
    for kind in kinds.into_iter().filter(|kind| !is_mixin(kind)) {
        assert!(shown.contains(&format!("<kind {kind}>")), "{kind}: {shown}");
    }
}
