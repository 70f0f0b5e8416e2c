//! Plans of small projects, as text.

use super::*;
use kiln_digest::Digest;
use kiln_ir::{Fingerprint, Patch, PatchPin, Source};

fn ir(elements: &str) -> Ir {
    Ir::from_json(&format!(r#"{{ "version": 1, "project": "p", "elements": [ {elements} ] }}"#))
        .unwrap()
}

fn planned(elements: &str, target: &str) -> Result<Plan, PlanError> {
    let targets = vec![ElementName::parse(target).unwrap()];
    let mut pins = Pins::default();
    pins.sources.insert(
        Source::Local { path: "src".into(), exclude: vec![], with_ignored: false },
        Digest::of(b"src"),
    );
    pins.host = Some(Fingerprint([7; 32]));
    plan(&ir(elements), &pins, &Request { targets, platform: Platform::default() })
}

#[track_caller]
fn check(elements: &str, names: &str) {
    let plan = planned(elements, "a").unwrap();
    let found: Vec<&str> = plan.nodes.iter().map(|node| node.element.as_str()).collect();
    assert_eq!(found.join(" "), names);
}

#[track_caller]
fn check_staged(elements: &str, names: &str) {
    let plan = planned(elements, "a").unwrap();
    let staged = plan.staged(plan.targets[0]);
    let found: Vec<&str> = staged.iter().map(|ix| plan.node(*ix).element.as_str()).collect();
    assert_eq!(found.join(" "), names);
}

#[track_caller]
fn check_error(elements: &str, message: &str) {
    assert_eq!(planned(elements, "a").unwrap_err().to_string(), message);
}

fn key(elements: &str) -> Key {
    let plan = planned(elements, "a").unwrap();
    plan.node(plan.targets[0]).key
}

#[test]
fn dependencies_come_first_and_once() {
    check(
        r#"{ "name": "a", "base": "s", "build-deps": ["b"], "deps": ["c"], "run-deps": ["d"] },
           { "name": "b", "deps": ["c"] }, { "name": "c" }, { "name": "d" }, { "name": "s" }, { "name": "unused" }"#,
        "s c b d a",
    );
    check(r#"{ "name": "a", "stage-at": { "/x": ["b"] } }, { "name": "b" }"#, "b a");
    check(
        r#"{ "name": "a", "steps": [ { "filter": { "of": "b", "include-orphans": true } } ] }, { "name": "b" }"#,
        "b a",
    );
}

#[test]
fn a_root_holds_closures_but_no_build_deps_of_deps() {
    check_staged(
        r#"{ "name": "a", "base": "s", "build-deps": ["tool"], "deps": ["lib"], "run-deps": ["late"] },
           { "name": "tool", "run-deps": ["x"], "build-deps": ["hidden"] }, { "name": "lib", "deps": ["x"] },
           { "name": "x" }, { "name": "hidden" }, { "name": "late" }, { "name": "s" }"#,
        "x tool lib",
    );
}

#[test]
fn a_cycle_is_shown_as_a_path() {
    check_error(
        r#"{ "name": "a", "deps": ["b"] }, { "name": "b", "run-deps": ["c"] }, { "name": "c", "build-deps": ["b"] }"#,
        "`b` needs itself: b -> c -> b",
    );
    check_error(r#"{ "name": "a", "deps": ["a"] }"#, "`a` needs itself: a -> a");
}

#[test]
fn what_is_missing_is_named() {
    check_error(r#"{ "name": "x" }"#, "there is no element `a`");
    check_error(r#"{ "name": "a", "deps": ["gone"] }"#, "`a` needs `gone`, which is no element");
    check_error(
        r#"{ "name": "a", "sources": [ { "source": { "kind": "local", "path": "other" } } ] }"#,
        "`a` has no pin of `other`",
    );
}

#[test]
fn names_and_advice_are_in_no_key() {
    let plain = key(r#"{ "name": "a", "deps": ["b"] }, { "name": "b", "env": { "X": "1" } }"#);
    assert_eq!(
        plain,
        key(r#"{ "name": "a", "deps": ["c"] }, { "name": "c", "env": { "X": "1" } }"#)
    );
    assert_eq!(
        plain,
        key(
            r#"{ "name": "a", "deps": ["b"], "public": { "x": 1 }, "advice": { "summary": "s", "env": { "J": "2" } } },
              { "name": "b", "env": { "X": "1" } }"#
        )
    );
}

#[test]
fn every_part_of_identity_changes_the_key() {
    let others = r#"{ "name": "b", "env": { "X": "1" } }, { "name": "c" }"#;
    let run = r#""steps": [ { "run": { "phases": [ { "name": "build", "script": "true" } ] } } ]"#;
    let forms = [
        r"",
        r#", "base": "b""#,
        r#", "base": "c""#,
        r#", "deps": ["b"]"#,
        r#", "deps": ["c"]"#,
        r#", "deps": ["b", "c"]"#,
        r#", "deps": ["c", "b"]"#,
        r#", "build-deps": ["b"]"#,
        r#", "run-deps": ["b"]"#,
        r#", "stage-at": { "/x": ["b"] }"#,
        r#", "stage-at": { "/y": ["b"] }"#,
        r#", "env": { "X": "1" }"#,
        r#", "env": { "X": "2" }"#,
        r#", "user": "root""#,
        r#", "integrate": ["ldconfig"]"#,
        r#", "overlaps": ["/x"]"#,
        r#", "splits": { "devel": ["/x"] }"#,
        r#", "sources": [ { "source": { "kind": "local", "path": "src" } } ]"#,
        r#", "sources": [ { "at": "sub", "source": { "kind": "local", "path": "src" } } ]"#,
        r#", "steps": [ { "import": { "target": "/" } } ]"#,
        r#", "steps": [ { "import": { "target": "/usr" } } ]"#,
        r#", "steps": [ { "compose": { "of": ["b"], "include-orphans": true, "run-integrate": true } } ]"#,
        r#", "steps": [ { "compose": { "of": ["b"], "include-orphans": true, "run-integrate": false } } ]"#,
        r#", "steps": [ { "filter": { "of": "b", "include-orphans": true } } ]"#,
    ];
    let mut keys: Vec<Key> =
        forms.iter().map(|form| key(&format!(r#"{{ "name": "a"{form} }}, {others}"#))).collect();
    keys.push(key(&format!(r#"{{ "name": "a", {run} }}, {others}"#)));
    keys.push(key(&format!(r#"{{ "name": "a", {} }}, {others}"#, run.replace("true", "false"))));
    let distinct: BTreeSet<Key> = keys.iter().copied().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[test]
fn a_key_has_the_patches_that_a_folder_stands_for() {
    let element = r#"{ "name": "a", "patches": [ { "path": "fixes", "strip": 1 } ] }"#;
    check_error(element, "`a` has no pin of `fixes`");
    let key = |files: &[(&str, &str, u32)]| {
        let patch = Patch { path: "fixes".into(), strip: 1 };
        let pin = |(path, text, strip): &(&str, &str, u32)| PatchPin {
            path: (*path).into(),
            content: Digest::of(text.as_bytes()),
            strip: *strip,
        };
        let patches = [(patch, files.iter().map(pin).collect())].into();
        let pins = Pins { patches, ..Pins::default() };
        let targets = vec![ElementName::parse("a").unwrap()];
        let request = Request { targets, platform: Platform::default() };
        let plan = plan(&ir(element), &pins, &request).unwrap();
        plan.node(plan.targets[0]).key
    };
    let two = key(&[("fixes/a", "x", 1), ("fixes/b", "y", 0)]);
    assert_eq!(key(&[("c", "x", 1), ("d", "y", 0)]), two);
    let others = [
        key(&[]),
        key(&[("fixes/a", "x", 1)]),
        key(&[("fixes/a", "x", 1), ("fixes/b", "y", 1)]),
        key(&[("fixes/a", "x", 1), ("fixes/b", "z", 0)]),
        key(&[("fixes/b", "y", 0), ("fixes/a", "x", 1)]),
    ];
    assert!(!others.contains(&two));
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let mut elements: Vec<String> = (1..50_000)
        .map(|ix| format!(r#"{{ "name": "e{ix}", "deps": ["e{}"] }}"#, ix + 1))
        .collect();
    elements.push(r#"{ "name": "e50000" }"#.to_owned());
    let targets = vec![ElementName::parse("e1").unwrap()];
    let request = Request { targets, platform: Platform::default() };
    let plan = plan(&ir(&elements.join(",")), &Pins::default(), &request).unwrap();
    assert_eq!(plan.nodes.len(), 50_000);
    assert_eq!(plan.staged(plan.targets[0]).len(), 49_999);
}

const HOST: &str = r#"{ "name": "host", "steps": [ { "base": { "kind": "host" } } ] }"#;

#[track_caller]
fn check_impure(elements: &str, names: &str) {
    let plan = planned(&format!("{elements}, {HOST}"), "a").unwrap();
    let impure = plan.nodes.iter().filter(|node| node.impure);
    let found: Vec<&str> = impure.map(|node| node.element.as_str()).collect();
    assert_eq!(found.join(" "), names);
}

#[test]
fn what_is_made_of_something_impure_is_impure() {
    let tool = r#"{ "name": "tool", "base": "host" }, { "name": "c" }"#;
    check_impure(&format!(r#"{{ "name": "a", "base": "host", "deps": ["c"] }}, {tool}"#), "host a");
    for list in ["build-deps", "deps", "run-deps"] {
        check_impure(
            &format!(r#"{{ "name": "a", "base": "c", "{list}": ["tool"] }}, {tool}"#),
            "host tool a",
        );
    }
    check_impure(
        &format!(r#"{{ "name": "a", "stage-at": {{ "/x": ["c", "tool"] }} }}, {tool}"#),
        "host tool a",
    );
    let compose =
        r#"{ "compose": { "of": ["b"], "include-orphans": true, "run-integrate": false } }"#;
    check_impure(
        &format!(
            r#"{{ "name": "a", "steps": [{compose}] }}, {{ "name": "b", "deps": ["tool"] }}, {tool}"#
        ),
        "host tool b a",
    );
    check_impure(&format!(r#"{{ "name": "a", "deps": ["c"] }}, {tool}"#), "");
}

#[test]
fn the_machine_itself_is_a_base_and_nothing_else() {
    let refused = |element: &str, list: &str| {
        let message = format!("`a` has `host`, which is this machine, in `{list}`");
        check_error(&format!("{element}, {HOST}"), &message);
    };
    for list in ["build-deps", "deps", "run-deps"] {
        refused(&format!(r#"{{ "name": "a", "base": "host", "{list}": ["host"] }}"#), list);
    }
    refused(r#"{ "name": "a", "stage-at": { "/x": ["host"] } }"#, "stage-at");
    for step in ["compose", "filter"] {
        let of = if step == "compose" { r#"["host"]"# } else { r#""host""# };
        let more = if step == "compose" { r#", "run-integrate": false"# } else { "" };
        refused(
            &format!(
                r#"{{ "name": "a", "steps": [ {{ "{step}": {{ "of": {of}, "include-orphans": true{more} }} }} ] }}"#
            ),
            "of",
        );
    }
}

#[test]
fn another_machine_is_another_key() {
    let key = |host: Option<Fingerprint>| {
        let targets = vec![ElementName::parse("host").unwrap()];
        let request = Request { targets, platform: Platform::default() };
        let plan = plan(&ir(HOST), &Pins { host, ..Pins::default() }, &request)?;
        Ok::<_, PlanError>((plan.nodes[0].key, plan.host))
    };
    let (one, host) = key(Some(Fingerprint([1; 32]))).unwrap();
    assert_eq!(host, Some(Fingerprint([1; 32])));
    assert_ne!(one, key(Some(Fingerprint([2; 32]))).unwrap().0);
    assert_eq!(key(None).unwrap_err().to_string(), "`host` has no pin of `host`");
}
