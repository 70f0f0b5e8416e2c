//! What an element produced, as data with one canonical JSON form.

use std::collections::BTreeMap;

use kiln_digest::{Digest, Key};
use serde::{Deserialize, Serialize};

/// What a node of a plan produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Artifact {
    pub key: Key,
    /// The element that was built first under this key; other elements may share it.
    pub element: String,
    /// The output tree.
    pub out: Digest,
    /// How it was made; nothing when no command ran (an import, a selection of trees).
    pub run: Option<Run>,
    /// Paths of its root, or of what it composes, that two elements bring with different content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<String>,
    /// Whether it was built on this machine's own `/usr`, or of anything that was.
    #[serde(default, skip_serializing_if = "is_false")]
    pub impure: bool,
}

/// An artifact of a failed build: for people to look into, never to build on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    pub key: Key,
    pub element: String,
    /// Its exit is not 0.
    pub run: Run,
    /// Why it was ended from outside, such as a limit of time: then it says nothing about the action, which may run
    /// again at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// As of an artifact.
    #[serde(default, skip_serializing_if = "is_false")]
    pub impure: bool,
}

/// What was last kept for an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Built(Artifact),
    Failed(Failure),
}

/// One run of one action and what it left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    pub action: Digest,
    /// What the command saw as `/`.
    pub input_root: Digest,
    /// Exit status of the first failing phase, else 0.
    pub exit: i32,
    /// The tree of `/out`; nothing after a failure, and when the action has none (an integration).
    pub out: Option<Digest>,
    /// Other output trees by name, such as the top folders of a root after integration.
    pub others: BTreeMap<String, Digest>,
    /// The build tree with its times: after a failure, or by policy.
    pub build_tree: Option<Digest>,
    /// The joined output of the command.
    pub log: Digest,
    pub phases: Vec<Phase>,
    pub usage: Usage,
    /// What capture dropped.
    pub warnings: Vec<String>,
    /// Facts of the machine that ran it, for people who compare; in no key.
    pub host: BTreeMap<String, String>,
}

/// One phase as the command reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Phase {
    pub name: String,
    /// Seconds since 1970, as text with the precision that the root's `date` has.
    pub start: String,
    /// Nothing when the phase did not come to its end.
    pub end: Option<String>,
    pub exit: Option<i32>,
    /// What it cost, where it could be told from the other phases; its wall time is `end` less `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What a run or one of its phases cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    pub user_micros: u64,
    pub system_micros: u64,
    pub max_rss_kib: u64,
    pub wall_micros: u64,
    #[serde(default)]
    pub read_bytes: u64,
    #[serde(default)]
    pub written_bytes: u64,
}

impl Artifact {
    /// Returns whether another machine may have it. Whatever shares artifacts asks this first: what is impure stays.
    pub fn may_be_shared(&self) -> bool {
        !self.impure
    }

    /// Returns the canonical JSON: fields in order of declaration, maps sorted, no white space.
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }

    /// Returns the digest of the canonical JSON: the identity of this artifact as a blob.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_json())
    }

    /// Reads an artifact from its JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl Failure {
    /// Returns whether another machine may have it, as of an artifact.
    pub fn may_be_shared(&self) -> bool {
        !self.impure
    }

    /// Returns the canonical JSON.
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }

    /// Reads a failure from its JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl Run {
    /// Returns the canonical JSON.
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }

    /// Reads a run from its JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl Record {
    /// Returns the key that was built or failed.
    pub fn key(&self) -> Key {
        match self {
            Self::Built(artifact) => artifact.key,
            Self::Failed(failure) => failure.key,
        }
    }

    /// Returns the run, if a command ran.
    pub fn run(&self) -> Option<&Run> {
        match self {
            Self::Built(artifact) => artifact.run.as_ref(),
            Self::Failed(failure) => Some(&failure.run),
        }
    }

    /// Returns this record under another name of its element.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        match &mut self {
            Self::Built(artifact) => name.clone_into(&mut artifact.element),
            Self::Failed(failure) => name.clone_into(&mut failure.element),
        }
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Texts, numbers, lists and maps with text keys only: nothing that JSON cannot say.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_an_artifact_is_canonical_and_complete() {
        let run = Run {
            action: Digest::of(b"action"),
            input_root: Digest::EMPTY,
            exit: 0,
            out: Some(Digest::EMPTY),
            others: BTreeMap::from([("usr".into(), Digest::EMPTY)]),
            build_tree: None,
            log: Digest::EMPTY,
            phases: vec![Phase {
                name: "build".into(),
                start: "1.5".into(),
                end: None,
                exit: Some(0),
                usage: None,
            }],
            usage: Usage {
                user_micros: 1,
                system_micros: 2,
                max_rss_kib: 3,
                wall_micros: 4,
                read_bytes: 5,
                written_bytes: 6,
            },
            warnings: vec!["`bin/su`: setuid dropped".into()],
            host: BTreeMap::from([("kernel".into(), "6.1".into())]),
        };
        let artifact = Artifact {
            key: Key([0xab; 32]),
            element: "libs.zinc".into(),
            out: Digest::EMPTY,
            run: Some(run),
            overlaps: Vec::new(),
            impure: false,
        };
        assert!(artifact.may_be_shared());
        let json = artifact.to_json();
        assert_eq!(Artifact::from_json(&json).unwrap(), artifact);
        let text = String::from_utf8(json).unwrap();
        let expected = format!(
            concat!(
                r#"{{"key":"{key}","element":"libs.zinc","out":"{empty}","run":{{"action":"{action}","#,
                r#""input-root":"{empty}","exit":0,"out":"{empty}","others":{{"usr":"{empty}"}},"#,
                r#""build-tree":null,"log":"{empty}","#,
                r#""phases":[{{"name":"build","start":"1.5","end":null,"exit":0}}],"#,
                r#""usage":{{"user-micros":1,"system-micros":2,"max-rss-kib":3,"wall-micros":4,"#,
                r#""read-bytes":5,"written-bytes":6}},"#,
                r#""warnings":["`bin/su`: setuid dropped"],"host":{{"kernel":"6.1"}}}}}}"#,
            ),
            empty = Digest::EMPTY,
            key = "ab".repeat(32),
            action = Digest::of(b"action"),
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_impure_says_so_and_stays_here() {
        let text = |more: &str| {
            let (key, empty) = ("ab".repeat(32), Digest::EMPTY);
            format!(r#"{{"key":"{key}","element":"a","out":"{empty}","run":null{more}}}"#)
        };
        let read = |more: &str| Artifact::from_json(text(more).as_bytes()).unwrap();
        assert!(read("").may_be_shared());
        let impure = read(r#","impure":true"#);
        assert!(!impure.may_be_shared());
        assert_eq!(String::from_utf8(impure.to_json()).unwrap(), text(r#","impure":true"#));
    }
}
