//! The archive of one layer, made while it is read.

use std::io::{self, Read};

use kiln_digest::Digest;
use kiln_ir::ElementName;
use kiln_tree::{Node, RelPath, Tree};

use crate::document::TIME;
use crate::header::{BLOCK, Header, Kind, pad};

/// Folders that every user may write to, as every system has them.
const SHARED: [&str; 2] = ["tmp", "var/tmp"];
/// How names begin that an image takes for the removal of another file.
const WHITEOUT: &str = ".wh.";

/// Why a tree is no layer.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ImageError {
    #[error("`{layer}`, a layer of `{image}`, installs nothing")]
    #[diagnostic(
        code("K3040"),
        help(
            "a layer is what its element installs itself: merge it with what it needs, `Compose {{ of = [{layer}] }}`, or leave it out"
        )
    )]
    Empty { image: ElementName, layer: ElementName },
    #[error(
        "`{layer}`, a layer of `{image}`, has `/{path}`, which an image takes for the removal of a file"
    )]
    #[diagnostic(
        code("K3041"),
        help("give it another name; names that begin with `.wh.` belong to the format of images")
    )]
    Whiteout { image: ElementName, layer: ElementName, path: RelPath },
}

/// Refuses a tree that is no layer of an image.
///
/// # Errors
/// When it is empty, or has a name that an image reads otherwise.
pub fn check(image: &ElementName, layer: &ElementName, tree: &Tree) -> Result<(), ImageError> {
    let names = || (image.clone(), layer.clone());
    if tree.entries().is_empty() {
        let (image, layer) = names();
        return Err(ImageError::Empty { image, layer });
    }
    let is_whiteout = |path: &RelPath| {
        path.split_last().is_some_and(|(_, name)| name.as_str().starts_with(WHITEOUT))
    };
    match tree.walk().find(|(path, _)| is_whiteout(path)) {
        Some((path, _)) => {
            let (image, layer) = names();
            Err(ImageError::Whiteout { image, layer, path })
        }
        None => Ok(()),
    }
}

/// The archive of a tree, as a stream; the content of a file is asked for when its turn comes.
pub struct Layer<'a> {
    entries: Box<dyn Iterator<Item = (RelPath, Node)> + 'a>,
    content: &'a dyn Fn(Digest) -> io::Result<Vec<u8>>,
    /// What is ready to be read, and how much of it was.
    chunk: Vec<u8>,
    n_read: usize,
    is_ended: bool,
}

impl<'a> Layer<'a> {
    /// Makes the archive of a tree, whose files come from `content`.
    pub fn new(tree: &Tree, content: &'a dyn Fn(Digest) -> io::Result<Vec<u8>>) -> Self {
        let entries = Box::new(tree.walk());
        Self { entries, content, chunk: Vec::new(), n_read: 0, is_ended: false }
    }

    /// Makes the next entry ready, or the end of the archive.
    fn advance(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.n_read = 0;
        let Some((path, node)) = self.entries.next() else {
            self.chunk.resize(2 * BLOCK, 0);
            self.is_ended = true;
            return Ok(());
        };
        let entry = |path, mode, kind| Header { path, target: "", mode, size: 0, kind };
        match node {
            Node::Directory(_) => {
                let mode = if SHARED.contains(&path.as_str()) { 0o1777 } else { 0o755 };
                entry(&format!("{path}/"), mode, Kind::Folder).write(TIME, &mut self.chunk);
            }
            Node::Symlink(link) => {
                let entry = entry(path.as_str(), 0o777, Kind::Symlink);
                Header { target: &link.target, ..entry }.write(TIME, &mut self.chunk);
            }
            Node::File(file) => {
                let bytes = (self.content)(file.digest)?;
                let size = bytes.len() as u64;
                let mode = if file.executable { 0o755 } else { 0o644 };
                let entry = entry(path.as_str(), mode, Kind::File);
                Header { size, ..entry }.write(TIME, &mut self.chunk);
                self.chunk.extend(bytes);
                pad(size, &mut self.chunk);
            }
        }
        Ok(())
    }
}

impl Read for Layer<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.n_read == self.chunk.len() {
            if self.is_ended {
                return Ok(0);
            }
            self.advance()?;
        }
        let mut rest = &self.chunk[self.n_read..];
        let n_now = rest.read(into)?;
        self.n_read += n_now;
        Ok(n_now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_tree::{Draft, File, Symlink};

    fn tree(paths: &[&str]) -> Tree {
        let mut draft = Draft::default();
        for path in paths {
            let path = RelPath::parse(path).unwrap();
            draft.put(&path, File::new(Digest::of(path.as_str().as_bytes()), false)).unwrap();
        }
        draft.seal()
    }

    #[test]
    fn what_an_image_reads_otherwise_is_no_layer() {
        let name = |name| ElementName::parse(name).unwrap();
        let check = |paths: &[&str], expected: Option<&str>| {
            let found = check(&name("image"), &name("app"), &tree(paths));
            assert_eq!(found.err().map(|error| error.to_string()).as_deref(), expected);
        };
        check(&["a", "wh.b", "c.wh."], None);
        check(&[], Some("`app`, a layer of `image`, installs nothing"));
        let whiteout = "has `/a/.wh.b`, which an image takes for the removal of a file";
        check(&["a/.wh.b"], Some(&format!("`app`, a layer of `image`, {whiteout}")));
        let whiteout = "has `/.wh..wh..opq`, which an image takes for the removal of a file";
        check(&[".wh..wh..opq/x"], Some(&format!("`app`, a layer of `image`, {whiteout}")));
    }

    #[test]
    fn an_archive_is_sorted_and_has_one_owner_and_one_time() {
        let mut draft = Draft::from(tree(&["b/z", "b.a", "tmp/x", "var/tmp/y"]));
        let tool = File::new(Digest::of(b"tool"), true);
        draft.put(&RelPath::parse("a").unwrap(), tool).unwrap();
        draft.put(&RelPath::parse("b/l").unwrap(), Symlink::new("../b.a")).unwrap();
        let content = |digest: Digest| {
            let known = ["b/z", "b.a", "tmp/x", "var/tmp/y", "tool"];
            let found = known.into_iter().find(|text| Digest::of(text.as_bytes()) == digest);
            found.map(Into::into).ok_or_else(|| io::Error::other("unknown"))
        };
        let mut archive = Vec::new();
        Layer::new(&draft.seal(), &content).read_to_end(&mut archive).unwrap();
        assert!(archive.ends_with(&[0; 2 * BLOCK]));
        let mut found = Vec::new();
        for block in archive.chunks(BLOCK).filter(|block| block[257..262] == *b"ustar") {
            let text = |range| String::from_utf8_lossy(&block[range]).replace('\0', "");
            assert_eq!(text(108..124), "00000000000000", "the owner is root");
            assert_eq!(text(136..148), format!("{TIME:o}"));
            found.push(format!("{}{}{}", text(102..108), &text(156..157), text(0..100)));
        }
        let expected = [
            "007550a",
            "007555b/",
            "007772b/l",
            "006440b/z",
            "006440b.a",
            "017775tmp/",
            "006440tmp/x",
            "007555var/",
            "017775var/tmp/",
            "006440var/tmp/y",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn content_that_is_gone_ends_the_archive() {
        let gone = |_: Digest| Err(io::Error::other("gone"));
        let read = Layer::new(&tree(&["a"]), &gone).read_to_end(&mut Vec::new());
        assert_eq!(read.unwrap_err().to_string(), "gone");
    }
}
