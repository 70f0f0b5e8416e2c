//! A source that is what a lock file of another program names, with the lock file at hand.

use kiln_digest::Digest;
use kiln_ir::{Content, Source};
use kiln_source::{AnyError, Lockfile, Pin, Ports, SourceError, SourceKind, Vendor};
use kiln_tree::Tree;

/// A vendor and a lock file, as a kind that [`check`](super::check) takes.
pub struct OfLockfile {
    pub vendor: Box<dyn Vendor>,
    pub path: &'static str,
    pub bytes: Vec<u8>,
}

impl SourceKind for OfLockfile {
    fn takes(&self, source: &Source) -> bool {
        self.vendor.takes(source)
    }

    fn track(&self, _source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let tree = self.tree(ports)?;
        Ok(Pin { content: Digest::of(&self.bytes).into(), tree: tree.digest() })
    }

    fn fetch(&self, _source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        if pin.content != Content::File(Digest::of(&self.bytes)) {
            return Err(self.other("the lock file").into());
        }
        if let Ok(tree) = ports.cas.read_tree(pin.tree) {
            return Ok(tree);
        }
        let tree = self.tree(ports)?;
        if tree.digest() != pin.tree {
            return Err(self.other("the tree").into());
        }
        Ok(tree)
    }
}

impl OfLockfile {
    fn tree(&self, ports: Ports<'_>) -> Result<Tree, AnyError> {
        self.vendor.vendor(&Lockfile { path: self.path, bytes: &self.bytes }, ports)
    }

    fn other(&self, what: &str) -> SourceError {
        SourceError::WrongContent {
            url: self.path.to_owned(),
            expected: format!("{what} of the pin"),
            found: "another".to_owned(),
            tries: Vec::new(),
        }
    }
}
