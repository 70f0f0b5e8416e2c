//! Our actions run on a foreign engine of the Remote Execution API and give the same output digests.
#![expect(clippy::disallowed_methods, reason = "starts an engine and reads fixtures")]

mod client;
mod engine;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use client::{Blobs, Client};
use engine::Engine;
use kiln_action::{Action, Command};
use kiln_digest::Digest;
use kiln_tree::{Draft, File, Name, Node, RelPath, Symlink, Tree};

/// Reads a folder of the disk as a tree and keeps the bytes of its files.
fn import(folder: &Path, blobs: &mut Blobs) -> Tree {
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

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a clean path")
}

/// An action on the static shell that runs a script and brings `out` back.
fn action(script: &str, blobs: &mut Blobs) -> Action {
    let mut root = Draft::from(import(&kiln_testkit::shell(), blobs));
    for folder in ["build", "dev", "out", "proc", "tmp"] {
        root.make_folder(&path(folder)).expect("the shell has no such file");
    }
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let command = Command {
        arguments: ["/bin/sh", "-ec", script].map(str::to_owned).to_vec(),
        environment: pairs(&[("HOME", "/tmp"), ("PATH", "/usr/bin:/bin")]),
        output_paths: vec![path("out")],
        output_node_properties: vec!["mtime".to_owned()],
        platform: pairs(&[
            ("ISA", "x86-64"),
            ("OSFamily", "linux"),
            ("unixGID", "1000"),
            ("unixUID", "1000"),
        ]),
    };
    Action { command, input_root: root.seal(), timeout_seconds: 60 }
}

#[test]
fn a_tree_made_by_an_engine_has_the_digest_that_we_compute() {
    let folder = kiln_testkit::scratch();
    let engine = Engine::start(folder.path());
    let mut blobs = Blobs::new();
    let script = "cd out; mkdir -p bin empty; echo hello > bin/a; chmod +x bin/a; ln -s bin/a b; \
        id -u > uid; hostname > host";
    let action = action(script, &mut blobs);
    let result = Client::connect(engine.url()).execute(&action, &blobs);
    assert_eq!((result.exit_code, result.stderr.as_str()), (0, ""));

    let mut expected = Draft::default();
    let mut put = |at: &str, node: Node| expected.put(&path(at), node).expect("no file in the way");
    put("bin/a", File::new(Digest::of(b"hello\n"), true).into());
    put("b", Symlink::new("bin/a").into());
    put("uid", File::new(Digest::of(b"1000\n"), false).into());
    put("host", File::new(Digest::of(b"buildbox\n"), false).into());
    expected.make_folder(&path("empty")).expect("no file in the way");
    assert_eq!(result.outputs["out"].without_times(), expected.seal());
    assert!(result.outputs["out"].files().all(|(_, file)| file.mtime.is_some()));
}
