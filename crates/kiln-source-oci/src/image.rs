//! The kind of sources that are images.

use std::fs::{self, File};
use std::path::PathBuf;

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Download, Pin, Ports, SourceError, SourceKind, Wanted};
use kiln_source_archive::Limits;
use kiln_tree::Tree;

use crate::choose::{Asked, choose};
use crate::error::{ImageError, Rule};
use crate::files::Files;
use crate::layers::{LeftOut, Merging};
use crate::{hash, tell};

/// The kind of [`Source::OciImage`].
#[derive(Clone, Debug)]
pub struct ImageKind {
    /// The folder of the project.
    pub project: PathBuf,
    /// Where it is noted which download holds which image, such as `images-v1` of the cache; made when it is missing.
    pub folder: PathBuf,
}

/// A source taken apart.
struct Wish<'a> {
    image: &'a str,
    is_local: bool,
    asked: Asked<'a>,
    /// Of the manifest: what the project writes.
    written: Option<&'a str>,
    /// What the lock says.
    pinned: Option<&'a Pin>,
}

impl<'a> Wish<'a> {
    fn of(source: &'a Source, pinned: Option<&'a Pin>) -> Result<Self, ImageError> {
        let Source::OciImage { image, local, platform, tag, sha256 } = source else {
            return Err(ImageError { image: source.to_string(), rule: Box::new(Rule::Foreign) });
        };
        let asked = Asked { platform, tag: tag.as_deref() };
        Ok(Self { image, is_local: *local, asked, written: sha256.as_deref(), pinned })
    }

    /// Checks that an image is the one that the project and the lock mean.
    fn judge(&self, found: Digest) -> Result<(), Rule> {
        if let (Some(written), None) = (self.written, self.pinned)
            && hash(written)? != found.hash
        {
            let (expected, found) = (written.to_ascii_lowercase(), found.hex());
            return Err(Rule::NotAsked { expected, found });
        }
        match self.pinned.map(|pin| pin.content.file()) {
            None => Ok(()),
            Some(Some(expected)) if expected == found => Ok(()),
            Some(Some(expected)) => {
                Err(Rule::OtherImage { expected: expected.hex(), found: found.hex() })
            }
            Some(None) => Err(Rule::Foreign),
        }
    }
}

impl SourceKind for ImageKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::OciImage { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let (content, tree) = self.take(&Wish::of(source, None)?, ports)?;
        Ok(Pin { content: content.into(), tree: tree.digest() })
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        if let Some(tree) = kiln_source::whole(ports.cas, pin.tree) {
            return Ok(tree);
        }
        Ok(self.take(&Wish::of(source, Some(&pin))?, ports)?.1)
    }
}

impl ImageKind {
    /// Brings the tree of an image into the store; returns what the image is, too.
    fn take(&self, wish: &Wish<'_>, ports: Ports<'_>) -> Result<(Digest, Tree), AnyError> {
        if wish.is_local {
            let files = Files::of_project(&self.project, wish.image, &self.folder);
            return unpack(wish, files, ports).map_err(|rule| told(wish, rule, ports));
        }
        let (download, is_known) = self.download(wish, ports)?;
        let files = File::open(&download.path).map_err(Rule::Read);
        let files = files.and_then(|file| Files::of_archive(file, &self.folder));
        let taken = unpack(wish, files, ports);
        match &taken {
            Ok((content, _)) => self.note(*content, download.content),
            // What the server gave is not believed, so it is not kept for the next who asks. Of what else goes wrong it is
            // innocent, and may have taken an hour to come.
            Err(rule) if !is_known && !ports.fetcher.is_stopped() && rule.is_of_bytes() => {
                drop(fs::remove_file(&download.path));
            }
            Err(_) => {}
        }
        taken.map_err(|rule| told(wish, rule, ports))
    }

    /// Fetches the archive of an image. The lock knows the image and not the archive: it is asked for as it is now,
    /// unless it was fetched before.
    fn download(&self, wish: &Wish<'_>, ports: Ports<'_>) -> Result<(Download, bool), SourceError> {
        let pinned = wish.pinned.and_then(|pin| pin.content.file());
        let noted = pinned.and_then(|content| {
            let text = fs::read_to_string(self.folder.join(content.hex())).ok()?;
            text.trim_end().parse::<Digest>().ok()
        });
        let wanted = noted.map(|archive| Wanted::pinned(wish.image, archive));
        if let Some(wanted) = wanted.filter(|wanted| ports.fetcher.is_here(wanted)) {
            return Ok((ports.fetcher.fetch(&wanted, ports.sink)?, true));
        }
        let download = ports.fetcher.fetch(&Wanted::current(wish.image), ports.sink)?;
        Ok((download, false))
    }

    /// Notes which archive holds an image. Without the note it is only asked for again.
    fn note(&self, content: Digest, archive: Digest) {
        let path = self.folder.join(content.hex());
        let text = format!("{archive}\n");
        if fs::read_to_string(&path).is_ok_and(|noted| noted == text) {
            return;
        }
        let fresh = self.folder.join(format!("{}.{}", content.hex(), std::process::id()));
        let written = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&fresh, text));
        drop(written.and_then(|()| fs::rename(fresh, path)));
    }
}

/// Takes what was opened.
fn unpack(
    wish: &Wish<'_>,
    files: Result<Files, Rule>,
    ports: Ports<'_>,
) -> Result<(Digest, Tree), Rule> {
    let (content, tree, left_out) = merged(wish, &files?, ports)?;
    tell(wish.image, &left_out, ports);
    Ok((content, tree))
}

/// Returns what is told of an image that broke a rule.
fn told(wish: &Wish<'_>, rule: Rule, ports: Ports<'_>) -> AnyError {
    let (image, rule) = (wish.image.to_owned(), Box::new(rule));
    ports.fetcher.unless_stopped(wish.image, ImageError { image, rule })
}

/// Finds the image, and keeps the tree of its layers.
fn merged(
    wish: &Wish<'_>,
    files: &Files,
    ports: Ports<'_>,
) -> Result<(Digest, Tree, LeftOut), Rule> {
    let image = choose(files, wish.asked)?;
    wish.judge(image.content)?;
    let mut batch = ports.cas.batch().map_err(Rule::Keep)?;
    let mut merging = Merging {
        image: wish.image,
        ports,
        limits: Limits::default(),
        tree: Tree::empty(),
        left_out: LeftOut::default(),
    };
    for (ix, layer) in image.layers.iter().enumerate() {
        merging.add(ix + 1, layer, files, &mut *batch)?;
    }
    let Merging { tree, left_out, .. } = merging;
    if let Some(expected) = wish.pinned.map(|pin| pin.tree).filter(|tree_| *tree_ != tree.digest())
    {
        return Err(Rule::OtherTree { expected, found: tree.digest() });
    }
    batch.keep().and_then(|()| ports.cas.write_tree(&tree)).map_err(Rule::Keep)?;
    Ok((image.content, tree, left_out))
}
