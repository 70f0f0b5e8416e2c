//! The vendored tree: a folder a crate, and the configuration of cargo.

use std::collections::{BTreeSet, VecDeque};

use kiln_cas::Cas;
use kiln_tree::{Draft, File, Node, RelPath, Tree};

use crate::lockfile::Package;
use crate::settings::Folders;
use crate::unpack::Vendored;
use crate::{CargoError, manifest};

/// Where cargo looks for its configuration.
const CONFIGURATION: &str = ".cargo/config.toml";
/// Longer manifests are not looked into, in bytes.
const MAX_MANIFEST: u64 = 4 << 20;

/// Puts the trees of crates together.
pub(crate) fn tree(
    packages: &[Package],
    crates: &Vec<Vendored<'_>>,
    cas: &dyn Cas,
) -> Result<Tree, CargoError> {
    let folders = Folders::of(packages);
    let built = built(packages, crates, cas);
    let mut draft = Draft::default();
    for (package, tree) in crates {
        let tree = if built.contains(&id(package)) { tree.clone() } else { slim(tree) };
        put(&mut draft, folders.path(package).as_deref(), tree);
    }
    let digest = cas.write(folders.configuration().as_bytes())?;
    put(&mut draft, Some(CONFIGURATION), File::new(digest, false));
    Ok(draft.seal())
}

/// Puts something at a path; names were checked, so that there is place for each.
fn put(draft: &mut Draft, path: Option<&str>, node: impl Into<Node>) {
    if let Some(path) = path.and_then(|path| RelPath::parse(path).ok()) {
        drop(draft.put(&path, node));
    }
}

/// Identifies a package of one lock file.
type Id<'a> = (&'a str, &'a str, &'a crate::lockfile::Origin);

fn id(package: &Package) -> Id<'_> {
    (&package.name, &package.version, &package.origin)
}

/// Returns the packages that a build for Linux may compile: those that can be reached over dependencies that are not of
/// other systems only. What the packages of the project itself use is all counted, as their manifests are not here.
fn built<'a>(packages: &'a [Package], crates: &[Vendored<'a>], cas: &dyn Cas) -> BTreeSet<Id<'a>> {
    let trees: std::collections::BTreeMap<Id<'_>, &Tree> =
        crates.iter().map(|(package, tree)| (id(package), tree)).collect();
    let mut found = BTreeSet::new();
    let mut next: VecDeque<&Package> =
        packages.iter().filter(|one| !trees.contains_key(&id(one))).collect();
    while let Some(package) = next.pop_front() {
        if !found.insert(id(package)) {
            continue;
        }
        let text = trees.get(&id(package)).and_then(|tree| manifest(tree, cas));
        let elsewhere = text.map(|text| manifest::elsewhere(&text)).unwrap_or_default();
        let uses = package.uses.iter().filter_map(|ix| packages.get(*ix));
        next.extend(uses.filter(|one| !elsewhere.contains(&one.name)));
    }
    found
}

fn manifest(tree: &Tree, cas: &dyn Cas) -> Option<String> {
    let Node::File(file) = tree.get(&RelPath::parse("Cargo.toml").ok()?)? else { return None };
    (file.digest.size <= MAX_MANIFEST).then_some(())?;
    String::from_utf8(cas.read(file.digest).ok()?).ok()
}

/// Returns of a crate that is never compiled what cargo looks at: manifests and the files that may be targets.
fn slim(tree: &Tree) -> Tree {
    let mut draft = Draft::default();
    for (path, file) in tree.files() {
        let name = path.split_last().map(|(_, name)| name);
        let ending = name.as_ref().and_then(|name| name.as_str().rsplit_once('.'));
        if matches!(ending, Some((_, "rs" | "toml" | "json"))) {
            drop(draft.put(&path, file));
        }
    }
    draft.seal()
}
