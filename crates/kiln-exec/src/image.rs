//! An image of the outputs of some elements: the archive of each is a blob of the store, whoever else is made of it.

use std::io;

use kiln_digest::Digest;
use kiln_image::{Config, Layer};
use kiln_ir::{Element, Oci};
use kiln_plan::Node;
use kiln_tree::Tree;

use crate::ExecError;
use crate::element::Maker;

impl Maker<'_> {
    /// Makes the layout of an image; the archives and documents in it are in the store.
    pub(crate) fn image(
        &self,
        node: &Node,
        element: &Element,
        oci: &Oci,
    ) -> Result<Tree, ExecError> {
        let mut layers = Vec::new();
        for name in &oci.layers {
            let is_layer = |ix: &&_| self.work.plan.node(**ix).element == *name;
            if let Some(ix) = node.of.iter().find(is_layer) {
                let tree = self.tree(*ix)?;
                kiln_image::check(&element.name, name, &tree)?;
                layers.push(self.archive(&tree)?);
            }
        }
        let image = kiln_image::image(&Config { oci, env: &element.env }, &layers);
        for file in &image.files {
            self.ports.cas.write(file)?;
        }
        Ok(image.tree)
    }

    /// Returns the archive of a tree, which is made once for all images of a run.
    fn archive(&self, tree: &Tree) -> Result<Digest, ExecError> {
        self.memory.archives.get(&tree.digest(), 1, self.waits, || {
            let content = |digest| self.ports.cas.read(digest).map_err(io::Error::other);
            Ok(self.ports.cas.write_stream(&mut Layer::new(tree, &content), false)?)
        })
    }
}
