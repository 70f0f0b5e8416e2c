//! Roots and actions of small elements.

use std::collections::BTreeMap;

use kiln_digest::Digest;
use kiln_ir::{Compose, Filter, PlacedSource, Source};
use kiln_tree::{Difference, File, Node, Symlink};

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
        sources: Tree::empty(),
    }
}

#[track_caller]
fn check_error(inputs: &Inputs<'_>, message: &str) {
    assert_eq!(assemble(inputs).unwrap_err().to_string(), message);
}

#[test]
fn the_root_is_the_layers_and_what_is_generated() {
    let mut element = element("a");
    element.env = BTreeMap::from([("TZ".into(), "Mars".into())]).into();
    let phase = |name: &str| Phase { name: name.into(), script: "true".into() };
    element.steps = vec![Step::Run { phases: vec![phase("build"), phase("install")] }];
    element.sources = vec![PlacedSource {
        at: "sub".into(),
        source: Source::Local { path: "x".into(), exclude: vec![], with_ignored: false },
    }];
    let mut inputs = built(&element, "usr/bin/sh!sh bin->usr/bin", &[("lib", "usr/lib/a=1")]);
    inputs.sources = sources(&element, &[tree("main.c=x")]).unwrap();
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
fn a_layer_below_a_link_is_staged_where_it_leads() {
    let element = element("a");
    let base = "usr/bin/sh!sh bin->usr/bin";
    let made = assemble(&built(&element, base, &[("b", "bin/x=1"), ("c", "d=1")])).unwrap();
    assert_eq!(made.staging.lowers, [base, "usr/bin/x=1", "d=1"].map(tree));
    assert!(made.action.input_root.get(&RelPath::parse("usr/bin/x").unwrap()).is_some());
}

#[test]
fn layers_that_do_not_stack_are_one_tree() {
    let element = element("a");
    let made = assemble(&built(&element, "bin/sh!sh x=1", &[("b", "x/y=1")])).unwrap();
    assert_eq!(made.staging.lowers, [tree("bin/sh!sh x/y=1")]);
}

/// Integrates a root of layers `a`, `b`, ... with one script and what it left in the top folders.
fn integrate(layers: &[&str], left: &[(&str, &str)]) -> (Root, Assembled, Root) {
    let names = ["a", "b", "c"];
    let layers: Vec<Layer> =
        layers.iter().zip(names).map(|(words, name)| layer(name, words)).collect();
    let name = ElementName::parse("x").unwrap();
    let root = Root::merge(&name, &layers).unwrap();
    let scripts = Integration { scripts: vec!["ldconfig".into()], as_root: false };
    let made = integration(&root, &scripts, "x86-64", &name).unwrap();
    let left = left.iter().map(|(folder, words)| {
        let below = made.action.input_root.subtree(&RelPath::parse(folder).unwrap());
        let mut draft = Draft::from(below.unwrap_or_else(Tree::empty));
        for (path, node) in tree(words).walk() {
            if !matches!(node, Node::Directory(_)) {
                draft.put(&path, node).unwrap();
            }
        }
        ((*folder).to_owned(), draft.seal())
    });
    let changed = root.changed(&made.changes(&left.collect()));
    (root, made, changed)
}

#[test]
fn an_integration_is_an_action_on_the_root() {
    let (_, made, _) = integrate(&["bin/sh!sh lib->bin tmp/x=1", "usr/a=1"], &[]);
    let paths = made.action.command.output_paths.iter().map(RelPath::as_str);
    assert_eq!(paths.collect::<Vec<_>>(), ["bin", "etc", "usr", "meta"]);
    assert!(made.action.input_root.get(&RelPath::parse("kiln/00-integrate").unwrap()).is_some());
    assert_eq!(made.files.last().unwrap(), b"ldconfig\n");
    assert_eq!(made.action.command.platform["unixUID"], "1000");
}

#[test]
fn what_an_integration_adds_is_one_more_layer() {
    let layers = ["bin/sh!sh", "usr/a=1"];
    let left = [("bin", ""), ("etc", "cache=2"), ("usr", "a=2 share/b=3")];
    let (root, _, changed) = integrate(&layers, &left);
    assert_eq!(root.layers, layers.map(tree));
    assert_eq!(changed.tree, tree("bin/sh!sh etc/cache=2 usr/a=2 usr/share/b=3"));
    assert_eq!(changed.layers[2], tree("etc/cache=2 usr/a=2 usr/share/b=3"));
}

#[test]
fn what_an_integration_removes_makes_one_tree() {
    let (_, _, changed) = integrate(&["bin/sh!sh", "usr/a=1"], &[("bin", ""), ("etc", "")]);
    assert_eq!(changed.layers, [tree("bin/sh!sh")]);
    assert_eq!(changed.tree, tree("bin/sh!sh"));
}

#[test]
fn an_integration_without_effect_changes_nothing() {
    let layers = ["bin/sh!sh", "usr/a=1"];
    let (root, _, changed) = integrate(&layers, &[("bin", ""), ("etc", ""), ("usr", "")]);
    assert_eq!((changed.tree, changed.layers), (root.tree, root.layers));
}

#[test]
fn each_script_runs_once_in_order_of_appearance() {
    let mut elements = [element("a"), element("b"), element("c")];
    elements[0].integrate = vec!["one".into(), "two".into()];
    elements[2].integrate = vec!["two".into(), "three".into()];
    elements[1].user = User::Root;
    let found = Integration::of(&elements);
    assert_eq!(found.scripts, ["one", "two", "three"]);
    assert!(!found.as_root);
    elements[2].user = User::Root;
    assert!(Integration::of(&elements).as_root);
}

#[test]
fn more_scripts_than_phases_share_phases() {
    let scripts = (0..252).map(|ix| format!("echo {ix}")).collect();
    let name = ElementName::parse("x").unwrap();
    let root = Root::merge(&name, &[layer("a", "bin/sh!sh")]).unwrap();
    let many = Integration { scripts, as_root: false };
    let made = integration(&root, &many, "x86-64", &name).unwrap();
    let kiln = made.action.input_root.subtree(&RelPath::parse("kiln").unwrap()).unwrap();
    assert_eq!(kiln.entries().len(), 84 + 1);
    let last = "(\necho 249\n)\n(\necho 250\n)\n(\necho 251\n)\n";
    assert_eq!(made.files.last().unwrap(), last.as_bytes());
}

#[test]
fn a_root_may_be_merged_before_and_extended() {
    let element = element("a");
    let name = &element.name;
    let root = Root::merge(name, &[layer("b", "bin/sh!sh s/x=1")]).unwrap();
    let staged_at = vec![("/s".to_owned(), vec![layer("c", "x=2 y=3")])];
    let own = Own {
        element: &element,
        isa: "x86-64",
        staged_at,
        sources: Tree::empty(),
        keeps_build_tree: false,
    };
    let made = assemble_in(&root, &own).unwrap();
    assert_eq!(made.staging.lowers, ["bin/sh!sh s/x=1", "s/x=2 s/y=3"].map(tree));
    let [found] = &made.overlaps[..] else { panic!("{:?}", made.overlaps) };
    assert_eq!((found.loser.as_str(), found.winner.as_str()), ("b", "c"));
}

#[test]
fn a_build_tree_is_kept_by_another_action() {
    let element = element("a");
    let root = Root::merge(&element.name, &[layer("b", "bin/sh!sh")]).unwrap();
    let made = |keeps_build_tree| {
        let (staged_at, sources) = (vec![], Tree::empty());
        let own = Own { element: &element, isa: "x86-64", staged_at, sources, keeps_build_tree };
        assemble_in(&root, &own).unwrap()
    };
    assert_ne!(made(true).action.digest(), made(false).action.digest());
    let run = run_keeping();
    assert_eq!(
        RUN.len() - run.len(),
        "  else\n    mv /build /kiln/done || kiln_status=125\n".len()
    );
    assert!(made(true).files.contains(&run.into_bytes()));
}

#[test]
fn an_integrated_composition_takes_what_is_its_own() {
    let mut of = element("b");
    of.splits = BTreeMap::from([("doc".to_owned(), vec!["/doc/**".to_owned()])]).into();
    let part = Part { layer: layer("b", "usr/b=1 doc/b=1"), element: &of };
    let layers = [layer("base", "bin/sh!sh etc/base=1"), part.layer.clone()];
    let root = Root::merge(&of.name, &layers).unwrap();
    let check = |include_orphans, left: &str, words: &str| {
        let compose = Compose {
            of: vec![],
            include: vec![],
            exclude: vec!["doc".to_owned()],
            include_orphans: true,
            run_integrate: true,
        };
        let (composed, _) = function::compose(&compose, std::slice::from_ref(&part)).unwrap();
        assert_eq!(composed, tree("usr/b=1"));
        let compose = Compose { include_orphans, ..compose };
        let difference = Difference::between(&root.tree, &tree(left));
        assert_eq!(function::integrated(&compose, &composed, &root, &difference), tree(words));
    };
    let left = "bin/sh!sh etc/base=2 doc/b=2 usr/b=2 usr/new=1";
    check(true, left, "usr/b=2 usr/new=1");
    check(false, left, "usr/b=2");
    check(true, "bin/sh!sh etc/base=1 doc/b=1", "");
    check(true, "bin/sh!sh etc/base=1 doc/b=1 usr/b/c=1", "usr/b/c=1");
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
    let phase = Phase { name: "a/b".into(), script: "".into() };
    element.steps = vec![Step::Run { phases: vec![phase] }];
    check_error(&built(&element, "bin/sh!sh", &[]), "`a/b` in `a` is no name of a phase");
}

#[test]
fn two_sources_at_one_path_are_an_error() {
    let mut element = element("a");
    let source = |at: &str| PlacedSource {
        at: at.into(),
        source: Source::Local { path: at.into(), exclude: vec![], with_ignored: false },
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
    ])
    .into();
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
