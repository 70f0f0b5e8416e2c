//! `Command` and `Action` from their bytes: a run of the past, looked at again.

use kiln_digest::Digest;
use kiln_tree::RelPath;
use kiln_tree::wire::{Reader, Value};

use crate::{Action, Command};

impl Command {
    /// Reads a `Command` message as [`Command::encode`] writes it; nothing where the bytes are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut command = Self::default();
        for field in Reader::new(bytes) {
            let (number, Value::Bytes(value)) = field? else { continue };
            match number {
                1 => command.arguments.push(text(value)?),
                2 => command.environment.extend([pair(value)?]),
                5 => {
                    for property in Reader::new(value) {
                        if let (1, Value::Bytes(value)) = property? {
                            command.platform.extend([pair(value)?]);
                        }
                    }
                }
                7 => command.output_paths.push(RelPath::parse(&text(value)?).ok()?),
                8 => command.output_node_properties.push(text(value)?),
                _ => {}
            }
        }
        Some(command)
    }
}

impl Action {
    /// Returns the digest of the command in the bytes of an `Action` message.
    pub fn command_in(bytes: &[u8]) -> Option<Digest> {
        let (_, message) = texts(bytes).find(|(number, _)| *number == 1)?;
        let mut hash = None;
        let mut size = 0;
        for field in Reader::new(message) {
            match field? {
                (1, Value::Bytes(value)) => hash = Some(text(value)?),
                (2, Value::Varint(value)) => size = value,
                _ => {}
            }
        }
        format!("{}/{size}", hash?).parse().ok()
    }
}

fn texts(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    Reader::new(bytes).map_while(|field| field).filter_map(|(number, value)| match value {
        Value::Bytes(bytes) => Some((number, bytes)),
        Value::Varint(_) => None,
    })
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

fn pair(bytes: &[u8]) -> Option<(String, String)> {
    let (mut name, mut value) = (String::new(), String::new());
    for (number, bytes) in texts(bytes) {
        match number {
            1 => name = text(bytes)?,
            2 => value = text(bytes)?,
            _ => {}
        }
    }
    Some((name, value))
}
