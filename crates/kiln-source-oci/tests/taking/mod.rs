//! Takes images as kiln does, and says what came of it in words.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use kiln_cas::{Cas as _, DiskCas};
use kiln_event::{Event, Sink};
use kiln_ir::Source;
use kiln_source::{Fetcher, Pin, Ports, Settings, SourceKind as _};
use kiln_source_oci::{ImageKind, RootfsKind};
use kiln_testkit::conformance::NoPause;
use kiln_testkit::scratch;
use kiln_tree::Node;

use super::sample::{Entry, Image, one, saved, tar};

#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Sink for Warnings {
    fn emit(&self, event: Event) {
        if let Event::Warning { message, .. } = event {
            self.0.lock().unwrap().push(message);
        }
    }
}

/// Takes a source of a project; returns its tree as words, or code and message of the error.
pub(crate) fn taken(project: &Path, source: &Source) -> (String, Option<Pin>) {
    let cache = scratch();
    let cas = DiskCas::open(&cache.path().join("store")).unwrap();
    let folder = cache.path().join("downloads-v1");
    let settings = Settings { folder, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
    let sink = Warnings::default();
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &sink };
    let images = ImageKind { project: project.to_owned(), folder: cache.path().join("images-v1") };
    let tracked = match source {
        Source::Rootfs { .. } => RootfsKind.track(source, ports),
        _ => images.track(source, ports),
    };
    let pin = match tracked {
        Ok(pin) => pin,
        Err(error) => {
            assert_eq!(n_files(&cache.path().join("store/cas")), 0, "{error} leaves something");
            assert_eq!(n_files(&cache.path().join("images-v1")), 0, "{error} leaves something");
            let code = error.code().unwrap().to_string();
            assert!(error.help().is_some(), "{error} has no help");
            let message = error.to_string();
            let message = message.strip_prefix("cannot take the image `image`: ");
            return (format!("{code} {}", message.unwrap_or(&error.to_string())), None);
        }
    };
    let mut out = String::new();
    for (path, node) in cas.read_tree(pin.tree).unwrap().walk() {
        match node {
            Node::Directory(_) => write!(out, "{path}/ ").unwrap(),
            Node::Symlink(link) => write!(out, "{path}->{} ", link.target).unwrap(),
            Node::File(file) => {
                let content = String::from_utf8(cas.read(file.digest).unwrap()).unwrap();
                write!(out, "{path}{}={content} ", if file.executable { "*" } else { "" }).unwrap();
            }
        }
    }
    let warnings = sink.0.into_inner().unwrap();
    (out.trim_end().to_owned() + &warnings.concat(), Some(pin))
}

fn n_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|found| if found.path().is_dir() { n_files(&found.path()) } else { 1 }).sum()
}

pub(crate) fn source(tag: Option<&str>, platform: &str) -> Source {
    let (image, platform, tag) = ("image".into(), platform.into(), tag.map(Into::into));
    Source::OciImage { image, local: true, platform, tag, sha256: None }
}

#[track_caller]
pub(crate) fn check_image(image: &Image, asked: &Source, expected: &str) {
    let project = scratch();
    image.write(&project.path().join("image"));
    assert_eq!(taken(project.path(), asked).0, expected);
    // An archive of the same is the same.
    let project = scratch();
    fs::write(project.path().join("image"), image.archive()).unwrap();
    assert_eq!(taken(project.path(), asked).0, expected);
}

#[track_caller]
pub(crate) fn check_archive(archive: &[u8], asked: &Source, expected: &str) {
    let project = scratch();
    fs::write(project.path().join("image"), archive).unwrap();
    assert_eq!(taken(project.path(), asked).0, expected);
}

#[track_caller]
pub(crate) fn check(layers: &[&[Entry]], expected: &str) {
    let layers: Vec<Vec<Entry>> = layers.iter().map(|layer| layer.to_vec()).collect();
    let asked = source(None, "linux/amd64");
    check_image(&one(&layers), &asked, expected);
    check_archive(&tar(&saved("", &layers)), &asked, expected);
}
