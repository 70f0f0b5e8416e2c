//! Git dependencies: packages found in the trees of their commits.

use std::collections::BTreeMap;

use kiln_cas::Cas;
use kiln_source::{AnyError, Ports, without_password};
use kiln_source_git::GitKind;
use kiln_tree::{Draft, File, Node, RelPath, Tree};
use toml::{Table, Value};

use crate::inherit::{inherited, inherits};
use crate::lockfile::{Origin, Package, Repository};
use crate::unpack::{Vendored, with_checksum};
use crate::{CargoError, settings};

/// The file that makes a folder a package.
const MANIFEST: &str = "Cargo.toml";
/// Longer manifests are not read, in bytes.
const MAX_MANIFEST: u64 = 4 << 20;

/// Brings the packages of git repositories.
pub(crate) fn packages<'a>(
    git: &GitKind,
    packages: &'a [Package],
    ports: Ports<'_>,
) -> Result<Vec<Vendored<'a>>, AnyError> {
    let mut trees: BTreeMap<&Repository, Tree> = BTreeMap::new();
    let mut found = Vec::new();
    for package in packages {
        let Origin::Git(repository) = &package.origin else { continue };
        let tree = if let Some(tree) = trees.get(repository) {
            tree.clone()
        } else {
            let reference = settings::whole_reference(repository);
            let (url, commit) = (&repository.url, &repository.commit);
            git.commit_tree(url, commit, reference.as_deref(), ports)?
        };
        trees.insert(repository, tree.clone());
        let tree = find(package, repository, &tree, ports.cas)?;
        found.push((package, with_checksum(tree, None, ports.cas)?));
    }
    Ok(found)
}

/// Finds the folder of a package in a repository; its manifest no longer needs its workspace.
fn find(
    package: &Package,
    repository: &Repository,
    tree: &Tree,
    cas: &dyn Cas,
) -> Result<Tree, CargoError> {
    let named = || format!("{} {}", package.name, package.version);
    let manifests = manifests(tree, cas)?;
    let fits = |manifest: &Table| {
        let own = manifest.get("package").or_else(|| manifest.get("project"));
        let text = |key| own.and_then(|own| own.get(key)).and_then(Value::as_str);
        let version = text("version").unwrap_or(&package.version);
        text("name") == Some(&package.name) && version == package.version
    };
    // The one that lies highest, as a copy for tests may lie below.
    let fitting = manifests.iter().filter(|(_, manifest)| fits(manifest));
    let highest = fitting.min_by_key(|(folder, _)| (folder.parts().count(), *folder));
    let none = || CargoError::NotInRepository {
        named: named(),
        url: without_password(&repository.url),
        commit: repository.commit.clone(),
    };
    let (folder, manifest) = highest.ok_or_else(none)?;
    let own = if folder.is_root() { Some(tree.clone()) } else { tree.subtree(folder) };
    let own = own.ok_or_else(none)?;
    if !inherits(manifest) {
        return Ok(own);
    }
    let workspace = workspace(folder, &manifests).cloned().unwrap_or_default();
    let whole = inherited(manifest, &workspace)
        .map_err(|what| CargoError::Inherits { named: named(), what })?;
    let digest = cas.write(whole.to_string().as_bytes())?;
    let mut draft = Draft::from(own);
    if let Ok(path) = RelPath::parse(MANIFEST) {
        drop(draft.put(&path, File::new(digest, false)));
    }
    Ok(draft.seal())
}

/// Returns the manifests of a repository by their folders; files that are none are left out.
fn manifests(tree: &Tree, cas: &dyn Cas) -> Result<BTreeMap<RelPath, Table>, CargoError> {
    let mut found = BTreeMap::new();
    for (path, file) in tree.files() {
        let Some((folder, name)) = path.split_last() else { continue };
        if name.as_str() != MANIFEST || file.digest.size > MAX_MANIFEST {
            continue;
        }
        let bytes = cas.read(file.digest)?;
        let text = std::str::from_utf8(&bytes).ok();
        if let Some(manifest) = text.and_then(|text| text.parse().ok()) {
            found.insert(folder, manifest);
        }
    }
    Ok(found)
}

/// Finds the workspace of a folder: the nearest above it, or the folder itself.
fn workspace<'a>(folder: &RelPath, manifests: &'a BTreeMap<RelPath, Table>) -> Option<&'a Table> {
    let mut folder = folder.clone();
    loop {
        let here = manifests.get(&folder).and_then(|manifest| manifest.get("workspace"));
        if let Some(workspace) = here {
            return workspace.as_table();
        }
        folder = folder.split_last()?.0;
    }
}

/// Returns whether a tree has a manifest.
pub(crate) fn has_manifest(tree: &Tree) -> bool {
    let found = RelPath::parse(MANIFEST).ok().and_then(|path| tree.get(&path));
    matches!(found, Some(Node::File(_)))
}
