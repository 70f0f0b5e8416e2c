//! The test project: a static shell as the base, and one element of some phases on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use kiln_assemble::{Assembled, Inputs, Layer, assemble};
use kiln_digest::Digest;
use kiln_ir::{Element, ElementName, Ir, Phase, PlacedSource, Source, Step, User};
use kiln_tree::{File, Name, Node, Symlink, Tree};

use crate::client::Blobs;

/// Writes the project into a folder: `shell/`, `src/` and `project.json`.
pub(crate) fn write(folder: &Path, element: &Element) {
    copy(&kiln_testkit::shell(), &folder.join("shell"));
    write_source(&folder.join("src"));
    let mut shell = Element::new(name("shell"));
    shell.sources = vec![local("shell")];
    shell.steps = vec![Step::Import { target: "/".to_owned() }];
    let ir = Ir::new("test", vec![shell, element.clone()]);
    fs::write(folder.join("project.json"), ir.to_json()).expect("the folder is writable");
}

/// A source with a text, a program, a link and an empty folder.
fn write_source(folder: &Path) {
    let tool = folder.join("sub/tool");
    fs::create_dir_all(folder.join("sub")).expect("the folder is writable");
    fs::create_dir(folder.join("empty")).expect("the folder is writable");
    fs::write(folder.join("hello.txt"), "hello\n").expect("the folder is writable");
    fs::write(&tool, "#!/bin/sh\necho tool \"$@\"\n").expect("the folder is writable");
    fs::set_permissions(tool, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    symlink("sub/../hello.txt", folder.join("link")).expect("the folder is writable");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the folder is writable");
    for entry in fs::read_dir(from).expect("a fixture is readable") {
        let path = entry.expect("a fixture is readable").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_symlink() {
            let text = fs::read_link(path).expect("a fixture is readable");
            symlink(text, target).expect("the folder is writable");
        } else if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).expect("the folder is writable");
        }
    }
}

/// Makes the element `app` of these phases, on the base `shell`.
pub(crate) fn element(user: User, phases: &[(&str, &str)]) -> Element {
    let phases = phases
        .iter()
        .map(|(name, script)| Phase { name: (*name).to_owned(), script: (*script).into() });
    let mut element = Element::new(name("app"));
    element.base = Some(name("shell"));
    element.user = user;
    element.env = BTreeMap::from([("GREETING".to_owned(), "hello  world".to_owned())]).into();
    element.sources = vec![local("src")];
    element.steps = vec![Step::Run { phases: phases.collect() }];
    element
}

fn local(path: &str) -> PlacedSource {
    let source = Source::Local { path: path.to_owned(), exclude: Vec::new(), with_ignored: false };
    PlacedSource { at: ".".to_owned(), source }
}

fn name(text: &str) -> ElementName {
    ElementName::parse(text).expect("a name of an element")
}

/// Assembles the element and keeps the bytes of all files that its action sees.
pub(crate) fn assembled(element: &Element, blobs: &mut Blobs) -> Assembled {
    let folder = kiln_testkit::scratch();
    let source = folder.path().join("src");
    write_source(&source);
    let tree = import(&kiln_testkit::shell(), blobs);
    let inputs = Inputs {
        element,
        isa: "x86-64",
        base: Some(Layer { element: name("shell"), tree, overlaps: Vec::new(), host: None }),
        staged: Vec::new(),
        staged_at: Vec::new(),
        sources: import(&source, blobs),
    };
    let assembled = assemble(&inputs).expect("the element can be assembled");
    for bytes in &assembled.files {
        blobs.insert(Digest::of(bytes), bytes.clone());
    }
    assembled
}

/// Reads a folder of the disk as a tree and keeps the bytes of its files.
pub(crate) fn import(folder: &Path, blobs: &mut Blobs) -> Tree {
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a fixture is readable") {
        let entry = entry.expect("a fixture is readable");
        let path = entry.path();
        let name = entry.file_name();
        let name = Name::parse(&name.to_string_lossy()).expect("fixtures have clean names");
        let meta = path.symlink_metadata().expect("a fixture is readable");
        let node: Node = if meta.is_dir() {
            import(&path, blobs).into()
        } else if meta.is_symlink() {
            let target = fs::read_link(&path).expect("a fixture is readable");
            Symlink::new(target.to_string_lossy()).into()
        } else {
            let bytes = fs::read(&path).expect("a fixture is readable");
            let digest = Digest::of(&bytes);
            blobs.insert(digest, bytes);
            File::new(digest, meta.permissions().mode() & 0o100 != 0).into()
        };
        entries.insert(name, node);
    }
    Tree::new(entries)
}
