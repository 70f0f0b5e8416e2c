//! The canonical bytes of `Command` and `Action`.
//!
//! Source: remote-apis `build/bazel/remote/execution/v2/remote_execution.proto`. Environment, platform and output
//! paths are sorted; the working directory is always the input root and so left out.

use std::collections::BTreeMap;

use kiln_digest::Digest;
use kiln_tree::RelPath;
use kiln_tree::wire::{Writer, digest_message};

use crate::{Action, Command};

impl Command {
    /// Returns the bytes of the `Command` message.
    pub fn encode(&self) -> Vec<u8> {
        let Self { arguments, environment, output_paths, output_node_properties, platform } = self;
        let mut out = Writer::default();
        for argument in arguments {
            out.repeated_text(1, argument);
        }
        for (name, value) in environment {
            out.message(2, &pair(name, value));
        }
        out.message(5, &platform_message(platform));
        let mut paths: Vec<&str> = output_paths.iter().map(RelPath::as_str).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            out.repeated_text(7, path);
        }
        let mut properties: Vec<&str> = output_node_properties.iter().map(String::as_str).collect();
        properties.sort_unstable();
        properties.dedup();
        for property in properties {
            out.repeated_text(8, property);
        }
        out.finish()
    }
}

impl Action {
    /// Returns the bytes of the `Action` message.
    pub fn encode(&self) -> Vec<u8> {
        let Self { command, input_root, timeout_seconds } = self;
        let mut timeout = Writer::default();
        timeout.varint(1, *timeout_seconds);
        let mut out = Writer::default();
        out.message(1, &digest_message(&Digest::of(&command.encode())));
        out.message(2, &digest_message(&input_root.digest()));
        out.message(6, &timeout.finish());
        out.message(10, &platform_message(&command.platform));
        out.finish()
    }
}

fn platform_message(platform: &BTreeMap<String, String>) -> Vec<u8> {
    let mut out = Writer::default();
    for (name, value) in platform {
        out.message(1, &pair(name, value));
    }
    out.finish()
}

fn pair(name: &str, value: &str) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(1, name).text(2, value);
    out.finish()
}
