//! One element: what it starts from, what it needs, what is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Base, ElementName, Source};

/// One thing to build, with every expression of the language expanded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Element {
    pub name: ElementName,
    /// The sysroot below everything: lowest in the root, never part of a closure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ElementName>,
    /// Staged while this element is built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_deps: Vec<ElementName>,
    /// Staged while this element is built and wherever it is staged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deps: Vec<ElementName>,
    /// Staged only wherever this element is staged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_deps: Vec<ElementName>,
    /// Closures staged below another folder while this element is built, by absolute path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stage_at: BTreeMap<String, Vec<ElementName>>,
    /// Laid out below `/build`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PlacedSource>,
    /// Applied to the laid out sources, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: Arc<BTreeMap<String, String>>,
    #[serde(default)]
    pub user: User,
    /// What is done, in order; nothing: the element only carries dependencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Named groups of output files, as globs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: Arc<BTreeMap<String, Vec<String>>>,
    /// Scripts run once in every root that holds this element.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub integrate: Vec<String>,
    /// Globs of output files that may replace those of other elements silently.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<String>,
    /// Anything else, for other tools; in no key.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub public: Value,
    /// Changes how fast or where, never what; in no key.
    #[serde(default, skip_serializing_if = "Advice::is_default")]
    pub advice: Advice,
}

impl Element {
    /// Makes an element of this name that does nothing.
    pub fn new(name: ElementName) -> Self {
        Self {
            name,
            base: None,
            build_deps: Vec::new(),
            deps: Vec::new(),
            run_deps: Vec::new(),
            stage_at: BTreeMap::new(),
            sources: Vec::new(),
            patches: Vec::new(),
            env: Arc::default(),
            user: User::Builder,
            steps: Vec::new(),
            splits: Arc::default(),
            integrate: Vec::new(),
            overlaps: Vec::new(),
            public: Value::Null,
            advice: Advice::default(),
        }
    }

    /// Returns whether this element is the machine that kiln runs on.
    pub fn is_host(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Base(Base::Host)))
    }
}

/// A source and the folder below `/build` that it is laid out in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlacedSource {
    /// `.` or a clean relative path.
    #[serde(default = "here")]
    pub at: String,
    pub source: Source,
}

fn here() -> String {
    ".".to_owned()
}

/// A patch file of the project, or a folder of them: its `series`, else all `*.patch` in it by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Patch {
    /// Relative to the project root.
    pub path: String,
    /// Leading parts dropped from the paths in the patch, where its series says nothing else.
    pub strip: u32,
}

/// The user that the phases run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    #[default]
    Builder,
    Root,
}

/// One thing that is done. Only `Run` becomes an action; the others are pure functions on trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Step {
    Run {
        phases: Vec<Phase>,
    },
    /// The sources are the output, below `target`.
    Import {
        target: String,
    },
    Compose(Compose),
    Filter(Filter),
    Base(Base),
    Oci(Oci),
}

/// A named script, run by a fresh `/bin/sh -e` in `/build`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Phase {
    pub name: String,
    /// Many elements have the same one.
    pub script: Arc<str>,
}

/// The merged closure of some elements, integrated, cut by splits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compose {
    pub of: Vec<ElementName>,
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    pub include_orphans: bool,
    pub run_integrate: bool,
}

/// Part of the output of one element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filter {
    pub of: ElementName,
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    pub include_orphans: bool,
}

/// An OCI image; each layer is the output of an element. The environment of the element is that of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Oci {
    /// Lowest first.
    pub layers: Vec<ElementName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    pub platform: ImagePlatform,
    /// What the image is called in its layout.
    pub tag: String,
    /// User or number, with a group behind a colon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
}

impl Oci {
    /// Makes an image for a machine, without layers.
    pub fn new(platform: ImagePlatform) -> Self {
        Self {
            layers: Vec::new(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            labels: BTreeMap::new(),
            platform,
            tag: "latest".to_owned(),
            run_as: None,
            working_dir: None,
        }
    }
}

/// A machine in the words of OCI images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImagePlatform {
    pub os: String,
    pub architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// What people and schedulers want to know, and no key.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Advice {
    /// Name of the kind the element amends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Environment that must not change the result.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Where the element is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
}

impl Advice {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A range of bytes in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Place {
    pub file: String,
    pub start: u32,
    pub end: u32,
}
