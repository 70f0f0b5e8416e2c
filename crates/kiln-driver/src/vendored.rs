//! Sources that are what a lock file of another program names: finds that file, in the project or in another source.

use std::path::{Path, PathBuf};

use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_exec::ForeignError;
use kiln_ir::{Content, Vendored};
use kiln_source::{Lockfile, Pin, Ports, Vendor};
use kiln_tree::{Node, RelPath, Tree};

/// Longer lock files are not read, in bytes.
const MAX_LOCKFILE: u64 = 64 << 20;

/// What can be wrong with a lock file before its text is looked into.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum BadLockfile {
    #[error("the lock file `{path}` {what}")]
    #[diagnostic(code("K2091"), help("check the path, which is that of a file in the project"))]
    Unusable { path: String, what: &'static str },
    #[error("cannot read the lock file `{path}`")]
    #[diagnostic(code("K2092"), help("check its permissions"))]
    Read {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("the source `{source_name}` has no file `{path}`")]
    #[diagnostic(
        code("K2093"),
        help("give the path inside the source, or a copy of the file in the project: `./{path}`")
    )]
    NotInSource { source_name: String, path: String },
    #[error("the lock file `{path}` is not the one that was tracked")]
    #[diagnostic(code("K1108"), help("run `kiln track` to take what it names now"))]
    Stale { path: String },
    #[error("what `{path}` names became {found}, the lock has {expected}")]
    #[diagnostic(
        code("K2094"),
        help("kiln puts it together otherwise than the kiln that tracked it: run `kiln track`")
    )]
    OtherTree { path: String, expected: Digest, found: Digest },
}

/// Reads a lock file of the project.
pub(crate) fn in_project(project: &Path, path: &str) -> Result<Vec<u8>, BadLockfile> {
    let unusable = |what| BadLockfile::Unusable { path: path.to_owned(), what };
    let read = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => unusable("is not there"),
        _ => BadLockfile::Read { path: path.to_owned(), cause },
    };
    let relative = RelPath::in_root(path).ok().filter(|_| !path.starts_with('/'));
    let relative = relative.ok_or_else(|| unusable("is not inside the project"))?;
    let project = project.canonicalize().map_err(read)?;
    let found: PathBuf = project.join(relative.as_str()).canonicalize().map_err(read)?;
    let meta = found.metadata().map_err(read)?;
    if !found.starts_with(&project) {
        return Err(unusable("is not inside the project"));
    }
    if !meta.is_file() {
        return Err(unusable("is no file"));
    }
    if meta.len() > MAX_LOCKFILE {
        return Err(unusable("is too long for a lock file"));
    }
    std::fs::read(found).map_err(read)
}

/// Reads a lock file of the tree of another source.
pub(crate) fn in_tree(
    vendored: &Vendored,
    source_name: &str,
    tree: &Tree,
    cas: &dyn Cas,
) -> Result<Vec<u8>, ForeignError> {
    let path = &vendored.lockfile;
    let none =
        || BadLockfile::NotInSource { source_name: source_name.to_owned(), path: path.clone() };
    let found = RelPath::parse(path).ok().and_then(|path| tree.get(&path));
    let Some(Node::File(file)) = found else { return Err(none().into()) };
    if file.digest.size > MAX_LOCKFILE {
        let what = "is too long for a lock file";
        return Err(BadLockfile::Unusable { path: path.clone(), what }.into());
    }
    Ok(cas.read(file.digest)?)
}

/// Complains when a lock file of the project is not the one that was tracked.
pub(crate) fn check(
    project: &Path,
    vendored: &Vendored,
    tracked: &Content,
) -> Result<(), BadLockfile> {
    let bytes = in_project(project, &vendored.lockfile)?;
    if *tracked == Content::File(Digest::of(&bytes)) {
        return Ok(());
    }
    Err(BadLockfile::Stale { path: vendored.lockfile.clone() })
}

/// Looks up what a lock file names.
pub(crate) fn track(
    vendor: &dyn Vendor,
    lockfile: &Lockfile<'_>,
    ports: Ports<'_>,
) -> Result<Pin, ForeignError> {
    let tree = vendor.vendor(lockfile, ports)?;
    Ok(Pin { content: Digest::of(lockfile.bytes).into(), tree: tree.digest() })
}

/// Brings what a lock file names, as it was when it was tracked.
pub(crate) fn fetch(
    vendor: &dyn Vendor,
    lockfile: &Lockfile<'_>,
    pin: &Pin,
    ports: Ports<'_>,
) -> Result<Tree, ForeignError> {
    let path = || lockfile.path.to_owned();
    if pin.content != Content::File(Digest::of(lockfile.bytes)) {
        return Err(BadLockfile::Stale { path: path() }.into());
    }
    let tree = vendor.vendor(lockfile, ports)?;
    if tree.digest() != pin.tree {
        let (expected, found) = (pin.tree, tree.digest());
        return Err(BadLockfile::OtherTree { path: path(), expected, found }.into());
    }
    Ok(tree)
}
