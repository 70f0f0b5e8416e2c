//! The documents of an image, and the layout that holds them.

use std::collections::BTreeMap;

use kiln_digest::Digest;
use kiln_ir::{ImagePlatform, Oci};
use kiln_tree::{Draft, File, RelPath, Tree};
use serde::Serialize;

/// The one time of everything: 2011-11-11 11:11:11 UTC.
pub(crate) const TIME: u64 = 1_321_009_871;
/// Says when an image was made, and is no part of its environment.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What an image says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    pub oci: &'a Oci,
    /// The environment of the element, which is that of what runs in a container.
    pub env: &'a BTreeMap<String, String>,
}

/// An image in the form of a layout.
#[derive(Clone, Debug)]
pub struct Image {
    pub tree: Tree,
    /// The contents of its documents; its layers are not among them.
    pub files: Vec<Vec<u8>>,
}

/// Puts an image together of the archives of its layers, lowest first, which are known by their digests.
pub fn image(config: &Config<'_>, layers: &[Digest]) -> Image {
    let (platform, tag) = (&config.oci.platform, &config.oci.tag);
    let mut layout = Layout { draft: Draft::default(), files: Vec::new() };
    for layer in layers {
        layout.place(&blob(layer), *layer);
    }
    let config = layout.blob(&configuration(config, layers));
    let manifest = layout.blob(&Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: descriptor(CONFIG, &config),
        layers: layers.iter().map(|layer| descriptor(LAYER, layer)).collect(),
    });
    layout.document(
        "index.json",
        &Index {
            schema_version: 2,
            media_type: INDEX,
            manifests: vec![Descriptor {
                platform: Some(platform),
                annotations: Some(Annotations { tag }),
                ..descriptor(MANIFEST, &manifest)
            }],
        },
    );
    layout.document("oci-layout", &Version { image_layout_version: "1.0.0" });
    Image { tree: layout.draft.seal(), files: layout.files }
}

/// A layout in the making.
struct Layout {
    draft: Draft,
    files: Vec<Vec<u8>>,
}

impl Layout {
    /// Adds a document under the name of its content.
    fn blob(&mut self, document: &impl Serialize) -> Digest {
        let bytes = json(document);
        let digest = Digest::of(&bytes);
        self.place(&blob(&digest), digest);
        self.files.push(bytes);
        digest
    }

    fn document(&mut self, path: &str, document: &impl Serialize) {
        let bytes = json(document);
        self.place(path, Digest::of(&bytes));
        self.files.push(bytes);
    }

    fn place(&mut self, path: &str, digest: Digest) {
        // Only blobs have folders, and theirs are no files.
        let path = RelPath::parse(path).expect("paths of a layout are clean");
        let placed = self.draft.put(&path, File::new(digest, false));
        debug_assert!(placed.is_ok(), "no file of a layout stands where another needs a folder");
    }
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn json(document: &impl Serialize) -> Vec<u8> {
    // All keys are texts and there are no floats, so nothing here can fail to be written.
    serde_json::to_vec(document).unwrap_or_default()
}

fn name(digest: &Digest) -> String {
    format!("sha256:{}", digest.hex())
}

fn descriptor(media_type: &'static str, digest: &Digest) -> Descriptor<'static> {
    Descriptor {
        media_type,
        digest: name(digest),
        size: digest.size,
        platform: None,
        annotations: None,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    image_layout_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'static str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a ImagePlatform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations<'a>>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    #[serde(rename = "org.opencontainers.image.ref.name")]
    tag: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor<'static>,
    layers: Vec<Descriptor<'static>>,
}

#[derive(Serialize)]
struct Configuration<'a> {
    created: String,
    #[serde(flatten)]
    platform: &'a ImagePlatform,
    config: Execution<'a>,
    rootfs: Rootfs,
}

/// What runs in a container, unless whoever starts it says otherwise.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cmd: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Rootfs {
    r#type: &'static str,
    diff_ids: Vec<String>,
}

fn configuration<'a>(config: &Config<'a>, layers: &[Digest]) -> Configuration<'a> {
    let Config { oci, env } = config;
    let Oci { layers: _, entrypoint, cmd, labels, platform, tag: _, run_as, working_dir } = oci;
    let epoch = env.get(EPOCH).and_then(|text| text.parse().ok()).unwrap_or(TIME);
    let inside = env.iter().filter(|(name, _)| *name != EPOCH);
    Configuration {
        created: date(epoch),
        platform,
        config: Execution {
            user: run_as.as_deref(),
            env: inside.map(|(name, value)| format!("{name}={value}")).collect(),
            entrypoint,
            cmd,
            working_dir: working_dir.as_deref(),
            labels,
        },
        rootfs: Rootfs { r#type: "layers", diff_ids: layers.iter().map(name).collect() },
    }
}

/// Writes seconds since 1970 as a date of RFC 3339.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86400, seconds % 86400);
    // Years that begin in March have their leap day last; 400 of them have always as many days.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (TIME, "2011-11-11T11:11:11Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }

    fn text(env: &[(&str, &str)], oci: &Oci, at: usize) -> String {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let image = image(&Config { oci, env: &env.collect() }, &[Digest::of(b"layer")]);
        String::from_utf8(image.files[at].clone()).unwrap()
    }

    #[test]
    fn documents_are_written_to_the_byte() {
        let platform = ImagePlatform {
            os: "linux".into(),
            architecture: "arm".into(),
            variant: Some("v7".into()),
        };
        let mut oci = Oci::new(platform);
        let layer = Digest::of(b"layer").hex();
        let rootfs = format!(r#""rootfs":{{"type":"layers","diff_ids":["sha256:{layer}"]}}}}"#);
        let head = r#"{"created":"2011-11-11T11:11:11Z","os":"linux","architecture":"arm","variant":"v7","config":"#;
        assert_eq!(text(&[], &oci, 0), format!("{head}{{}},{rootfs}"));
        oci.entrypoint = vec!["/bin/app".into()];
        oci.cmd = vec!["--help".into(), "a b".into()];
        oci.labels.insert("l".into(), "\"1\"".into());
        oci.run_as = Some("1000".into());
        oci.tag = "1.2".into();
        oci.working_dir = Some("/srv".into());
        let config = r#"{"User":"1000","Env":["A=1","PATH=/bin"],"Entrypoint":["/bin/app"],"Cmd":["--help","a b"],"WorkingDir":"/srv","Labels":{"l":"\"1\""}}"#;
        let env = [("PATH", "/bin"), ("A", "1"), ("SOURCE_DATE_EPOCH", "0")];
        let head = head.replace("2011-11-11T11:11:11Z", "1970-01-01T00:00:00Z");
        assert_eq!(text(&env, &oci, 0), format!("{head}{config},{rootfs}"));
        let manifest = text(&env, &oci, 1);
        assert!(manifest.starts_with(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:"#), "{manifest}");
        assert!(manifest.ends_with(&format!(r#""layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{layer}","size":5}}]}}"#)), "{manifest}");
        let index = text(&env, &oci, 2);
        assert!(
            index.ends_with(r#""platform":{"os":"linux","architecture":"arm","variant":"v7"},"annotations":{"org.opencontainers.image.ref.name":"1.2"}}]}"#),
            "{index}"
        );
        assert_eq!(text(&env, &oci, 3), r#"{"imageLayoutVersion":"1.0.0"}"#);
    }
}
