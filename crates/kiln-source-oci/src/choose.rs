//! Which image is meant, where a layout or an archive holds several.

use kiln_digest::Digest;

use crate::document::{Config, Descriptor, Listing, Saved, blob, checked, parse, sha256};
use crate::error::Rule;
use crate::files::{Files, shown};

/// Lists within lists: one of names that holds one of platforms is what there is.
const MAX_NESTING: usize = 4;
/// The programs that make images stop at 127.
const MAX_LAYERS: usize = 1_000;
/// Says what an image of a layout is called.
const NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
/// Marks what belongs to an image and is none.
const REFERENCE: &str = "vnd.docker.reference.type";

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) platform: &'a str,
    pub(crate) tag: Option<&'a str>,
}

/// The image that is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Of its manifest; of its configuration where there is no manifest.
    pub(crate) content: Digest,
    /// Lowest first.
    pub(crate) layers: Vec<LayerPlace>,
}

/// A layer and what it has to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LayerPlace {
    /// Of its file.
    pub(crate) name: String,
    /// As it lies there; `docker save` does not say.
    pub(crate) packed: Option<Digest>,
    /// The sha256 when it is unpacked, as text.
    pub(crate) plain: String,
}

/// Finds the image.
pub(crate) fn choose(files: &Files, asked: Asked<'_>) -> Result<Image, Rule> {
    if let Some(bytes) = files.document("index.json")? {
        let index: Listing = parse("index.json", &bytes)?;
        return of_layout(files, index.manifests.ok_or(Rule::NoImage)?, asked);
    }
    let saved = files.document("manifest.json")?.ok_or(Rule::NoImage)?;
    let saved: Vec<Saved> = parse("manifest.json", &saved)?;
    of_saved(files, &saved, asked)
}

fn of_layout(files: &Files, all: Vec<Descriptor>, asked: Asked<'_>) -> Result<Image, Rule> {
    let images: Vec<Descriptor> = all.into_iter().filter(is_image).collect();
    let have = || images.iter().flat_map(names).map(|name| shown(&name)).collect::<Vec<_>>();
    let mut found: Vec<&Descriptor> = match asked.tag {
        Some(tag) => {
            images.iter().filter(|image| names(image).any(|name| is(&name, tag))).collect()
        }
        None => images.iter().collect(),
    };
    if let (Some(tag), true) = (asked.tag, found.is_empty()) {
        return Err(Rule::NoTag { tag: shown(tag), have: have() });
    }
    let others = platforms(&found);
    found.retain(|image| image.platform.as_ref().is_none_or(|of| of.is(asked.platform)));
    // One image may have several names.
    found.dedup_by(|one, other| one.digest == other.digest);
    match found.as_slice() {
        [] if images.is_empty() => Err(Rule::NoImage),
        [] => Err(no_platform(asked, others)),
        [image] => of_descriptor(files, image, asked),
        several => Err(Rule::Several { n_images: several.len(), have: have() }),
    }
}

/// Goes down from list to list.
fn of_descriptor(files: &Files, first: &Descriptor, asked: Asked<'_>) -> Result<Image, Rule> {
    let mut at = first.clone();
    for _ in 0..MAX_NESTING {
        let digest = at.digest()?;
        let name = blob(&digest);
        refuse_type(&name, &at.media_type, "image or list of images", &MANIFESTS)?;
        let listing: Listing = parse(&name, &checked(files, &digest)?)?;
        match listing {
            Listing { manifests: Some(_), layers: Some(_), .. } => {
                return Err(Rule::Ambiguous(name));
            }
            Listing { manifests: None, config: Some(config), layers: Some(layers) } => {
                return of_manifest(files, digest, &config, &layers, asked);
            }
            Listing { manifests: Some(all), .. } => {
                let images: Vec<&Descriptor> = all.iter().filter(|image| is_image(image)).collect();
                let others = platforms(&images);
                let fits = |image: &&&Descriptor| {
                    image.platform.as_ref().is_none_or(|platform| platform.is(asked.platform))
                };
                // The first counts where several fit: so it is written in the specification of images.
                let image = images.iter().find(fits).ok_or_else(|| no_platform(asked, others))?;
                at = (*image).clone();
            }
            Listing { .. } => {
                let (found, expected) = ("unknown".to_owned(), "image or list of images");
                return Err(Rule::Type { name, found, expected });
            }
        }
    }
    Err(Rule::Exceeded(format!("its lists of images lie deeper than {MAX_NESTING}")))
}

fn of_manifest(
    files: &Files,
    content: Digest,
    config: &Descriptor,
    layers: &[Descriptor],
    asked: Asked<'_>,
) -> Result<Image, Rule> {
    let name = blob(&config.digest()?);
    refuse_type(&name, &config.media_type, "configuration of an image", &CONFIGS)?;
    let bytes = checked(files, &config.digest()?)?;
    let mut places = Vec::new();
    for layer in layers {
        let digest = layer.digest()?;
        let name = blob(&digest);
        refuse_type(&name, &layer.media_type, "layer", &LAYERS)?;
        places.push((name, Some(digest)));
    }
    configured(content, &name, &bytes, places, asked)
}

fn of_saved(files: &Files, saved: &[Saved], asked: Asked<'_>) -> Result<Image, Rule> {
    let tags = |image: &Saved| image.repo_tags.clone().unwrap_or_default();
    let have = || saved.iter().flat_map(tags).map(|tag| shown(&tag)).collect::<Vec<_>>();
    let mut found: Vec<&Saved> = match asked.tag {
        Some(tag) => saved.iter().filter(|image| tags(image).iter().any(|n| is(n, tag))).collect(),
        None => saved.iter().collect(),
    };
    found.dedup_by(|one, other| one.config == other.config);
    let image = match (found.as_slice(), asked.tag) {
        ([image], _) => *image,
        ([], Some(tag)) => return Err(Rule::NoTag { tag: shown(tag), have: have() }),
        ([], None) => return Err(Rule::NoImage),
        (several, _) => return Err(Rule::Several { n_images: several.len(), have: have() }),
    };
    let bytes = files.document(&image.config)?;
    let bytes = bytes.ok_or_else(|| Rule::Missing(shown(&image.config)))?;
    let places = image.layers.iter().map(|name| (name.clone(), None)).collect();
    configured(Digest::of(&bytes), &image.config, &bytes, places, asked)
}

/// Adds to each layer what the configuration says of it.
fn configured(
    content: Digest,
    name: &str,
    config: &[u8],
    places: Vec<(String, Option<Digest>)>,
    asked: Asked<'_>,
) -> Result<Image, Rule> {
    let Config { platform, rootfs } = parse(name, config)?;
    if !platform.is(asked.platform) {
        return Err(no_platform(asked, vec![platform.to_string()]));
    }
    let (n_named, n_layers) = (rootfs.diff_ids.len(), places.len());
    if n_layers > MAX_LAYERS {
        return Err(Rule::Exceeded(format!("it has more than {MAX_LAYERS} layers")));
    }
    if n_named != n_layers {
        return Err(Rule::LayerCount { n_named, n_layers });
    }
    let layer = |((name, packed), plain): (_, String)| {
        sha256(&plain, 0).map(|digest| LayerPlace { name, packed, plain: digest.hex() })
    };
    let layers = places.into_iter().zip(rootfs.diff_ids).map(layer).collect::<Result<_, _>>()?;
    Ok(Image { content, layers })
}

/// Returns whether something of a list is an image or a list of them, and not what belongs to one.
fn is_image(descriptor: &Descriptor) -> bool {
    let annotations = descriptor.annotations.as_ref();
    !annotations.is_some_and(|annotations| annotations.contains_key(REFERENCE))
}

fn names(descriptor: &Descriptor) -> impl Iterator<Item = String> + use<> {
    let annotations = descriptor.annotations.clone().unwrap_or_default();
    NAMES.iter().filter_map(move |name| annotations.get(*name).cloned())
}

/// Returns whether a name is the one that is asked for: all of it, from a `/` on, or what follows its `:`.
fn is(name: &str, asked: &str) -> bool {
    let ends = |end: &str| name.strip_suffix(asked).is_some_and(|rest| rest.ends_with(end));
    name == asked || ends("/") || (ends(":") && !asked.contains(['/', ':']))
}

fn platforms(images: &[&Descriptor]) -> Vec<String> {
    let named = images.iter().filter_map(|image| image.platform.as_ref());
    named.map(ToString::to_string).collect()
}

fn no_platform(asked: Asked<'_>, have: Vec<String>) -> Rule {
    Rule::NoPlatform { platform: asked.platform.to_owned(), have }
}

/// Beginnings of the types that are read.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1",
    "application/vnd.oci.image.manifest.v1",
    "application/vnd.docker.distribution.manifest.list.v2",
    "application/vnd.docker.distribution.manifest.v2",
];
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1", "application/vnd.docker.container.image.v1"];
const LAYERS: [&str; 4] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
];

fn refuse_type(
    name: &str,
    found: &str,
    expected: &'static str,
    known: &[&str],
) -> Result<(), Rule> {
    let is_plain = |end: &str| matches!(end, "" | "+json" | "+gzip" | "+zstd" | ".gzip" | ".zstd");
    let fits = |known: &str| found.strip_prefix(known).is_some_and(is_plain);
    // Old layouts leave the type out; the content says what it is.
    if found.is_empty() || known.iter().any(|known| fits(known)) {
        return Ok(());
    }
    Err(Rule::Type { name: name.to_owned(), found: shown(found), expected })
}
