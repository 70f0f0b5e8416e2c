//! Roots and actions of small elements.

use std::collections::BTreeMap;

use kiln_digest::Digest;
use kiln_ir::{Filter, PlacedSource, Source};
use kiln_tree::{File, Node, Symlink};

use super::*;
use crate::function::{Part, filter};

/// Makes a tree of `path=content`, `path!content` (executable) and `path->target` words.
fn tree(words: &str) -> Tree {
    let mut draft = Draft::default();
    for word in words.split_whitespace() {
        let (path, node): (&str, Node) = if let Some((path, target)) = word.split_once("->") {
            (path, Symlink::new(target).into())
        } else if let Some((path, content)) = word.split_once('!') {
            (path, File::new(Digest::of(content.as_bytes()), true).into())
        } else {
            let (path, content) = word.split_once('=').unwrap();
            (path, File::new(Digest::of(content.as_bytes()), false).into())
        };
        draft.put(&RelPath::parse(path).unwrap(), node).unwrap();
    }
    draft.seal()
}

fn element(name: &str) -> Element {
    Element::new(ElementName::parse(name).unwrap())
}

fn layer(name: &str, words: &str) -> Layer {
    root::layer(&element(name), tree(words))
}

fn built<'a>(element: &'a Element, base: &str, staged: &[(&str, &str)]) -> Inputs<'a> {
    Inputs {
        element,
        isa: "x86-64",
        base: Some(layer("base", base)),
        staged: staged.iter().map(|(name, words)| layer(name, words)).collect(),
        staged_at: vec![],
        sources: vec![],
    }
}

#[track_caller]
fn check_error(inputs: &Inputs<'_>, message: &str) {
    assert_eq!(assemble(inputs).unwrap_err().to_string(), message);
}

#[test]
fn the_root_is_the_layers_and_what_is_generated() {
    let mut element = element("a");
    element.env = BTreeMap::from([("TZ".into(), "Mars".into())]);
    let phase = |name: &str| Phase { name: name.into(), script: "true".into() };
    element.steps = vec![Step::Run { phases: vec![phase("build"), phase("install")] }];
    element.sources = vec![PlacedSource {
        at: "sub".into(),
        source: Source::Local { path: "x".into(), exclude: vec![] },
    }];
    let mut inputs = built(&element, "usr/bin/sh!sh bin->usr/bin", &[("lib", "usr/lib/a=1")]);
    inputs.sources = vec![tree("main.c=x")];
    inputs.staged_at = vec![("/sysroot".into(), vec![layer("libc", "lib/c=2")])];
    let made = assemble(&inputs).unwrap();
    let paths: Vec<String> =
        made.action.input_root.walk().map(|(path, _)| path.to_string()).collect();
    assert_eq!(
        paths.join(" "),
        "bin build build/sub build/sub/main.c dev etc etc/group etc/hosts etc/passwd kiln \
         kiln/00-build kiln/01-install kiln/run meta out proc sysroot sysroot/lib sysroot/lib/c \
         tmp usr usr/bin usr/bin/sh usr/lib usr/lib/a"
    );
    assert_eq!(made.action.command.environment["TZ"], "Mars");
    assert_eq!(made.staging.lowers.len(), 3);
    let mut stack = made.staging.lowers.clone();
    stack.push(made.staging.upper.clone());
    assert_eq!(kiln_tree::merge(&stack).tree, made.action.input_root);
}

#[test]
fn layers_that_do_not_stack_are_one_tree() {
    let element = element("a");
    let made =
        assemble(&built(&element, "usr/bin/sh!sh bin->usr/bin", &[("b", "bin/x=1")])).unwrap();
    assert_eq!(made.staging.lowers.len(), 1);
    assert!(made.action.input_root.get(&RelPath::parse("usr/bin/x").unwrap()).is_some());
}

#[test]
fn an_overlap_names_both_and_may_be_allowed() {
    let element = element("a");
    let mut inputs = built(&element, "bin/sh!sh", &[("b", "info/dir=1"), ("c", "info/dir=2")]);
    let found = assemble(&inputs).unwrap().overlaps;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].loser.as_str(), found[0].winner.as_str()), ("b", "c"));
    inputs.staged[1].overlaps = vec!["/info/*".into()];
    assert!(assemble(&inputs).unwrap().overlaps.is_empty());
    inputs.staged[1].overlaps = vec!["/info/[".into()];
    check_error(&inputs, "`/info/[` in `c` is no glob");
}

#[test]
fn what_cannot_be_built_is_refused() {
    let mut element = element("a");
    check_error(&built(&element, "bin/sh=text", &[]), "`a` has no `/bin/sh` in its root");
    check_error(&built(&element, "bin/sh->sh", &[]), "`a` has no `/bin/sh` in its root");
    check_error(
        &built(&element, "bin/sh!sh", &[("b", "out/x=1")]),
        "`out` in the root of `a` is reserved for the build, and `b` brings it",
    );
    check_error(
        &built(&element, "bin/sh!sh etc->usr/etc usr/etc/x=1", &[]),
        "`etc` in the root of `a` is reserved for the build, and `base` brings it",
    );
    let phase = Phase { name: "a/b".into(), script: String::new() };
    element.steps = vec![Step::Run { phases: vec![phase] }];
    check_error(&built(&element, "bin/sh!sh", &[]), "`a/b` in `a` is no name of a phase");
}

#[test]
fn two_sources_at_one_path_are_an_error() {
    let mut element = element("a");
    let source = |at: &str| PlacedSource {
        at: at.into(),
        source: Source::Local { path: at.into(), exclude: vec![] },
    };
    element.sources = vec![source("."), source("sub")];
    let clash = sources(&element, &[tree("sub/x=1"), tree("x=2")]).unwrap_err();
    assert_eq!(clash.to_string(), "two sources of `a` bring `sub/x`");
}

#[test]
fn a_filter_takes_groups_and_leaves_orphans() {
    let mut of = element("a");
    of.splits = BTreeMap::from([
        ("devel".to_owned(), vec!["/usr/include/**".to_owned()]),
        ("doc".to_owned(), vec!["/usr/share/doc/**".to_owned()]),
    ]);
    let part = Part {
        layer: layer("a", "usr/include/a/b.h=1 usr/share/doc/a=2 usr/bin/a!3"),
        element: &of,
    };
    let check = |include: &[&str], exclude: &[&str], include_orphans, words: &str| {
        let words_of = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let of = ElementName::parse("a").unwrap();
        let step =
            Filter { of, include: words_of(include), exclude: words_of(exclude), include_orphans };
        assert_eq!(filter(&step, &part).unwrap(), tree(words));
    };
    check(&["devel"], &[], false, "usr/include/a/b.h=1");
    check(&[], &["doc"], true, "usr/include/a/b.h=1 usr/bin/a!3");
    check(&[], &[], false, "usr/include/a/b.h=1 usr/share/doc/a=2");
}
