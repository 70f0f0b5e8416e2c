//! Trees, commands and actions encode to the bytes that the generated protocol types give.
//!
//! The seed is fixed: the same thousand of each in every run.

use std::collections::BTreeMap;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::protobuf::{Duration, Timestamp};
use kiln_action::{Action, Command};
use kiln_digest::Digest;
use kiln_tree::{File, Listing, Name, Node, RelPath, Symlink, Time, Tree};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use prost::Message;

/// Runs a check on a thousand values of the same seed.
fn thousand<S: Strategy>(values: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(values, check);
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn trees_have_the_bytes_of_the_protocol() {
    thousand(&trees(), |tree| {
        let expected = directory(&tree);
        prop_assert_eq!(tree.encode(), expected.encode_to_vec());
        for (digest, below) in tree.directories() {
            prop_assert_eq!(digest, Digest::of(&directory(&below).encode_to_vec()));
        }
        Ok(())
    });
}

#[test]
fn listings_read_what_the_protocol_writes() {
    thousand(&trees(), |tree| {
        let bytes = directory(&tree).encode_to_vec();
        let listing = Listing::decode(&bytes);
        prop_assert_eq!(listing.map(|listing| listing.encode()), Ok(bytes));
        Ok(())
    });
}

#[test]
fn commands_have_the_bytes_of_the_protocol() {
    thousand(&commands(), |command| {
        let bytes = command.encode();
        prop_assert_eq!(&bytes, &command_message(&command).encode_to_vec());
        let read = Command::decode(&bytes).map(|command| command.encode());
        prop_assert_eq!(read, Some(bytes));
        Ok(())
    });
}

#[test]
fn actions_have_the_bytes_and_the_digest_of_the_protocol() {
    let parts = (commands(), trees(), prop_oneof![Just(0), 0..10_000_000_u64]);
    let actions = parts.prop_map(|(command, input_root, timeout_seconds)| Action {
        command,
        input_root,
        timeout_seconds,
    });
    thousand(&actions, |action| {
        let expected = action_message(&action).encode_to_vec();
        prop_assert_eq!(action.digest(), Digest::of(&expected));
        let command = Digest::of(&action.command.encode());
        prop_assert_eq!(Action::command_in(&expected), Some(command));
        prop_assert_eq!(action.encode(), expected);
        Ok(())
    });
}

fn names() -> impl Strategy<Value = Name> {
    let clean = |text: String| Name::parse(&text).ok();
    "[a-c.~é\u{ffff}\u{10000} -]{1,4}|[^/\0]{1,9}|[a-z]{60,200}".prop_filter_map("no name", clean)
}

fn times() -> impl Strategy<Value = Option<Time>> {
    let seconds = prop_oneof![Just(0), -9_000_000_000..9_000_000_000_i64];
    let nanos = prop_oneof![Just(0), 0..1_000_000_000_u32];
    option::of((seconds, nanos).prop_map(|(seconds, nanos)| Time { seconds, nanos }))
}

fn digests() -> impl Strategy<Value = Digest> {
    let size = prop_oneof![Just(0), 0..200_u64, 0..=1_u64 << 50];
    (any::<[u8; 32]>(), size).prop_map(|(hash, size)| Digest { hash, size })
}

fn leaves() -> impl Strategy<Value = Node> {
    let file = (digests(), any::<bool>(), times())
        .prop_map(|(digest, executable, mtime)| Node::File(File { digest, executable, mtime }));
    let link = ("[^\0]{1,30}", times())
        .prop_map(|(target, mtime)| Node::Symlink(Symlink { target: target.into(), mtime }));
    prop_oneof![3 => file, 1 => link, 1 => Just(Node::Directory(Tree::empty()))]
}

fn trees() -> impl Strategy<Value = Tree> {
    let nodes = leaves().prop_recursive(4, 40, 6, |node| {
        (btree_map(names(), node, 0..6), times())
            .prop_map(|(entries, mtime)| Node::Directory(Tree::with_mtime(entries, mtime)))
    });
    (btree_map(names(), nodes, 0..6), times())
        .prop_map(|(entries, mtime)| Tree::with_mtime(entries, mtime))
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[A-Za-z_]{1,12}", "[^\0]{0,40}", 0..8)
}

fn commands() -> impl Strategy<Value = Command> {
    let arguments = vec("[^\0]{0,30}", 0..6);
    let output_paths = vec(vec(names(), 1..4), 0..5);
    let properties = vec("mtime|unix_mode|[a-z]{1,4}", 0..3);
    (arguments, pairs(), output_paths, properties, pairs()).prop_map(
        |(arguments, environment, output_paths, output_node_properties, platform)| Command {
            arguments,
            environment,
            output_paths: output_paths.iter().map(|parts| path(parts)).collect(),
            output_node_properties,
            platform,
        },
    )
}

fn path(parts: &[Name]) -> RelPath {
    parts.iter().fold(RelPath::default(), |path, part| path.join(part))
}

fn directory(tree: &Tree) -> reapi::Directory {
    let mut message =
        reapi::Directory { node_properties: properties(tree.mtime()), ..Default::default() };
    for (name, node) in tree.entries() {
        let name = name.as_str().to_owned();
        match node {
            Node::File(file) => message.files.push(reapi::FileNode {
                name,
                digest: Some(digest(file.digest)),
                is_executable: file.executable,
                node_properties: properties(file.mtime),
            }),
            Node::Symlink(link) => message.symlinks.push(reapi::SymlinkNode {
                name,
                target: link.target.to_string(),
                node_properties: properties(link.mtime),
            }),
            Node::Directory(below) => message.directories.push(reapi::DirectoryNode {
                name,
                digest: Some(digest(Digest::of(&directory(below).encode_to_vec()))),
            }),
        }
    }
    message.files.sort_by(|a, b| a.name.cmp(&b.name));
    message.directories.sort_by(|a, b| a.name.cmp(&b.name));
    message.symlinks.sort_by(|a, b| a.name.cmp(&b.name));
    message
}

fn properties(mtime: Option<Time>) -> Option<reapi::NodeProperties> {
    let Time { seconds, nanos } = mtime?;
    let nanos = i32::try_from(nanos).expect("below a second");
    Some(reapi::NodeProperties { mtime: Some(Timestamp { seconds, nanos }), ..Default::default() })
}

fn digest(digest: Digest) -> reapi::Digest {
    reapi::Digest {
        hash: digest.hex(),
        size_bytes: i64::try_from(digest.size).expect("sizes are below 2^50"),
    }
}

#[expect(deprecated, reason = "old servers read the platform of the command")]
fn command_message(command: &Command) -> reapi::Command {
    let environment = command.environment.iter();
    let mut output_paths: Vec<String> =
        command.output_paths.iter().map(|path| path.as_str().to_owned()).collect();
    output_paths.sort();
    output_paths.dedup();
    let mut output_node_properties = command.output_node_properties.clone();
    output_node_properties.sort();
    output_node_properties.dedup();
    reapi::Command {
        arguments: command.arguments.clone(),
        environment_variables: environment
            .map(|(name, value)| reapi::command::EnvironmentVariable {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
        platform: Some(platform(&command.platform)),
        output_paths,
        output_node_properties,
        ..Default::default()
    }
}

fn platform(properties: &BTreeMap<String, String>) -> reapi::Platform {
    let properties = properties.iter().map(|(name, value)| reapi::platform::Property {
        name: name.clone(),
        value: value.clone(),
    });
    reapi::Platform { properties: properties.collect() }
}

fn action_message(action: &Action) -> reapi::Action {
    let command = command_message(&action.command).encode_to_vec();
    let seconds = i64::try_from(action.timeout_seconds).expect("timeouts are short");
    reapi::Action {
        command_digest: Some(digest(Digest::of(&command))),
        input_root_digest: Some(digest(action.input_root.digest())),
        timeout: Some(Duration { seconds, nanos: 0 }),
        platform: Some(platform(&action.command.platform)),
        ..Default::default()
    }
}
