//! Golden vectors of the canonical encoding, of trees, and of one whole action.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kiln_assemble::{Inputs, Integration, Layer, Own, Root, assemble, assemble_in, integration};
use kiln_digest::{Digest, Encoder, Key};
use kiln_ir::{
    Base, Element, ElementName, Fingerprint, ImagePlatform, Ir, Oci, Phase, Pins, PlacedSource,
    Source, Step, User,
};
use kiln_plan::{Platform, Request, plan};
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Time, Tree};

use crate::check;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a clean path")
}

fn file(text: &str, executable: bool) -> Node {
    File::new(Digest::of(text.as_bytes()), executable).into()
}

fn tree(entries: &[(&str, Node)]) -> Tree {
    let mut draft = Draft::default();
    for (at, node) in entries {
        draft.put(&path(at), node.clone()).expect("no file in the way");
    }
    draft.seal()
}

#[test]
fn the_canonical_encoding_is_as_committed() {
    let mut lines = Vec::new();
    let mut vector = |name: &str, fill: &dyn Fn(&mut Encoder)| {
        let mut encoder = Encoder::new("kiln-test/1");
        fill(&mut encoder);
        lines.push(format!("{name}\n  bytes {}\n  key {}\n", hex(encoder.bytes()), encoder.key()));
    };
    vector("nothing", &|_| ());
    vector("text", &|out| {
        out.text("wörld");
    });
    vector("unsigned", &|out| {
        out.unsigned(u64::MAX).flag(true);
    });
    vector("digest", &|out| {
        out.digest(&Digest::of(b"abc"));
    });
    vector("key", &|out| {
        out.raw_key(&Key([7; 32]));
    });
    vector("list", &|out| {
        out.list(["a", ""], |out, text| {
            out.text(text);
        });
    });
    vector("option", &|out| {
        out.option(None::<&str>, |out, text| {
            out.text(text);
        });
        out.option(Some("a"), |out, text| {
            out.text(text);
        });
    });
    check(lines.concat(), "encoding.txt");
}

#[test]
fn digests_of_trees_are_as_committed() {
    let nested = tree(&[
        ("bin/tool", file("#!/bin/sh\n", true)),
        ("share/text", file("text\n", false)),
        ("share/é", file("", false)),
        ("link", Symlink::new("bin/tool").into()),
    ]);
    let mut timed = File::new(Digest::of(b"text\n"), false);
    timed.mtime = Some(Time { seconds: 1_321_009_871, nanos: 5 });
    let trees = [
        ("empty", Tree::empty()),
        ("a file", tree(&[("a", file("text\n", false))])),
        ("an executable file", tree(&[("a", file("text\n", true))])),
        ("an empty file", tree(&[("a", file("", false))])),
        ("a link", tree(&[("a", Symlink::new("../b").into())])),
        ("a file with a time", tree(&[("a", timed.into())])),
        ("folders", nested),
    ];
    let line = |(name, tree): &(&str, Tree)| {
        let bytes = format!("bytes {}", hex(&tree.encode()));
        format!("{name}\n  {}\n  digest {}\n", bytes.trim_end(), tree.digest())
    };
    check(trees.iter().map(line).collect(), "trees.txt");
}

/// An element that uses all that an action is made of.
fn element() -> Element {
    let name = |text: &str| ElementName::parse(text).expect("a name of an element");
    let phase = |name: &str, script: &str| Phase { name: name.to_owned(), script: script.into() };
    let mut element = Element::new(name("app"));
    element.user = User::Builder;
    element.env = BTreeMap::from([("GREETING".to_owned(), "hello  wörld".to_owned())]).into();
    let local = Source::Local { path: "src".to_owned(), exclude: Vec::new(), with_ignored: false };
    element.sources = vec![PlacedSource { at: ".".to_owned(), source: local }];
    let phases = vec![phase("build", "cat text"), phase("install", "cp text \"$KILN_OUT\"")];
    element.steps = vec![Step::Run { phases }];
    element
}

#[test]
fn an_action_is_as_committed_to_the_byte() {
    let name = |text: &str| ElementName::parse(text).expect("a name of an element");
    let layer = |element: &str, tree: Tree| Layer {
        element: name(element),
        tree,
        overlaps: Vec::new(),
        host: None,
    };
    let base = tree(&[
        ("bin/busybox", file("a program\n", true)),
        ("bin/sh", Symlink::new("busybox").into()),
        ("usr/lib/libc.so", file("a library\n", false)),
    ]);
    let library = tree(&[("usr/lib/liba.so", file("another\n", false))]);
    let mut texts = Vec::new();
    for (title, user) in [("as builder", User::Builder), ("as root", User::Root)] {
        let mut element = element();
        element.user = user;
        let inputs = Inputs {
            element: &element,
            isa: "x86-64",
            base: Some(layer("sysroot", base.clone())),
            staged: vec![layer("library", library.clone())],
            staged_at: vec![("/sysroot".to_owned(), vec![layer("library", library.clone())])],
            sources: tree(&[("text", file("text\n", false))]),
        };
        let assembled = assemble(&inputs).expect("the element can be assembled");
        let action = &assembled.action;
        let mut text =
            format!("{title}\n  action {}\n  {}\n", action.digest(), hex(&action.encode()));
        let command = action.command.encode();
        writeln!(text, "  command {}\n  {}", Digest::of(&command), hex(&command)).expect("text");
        writeln!(text, "  root {}", action.input_root.digest()).expect("text");
        for (at, node) in action.input_root.walk() {
            match node {
                Node::File(file) => {
                    let mark = if file.executable { "x" } else { "-" };
                    writeln!(text, "    {mark} {at} {}", file.digest).expect("text");
                }
                Node::Symlink(link) => writeln!(text, "    l {at} {}", link.target).expect("text"),
                Node::Directory(folder) => {
                    writeln!(text, "    d {at} {}", folder.digest()).expect("text");
                }
            }
        }
        texts.push(text);
    }
    check(texts.concat(), "action.txt");
}

#[test]
fn actions_beside_the_usual_are_as_committed() {
    let name = |text: &str| ElementName::parse(text).expect("a name of an element");
    let base = tree(&[
        ("bin/sh", file("a program\n", true)),
        ("lib", Symlink::new("usr/lib").into()),
        ("usr/lib/libc.so", file("a library\n", false)),
    ]);
    let layer = Layer { element: name("sysroot"), tree: base, overlaps: Vec::new(), host: None };
    let root = Root::merge(&name("app"), &[layer]).expect("a root");
    let (element, sources) = (element(), tree(&[("text", file("text\n", false))]));
    let own = Own {
        element: &element,
        isa: "x86-64",
        staged_at: Vec::new(),
        sources,
        keeps_build_tree: true,
    };
    let keeping = assemble_in(&root, &own).expect("the element can be assembled");
    let scripts = vec!["ldconfig".to_owned(), "touch /etc/x\n".to_owned()];
    let integrate = |as_root| {
        let scripts = Integration { scripts: scripts.clone(), as_root };
        integration(&root, &scripts, "x86-64", &element.name).expect("the root has a shell")
    };
    let made = [
        ("the build tree is kept", keeping),
        ("integration", integrate(false)),
        ("integration as root", integrate(true)),
    ];
    let mut text = String::new();
    for (title, assembled) in made {
        let action = &assembled.action;
        writeln!(text, "{title}\n  action {}", action.digest()).expect("text");
        let outputs = action.command.output_paths.iter().map(RelPath::as_str);
        writeln!(text, "  outputs {}", outputs.collect::<Vec<_>>().join(" ")).expect("text");
        let kiln = action.input_root.subtree(&path("kiln")).expect("a folder of scripts");
        for (at, file) in kiln.files() {
            writeln!(text, "  kiln/{at} {}", file.digest).expect("text");
        }
    }
    check(text, "beside.txt");
}

#[test]
fn what_runs_on_one_machine_is_as_committed() {
    let name = |text: &str| ElementName::parse(text).expect("a name of an element");
    let base = tree(&[("bin", Symlink::new("usr/bin").into()), ("usr/bin", Tree::empty().into())]);
    let mut text = String::new();
    for number in [1, 2] {
        let host = Some(Fingerprint([number; 32]));
        let layer = Layer { element: name("here"), tree: base.clone(), overlaps: Vec::new(), host };
        let root = Root::merge(&name("app"), &[layer]).expect("a root");
        let (element, sources) = (element(), tree(&[("text", file("text\n", false))]));
        let (isa, staged_at) = ("x86-64", Vec::new());
        let own = Own { element: &element, isa, staged_at, sources, keeps_build_tree: false };
        let action = assemble_in(&root, &own).expect("it needs no shell of its own").action;
        let platform = &action.command.platform;
        writeln!(text, "on machine {number}\n  action {}", action.digest()).expect("text");
        for (property, value) in platform {
            writeln!(text, "  {property} {value}").expect("text");
        }
        let here = Element { steps: vec![Step::Base(Base::Host)], ..Element::new(name("here")) };
        let app = Element { base: Some(name("here")), ..Element::new(name("app")) };
        let ir = Ir::new("demo", vec![app, here]);
        let pins = Pins { host, ..Pins::default() };
        let request = Request { targets: vec![name("app")], platform: Platform::default() };
        for node in plan(&ir, &pins, &request).expect("it can be planned").nodes {
            writeln!(text, "  key {} {}", node.element, node.key).expect("text");
        }
    }
    check(text, "host.txt");
}

#[test]
fn an_image_is_as_committed_to_the_byte() {
    let name = |text: &str| ElementName::parse(text).expect("a name of an element");
    let long = format!("{}é", "0123456789abcdef/".repeat(7));
    let files = tree(&[
        ("bin/tool", file("#!/bin/sh\n", true)),
        ("link", Symlink::new("bin/tool").into()),
        ("tmp", Tree::empty().into()),
        (&long, file("text\n", false)),
    ]);
    let content = |digest| {
        let known = ["#!/bin/sh\n", "text\n"].into_iter();
        let mut found = known.filter(|text| Digest::of(text.as_bytes()) == digest);
        Ok(found.next().expect("a file of the tree").into())
    };
    let mut archive = Vec::new();
    let mut layer = kiln_image::Layer::new(&files, &content);
    std::io::Read::read_to_end(&mut layer, &mut archive).expect("all is in memory");
    let layer = Digest::of(&archive);
    let (os, architecture) = ("linux".to_owned(), "arm".to_owned());
    let mut oci = Oci::new(ImagePlatform { os, architecture, variant: None });
    oci.layers = vec![name("files")];
    let env = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
    let mut text = format!("layer {layer}\n");
    for is_full in [false, true] {
        if is_full {
            oci.platform.variant = Some("v7".to_owned());
            (oci.entrypoint, oci.cmd) = (vec!["/bin/tool".to_owned()], vec!["a b".to_owned()]);
            oci.labels.insert("org.example.é".to_owned(), "\"1\"".to_owned());
            oci.tag = "1.2".to_owned();
            (oci.run_as, oci.working_dir) = (Some("1000".to_owned()), Some("/srv".to_owned()));
        }
        let config = kiln_image::Config { oci: &oci, env: &env };
        let image = kiln_image::image(&config, &[layer]);
        let steps = vec![Step::Oci(oci.clone())];
        let element = Element { env: env.clone().into(), steps, ..Element::new(name("image")) };
        let ir = Ir::new("demo", vec![element, Element::new(name("files"))]);
        let request = Request { targets: vec![name("image")], platform: Platform::default() };
        for node in plan(&ir, &Pins::default(), &request).expect("it can be planned").nodes {
            writeln!(text, "key {} {}", node.element, node.key).expect("text");
        }
        writeln!(text, "tree {}\n{:?}", image.tree.digest(), image.tree).expect("text");
    }
    check(text, "image.txt");
}
