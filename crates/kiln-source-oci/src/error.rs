//! What can be wrong with an image: a rule for each refusal.

use std::error::Error;
use std::fmt;
use std::io;

use kiln_cas::CasError;
use kiln_digest::Digest;
use kiln_source::without_password;
use kiln_source_archive::ArchiveError;
use miette::Diagnostic;

const REMAKE: &str = "the image is hostile or damaged: ask where it comes from, or make it anew";
const TRACK: &str = "if the image was changed on purpose, `kiln track` pins what it is now";

/// An image that breaks a rule; code and help are those of the rule. What comes from the image is escaped.
#[derive(Debug)]
pub struct ImageError {
    /// The image as it is written: its path or URL.
    pub image: String,
    pub rule: Box<Rule>,
}

/// Why an image was refused.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Rule {
    #[error("it is neither an OCI layout nor an archive of `docker save`")]
    #[diagnostic(
        code("K2801"),
        help("`skopeo copy SOURCE oci:FOLDER` and `docker save NAME -o FILE` make one")
    )]
    NoImage,
    #[error("it cannot be read")]
    #[diagnostic(code("K2802"), help("is the path right, and may you read it?"))]
    Read(#[source] io::Error),
    #[error("`{0}` of its path is a link")]
    #[diagnostic(
        code("K2802"),
        help("links are not followed: write the path that the link leads to")
    )]
    Link(String),
    #[error("it has no file `{0}`")]
    #[diagnostic(
        code("K2803"),
        help("the image was copied in part: save or copy it anew, with all its layers")
    )]
    Missing(String),
    #[error("`{name}` has other content: expected {expected}, found {found}")]
    #[diagnostic(code("K2804"), help("{REMAKE}"))]
    WrongBlob { name: String, expected: String, found: String },
    #[error("the digest `{0}` is no sha256")]
    #[diagnostic(
        code("K2805"),
        help("kiln reads images whose parts are named by sha256: copy it with `skopeo copy`")
    )]
    BadDigest(String),
    #[error("`{name}` is malformed")]
    #[diagnostic(code("K2806"), help("{REMAKE}"))]
    Malformed {
        name: String,
        #[source]
        cause: serde_json::Error,
    },
    #[error("`{0}` says that it is an image and a list of images")]
    #[diagnostic(code("K2806"), help("{REMAKE}"))]
    Ambiguous(String),
    #[error("{0}")]
    #[diagnostic(code("K2807"), help("the image is hostile, or too big for kiln"))]
    Exceeded(String),
    #[error("it has no image `{tag}`; it has {}", list(have))]
    #[diagnostic(code("K2808"), help("set `tag` of the source to one of them"))]
    NoTag { tag: String, have: Vec<String> },
    #[error("it has {n_images} images: {}", list(have))]
    #[diagnostic(code("K2809"), help("say which one: set `tag` of the source"))]
    Several { n_images: usize, have: Vec<String> },
    #[error("it has nothing for `{platform}`; it has {}", list(have))]
    #[diagnostic(code("K2810"), help("set `platform` of the source to one of them"))]
    NoPlatform { platform: String, have: Vec<String> },
    #[error("`{name}` is of the type `{found}`, which is no {expected}")]
    #[diagnostic(
        code("K2811"),
        help("kiln reads images of containers whose layers are tar archives: plain, gzip or zstd")
    )]
    Type { name: String, found: String, expected: &'static str },
    #[error("its configuration names {n_named} layers, and it has {n_layers}")]
    #[diagnostic(code("K2812"), help("{REMAKE}"))]
    LayerCount { n_named: usize, n_layers: usize },
    #[error("layer {number} unpacks to {found}, its configuration says {expected}")]
    #[diagnostic(code("K2812"), help("{REMAKE}"))]
    OtherLayer { number: usize, expected: String, found: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Layer(#[from] ArchiveError),
    #[error("layer {number} takes away `{path}`, which is no name")]
    #[diagnostic(code("K2813"), help("{REMAKE}"))]
    Whiteout { number: usize, path: String },
    #[error("layer {number} brings `{path}` through what is no folder in the layers below")]
    #[diagnostic(
        code("K2814"),
        help("make the image anew with folders in its layers, as `docker build` does")
    )]
    Through { number: usize, path: String },
    #[error("the entry `{entry}` of its archive {what}")]
    #[diagnostic(code("K2815"), help("{REMAKE}"))]
    Entry { entry: String, what: &'static str },
    #[error("it is the image {found}, the lock has {expected}")]
    #[diagnostic(code("K2816"), help("{TRACK}"))]
    OtherImage { expected: String, found: String },
    #[error("it is the image {found}, the project asks for {expected}")]
    #[diagnostic(code("K2816"), help("correct or remove `sha256` of the source"))]
    NotAsked { expected: String, found: String },
    #[error("it unpacks to the tree `{found}`, the lock has `{expected}`")]
    #[diagnostic(
        code("K2817"),
        help("another version of kiln may have written the lock: `kiln track` writes it again")
    )]
    OtherTree { expected: Digest, found: Digest },
    #[error("`{}` is no sha256", .0.escape_debug())]
    #[diagnostic(code("K2818"), help("write 64 hexadecimal digits, or leave `sha256` out"))]
    BadHash(String),
    #[error("its content cannot be kept")]
    #[diagnostic(code("K5024"), help("is the disk full?"))]
    Keep(#[source] CasError),
    #[error("it cannot be unpacked in the cache")]
    #[diagnostic(code("K5024"), help("is the disk full?"))]
    Scratch(#[source] io::Error),
    #[error("it is no image")]
    #[diagnostic(code("K9024"), help("this is a defect of kiln: please report it"))]
    Foreign,
}

impl Rule {
    /// Returns whether the bytes of the image are wrong, whoever asks for it, and not only what somebody wants of them.
    pub(crate) fn is_of_bytes(&self) -> bool {
        match self {
            Self::NoImage
            | Self::Missing(_)
            | Self::WrongBlob { .. }
            | Self::BadDigest(_)
            | Self::Malformed { .. }
            | Self::Ambiguous(_)
            | Self::Exceeded(_)
            | Self::Type { .. }
            | Self::LayerCount { .. }
            | Self::OtherLayer { .. }
            | Self::Whiteout { .. }
            | Self::Through { .. }
            | Self::Entry { .. } => true,
            Self::Layer(error) => {
                use kiln_source_archive::Rule as Of;
                !matches!(error.rule, Of::Read(_) | Of::Keep(_))
            }
            Self::Read(_)
            | Self::Link(_)
            | Self::NoTag { .. }
            | Self::Several { .. }
            | Self::NoPlatform { .. }
            | Self::OtherImage { .. }
            | Self::NotAsked { .. }
            | Self::OtherTree { .. }
            | Self::BadHash(_)
            | Self::Keep(_)
            | Self::Scratch(_)
            | Self::Foreign => false,
        }
    }
}

/// Returns names of a list that may be long or empty.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        n_names if n_names > SHOWN => format!("{} and more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.rule {
            // It names the image itself.
            Rule::Layer(error) => write!(f, "{error}"),
            rule => {
                let image = without_password(&self.image);
                write!(f, "cannot take the image `{}`: {rule}", image.escape_debug())
            }
        }
    }
}

impl Error for ImageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.rule.source()
    }
}

impl Diagnostic for ImageError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.rule.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.rule.help()
    }
}
