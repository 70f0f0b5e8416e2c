//! What is built again, and what is not.

use kiln_event::Event;

use crate::bench::{Bench, launched};

/// A library whose source has comments, a program made of its first line, a picture made of the program.
fn chain() -> Bench {
    let bench = Bench::new(&[
        (
            "library",
            "Manual {\n  source = Local(./src)\n  install = \"grep -v '^#' text > $KILN_OUT/library\"\n}\n",
        ),
        (
            "program",
            "Manual {\n  build-deps = [library]\n  install = \"head -n 1 /library > $KILN_OUT/program\"\n}\n",
        ),
        (
            "picture",
            "Manual {\n  build-deps = [program]\n  install = \"cat /program > $KILN_OUT/picture\"\n}\n",
        ),
    ]);
    bench.write("src/text", "# a comment\none\ntwo\n");
    bench
}

fn is_cut_off(events: &[Event], name: &str) -> bool {
    events.iter().any(
        |event| matches!(event, Event::ElementCutOff { element, .. } if element.as_str() == name),
    )
}

#[test]
fn a_second_build_is_one_line_and_launches_nothing() {
    let bench = chain();
    assert_eq!(launched(&bench.events(&["build"])), ["library", "program", "picture"]);
    let events = bench.events(&["build"]);
    assert_eq!(launched(&events), [""; 0]);
    let begun = |event: &Event| matches!(event, Event::ElementStarted { .. });
    assert!(!events.iter().any(begun), "{events:?}");
    let said = bench.run(&["build"]);
    assert_eq!((said.stdout.as_str(), said.stderr.lines().count()), ("", 1), "{said:?}");
}

#[test]
fn a_touched_file_builds_nothing() {
    let bench = chain();
    bench.events(&["build"]);
    bench.write("src/text", "# a comment\none\ntwo\n");
    assert_eq!(launched(&bench.events(&["build"])), [""; 0]);
}

#[test]
fn a_change_is_followed_only_as_far_as_outputs_change() {
    let bench = chain();
    bench.events(&["build"]);

    bench.write("src/text", "# another comment\none\ntwo\n");
    let events = bench.events(&["build", "picture"]);
    assert_eq!(launched(&events), ["library"]);

    bench.write("src/text", "# another comment\none\nthree\n");
    let events = bench.events(&["build", "picture"]);
    assert_eq!(launched(&events), ["library", "program"]);
    assert!(is_cut_off(&events, "picture"), "{events:?}");

    bench.write("src/text", "# another comment\nONE\nthree\n");
    let events = bench.events(&["build", "picture"]);
    assert_eq!(launched(&events), ["library", "program", "picture"]);

    // What was built once is there when the source is as it was.
    bench.write("src/text", "# a comment\none\ntwo\n");
    assert_eq!(launched(&bench.events(&["build", "picture"])), [""; 0]);
}

#[test]
fn an_element_of_another_name_with_the_same_content_is_not_built_again() {
    let bench = Bench::new(&[("one", "Manual { install = \"echo 1 > $KILN_OUT/one\" }\n")]);
    bench.events(&["build"]);
    bench.write("other.kiln", "Manual { install = \"echo 1 > $KILN_OUT/one\" }\n");
    assert_eq!(launched(&bench.events(&["build"])), [""; 0]);
}

#[test]
fn a_recorded_failure_is_told_without_a_launch() {
    let bench = Bench::new(&[("bad", "Manual { install = \"exit 7\" }\n")]);
    for (arguments, n_launched) in
        [(vec!["build"], 1), (vec!["build"], 0), (vec!["build", "--retry-failed"], 1)]
    {
        let before = bench.runs();
        assert_eq!(bench.run(&arguments).status, 1);
        let run = bench.runs().difference(&before).next().cloned().expect("a run has a record");
        assert_eq!(launched(&crate::bench::records(&run)).len(), n_launched, "{arguments:?}");
    }
}
