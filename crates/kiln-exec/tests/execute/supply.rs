//! What a world supplies: the shell for every source and base, its patches, and what it remembers of them.

use kiln_digest::Digest;
use kiln_exec::{ForeignError, PatchFile, Supply};
use kiln_ir::{Base, Patch, Source};
use kiln_tree::Tree;

use crate::world::World;

impl Supply for World {
    fn source(&self, source: &Source) -> Result<Tree, ForeignError> {
        let name = source.to_string();
        if name.contains("broken") {
            return Err(Box::new(miette::MietteDiagnostic::new(format!("no {name}"))));
        }
        self.supplied.lock().unwrap().push(name);
        self.fetched.notify_all();
        Ok(self.shell.clone())
    }

    fn base(&self, _base: &Base) -> Result<Tree, ForeignError> {
        Ok(self.shell.clone())
    }

    fn patches(&self, patch: &Patch) -> Result<Vec<PatchFile>, ForeignError> {
        let Patch { path, strip } = patch.clone();
        let bytes = self.patches.get(&path).cloned().unwrap_or_default();
        self.supplied.lock().unwrap().push(format!("patch {path}"));
        Ok(vec![PatchFile { path, strip, bytes }])
    }

    fn patched(&self, tree: Digest, patches: &[Patch]) -> Option<Digest> {
        self.remembered.lock().unwrap().get(&applied(self, tree, patches)).copied()
    }

    fn keep_patched(&self, tree: Digest, patches: &[Patch], patched: Digest) {
        self.remembered.lock().unwrap().insert(applied(self, tree, patches), patched);
    }
}

/// Returns what a tree and patches are remembered by.
fn applied(world: &World, tree: Digest, patches: &[Patch]) -> Vec<Digest> {
    let content = |patch: &Patch| Digest::of(&world.patches[&patch.path]);
    [tree].into_iter().chain(patches.iter().map(content)).collect()
}
